"""(a chapter, its notebook as an author edited it) -> the chapter's text with the edits in it.

Cells are matched by the ids that compiling gave them. A notebook notes what each of its cells was,
so that an edit by the author and one in the Markdown file are told apart. Each changed cell is
merged (merge.py), and the result is compiled again and checked (verify.py) before it is written.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from bookc import files
from bookc.author import blocks, verify
from bookc.author.blocks import Edit
from bookc.author.merge import Conflict, Texts, align, merge
from bookc.book import Build, Cell, Chapter
from bookc.notebook.edited import (
    digest,
    is_compiled,
    matched,
    note_base,
    plain,
    rebased,
    survivors,
    with_outputs,
)
from bookc.notebook.file import NotebookNode, notebook_text, read_record
from bookc.notebook.imports import sorting_folder
from bookc.notebook.notebook import make_notebook
from bookc.notebook.tabs import select_tab
from bookc.problems import BookError, Problem
from bookc.read.cells import read_chapter
from bookc.read.marks import find_marks
from bookc.read.syntax import TAB_MARK
from bookc.run.build import add_notebooks, read_build

Choice = Literal["all", "split"]
What = Literal["changed", "added", "deleted"]
FOREIGN = "was not compiled from a chapter of this book"
SINCE = "since the notebook was compiled: compile the notebook again and repeat the edit"


@dataclass(frozen=True, slots=True)
class Question:
    """A change in one tab's notebook of what other tabs see, too.

    Attributes:
        file, line: where it stands in the Markdown.
        tab: whose notebook was edited.
        others: the other tabs that see it.
        before, after: the text as it was and as it is now.
    """

    file: str
    line: int
    what: What
    tab: str
    others: tuple[str, ...]
    before: str
    after: str


Choose = Callable[[Question], Choice | None]


@dataclass(frozen=True, slots=True)
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
            certain place in the chapter, or that would change what it does not speak of.
    """
    edited = _read_notebook(file)
    about = edited.metadata["bookc"]
    read = read_build(root)
    chapter = next((c for c in read.book.chapters if c.file == about.get("source")), None)
    tab = about.get("tab")
    if chapter is None or tab not in read.config.tabs:
        raise BookError([Problem(str(file), 0, FOREIGN)])
    was = add_notebooks(read, sections=[chapter.path])
    if (compiled := was.notebooks.get((tab, chapter.path))) is None:
        raise BookError([Problem(chapter.file, 0, f"has no code for {tab} any more")])
    source = read.config.source_dir / f"{chapter.path}.md"
    text = files.read_text(source, chapter.file)
    for_all: set[str] = set()  # the tabs for which the author wants a change, too

    def remember(question: Question) -> Choice | None:
        if (choice := choose(question)) == "all":
            for_all.update(question.others)
        return choice

    new = sync_text(text, chapter, read.config.tabs, compiled, edited, remember)
    now = was if new == text else _with_edit(was, chapter, source, new)
    if (result := now.notebooks.get((tab, chapter.path))) is None:
        message = f"would have nothing for {tab} alone any more, and so no notebook of {tab}"
        raise BookError([Problem(chapter.file, 0, message)])
    wanted = rebased(compiled, edited)
    verify.refuse_difference(now, chapter.path, result, wanted, sorting_folder(read.config))
    if new == text:
        return Synced(source, chapter.file, text, text, file, None, read.book.warnings)
    verify.refuse_lost_references(was, now, chapter.path, compiled, wanted)
    verify.refuse_changes_for_others(was, now, chapter.path, tab, for_all)
    note_base(result)
    compiled = with_outputs(result, edited)
    return Synced(source, chapter.file, text, new, file, compiled, now.book.warnings)


def write_synced(synced: Synced) -> None:
    """Write the chapter, and the notebook as it compiles now, with the outputs it had."""
    if synced.compiled is not None:
        files.write_source(synced.source, synced.after)
        files.write_file(synced.notebook, notebook_text(synced.compiled))


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


def _with_edit(was: Build, chapter: Chapter, source: Path, text: str) -> Build:
    """The book with an edited file, which must leave no fault that there was not before."""
    try:
        read = read_build(was.config.root, instead={source: text})
    except BookError as error:
        faults = [one for one in error.problems if not one.warning]
    else:
        known = {(one.path, one.message) for one in was.book.warnings}
        faults = [one for one in read.book.warnings if (one.path, one.message) not in known]
        if not faults:
            return add_notebooks(read, sections=[chapter.path])
    start = "with the edit, the book has an error: "
    raise BookError(Problem(one.path, one.line, start + one.message) for one in faults)


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
        BookError: each edit that has no certain place in the text, or takes a mark from where
            it was.
    """
    syncer = _Syncer(text, chapter, tabs, compiled, edited, choose)
    syncer.run()
    if syncer.problems:
        raise BookError(syncer.problems)
    new = blocks.write(text, syncer.edits)
    after, faults = read_chapter(new, chapter.path, chapter.file, tabs)
    if new != text and all(fault.warning for fault in faults):  # else the book tells
        verify.refuse_displaced(chapter, after, syncer.tab, edited)
    return new


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
        self.tab = str(compiled.metadata["bookc"]["tab"])
        self.lines = [line for line, _ in blocks.lines_of(text)]
        self.nodes = {cell.id: cell for cell in compiled.cells}
        self.position = {cell.id: at for at, cell in enumerate(chapter.cells)}
        self.edits: list[Edit] = []
        self.problems: list[Problem] = []
        base = edited.metadata["bookc"].get("base")
        if base is None:
            message = "does not say what it was compiled from: edit a notebook that "
            self.refuse(0, f"{message}`bookc build notebooks` wrote")
        elif edited.cells and not any("id" in cell for cell in edited.cells):
            self.refuse(0, "the notebook was saved without cell ids: save it as nbformat 4.5")
        if self.problems:
            raise BookError(self.problems)
        self.base: dict[str, str] = dict(base or ())
        self.now = survivors(self.base, compiled)
        self.present, self.added = matched(self.base, edited)

    def refuse(self, line: int, message: str) -> None:
        self.problems.append(Problem(self.chapter.file, line, message))

    def run(self) -> None:
        order = list(self.base)
        last = -1
        for cell_id in self.present:
            if order.index(cell_id) < last:
                message = "this cell was moved: move it in the Markdown file"
                self.refuse(self.line_of(cell_id), message)
            last = max(last, order.index(cell_id))
        for cell_id, was in self.base.items():
            cell = self.present.get(cell_id)
            if cell is not None and digest(cell) == was:
                continue
            if cell_id not in self.now:
                now = self.nodes.get(cell_id)
                if cell is None or now is None or digest(now) != digest(cell):
                    message = f"this cell was changed in the notebook, and in the Markdown {SINCE}"
                    self.refuse(self.line_of(cell_id), message)
                continue
            source = self.chapter.cells[self.position[self.now[cell_id]]]
            if cell is None or not cell.source.strip():
                self.delete(source)
            elif self.can_be_text(cell, source.line):
                self.change(source, cell)
        for anchor, cell in self.added:
            following = [known for known in order if known in self.present]
            if anchor:
                following = following[following.index(anchor) + 1 :]
            if self.can_be_text(cell, 0):
                self.add(cell, anchor, following[0] if following else "")
        self.edits = blocks.without_gaps(self.edits, self.lines)

    def line_of(self, base_id: str) -> int:
        now = self.position.get(self.now.get(base_id, base_id))
        return self.chapter.cells[now].line if now is not None else 0

    def texts(self, base_id: str) -> Texts:
        """The three texts of a cell that the Markdown still has as it was."""
        cell = self.chapter.cells[self.position[self.now[base_id]]]
        compiled = self.nodes[cell.id].source.split("\n")
        mine = self.present.get(base_id)
        edited = plain(mine.source).split("\n") if mine is not None else []
        source = cell.source.split("\n")
        return Texts(source, compiled, edited, _origin(cell, self.nodes[cell.id], compiled))

    def change(self, cell: Cell, edited: NotebookNode) -> None:
        if cell.lines:  # its first line is made of its fence
            message = "a cell in another language: edit it in the Markdown file"
            self.refuse(cell.line_at(2), message)
            return
        base_id = next(base_id for base_id, now in self.now.items() if now == cell.id)
        texts = self.texts(base_id)
        try:
            new = merge(texts)
        except Conflict as conflict:
            self.refuse(cell.line + conflict.line, str(conflict))
            return
        changed = replace(cell, source="\n".join(new))
        if cell.kind == "code":
            lost = list(verify.lost_marks(cell, changed, plain(edited.source), self.chapter.file))
            self.problems += lost
            if lost:
                return
        seeing = [tab for tab in cell.tabs or self.tabs if tab != self.tab]
        differs = [t for t in seeing if self.sources(cell, t) != self.sources(changed, t)]
        start = cell.line - 1
        edit = Edit(start, start + len(texts.source), tuple(new))
        if differs:
            choice = self.ask(cell.line, "changed", differs, cell.source, changed.source)
            if choice is None:
                return
            if choice == "split":
                edit = blocks.split(self.lines, cell, new, seeing, self.tab)
        self.edits.append(edit)

    def delete(self, cell: Cell) -> None:
        others = [tab for tab in cell.tabs or self.tabs if tab != self.tab]
        start, end = blocks.extent(self.lines, cell)
        choice = self.ask(cell.line, "deleted", others, cell.source, "") if others else "all"
        if choice is not None:
            kept = blocks.for_tabs(self.lines[start:end], cell, others)
            self.edits.append(Edit(start, end, kept if choice == "split" else ()))

    def add(self, node: NotebookNode, anchor: str, following: str) -> None:
        """Write a new cell behind the cell `anchor`, or before `following`, by their base ids."""
        if any(cell_id and cell_id not in self.now for cell_id in (anchor, following)):
            message = f"a cell was added next to one that the Markdown file has changed {SINCE}"
            self.refuse(self.line_of(anchor or following), message)
            return
        cells = self.chapter.cells
        previous = self.position[self.now[anchor]] if anchor else -1
        after = self.position[self.now[following]] if following else len(cells)
        others = [tab for tab in self.tabs if tab != self.tab]
        lines = plain(node.source).split("\n")
        if node.cell_type == "code":
            lines = blocks.fenced(lines, self.tab if self.needs_tab_mark else "")
        elif others:
            line = cells[previous].line if previous >= 0 else 1
            choice = self.ask(line, "added", others, "", node.source)
            if choice is None:
                return
            if choice == "split":
                lines = blocks.tab_block([self.tab], lines)
            # New prose for all must not stand between the versions of one piece of code.
            elif after - previous > 1 and (previous < 0 or cells[previous].tabs):
                if after == len(cells) or not cells[after].tabs:
                    previous = after - 1
                elif previous < 0:
                    after = 0
                else:
                    message = "text for every tab was added between cells that only some tabs "
                    self.refuse(cells[previous].line, f"{message}see: write it into the Markdown")
                    return
        self.edits.append(blocks.inserted(self.lines, cells, previous, after, lines))

    def ask(
        self, line: int, what: What, others: Sequence[str], before: str, after: str
    ) -> Choice | None:
        file = self.chapter.file
        question = Question(file, line, what, self.tab, tuple(others), before, after)
        if (choice := self.choose(question)) is None:
            message = f"{what} in the {self.tab} notebook; {', '.join(others)} would see it, too"
            how = "say --shared=all to change it for all, --shared=split for this tab alone"
            self.refuse(line, f"{message}: {how}")
        return choice

    def sources(self, cell: Cell, tab: str) -> list[str]:
        """What one cell is in a tab's notebook; prose stays as it is written."""
        selected = select_tab(dataclasses.replace(self.chapter, cells=(cell,)), tab)
        return [node.source for node in make_notebook(selected, tab).cells] if selected else []

    def can_be_text(self, cell: NotebookNode, line: int) -> bool:
        reason = ""
        if cell.cell_type not in ("code", "markdown"):
            reason = f"a {cell.cell_type} cell has no form in Markdown"
        elif cell.get("attachments"):
            reason = "a picture that is attached to a cell: save it as a file of the book"
        elif cell.cell_type == "code" and _names_tabs(plain(cell.source)):
            reason = "a notebook's code is of its own tab: write code for another one, and its "
            reason += "mark, in the Markdown file"
        if reason:
            self.refuse(line, reason)
        return not reason


def _names_tabs(source: str) -> bool:
    """Whether an author wrote `#@tab` or `%%tab` into a cell of his notebook."""
    first = source.lstrip().split("\n")[0]
    return bool(TAB_MARK.match(first)) or any(mark.name == "tab" for mark in find_marks(source))


def _origin(cell: Cell, node: NotebookNode, compiled: Sequence[str]) -> dict[int, int]:
    """For each line of a compiled cell the line of its source, both from 0."""
    where = node.metadata["bookc"]
    lines = where.get("lines") or range(where["line"], where["line"] + len(compiled))
    origin = {at: line - cell.line for at, line in enumerate(lines)}
    source = cell.source.split("\n")
    known = set(origin.values()) <= set(range(len(source)))
    if cell.kind == "code" and len(origin) == len(compiled) and known:
        return origin
    return align(compiled, source)
