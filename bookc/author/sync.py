"""(a chapter's text, its notebook as an author edited it) -> the text with the edits in it.

Cells are matched by the ids that compiling gave them. A notebook notes what each of its cells was,
so that an edit by the author and one in the Markdown file are told apart.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from pathlib import Path
from typing import Literal

from bookc import files
from bookc.author.merge import Ambiguous, align, carry, concealed_by, moved_message
from bookc.author.verify import (
    difference,
    displaced_labels,
    displaced_marks,
    same_for_reader,
    trimmed,
)
from bookc.book import Book, Cell, Chapter, Refs
from bookc.notebook.compile import compile_notebooks
from bookc.notebook.edited import (
    digest,
    is_compiled,
    matched,
    note_base,
    plain,
    survivors,
    with_outputs,
)
from bookc.notebook.file import NotebookNode, notebook_text, read_record
from bookc.notebook.imports import sorting_folder
from bookc.notebook.library import library_faults
from bookc.notebook.notebook import make_notebook
from bookc.notebook.tabs import select_tab
from bookc.problems import BookError, Problem
from bookc.read import prose
from bookc.read.marks import find_marks, would_be_marks
from bookc.read.read import read_book
from bookc.read.syntax import CODE_MARK, FENCE, TAB_BLOCK, TAB_MARK

Choice = Literal["all", "split"]
LINE = re.compile(r"(\r\n?|\n)")

FOREIGN = "was not compiled from a chapter of this book"


@dataclass(frozen=True, slots=True)
class Question:
    """A change in one tab's notebook of what other tabs see, too.

    Attributes:
        file, line: where it stands in the Markdown.
        what: `changed`, `added` or `deleted`.
        tab: whose notebook was edited.
        others: the other tabs that see it.
        before, after: the text as it was and as it is now.
    """

    file: str
    line: int
    what: Literal["changed", "added", "deleted"]
    tab: str
    others: tuple[str, ...]
    before: str
    after: str


Choose = Callable[[Question], Choice | None]


@dataclass(frozen=True, slots=True)
class _Edit:
    """Lines `start` to `end` (from 0, without `end`) give way to `lines`."""

    start: int
    end: int
    lines: tuple[str, ...]


def sync_text(
    text: str,
    chapter: Chapter,
    tabs: Sequence[str],
    compiled: NotebookNode,
    edited: NotebookNode,
    choose: Choose,
) -> str:
    """The chapter's text with what an author changed in one tab's notebook.

    Args:
        text: the chapter's file; `chapter` is what it was parsed to.
        tabs: the book's tabs.
        compiled: the chapter's notebook as it compiles now.
        edited: the author's notebook, once written by `bookc build notebooks`.
        choose: for whom a change of what several tabs see shall be; None is no answer.

    Raises:
        BookError: each edit that has no certain place in the text.
    """
    syncer = _Syncer(text, chapter, tabs, compiled, edited, choose)
    syncer.run()
    if syncer.problems:
        raise BookError(syncer.problems)
    return _write(text, syncer.edits)


def rebased(compiled: NotebookNode, edited: NotebookNode) -> NotebookNode:
    """What the author wants of a notebook whose chapter may have changed since he got his.

    A cell that changed in the Markdown alone is as it compiles now.
    """
    base = dict(edited.metadata["bookc"]["base"])
    present, added = matched(base, edited)
    then = {now: base_id for base_id, now in survivors(base, compiled).items()}
    cells = [cell for anchor, cell in added if not anchor]
    for cell in compiled.cells:
        base_id = then.get(cell.id)
        if base_id is None:
            cells.append(cell)
            continue
        cells += [present[base_id]] if base_id in present else []
        cells += [new for anchor, new in added if anchor == base_id]
    return NotebookNode({**edited, "cells": cells})


class _Syncer:
    """Holds the edits and the refusals while the cells go by."""

    def __init__(
        self,
        text: str,
        chapter: Chapter,
        tabs: Sequence[str],
        compiled: NotebookNode,
        edited: NotebookNode,
        choose: Choose,
    ) -> None:
        self.chapter, self.choose = chapter, choose
        # A tab without a notebook of this section is not asked about, and must not be named: a
        # cell that names it would give it one.
        self.tabs = tuple(tab for tab in tabs if chapter.tabs is None or tab in chapter.tabs)
        self.needs_tab_mark = len(tabs) > 1
        self.compiled, self.edited = compiled, edited
        self.tab = str(compiled.metadata["bookc"]["tab"])
        self.lines = [line for line, _ in _lines(text)]
        self.position = {cell.id: at for at, cell in enumerate(chapter.cells)}
        self.edits: list[_Edit] = []
        self.problems: list[Problem] = []
        base = edited.metadata["bookc"].get("base")
        if base is None:
            message = (
                "does not say what it was compiled from: edit a notebook that "
                "`bookc build notebooks` wrote"
            )
            raise BookError([Problem(chapter.file, 0, message)])
        if edited.cells and not any("id" in cell for cell in edited.cells):
            message = "the notebook was saved without cell ids: save it as nbformat 4.5"
            raise BookError([Problem(chapter.file, 0, message)])
        self.base: dict[str, str] = dict(base)
        self.now = survivors(self.base, compiled)

    def run(self) -> None:
        nodes = {cell.id: cell for cell in self.compiled.cells}
        order = list(self.base)
        present, added = matched(self.base, self.edited)
        last = -1
        for cell_id in present:
            if order.index(cell_id) < last:
                self._refuse(cell_id, "this cell was moved: move it in the Markdown file")
            last = max(last, order.index(cell_id))
        for cell_id, was in self.base.items():
            cell = present.get(cell_id)
            if cell is not None and digest(cell) == was:
                continue
            if cell_id not in self.now:
                now = nodes.get(cell_id)
                if cell is None or now is None or digest(now) != digest(cell):
                    message = (
                        "this cell was changed in the notebook, and in the Markdown file since "
                        "the notebook was compiled: compile the notebook again and repeat the edit"
                    )
                    self._refuse(cell_id, message)
                continue
            source = self.chapter.cells[self.position[self.now[cell_id]]]
            if cell is None or not cell.source.strip():
                self._delete(source)
            elif self._can_be_text(cell, source.line):
                self._change(source, nodes[source.id], cell)
        for anchor, cell in added:
            following = [known for known in order if known in present]
            if anchor:
                following = following[following.index(anchor) + 1 :]
            if self._can_be_text(cell, 0):
                self._add(cell, anchor, following[0] if following else "")
        self._close_gaps()
        self._refuse_moved_lines(nodes, present, [cell for _, cell in added])

    def _refuse_moved_lines(
        self,
        nodes: Mapping[str, NotebookNode],
        present: Mapping[str, NotebookNode],
        added: Iterable[NotebookNode],
    ) -> None:
        """Lines that are in another cell now, as when cells are split, leave their marks behind."""
        new = {line.strip() for cell in added for line in plain(cell.source).split("\n")}
        gone: list[tuple[Cell, NotebookNode, set[str]]] = []
        for base_id, now in self.now.items():
            before = {line.strip() for line in nodes[now].source.split("\n")}
            cell = present.get(base_id)
            after = {line.strip() for line in plain(cell.source if cell else "").split("\n")}
            new |= after - before
            if before - after:
                source = self.chapter.cells[self.position[now]]
                gone.append((source, nodes[now], before - after))
        for source, node, lines in gone:
            for at, line in _concealing(source, node).items():
                if line in lines & new:
                    number = source.line + at
                    message = moved_message(source.source.split("\n")[at])
                    self.problems.append(Problem(self.chapter.file, number, message))

    def _change(self, cell: Cell, node: NotebookNode, edited: NotebookNode) -> None:
        if cell.lines:  # its first line is made of its fence
            message = "a cell in another language: edit it in the Markdown file"
            self.problems.append(Problem(self.chapter.file, cell.line_at(2), message))
            return
        lines = cell.source.split("\n")
        try:
            new = carry(
                lines,
                node.source.split("\n"),
                plain(edited.source).split("\n"),
                _origin(cell, node),
            )
        except Ambiguous as error:
            self.problems.append(Problem(self.chapter.file, cell.line + error.line, str(error)))
            return
        if cell.kind == "code" and self._has_lost_marks(cell, new, edited):
            return
        changed = replace(cell, source="\n".join(new))
        others = tuple(
            tab
            for tab in cell.tabs or self.tabs
            if tab != self.tab and self._sources(cell, tab) != self._sources(changed, tab)
        )
        start = cell.line - 1
        if others:
            choice = self._ask(cell.line, "changed", others, cell.source, changed.source)
            if choice is None:
                return
            if choice == "split":
                others = tuple(tab for tab in cell.tabs or self.tabs if tab != self.tab)
                if cell.kind == "code":
                    self._split_code(cell, new, others)
                else:
                    self._split_prose(cell, new, others)
                return
        self.edits.append(_Edit(start, start + len(lines), tuple(new)))

    def _has_lost_marks(self, cell: Cell, new: Sequence[str], edited: NotebookNode) -> bool:
        """Whether marks of a cell became part of a comment or a string, or the cell no Python."""
        source = "\n".join(new)
        known = would_be_marks(cell.source) | would_be_marks(plain(edited.source))
        lost = sorted(would_be_marks(source) - known, key=new.index)
        for line in lost:
            message = (
                f"the mark in '{line.strip()}' would be none any more, but part of a comment or a "
                "string or of what is no Python: make this edit in the Markdown file"
            )
            self.problems.append(Problem(self.chapter.file, cell.line + new.index(line), message))
        return bool(lost)

    def _split_code(self, cell: Cell, new: Sequence[str], others: Sequence[str]) -> None:
        """The old cell for the other tabs, and behind it a new one for this tab."""
        start, end = _block(self.lines, cell)
        first, last = cell.line - 1, cell.line - 1 + len(cell.source.split("\n"))
        opening = re.sub(r"\s*#[\w-]+(?=[\s}])", "", self.lines[start])  # an id names one cell
        copy = [opening, *self.lines[start + 1 : first], *new, *self.lines[last:end]]
        old = _for_tabs(self.lines[start:end], others)
        both = (*old, "", *_for_tabs(copy, [self.tab]))
        self.edits.append(_Edit(start, end, both))

    def _split_prose(self, cell: Cell, new: Sequence[str], others: Sequence[str]) -> None:
        """The paragraphs that changed in tab blocks: as they were, and as they are now."""
        start, end = _block(self.lines, cell)
        old = cell.source.split("\n")
        first = cell.line - 1
        before, behind = self.lines[start:first], self.lines[first + len(old) : end]
        result: list[str] = []
        open_line = before[0] if before else ""
        inside = False  # whether the cell's own tab block is open

        def common(lines: Sequence[str], is_first: bool, is_last: bool) -> None:
            nonlocal inside
            if not any(line.strip() for line in lines):
                result.extend(lines if not open_line else [""])
                return
            if open_line:
                result.extend(before if is_first else [open_line])
                inside = True
            result.extend(lines)
            if open_line:
                result.extend(behind if is_last else [":end_tab:", ""])
                inside = False

        at = 0
        for (o1, o2), (n1, n2) in _changed_paragraphs(old, new):
            common(old[at:o1], at == 0, False)
            parts = [(others, old[o1:o2]), ([self.tab], new[n1:n2])]
            blocks = [_tab_block(names, part) for names, part in parts if _filled(part)]
            for block in blocks:
                if result and result[-1].strip():
                    result.append("")
                result.extend(block)
            at = o2
            if at < len(old) and old[at].strip():
                result.append("")
        common(old[at:], at == 0, True)
        while result and not result[-1].strip():
            result.pop()
        self.edits.append(_Edit(start, end, tuple(result)))

    def _delete(self, cell: Cell) -> None:
        others = tuple(tab for tab in cell.tabs or self.tabs if tab != self.tab)
        start, end = _block(self.lines, cell)
        if others:
            choice = self._ask(cell.line, "deleted", others, cell.source, "")
            if choice is None:
                return
            if choice == "split":
                block = self.lines[start:end]
                if cell.kind == "code" or cell.tabs:
                    lines = _for_tabs(block, others)
                else:
                    lines = tuple(_tab_block(others, block))
                self.edits.append(_Edit(start, end, lines))
                return
        self.edits.append(_Edit(start, end, ()))

    def _close_gaps(self) -> None:
        """The empty lines behind a deleted cell go with it, unless a new cell stands there."""
        taken = {edit.start for edit in self.edits if edit.start == edit.end}
        for at, edit in enumerate(self.edits):
            start, end = edit.start, edit.end
            if edit.lines or end in taken or (start and self.lines[start - 1].strip()):
                continue
            while end < len(self.lines) and not self.lines[end].strip():
                end += 1
            self.edits[at] = _Edit(start, end, ())

    def _add(self, node: NotebookNode, anchor: str, following: str) -> None:
        """Write a new cell behind the cell `anchor`, or before `following`, by their base ids."""
        if any(cell_id and cell_id not in self.now for cell_id in (anchor, following)):
            message = (
                "a cell was added next to one that the Markdown file has changed since: compile "
                "the notebook again and repeat the edit"
            )
            self._refuse(anchor or following, message)
            return
        previous = self.position[self.now[anchor]] if anchor else -1
        after = self.position[self.now[following]] if following else len(self.chapter.cells)
        lines = plain(node.source).split("\n")
        others = tuple(tab for tab in self.tabs if tab != self.tab)
        if node.cell_type == "code":
            mark = [f"#@tab {self.tab}"] if self.needs_tab_mark else []
            fence = "`" * max(3, *(_fence_length(line) + 1 for line in lines))
            lines = [f"{fence}{{.python .input}}", *mark, *lines, fence]
        elif others:
            line = self.chapter.cells[previous].line if previous >= 0 else 1
            choice = self._ask(line, "added", others, "", node.source)
            if choice is None:
                return
            if choice == "split":
                lines = _tab_block([self.tab], lines)
            else:
                self._add_for_all(lines, previous, after)
                return
        if previous >= 0:
            self._insert_after(previous, lines)
        else:
            self._insert_before(after, lines)

    def _add_for_all(self, lines: Sequence[str], previous: int, after: int) -> None:
        """New prose for every tab must not stand between the versions of one piece of code."""
        cells = self.chapter.cells
        if after - previous == 1 or (previous >= 0 and not cells[previous].tabs):
            if previous >= 0:
                self._insert_after(previous, lines)
            else:
                self._insert_before(after, lines)
        elif after == len(cells) or not cells[after].tabs:
            self._insert_after(after - 1, lines)
        elif previous < 0:
            self._insert_before(0, lines)
        else:
            message = (
                "text for every tab was added between cells that only some tabs see: write it "
                "into the Markdown file"
            )
            self.problems.append(Problem(self.chapter.file, cells[previous].line, message))

    def _insert_after(self, position: int, lines: Sequence[str]) -> None:
        _, end = _block(self.lines, self.chapter.cells[position])
        gap = [""] if end < len(self.lines) and self.lines[end].strip() else []
        self.edits.append(_Edit(end, end, ("", *lines, *gap)))

    def _insert_before(self, position: int, lines: Sequence[str]) -> None:
        cells = self.chapter.cells
        if position < len(cells):
            start, _ = _block(self.lines, cells[position])
            self.edits.append(_Edit(start, start, (*lines, "")))
        else:
            end = len(self.lines) - (self.lines[-1] == "")
            gap = [""] if end and self.lines[end - 1].strip() else []
            self.edits.append(_Edit(end, end, (*gap, *lines)))

    def _ask(
        self,
        line: int,
        what: Literal["changed", "added", "deleted"],
        others: tuple[str, ...],
        before: str,
        after: str,
    ) -> Choice | None:
        file = self.chapter.file
        choice = self.choose(Question(file, line, what, self.tab, others, before, after))
        if choice is None:
            message = (
                f"{what} in the {self.tab} notebook; {', '.join(others)} would see it, too: "
                "say --shared=all to change it for all, --shared=split for this tab alone"
            )
            self.problems.append(Problem(file, line, message))
        return choice

    def _sources(self, cell: Cell, tab: str) -> list[str]:
        """What one cell is in a tab's notebook; prose stays as it is written."""
        selected = select_tab(replace(self.chapter, cells=(cell,)), tab)
        if selected is None:
            return []
        return [node.source for node in make_notebook(selected, tab).cells]

    def _can_be_text(self, cell: NotebookNode, line: int) -> bool:
        reason = ""
        if cell.cell_type not in ("code", "markdown"):
            reason = f"a {cell.cell_type} cell has no form in Markdown"
        elif cell.get("attachments"):
            reason = "a picture that is attached to a cell: save it as a file of the book"
        elif cell.cell_type == "code" and _names_tabs(plain(cell.source)):
            reason = (
                "a notebook's code is of its own tab: write code for another one, and its mark, in "
                "the Markdown file"
            )
        if reason:
            self.problems.append(Problem(self.chapter.file, line, reason))
        return not reason

    def _refuse(self, base_id: str, message: str) -> None:
        now = self.position.get(self.now.get(base_id, base_id))
        line = self.chapter.cells[now].line if now is not None else 0
        self.problems.append(Problem(self.chapter.file, line, message))


def _names_tabs(source: str) -> bool:
    """Whether an author wrote `#@tab` or `%%tab` into a cell of his notebook."""
    first = source.lstrip().split("\n")[0]
    return bool(TAB_MARK.match(first)) or any(mark.name == "tab" for mark in find_marks(source))


def _origin(cell: Cell, node: NotebookNode) -> dict[int, int] | None:
    """For each line of a compiled code cell the line of its source, both from 0."""
    where = node.metadata["bookc"]
    count = len(node.source.split("\n"))
    lines = where.get("lines") or range(where["line"], where["line"] + count)
    origin = {at: line - cell.line for at, line in enumerate(lines)}
    known = range(len(cell.source.split("\n")))
    if cell.kind != "code" or len(origin) != count or not set(origin.values()) <= set(known):
        return None
    return origin


def _concealing(cell: Cell, node: NotebookNode) -> dict[int, str]:
    """The lines of a cell with marks or references, from 0, as they are in the notebook.

    What aliases wrote out may move: it is code of this tab by itself.
    """
    source, compiled = cell.source.split("\n"), node.source.split("\n")
    origin = _origin(cell, node)
    if origin is None:
        origin = dict(align(compiled, source))
    result = {}
    for at, line in enumerate(compiled):
        concealed = concealed_by(source, compiled, origin, at) if line.strip() else []
        if cell.kind == "code":
            concealed = [one for one in concealed if CODE_MARK.search(one)]
        if concealed:
            result[origin[at]] = line.strip()
    return result


def _block(lines: Sequence[str], cell: Cell) -> tuple[int, int]:
    """The first line and the one behind the last of a cell with its fence or tab block."""
    start, end = cell.line - 1, cell.line_at(len(cell.source.split("\n")))
    if cell.kind == "markdown" and not cell.tabs:
        return start, end
    while not (FENCE if cell.kind == "code" else TAB_BLOCK).match(lines[start - 1]):
        start -= 1
    while not lines[end].strip():
        end += 1
    return start - 1, end + 1


def _for_tabs(block: Sequence[str], tabs: Sequence[str]) -> tuple[str, ...]:
    """The lines of a fence or tab block with other tabs in its mark."""
    lines = list(block)
    for at, line in enumerate(lines):
        if TAB_BLOCK.match(line):
            lines[at] = f":begin_tab:`{', '.join(tabs)}`"
            break
        if TAB_MARK.match(line):
            mark = re.match(r"\s*(?:#\s*@tab|%%tab)", line)
            lines[at] = f"{mark[0] if mark else '#@tab'} {', '.join(tabs)}"
            break
    return tuple(lines)


def _tab_block(tabs: Sequence[str], lines: Sequence[str]) -> list[str]:
    return [f":begin_tab:`{', '.join(tabs)}`", *trimmed(lines), ":end_tab:"]


def _filled(lines: Sequence[str]) -> bool:
    return any(line.strip() for line in lines)


def _fence_length(line: str) -> int:
    fence = FENCE.match(line)
    return len(fence[1]) if fence else 0


def _changed_paragraphs(
    old: Sequence[str], new: Sequence[str]
) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Ranges of lines, in old and new, of the blocks of Markdown that changed."""
    blocks = _paragraphs(old)
    ranges: list[list[int]] = []
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    for kind, o1, o2, n1, n2 in matcher.get_opcodes():
        if kind == "equal":
            continue
        a, b = o1, o2
        for start, end in blocks:
            if (
                (start < o2 and o1 < end)
                or (o1 == end and n1 < len(new) and new[n1].strip())
                or (o2 == start and n2 > 0 and new[n2 - 1].strip())
            ):
                a, b = min(a, start), max(b, end)
        if ranges and a <= ranges[-1][1]:
            ranges[-1][1] = max(b, ranges[-1][1])
            ranges[-1][3] = n2 + max(b, ranges[-1][1]) - o2
        else:
            ranges.append([a, b, n1 - (o1 - a), n2 + (b - o2)])
    return [((a, b), (c, d)) for a, b, c, d in ranges]


def _paragraphs(lines: Sequence[str]) -> list[tuple[int, int]]:
    """The top-level blocks of Markdown, each with the marks that follow it."""
    starts = sorted(
        {
            token.map[0]
            for token in prose.parse("\n".join(lines))
            if token.level == 0 and token.map and token.type != "marks"
        }
    )
    if not starts:
        return [(0, len(lines))]
    starts[0] = 0
    blocks = []
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        while end > start and not lines[end - 1].strip():
            end -= 1
        blocks.append((start, end))
    return blocks


def _lines(text: str) -> list[tuple[str, str]]:
    """Each line with its end; the last has none. A byte order mark is no part of the first."""
    parts = LINE.split(text.removeprefix("\ufeff"))
    return list(zip(parts[::2], [*parts[1::2], ""], strict=True))


def _write(text: str, edits: Sequence[_Edit]) -> str:
    """The text with edits; every line that none touches stays as it is to the byte."""
    if not edits:
        return text
    lines = _lines(text)
    newline = next((end for _, end in lines if end), "\n")
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end))[::-1]:
        ends = dict(lines[edit.start : edit.end])  # a line that only moves keeps its own end
        new = [(line, ends.get(line, newline)) for line in edit.lines]
        lines[edit.start : edit.end] = new
    # The last line has no end, and no other line is without one.
    body = "".join(line + (end or newline) for line, end in lines[:-1])
    bom = "\ufeff" if text.startswith("\ufeff") else ""
    return bom + body + "".join(line for line, _ in lines[-1:])


@dataclasses.dataclass(frozen=True, slots=True)
class Synced:
    """What an author's notebook makes of its chapter.

    Attributes:
        source, name: the Markdown file, and how messages call it.
        before, after: its text.
        notebook: the notebook's file.
        compiled: the notebook that belongs to the new text; None if nothing was edited.
        warnings: what is wrong with the book all the same, with the new text.
    """

    source: Path
    name: str
    before: str
    after: str
    notebook: Path
    compiled: NotebookNode | None
    warnings: tuple[Problem, ...]


def sync_notebook(root: Path, file: Path, choose: Choose) -> Synced:
    """Bring an author's edits of one compiled notebook back to its chapter; writes nothing.

    Raises:
        BookError: the book has errors, or would have with the edits; an edit that has no
            certain place in the chapter.
    """
    edited = _read_notebook(file)
    about = edited.metadata["bookc"]
    book, resolved = read_book(root, checks=[library_faults])
    chapter = next((c for c in book.chapters if c.file == about.get("source")), None)
    tab = about.get("tab")
    if chapter is None or tab not in book.config.tabs:
        raise BookError([Problem(str(file), 0, FOREIGN)])
    compiled = _notebook_of(book, resolved, chapter.path, tab)
    if compiled is None:
        raise BookError([Problem(chapter.file, 0, f"has no code for {tab} any more")])
    source = book.config.source_dir / f"{chapter.path}.md"
    text = files.read_text(source, chapter.file)
    for_all: set[str] = set()  # the tabs for which the author wants a change, too

    def remember(question: Question) -> Choice | None:
        if (choice := choose(question)) == "all":
            for_all.update(question.others)
        return choice

    new = sync_text(text, chapter, book.config.tabs, compiled, edited, remember)
    wanted, sort_in = rebased(compiled, edited), sorting_folder(book.config)
    if new == text:
        _refuse_difference(chapter, compiled, wanted, resolved, sort_in)
        return Synced(source, chapter.file, text, text, file, None, book.warnings)
    new_book, new_refs = _read_edited(book, source, new)
    again = next(c for c in new_book.chapters if c.path == chapter.path)
    result = _notebook_of(new_book, new_refs, chapter.path, tab)
    if result is None:
        message = f"would have nothing for {tab} alone any more, and so no notebook of {tab}"
        raise BookError([Problem(chapter.file, 0, message)])
    _refuse_difference(again, result, wanted, new_refs, sort_in)
    before, after = _cells(chapter, tab), _cells(again, tab)
    marks = displaced_marks(before, after, _code(edited), chapter.file)
    if problems := [*marks, *displaced_labels(before, after, chapter.file)]:
        raise BookError(problems)
    for other in book.config.tabs:
        was = _notebook_of(book, resolved, chapter.path, other)
        becomes = _notebook_of(new_book, new_refs, chapter.path, other)
        if other == tab or other in for_all or same_for_reader(was, becomes):
            continue
        message = f"cannot be brought back: it would change the {other} notebook, too"
        if becomes is None:
            message = (
                f"code for {tab} alone would leave {other} without a notebook of this section, "
                "which so far has no code of one tab's own: add it in the Markdown file, for all"
            )
        elif was is None:
            message = (
                f"without this code, no tab has code of its own, and {other} would get a notebook "
                "of this section: make this edit in the Markdown file"
            )
        raise BookError([Problem(chapter.file, 0, message)])
    note_base(result)
    compiled = with_outputs(result, edited)
    return Synced(source, chapter.file, text, new, file, compiled, new_book.warnings)


def _read_notebook(file: Path) -> NotebookNode:
    """A notebook that an author edited, once it is sure that it can be written again."""
    name = str(file)
    notebook = read_record(files.read_text(file, name), name)
    if not is_compiled(notebook):
        raise BookError([Problem(name, 0, FOREIGN)])
    try:
        notebook_text(notebook, check=False).encode()
    except UnicodeEncodeError as error:
        half = ascii(error.object[error.start])[1:-1]
        message = f"holds half of a character ({half}), which no file in UTF-8 can: delete it"
        raise BookError([Problem(name, 0, message)]) from None
    return notebook


def _read_edited(before: Book, source: Path, text: str) -> tuple[Book, Refs]:
    """The book with an edited file, which must leave no fault that there was not before."""
    try:
        book, resolved = read_book(before.config.root, {source: text}, checks=[library_faults])
    except BookError as error:
        faults = [one for one in error.problems if not one.warning]
    else:
        known = {(one.path, one.message) for one in before.warnings}
        faults = [one for one in book.warnings if (one.path, one.message) not in known]
        if not faults:
            return book, resolved
    raise BookError(
        Problem(one.path, one.line, f"with the edit, the book has an error: {one.message}")
        for one in faults
    )


def _refuse_difference(
    chapter: Chapter,
    compiled: NotebookNode,
    wanted: NotebookNode,
    resolved: Refs,
    sort_in: str,
) -> None:
    if not (where := difference(chapter, compiled, wanted, resolved, sort_in)):
        return
    kind, line = where
    written = "writes numbers, captions and lists of sections"
    if any("~~" in cell.source for cell in chapter.cells):
        written += ", and leaves out what only slides show ([~~...~~])"
    if kind == "code":
        written = "writes out aliases, chooses branches of tabs and puts imports in order"
    message = (
        f"cannot be brought back at '{line}': the compiler {written}; edit what they are made of "
        "in the Markdown file"
    )
    raise BookError([Problem(chapter.file, 0, message)])


def _cells(chapter: Chapter, tab: str) -> Sequence[Cell]:
    selected = select_tab(chapter, tab)
    return selected.cells if selected else ()


def _code(notebook: NotebookNode) -> list[Cell]:
    sources = (plain(cell.source) for cell in notebook.cells if cell.cell_type == "code")
    return [Cell("", "code", source, (), 1) for source in sources]


def _notebook_of(book: Book, resolved: Refs, path: str, tab: str) -> NotebookNode | None:
    chapter = next(chapter for chapter in book.chapters if chapter.path == path)
    alone = dataclasses.replace(book, chapters=(chapter,))
    return compile_notebooks(alone, resolved, [tab]).get((tab, path))


def write_synced(synced: Synced) -> None:
    """Write the chapter, and the notebook as it compiles now, with the outputs it had."""
    if synced.compiled is not None:
        files.write_source(synced.source, synced.after)
        files.write_file(synced.notebook, notebook_text(synced.compiled))
