"""(a chapter, its notebook as an author edited it) -> the chapter's text with the edits in it.

Cells are paired (cells.py), each changed one is merged by its lines (merge.py) and written in its
place (blocks.py), and the result is compiled again and checked (verify.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from bookc import disk
from bookc.author import blocks, verify
from bookc.author.blocks import Edit
from bookc.author.cells import Pair, pair_cells
from bookc.author.merge import Conflict, align, merge
from bookc.book import Build, Cell, Chapter
from bookc.notebook.edited import digest, is_compiled, note_base, plain, with_outputs
from bookc.notebook.file import NotebookNode, notebook_text
from bookc.notebook.foreign import read_record
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
    text = disk.read_text(source, chapter.file)
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
    wanted = [mine for _, mine in pair_cells(compiled, edited) if mine is not None]
    verify.refuse_difference(now, chapter.path, tab, wanted, sorting_folder(read.config))
    if new == text:
        return Synced(source, chapter.file, text, text, file, None, read.book.warnings)
    verify.refuse_lost_references(was, now, chapter.path)
    verify.refuse_changes_for_others(was, now, chapter.path, tab, for_all)
    note_base(result)
    compiled = with_outputs(result, edited)
    return Synced(source, chapter.file, text, new, file, compiled, now.book.warnings)


def write_synced(synced: Synced) -> None:
    """Write the chapter, and the notebook as it compiles now, with the outputs it had."""
    if synced.compiled is not None:
        disk.write_source(synced.source, synced.after)
        disk.write_file(synced.notebook, notebook_text(synced.compiled))


def _read_notebook(file: Path) -> NotebookNode:
    """A notebook that an author edited, once it is sure that it can be written again."""
    name = str(file)
    notebook = read_record(disk.read_text(file, name), name)
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
    tab = str(compiled.metadata["bookc"]["tab"])
    edits = _Syncer(text, chapter, tabs, tab, choose).edits(pair_cells(compiled, edited))
    new = blocks.write(text, edits)
    after, faults = read_chapter(new, chapter.path, chapter.file, tabs)
    if new != text and all(fault.warning for fault in faults):  # else the book tells
        code = (plain(cell.source) for cell in edited.cells if cell.cell_type == "code")
        verify.refuse_displaced(chapter, after, tab, code)
    return new


class _Syncer:
    """Holds the chapter and the refusals while the cells go by."""

    def __init__(
        self, text: str, chapter: Chapter, tabs: Sequence[str], tab: str, choose: Choose
    ) -> None:
        self.chapter, self.tab, self.choose = chapter, tab, choose
        # A tab without a notebook of this section must not be named: the name would give it one.
        self.tabs = tuple(one for one in tabs if chapter.tabs is None or one in chapter.tabs)
        self.mark = tab if len(tabs) > 1 else ""
        self.lines = [line for line, _ in blocks.lines_of(text)]
        self.problems: list[Problem] = []

    def edits(self, pairs: Sequence[Pair]) -> list[Edit]:
        """The edits of the file that make the author's cells of the compiled ones."""
        position = {cell.id: at for at, cell in enumerate(self.chapter.cells)}
        places = [position[node.id] if node is not None else -1 for node, _ in pairs]
        edits: list[Edit] = []
        for at, (node, mine) in enumerate(pairs):
            cell = self.chapter.cells[places[at]]
            if node is not None and mine is not None and digest(mine) == digest(node):
                continue
            if mine is not None and (reason := _no_text(mine)):
                self.refuse(cell.line if node is not None else 0, reason)
            elif node is not None:
                edits += self.change(cell, node, mine)
            elif mine is not None:
                previous = max([-1, *places[:at]])
                left = [place for place, (_, one) in zip(places, pairs, strict=True) if one]
                following = next((place for place in left if place > previous), len(position))
                edits += self.add(mine, previous, following)
        if self.problems:
            raise BookError(self.problems)
        return edits

    def refuse(self, line: int, message: str) -> None:
        self.problems.append(Problem(self.chapter.file, line, message))

    def change(self, cell: Cell, node: NotebookNode, mine: NotebookNode | None) -> Iterator[Edit]:
        """Make the author's version of a cell; None deletes it."""
        source, compiled = cell.source.split("\n"), node.source.split("\n")
        new: list[str] = []
        if mine is not None and cell.lines:  # its first line is made of its fence
            self.refuse(cell.line_at(2), "a cell in another language: edit it in the Markdown file")
            return
        if mine is not None:
            edited = plain(mine.source).split("\n")
            try:
                new = merge(source, compiled, edited, _origin(cell, node))
            except Conflict as conflict:
                self.refuse(cell.line + conflict.line, str(conflict))
                return
        changed = replace(cell, source="\n".join(new))
        others = [tab for tab in cell.tabs or self.tabs if tab != self.tab]
        differs = [t for t in others if self.sources(cell, t) != self.sources(changed, t)]
        what: What = "changed" if new else "deleted"
        choice = self.ask(cell.line, what, differs, cell.source, changed.source)
        if choice == "split":
            yield blocks.split(self.lines, cell, new, others, self.tab)
        elif choice == "all" and new:
            yield Edit(cell.line - 1, cell.line - 1 + len(source), tuple(new))
        elif choice == "all":
            yield blocks.deleted(self.lines, cell)

    def add(self, node: NotebookNode, previous: int, after: int) -> Iterator[Edit]:
        """Write a new cell behind one cell of the chapter, and before another one."""
        cells = self.chapter.cells
        lines = plain(node.source).split("\n")
        if node.cell_type == "code":
            lines = blocks.fenced(lines, self.mark)
            yield blocks.inserted(self.lines, cells, previous, after, lines)
            return
        line = cells[previous].line if previous >= 0 else 1
        others = [tab for tab in self.tabs if tab != self.tab]
        choice = self.ask(line, "added", others, "", node.source)
        between = [
            one for one in cells[previous + 1 : after] if one.tabs and self.tab not in one.tabs
        ]
        if choice == "split":
            lines = blocks.tab_block([self.tab], lines)
        # New prose for all must not stand between the versions of one piece of code.
        elif between and (previous < 0 or cells[previous].tabs):
            if after < len(cells) and cells[after].tabs:
                message = "text for every tab was added between cells that only some tabs see: "
                self.refuse(line, f"{message}write it into the Markdown")
            previous = after - 1
        if choice is not None:
            yield blocks.inserted(self.lines, cells, previous, after, lines)

    def ask(
        self, line: int, what: What, others: Sequence[str], before: str, after: str
    ) -> Choice | None:
        """For whom a change shall be; without an answer it is refused."""
        question = Question(self.chapter.file, line, what, self.tab, tuple(others), before, after)
        choice = self.choose(question) if others else "all"
        if choice is None:
            message = f"{what} in the {self.tab} notebook; {', '.join(others)} would see it, too"
            how = "say --shared=all to change it for all, --shared=split for this tab alone"
            self.refuse(line, f"{message}: {how}")
        return choice

    def sources(self, cell: Cell, tab: str) -> list[str]:
        """What one cell is in a tab's notebook; prose stays as it is written."""
        selected = select_tab(replace(self.chapter, cells=(cell,)), tab)
        return [node.source for node in make_notebook(selected, tab).cells] if selected else []


def _no_text(cell: NotebookNode) -> str:
    """Why a cell of a notebook cannot be part of a chapter; "" if it can."""
    first = cell.source.lstrip().split("\n")[0]
    if cell.cell_type not in ("code", "markdown"):
        return f"a {cell.cell_type} cell has no form in Markdown"
    if cell.get("attachments"):
        return "a picture that is attached to a cell: save it as a file of the book"
    named = TAB_MARK.match(first) or any(m.name == "tab" for m in find_marks(plain(cell.source)))
    if cell.cell_type == "code" and named:
        return (
            "a notebook's code is of its own tab: write code for another one, and its mark, in the "
            "Markdown file"
        )
    return ""


def _origin(cell: Cell, node: NotebookNode) -> dict[int, int]:
    """For each line of a compiled cell the line of its source, both from 0."""
    source, compiled = cell.source.split("\n"), node.source.split("\n")
    if cell.kind == "markdown":
        return align(compiled, source)
    where = node.metadata["bookc"]
    lines = where.get("lines") or range(where["line"], where["line"] + len(compiled))
    rows = {at: line - cell.line for at, line in enumerate(lines)}
    return {at: row for at, row in rows.items() if compiled[at].strip() or not source[row].strip()}
