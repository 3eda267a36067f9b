"""Book -> everything that is wrong or suspicious in it, and where a framework lacks code."""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import difflib
import re
import tokenize
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

from bookc import disk, files
from bookc.author.equations import Equation, check_marks, unchecked
from bookc.book import Cell, Chapter
from bookc.config import read_config
from bookc.notebook.tabs import select_tab
from bookc.problems import BookError, Problem, collecting
from bookc.read import prose
from bookc.read.cells import read_chapter
from bookc.read.python import comments, python_of
from bookc.read.syntax import BLOCK_MARKS, CODE_MARKS, ROLES, TAB_BLOCKS
from bookc.run.build import read_build

KNOWN = (*ROLES, *BLOCK_MARKS, *TAB_BLOCKS)
MARK_OR_RUN = re.compile(r"(?<![\w:]):(?P<name>[a-z_]+):(?P<open>`*)|(?P<run>`+)")
LIKE_CODE_MARK = re.compile(r"#[ \t]*@(\w+)")
KNOWN_IN_CODE = [mark.name for mark in CODE_MARKS]
CLOSE = 0.65  # how alike a misspelt mark and a known one must be
CLOSE_IN_CODE = 0.7  # it may be a decorator that is commented out
QUOTED = re.compile(r"'([^']+)'|: (\S+)$|^(#@\w+)")


@dataclass(frozen=True, slots=True)
class Gap:
    """A place where other frameworks have code and one has nothing.

    Attributes:
        file, line: where the cells of the others begin.
        tabs: the frameworks that have nothing.
    """

    file: str
    line: int
    tabs: tuple[str, ...]


def lint_chapter(chapter: Chapter, tabs: Sequence[str]) -> Iterator[Problem]:
    """Marks that are misspelt or in doubled backticks, and broken Python."""
    for cell in chapter.cells:
        if cell.kind == "markdown":
            yield from _prose(cell, chapter.file)
        else:
            yield from _code_marks(cell, chapter.file)
    broken: dict[tuple[int, int, str], list[str]] = {}
    for tab in tabs:
        selected = select_tab(chapter, tab)
        for cell in selected.cells if selected else ():
            if cell.kind == "code" and (fault := _syntax_error(cell)):
                broken.setdefault(fault, []).append(tab)
    for (line, column, message), seen_by in broken.items():
        message = f"not Python ({', '.join(seen_by)}): {message}"
        yield Problem(chapter.file, line, message, column)


def located(problem: Problem, lines: Sequence[str]) -> Problem:
    """The problem with the column of what its message names, where its line has that once."""
    if problem.column or not 0 < problem.line <= len(lines):
        return problem
    line = lines[problem.line - 1]
    for found in QUOTED.finditer(problem.message):
        name = found[1] or found[2] or found[3]
        if line.count(name) == 1:
            return replace(problem, column=line.index(name) + 1)
        if in_mark := re.search(rf":`+[^`]*?({re.escape(name)})", line):
            return replace(problem, column=in_mark.start(1) + 1)
    return replace(problem, column=len(line) - len(line.lstrip()) + 1)


def coverage(chapter: Chapter, tabs: Sequence[str]) -> Mapping[str, int]:
    """How many code cells each framework has in a section."""
    counts: Counter[str] = Counter()
    for cell in chapter.cells:
        if cell.kind == "code":
            counts.update(cell.tabs or tabs)
    return {tab: counts[tab] for tab in tabs}


def gaps(chapter: Chapter, tabs: Sequence[str]) -> Iterator[Gap]:
    """Where a framework that has code of its own in this section has none, nor a word about it."""
    own = {tab for cell in chapter.cells if cell.kind == "code" for tab in cell.tabs}
    for is_shared, run in groupby(chapter.cells, key=lambda cell: not cell.tabs):
        cells = list(run)
        code = [cell for cell in cells if cell.kind == "code"]
        if is_shared or not code:
            continue
        seen = {tab for cell in cells for tab in cell.tabs}
        if missing := tuple(tab for tab in tabs if tab in own - seen):
            yield Gap(chapter.file, code[0].line, missing)


def _prose(cell: Cell, file: str) -> Iterator[Problem]:
    verbatim: set[int] = set()
    lines = cell.source.split("\n")
    for token in prose.parse(cell.source):
        if token.map and token.type in ("fence", "code_block", "math_block"):
            verbatim.update(range(*token.map))
    for at, line in enumerate(lines):
        if at not in verbatim:
            for column, message in _marks(line):
                yield Problem(file, cell.line + at, message, column)


def _marks(line: str) -> Iterator[tuple[int, str]]:
    """What is wrong with the marks of a line outside of its code spans, by column."""
    at = 0
    while found := MARK_OR_RUN.search(line, at):
        at = found.end()
        ticks = found["run"] if found["name"] is None else found["open"]
        end = _closing_run(line, at, ticks) if ticks else at
        if found["name"] is None:
            at = end or at  # a code span is nobody's mark
            continue
        name, column = found["name"], found.start() + 1
        close = difflib.get_close_matches(name, KNOWN, n=1, cutoff=CLOSE)
        if not ticks:
            if name in ROLES:
                yield column, f":{name}: names nothing: write :{name}:`label`"
            elif name in BLOCK_MARKS and line[at:].lstrip().startswith("`"):
                yield column, f"a space behind :{name}: makes text of it"
        elif name == "label" and line.lstrip().startswith("#"):
            yield column, "a label stands on a line of its own, below its heading"
        elif name not in KNOWN and close:
            yield column, f"unknown mark :{name}: did you mean :{close[0]}:?"
        elif name in KNOWN and len(ticks) > 1:
            value = line[at : end - len(ticks)] if end else "label"
            yield column, f"doubled backticks: write :{name}:`{value.strip('`')}`"
        elif name in KNOWN and not end:
            yield column, f"the backtick behind :{name}: is never closed"
        at = end or at


def _code_marks(cell: Cell, file: str) -> Iterator[Problem]:
    """Comments that are nearly marks; in what is not Python there are none."""
    places = [found.start() for found in LIKE_CODE_MARK.finditer(cell.source)]
    last = cell.source.count("\n", 0, places[-1]) + 1 if places else 0
    try:
        for comment in comments(cell.source, last) if places else ():
            found = LIKE_CODE_MARK.match(comment.string)
            if found is None or found[1] in KNOWN_IN_CODE:
                continue
            name = found[1].lower()
            if close := difflib.get_close_matches(name, KNOWN_IN_CODE, 1, CLOSE_IN_CODE):
                message = f"unknown mark #@{found[1]}: did you mean #@{close[0]}?"
                line, column = comment.start
                yield Problem(file, cell.line_at(line), message, column + 1)
    except (tokenize.TokenError, SyntaxError):
        return  # that it is not Python is told elsewhere


def _closing_run(line: str, at: int, ticks: str) -> int:
    """Where the code span or mark that `ticks` open ends; 0 if it does not end in this line."""
    for run in re.finditer("`+", line[at:]):
        if len(run[0]) == len(ticks):
            return at + run.end()
    return 0


def _syntax_error(cell: Cell) -> tuple[int, int, str] | None:
    """Line, column and message of what is not Python once IPython's lines are set aside."""
    flags = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an odd escape in a string is Python all the same
            compile(python_of(cell.source), "cell", "exec", flags=flags)
    except SyntaxError as error:
        return cell.line + (error.lineno or 1) - 1, error.offset or 1, error.msg
    except (ValueError, MemoryError, RecursionError) as error:  # NUL bytes, endless nesting
        return cell.line, 1, str(error) or type(error).__name__
    return None


@dataclasses.dataclass(frozen=True, slots=True)
class Linted:
    """What `lint_book` found.

    Attributes:
        chapters: those that could be read, each with its code cells by tab.
        problems: everything wrong, with columns.
        gaps: places that lack code for a tab.
    """

    chapters: tuple[tuple[Chapter, Mapping[str, int]], ...]
    problems: tuple[Problem, ...]
    gaps: tuple[Gap, ...]
    equations: int = 0
    unchecked: tuple[Equation, ...] = ()


def lint_book(root: Path) -> Linted:
    """Read a whole book and look closer at each chapter, whatever else is wrong."""
    config = read_config(root)
    problems: list[Problem] = []
    with collecting(problems):
        problems += read_build(root).book.warnings
    chapters = []
    found_gaps: list[Gap] = []
    lines: dict[str, list[str]] = {}
    for path, file in files.source_files(config).items():
        name = files.shown(file, config)
        with contextlib.suppress(BookError):  # read_book has told it
            text = disk.read_text(file, name)
            lines[name] = re.split(r"\r\n?|\n", text)
            chapter, _ = read_chapter(text, path, name, config.tabs)
            problems += lint_chapter(chapter, config.tabs)
            found_gaps += gaps(chapter, config.tabs)
            chapters.append((chapter, coverage(chapter, config.tabs)))
    read = [chapter for chapter, _ in chapters]
    problems += check_marks(read)
    where = (located(problem, lines.get(problem.path, ())) for problem in problems)
    ordered = sorted(dict.fromkeys(where), key=lambda p: (p.path, p.line, p.column))
    found, left = unchecked(read)
    return Linted(tuple(chapters), tuple(ordered), tuple(found_gaps), len(found), tuple(left))
