"""(A tab's cells before an edit, and after it) -> what would be marked otherwise by the edit.

A notebook shows neither `#@save` nor `#@quick` nor labels, so its author cannot mean to move them.
Whatever way an edit took into the Markdown, what it left as it was must be marked as it was.
"""

from __future__ import annotations

import ast
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import zip_longest

from bookc.book import Cell, Chapter, Refs
from bookc.notebook.edited import plain
from bookc.notebook.file import NotebookNode
from bookc.notebook.imports import sort_imports
from bookc.notebook.notebook import make_notebook
from bookc.notebook.prose import readable_prose
from bookc.notebook.tabs import select_tab
from bookc.problems import BookError, Problem
from bookc.read import prose as markdown
from bookc.read.marks import quick_source, saved_blocks, strip_marks
from bookc.read.python import parse_python
from bookc.read.syntax import BLOCK_MARK, BLOCK_MARK_LINE

Key = tuple[str, str]  # ("text", a statement's text) or ("name", what it defines)
Note = tuple[bool, str]  # whether it is saved, and what #@quick makes of it ("" for a name)


class Marked:
    """How the statements of some code cells are marked.

    Attributes:
        notes: by text and by name, how often each is marked in what way.
        lines: by text and by name, the file's line of the first.
        problems: cells whose marks cannot be used; their statements are left out.
    """

    def __init__(self, cells: Iterable[Cell], file: str) -> None:
        self.notes: dict[Key, Counter[Note]] = defaultdict(Counter)
        self.lines: dict[Key, int] = {}
        self.problems: list[Problem] = []
        for cell in cells:
            if cell.kind != "code":
                continue
            try:
                self._read(cell, file)
            except BookError as error:
                self.problems += error.problems

    def _read(self, cell: Cell, file: str) -> None:
        blocks = saved_blocks(cell, file)
        saved = Counter(text for block in blocks for _, text, _ in _statements(block))
        source, lines = strip_marks(cell)
        quick, _ = strip_marks(replace(cell, source=quick_source(cell, file)))
        pairs = zip(_statements(source), _statements(quick), strict=True)
        for (name, text, line), (_, quick_text, _) in pairs:
            is_saved = saved[text] > 0
            saved[text] -= 1
            self._note(("text", text), (is_saved, quick_text), lines[line])
            if name:
                self._note(("name", name), (is_saved, ""), lines[line])

    def _note(self, key: Key, note: Note, line: int) -> None:
        self.notes[key][note] += 1
        self.lines.setdefault(key, line)


def displaced_marks(
    before: Iterable[Cell], after: Iterable[Cell], edited: Iterable[Cell], file: str
) -> Iterator[Problem]:
    """Statements that an edit did not touch, or whose name stays, and that are marked otherwise.

    Of several that are equal, as many as there were before and after must be marked alike.

    Args:
        edited: the cells of the author's notebook: a mark that he wrote himself may come.
    """
    was, now, wanted = (Marked(cells, file) for cells in (before, after, edited))
    known = {problem.message for problem in was.problems}
    yield from (problem for problem in now.problems if problem.message not in known)
    written = {key for key, notes in wanted.notes.items() if any(_marks(key, n) for n in notes)}
    told = set()
    for key, line in was.lines.items():
        lost, got = was.notes[key] - now.notes[key], now.notes[key] - was.notes[key]
        if key in written or line in told or not lost or not got:
            continue
        told.add(line)
        change = "lose its mark" if any(_marks(key, n) for n in lost) else "get another's mark"
        message = (
            f"'{_first_line(key[1])}' would {change} (#@save, #@quick), which a notebook does not "
            "show: make this edit in the Markdown file"
        )
        yield Problem(file, line, message)


def displaced_labels(before: Iterable[Cell], after: Iterable[Cell], file: str) -> Iterator[Problem]:
    """Labels on lines of their own that go from one line to another, though both stay."""
    was, was_there = _labelled(before)
    now, still_there = _labelled(after)
    for label in was.keys() & now.keys():
        (old, number), (new, _) = was[label], now[label]
        if old != new and old in still_there and new in was_there:
            message = (
                f"'{old}' would lose its label '{label}' to '{new}', and a notebook does not show "
                "labels: make this edit in the Markdown file"
            )
            yield Problem(file, number, message)


def _labelled(cells: Iterable[Cell]) -> tuple[dict[str, tuple[str, int]], set[str]]:
    """By label the line of prose before it, with its number; and every line of prose."""
    labelled: dict[str, tuple[str, int]] = {}
    lines: dict[str, int] = {}
    for cell in cells:
        last = ""
        for number, line in enumerate(
            cell.source.split("\n") if cell.kind == "markdown" else (), 1
        ):
            if BLOCK_MARK_LINE.fullmatch(line) and last:
                names = (value for kind, value in BLOCK_MARK.findall(line) if "label" in kind)
                labelled.update((name, (last, lines[last])) for name in names)
            elif line.strip():
                last = line
                lines[last] = cell.line_at(number)
    return labelled, set(lines)


def _first_line(statement: str) -> str:
    lines = statement.split("\n")
    return next((line for line in lines if not line.startswith("@")), lines[0])


def _marks(key: Key, note: Note) -> bool:
    kind, text = key
    return note != (False, text if kind == "text" else "")


def _statements(source: str) -> Iterator[tuple[str, str, int]]:
    """Name, text and first line (from 0) of each top-level statement of a cell."""
    tree = parse_python(source)
    lines = source.split("\n")
    for node in tree.body if tree else ():
        decorators: list[ast.expr] = getattr(node, "decorator_list", [])
        first = min([node.lineno, *(decorator.lineno for decorator in decorators)]) - 1
        yield _name(node), "\n".join(lines[first : node.end_lineno]).rstrip(), first


def _name(node: ast.stmt) -> str:
    """What a statement defines, if it is a definition or sets one name."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return node.name
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        return node.targets[0].id
    return ""


def difference(
    chapter: Chapter,
    compiled: NotebookNode | None,
    edited: NotebookNode,
    refs: Refs,
    sort_in: str = "",
) -> tuple[str, str] | None:
    """The first line of the author's notebook that the chapter does not compile to, and its kind.

    Neighbouring cells of prose count as one, and so do several blank lines; a reference that
    the author wrote as in Markdown reads as what it compiles to. Neither blanks at the end of a
    line of code count nor, where the compiler sorts imports in the folder `sort_in`, how they
    are laid out.
    """
    if compiled is None:
        return "markdown", "a section without code for this tab"
    tab = compiled.metadata["bookc"]["tab"]
    again = (node for cell in edited.cells for node in _recompiled(cell, chapter, tab, refs))
    wanted, made = (
        [_laid_out(kind, text, sort_in) for kind, text in joined(cells)]
        for cells in (again, compiled.cells)
    )
    for (kind, text), other in zip_longest(wanted, made, fillvalue=("", "")):
        for line, got in zip_longest(text.split("\n"), other[1].split("\n"), fillvalue=""):
            if line != got or kind != other[0]:
                return kind or other[0], line.strip() or got.strip()
    return None


def same_for_reader(one: NotebookNode | None, other: NotebookNode | None) -> bool:
    """Whether two compiled notebooks have the same text in the same order."""
    if one is None or other is None:
        return one is other
    return joined(one.cells) == joined(other.cells)


def _recompiled(
    cell: NotebookNode, chapter: Chapter, tab: str, refs: Refs
) -> Iterator[NotebookNode]:
    """A cell of the author's, as it reads once it is part of the chapter."""
    kind = cell.cell_type
    if kind not in ("code", "markdown") or not cell.source.strip():
        return
    source = "\n".join(trimmed(plain(cell.source).split("\n")))
    if kind == "markdown":
        tokens = markdown.parse(source)
        for token in tokens:
            if token.type == "fence" and token.info.strip() == "toc":
                token.type = "code_block"
            token.meta.setdefault("number", "")
        refs = replace(refs, tokens={"edited": tokens})
    part = replace(chapter, cells=(Cell("edited", kind, source, (tab,), 1),))
    selected = select_tab(part, tab)
    if selected is not None:
        yield from make_notebook(selected, tab, readable_prose(selected, refs)).cells


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


def _laid_out(kind: str, text: str, sort_in: str) -> tuple[str, str]:
    """Code in the layout that the compiler and people can agree on."""
    if kind == "code":
        text = re.sub(r"[ \t]+$", "", text, flags=re.M)
        text = sort_imports(text, sort_in)[0] if sort_in else text
    return kind, text


def trimmed(lines: Sequence[str]) -> list[str]:
    filled = [at for at, line in enumerate(lines) if line.strip()]
    return list(lines[filled[0] : filled[-1] + 1]) if filled else []
