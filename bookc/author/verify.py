"""An edit that was brought back to a chapter -> a refusal of what it must not have changed.

The last word on every edit: the chapter is compiled again, and must give what the author has, with
each mark, label and reference where it was, and the other tabs' notebooks as they were.
"""

from __future__ import annotations

import ast
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import zip_longest

from bookc.author.blocks import trimmed
from bookc.book import Build, Cell, Chapter
from bookc.notebook.edited import plain
from bookc.notebook.file import NotebookNode
from bookc.notebook.imports import sort_imports
from bookc.notebook.notebook import make_notebook
from bookc.notebook.prose import readable_prose
from bookc.notebook.tabs import select_tab
from bookc.problems import BookError, Problem
from bookc.read import prose
from bookc.read.marks import find_marks, saved_blocks, strip_marks, would_be_marks
from bookc.read.python import parse_python
from bookc.read.slides import strip_slides
from bookc.read.syntax import BLOCK_MARK_LINE, ROLE, is_toc

# What can be marked: ("text", a statement), ("name", what it defines), ("line", of code) or
# ("prose", a line of it).
Key = tuple[str, str]
IN_MARKDOWN = "make this edit in the Markdown file"


def lost_marks(cell: Cell, changed: Cell, edited: str, file: str) -> Iterator[Problem]:
    """Marks of a cell that became part of a comment or a string, or the cell no Python."""
    known = would_be_marks(cell.source) | would_be_marks(edited)
    lines = changed.source.split("\n")
    for line in sorted(would_be_marks(changed.source) - known, key=lines.index):
        message = (
            f"the mark in '{line.strip()}' would be none any more, but part of a comment or a "
            f"string or of what is no Python: {IN_MARKDOWN}"
        )
        yield Problem(file, cell.line + lines.index(line), message)


def refuse_displaced(before: Chapter, after: Chapter, tab: str, edited: NotebookNode) -> None:
    """Refuse an edit that takes a mark or label from code or text that it leaves as it was.

    A notebook shows neither, so its author cannot mean to move them. Of several pieces that are
    equal, as many as there were before and after must be marked alike. A mark that the author wrote
    in the notebook may come.
    """
    old, new = select_tab(before, tab), select_tab(after, tab)
    if old is None or new is None:
        return
    sources = [plain(cell.source) for cell in edited.cells if cell.cell_type == "code"]
    mine = replace(before, cells=tuple(Cell("", "code", source, (), 1) for source in sources))
    (was, lines, faults), (now, _, new_faults), (wanted, _, _) = map(_marked, (old, new, mine))
    known = {fault.message for fault in faults}
    problems = [fault for fault in new_faults if fault.message not in known]
    told = set()
    for key, line in lines.items():
        lost, got = was[key] - now[key], now[key] - was[key]
        if any(wanted[key]) or line in told or not lost or not got:
            continue
        told.add(line)
        marks = ", ".join(sorted(filter(None, lost))) or "its mark"
        change = f"lose {marks}" if any(lost) else f"get {', '.join(sorted(filter(None, got)))}"
        rows = key[1].split("\n")
        first = next((row for row in rows if not row.startswith("@")), rows[0])
        message = f"'{first}' would {change}, which a notebook does not show: {IN_MARKDOWN}"
        problems.append(Problem(before.file, line, message))
    if problems:
        raise BookError(problems)


def _marked(
    chapter: Chapter,
) -> tuple[dict[Key, Counter[str]], dict[Key, int], list[Problem]]:
    """How pieces of a chapter are marked: by key the marks ("" for none), and the first's line.

    Cells whose marks cannot be used are left out, and told.
    """
    notes: dict[Key, Counter[str]] = defaultdict(Counter)
    lines: dict[Key, int] = {}
    problems: list[Problem] = []
    for cell in chapter.cells:
        try:
            found = list(_marks_of(cell, chapter.file))
        except BookError as error:
            problems += error.problems
            continue
        for key, mark, line in found:
            if key[1]:
                notes[key][mark] += 1
                lines.setdefault(key, line)
    return notes, lines, problems


def _marks_of(cell: Cell, file: str) -> Iterator[tuple[Key, str, int]]:
    """The pieces of a cell, each with its mark and its line in the file."""
    if cell.kind == "markdown":
        rows = [(row, line) for row, line in enumerate(cell.source.split("\n"), 1) if line.strip()]
        for (row, line), (_, below) in zip(rows, [*rows[1:], (0, "")], strict=True):
            is_marked = BLOCK_MARK_LINE.fullmatch(below) and not BLOCK_MARK_LINE.fullmatch(line)
            yield ("prose", line.strip()), below.strip() if is_marked else "", cell.line_at(row)
        return
    source, places = strip_marks(cell)
    quick = {cell.line_at(m.line): m.value for m in find_marks(cell.source) if m.name == "quick"}
    for line, place in zip(source.split("\n"), places, strict=True):
        mark = f"#@quick {quick[place]}" if place in quick else ""
        yield ("line", line.strip()), mark, place
    blocks = saved_blocks(cell, file)
    saved = Counter(text for block in blocks for _, text, _ in _statements(block))
    for name, text, row in _statements(source):
        mark = "#@save" if saved[text] > 0 else ""
        saved[text] -= 1
        yield ("text", text), mark, places[row]
        yield ("name", name), mark, places[row]


def _statements(source: str) -> Iterator[tuple[str, str, int]]:
    """Name, text and first line (from 0) of each top-level statement of a cell."""
    tree = parse_python(source)
    lines = source.split("\n")
    for node in tree.body if tree else ():
        decorators: list[ast.expr] = getattr(node, "decorator_list", [])
        first = min([node.lineno, *(decorator.lineno for decorator in decorators)]) - 1
        name = str(getattr(node, "name", ""))
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
        yield name, "\n".join(lines[first : node.end_lineno]).rstrip(), first


def refuse_lost_references(
    was: Build, now: Build, path: str, compiled: NotebookNode, wanted: NotebookNode
) -> None:
    """Refuse references and slide marks that became plain text.

    What a reference reads as is in the notebook more often than there are references: some of its
    words moved, or all of a line did, and nothing shows that they were one.
    """
    chapter = _chapter(was, path)
    before, after = (_prose_lines(_chapter(build, path)) for build in (was, now))
    texts = ["\n".join(cell.source for cell in notebook.cells) for notebook in (compiled, wanted)]
    for line in before - after:
        words = strip_slides(line)
        roles = [match[0] for match in ROLE.finditer(line)]
        read = [_read(role, chapter, was) for role in roles]
        hidden = [(role, text) for role, text in zip(roles, read, strict=True)]
        if words != line:
            hidden.append((line, words))
        for mark, text in hidden:
            had, has = (sum(n * one.count(mark) for one, n in of.items()) for of in (before, after))
            if has < had and texts[1].count(text) - has > texts[0].count(text) - had:
                message = (
                    f"'{mark.strip()}' was moved, which would make plain text of it: write it as "
                    f"in Markdown, or {IN_MARKDOWN}"
                )
                number = _line_of(chapter, line)
                raise BookError([Problem(chapter.file, number, message)])


def _prose_lines(chapter: Chapter) -> Counter[str]:
    sources = (cell.source for cell in chapter.cells if cell.kind == "markdown")
    return Counter(line for source in sources for line in source.split("\n"))


def _line_of(chapter: Chapter, wanted: str) -> int:
    for cell in chapter.cells:
        for number, line in enumerate(cell.source.split("\n"), 1):
            if line == wanted:
                return cell.line_at(number)
    return 0


def _read(source: str, chapter: Chapter, build: Build) -> str:
    """What a piece of prose reads as in a notebook."""
    tokens = prose.parse(source)
    for token in tokens:
        if token.type == "fence" and is_toc(token.info):
            token.type = "code_block"  # an author's own list is no table of contents
        token.meta.setdefault("number", "")
    part = replace(chapter, cells=(Cell("edited", "markdown", source, (), 1),))
    return readable_prose(part, replace(build.refs, tokens={"edited": tokens}))["edited"]


def refuse_changes_for_others(
    was: Build, now: Build, path: str, tab: str, for_all: Collection[str]
) -> None:
    """Refuse an edit that changes the notebook of a tab for which it was not meant."""
    for other in was.config.tabs:
        one, two = was.notebooks.get((other, path)), now.notebooks.get((other, path))
        same = one is two if one is None or two is None else joined(one.cells) == joined(two.cells)
        if other == tab or other in for_all or same:
            continue
        message = f"cannot be brought back: it would change the {other} notebook, too"
        if two is None:
            message = (
                f"code for {tab} alone would leave {other} without a notebook of this section, "
                "which so far has no code of one tab's own: add it in the Markdown file, for all"
            )
        elif one is None:
            message = (
                f"without this code, no tab has code of its own, and {other} would get a notebook "
                f"of this section: {IN_MARKDOWN}"
            )
        raise BookError([Problem(_chapter(was, path).file, 0, message)])


def refuse_difference(
    build: Build, path: str, compiled: NotebookNode, wanted: NotebookNode, sort_in: str
) -> None:
    """Refuse an edit after which the chapter does not compile to the author's notebook.

    Neighbouring cells of prose count as one, and so do several blank lines; a reference that the
    author wrote as in Markdown reads as what it compiles to. Neither blanks at the end of a line of
    code count nor, where the compiler sorts imports in the folder `sort_in`, how they are laid out.
    """
    chapter = _chapter(build, path)
    tab = compiled.metadata["bookc"]["tab"]
    again = (node for cell in wanted.cells for node in _recompiled(cell, chapter, tab, build))
    pairs = zip_longest(joined(again), joined(compiled.cells), fillvalue=("", ""))
    for (kind, text), (other_kind, other) in pairs:
        rows = (_laid_out(text, sort_in), _laid_out(other, sort_in))
        if (kind or other_kind) != "code":
            rows = (text.split("\n"), other.split("\n"))
        for line, got in zip_longest(*rows, fillvalue=""):
            if line == got and kind == other_kind:
                continue
            written = "writes numbers, captions and lists of sections"
            if any("~~" in cell.source for cell in chapter.cells):
                written += ", and leaves out what only slides show ([~~...~~])"
            if (kind or other_kind) == "code":
                written = "writes out aliases, chooses branches of tabs and puts imports in order"
            message = (
                f"cannot be brought back at '{line.strip() or got.strip()}': the compiler "
                f"{written}; edit what they are made of in the Markdown file"
            )
            raise BookError([Problem(chapter.file, 0, message)])


def joined(cells: Iterable[NotebookNode]) -> list[tuple[str, str]]:
    """Kind and text of each cell that has any; neighbouring prose is one text."""
    result: list[tuple[str, str]] = []
    for cell in cells:
        text = "\n".join(trimmed(plain(cell.source).split("\n")))
        if cell.cell_type == "markdown":
            text = re.sub(r"[ \t]*\n\s*\n", "\n\n", text.strip())
            if text and result and result[-1][0] == "markdown":
                text = f"{result.pop()[1]}\n\n{text}"
        if text:
            result.append((cell.cell_type, text))
    return result


def _recompiled(
    cell: NotebookNode, chapter: Chapter, tab: str, build: Build
) -> Iterator[NotebookNode]:
    """A cell of the author's, as it reads once it is part of the chapter."""
    source = "\n".join(trimmed(plain(cell.source).split("\n")))
    if cell.cell_type == "markdown" and source:
        yield NotebookNode(cell_type="markdown", source=_read(source, chapter, build))
    elif cell.cell_type == "code" and source:
        part = replace(chapter, cells=(Cell("edited", "code", source, (tab,), 1),))
        selected = select_tab(part, tab)
        yield from make_notebook(selected, tab).cells if selected else ()


def _laid_out(code: str, sort_in: str) -> Sequence[str]:
    """Lines of code in the layout that the compiler and people can agree on."""
    text = re.sub(r"[ \t]+$", "", code, flags=re.M)
    return (sort_imports(text, sort_in)[0] if sort_in else text).split("\n")


def _chapter(build: Build, path: str) -> Chapter:
    return next(chapter for chapter in build.book.chapters if chapter.path == path)
