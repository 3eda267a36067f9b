"""Tagged Markdown -> Chapter.

The text is scanned once, line by line. What it recognises is d2lbook's syntax:

    ```{.python .input #my-id}   a code cell, up to the closing fence, and its id, if it has one
    #@tab pytorch, mxnet         on its first line: its tabs; `%%tab` means the same
    :begin_tab:`mxnet`           prose for some tabs, up to :end_tab:
    ```toc                       the sections below this page, one per line
"""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from bookc.book import Cell, Chapter, TocEntry
from bookc.problems import BookError, Problem
from bookc.read.fences import Fences
from bookc.read.syntax import (
    FENCE,
    INDENTED,
    INPUT,
    OUTPUT,
    TAB_BLOCK,
    TAB_BLOCK_WITH_TEXT,
    TAB_MARK,
    is_toc,
    section_path,
    toc_names,
)

MAGICS = {".bash": "%%bash", ".r": "%%R", ".ruby": "%%ruby"}  # of cells in other languages
ID = re.compile(r"[\s{]#([^\s}]+)")
CELL_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")  # as nbformat allows it
TAB_NAME = re.compile(r"\w+")


def parse_chapter(text: str, path: str, file: str, tabs: Sequence[str]) -> Chapter:
    """Split one Markdown file into cells.

    Args:
        text: the file's text.
        path: its section path: relative to the source folder, without `.md`.
        file: the file's name for messages.
        tabs: the book's tabs; the first is that of a code cell without a mark.

    Raises:
        BookError: an unclosed fence or tab block, a misspelt tab.
    """
    chapter, problems = read_chapter(text, path, file, tabs)
    if not all(problem.warning for problem in problems):
        raise BookError(problems)
    return chapter


def read_chapter(
    text: str, path: str, file: str, tabs: Sequence[str]
) -> tuple[Chapter, list[Problem]]:
    """As `parse_chapter`, but with what could be read of a file that has problems.

    Other pages' references into it can then be checked in the same run.
    """
    scanner = _Scanner(path, file, tabs)
    return scanner.scan(text), scanner.problems


def cell_prefix(path: str) -> str:
    """What the ids of a section's cells begin with: at most 52 of nbformat's letters."""
    plain = re.sub(r"[^A-Za-z0-9_/-]", "-", path)
    prefix = plain.replace("/", "__")
    if plain == path and "__" not in path and len(prefix) <= 52:
        return prefix
    # Two paths must not share a prefix because their odd letters were replaced.
    return f"{prefix[:43]}-{hashlib.sha1(path.encode()).hexdigest()[:8]}"


class _Scanner:
    """Holds what is open while the lines go by."""

    def __init__(self, path: str, file: str, tabs: Sequence[str]) -> None:
        self.path, self.file, self.tabs = path, file, tabs
        self.cells: list[Cell] = []
        self.toc: list[TocEntry] = []
        self.problems: list[Problem] = []
        self.named: set[str] = set()  # the tabs that some cell names
        self.offered: tuple[str, ...] = ()  # those that `tab.interact_select` lets choose
        self.ids: dict[str, int] = {}  # those that the author gives, with their lines
        self.left_out: set[str] = set()  # tabs of other books, each told once
        self.marked: set[bool] = set()  # whether code cells name tabs, or leave it at `all`

    def scan(self, text: str) -> Chapter:
        lines = re.split(r"\r\n?|\n", text.removeprefix("\ufeff"))  # as markdown-it counts lines
        prose: list[str] = []
        prose_tabs: tuple[str, ...] | None = ()  # None for tabs that this book does not have
        block_line = 0  # the line of an open :begin_tab:
        fences = Fences(lines, _opens_cell)
        at = 0

        def flush() -> None:
            self._add_prose(prose, prose_tabs, first_line=at - len(prose) + 1)
            prose.clear()

        while at < len(lines):
            line = lines[at]
            if fence := FENCE.match(line):
                is_cell = INPUT.fullmatch(fence[2]) or OUTPUT.fullmatch(fence[2])
                end = fences.closing(at, fence[1], is_cell is not None)
                if end is None:  # what it was meant to hold is unknown, so the lines are read on
                    self._complain(at + 1, f"this {fence[1]} fence is never closed")
                    at += 1
                    continue
                if is_cell:
                    if block_line:
                        message = "a code cell inside a tab block: close the block or use #@tab"
                        self._complain(at + 1, message)
                    flush()
                    self._add_cell(fence[2], lines[at + 1 : end], at + 2)
                    at = end + 1
                    continue
                if is_toc(fence[2]):
                    self._add_toc(lines[at + 1 : end], first_line=at + 2)
                prose.extend(lines[at : end + 1])
                at = end + 1
                continue
            if block := TAB_BLOCK.match(line):
                flush()
                if block[1] == "begin_tab":
                    if block_line:
                        # As d2lbook reads it: the new block ends the open one.
                        message = f"a tab block is open since line {block_line}"
                        self._complain(at + 1, message, warning=True)
                    block_line = at + 1
                    prose_tabs = self._known_tabs(block[2] or "", at + 1)
                    if prose_tabs is not None and "all" not in _names(block[2] or ""):
                        self.named.update(prose_tabs or self.tabs)
                else:
                    if not block_line:
                        message = ":end_tab: without a :begin_tab: before it"
                        self._complain(at + 1, message, warning=True)
                    block_line, prose_tabs = 0, ()
                at += 1
                continue
            if behind := TAB_BLOCK_WITH_TEXT.match(line):
                message = f"no tab block: text stands behind {behind[0]}, put it on the next line"
                self._complain(at + 1, message, warning=True)
            if found := INDENTED.match(line):
                what = f":{found[1]}:" if found[1] else "code cell"
                message = f"this {what} is none: begin it at the start of its line"
                self._complain(at + 1, message, warning=True)
            prose.append(line)
            at += 1
        flush()
        if block_line:
            self._complain(block_line, "this tab block is never closed: :end_tab: is missing")
        cells = _number(self.cells, self.path)
        return Chapter(self.path, self.file, cells, tuple(self.toc), self._notebooks())

    def _notebooks(self) -> tuple[str, ...] | None:
        """The tabs that have a notebook: those with cells of their own, if any tab has.

        What all tabs share is for the default tab, too, and makes no further notebook.
        """
        if not self.marked:
            return None
        if self.marked == {False}:
            return self.offered or None
        shared = self.tabs[:1] if False in self.marked else ()
        return tuple(tab for tab in self.tabs if tab in self.named or tab in shared)

    def _add_cell(self, info: str, lines: list[str], first_line: int) -> None:
        """One code cell with what stands behind its opening fence."""
        opening = first_line - 1
        if OUTPUT.fullmatch(info):
            # As d2lbook reads it: JSON is what the cell above printed, anything else is run.
            if ".json" in info:
                message = "an output in the source: outputs are made by running the cell"
                self._complain(opening, message, warning=True)
                return
            message = "a cell marked .output is run like one marked .input"
            self._complain(opening, message, warning=True)
        magic = next((MAGICS[word] for word in re.split(r"[\s{}]", info) if word in MAGICS), "")
        self._add_code(lines, first_line, self._own_id(info, opening), magic)

    def _own_id(self, info: str, line: int) -> str:
        """The id that a cell's opening gives it; "" if none."""
        found = ID.search(info)
        if found is None:
            return ""
        if not CELL_ID.fullmatch(found[1]):
            message = f"cell id '{found[1]}': take at most 64 letters, digits, - and _"
            self._complain(line, message)
        elif found[1] in self.ids:
            message = f"cell id '{found[1]}' is taken by the cell at line {self.ids[found[1]]}"
            self._complain(line, message)
        self.ids.setdefault(found[1], line)
        return found[1]

    def _add_prose(self, lines: list[str], tabs: tuple[str, ...] | None, first_line: int) -> None:
        filled = [at for at, line in enumerate(lines) if line.strip()]
        if filled and tabs is not None:
            source = "\n".join(lines[filled[0] : filled[-1] + 1])
            self.cells.append(Cell("", "markdown", source, tabs, first_line + filled[0]))

    def _add_code(self, lines: list[str], first_line: int, own_id: str, magic: str) -> None:
        tabs: tuple[str, ...] | None = (self.tabs[0],)
        shared = False
        filled = [at for at, line in enumerate(lines) if line.strip()]
        for at in filled:
            if mark := TAB_MARK.match(lines[at]):
                tabs = self._known_tabs(mark[1], first_line + at)
                shared = "all" in _names(mark[1])
                if at == filled[0]:  # further down it stays, as a mark that notebooks drop
                    del filled[0]
                break
        if any(line.strip().startswith("%load_ext d2lbook.tab") for line in lines):
            # It chooses a tab in d2lbook's own Jupyter, and is of no notebook.
            offered = set(re.findall(r"[\"'](\w+)[\"']", "\n".join(lines)))
            self.offered = tuple(tab for tab in self.tabs if tab in offered)
            return
        if filled and tabs is None:
            self.marked.add(True)
        elif filled and tabs is not None:
            self.marked.add(not shared)
            self.named.update(() if shared else tabs or self.tabs)
            source = "\n".join(lines[filled[0] : filled[-1] + 1])
            first = first_line + filled[0]
            places: tuple[int, ...] = ()
            if magic:
                source = f"{magic}\n{source}"
                places = (first_line - 1, *range(first, first_line + filled[-1] + 1))
            self.cells.append(Cell(own_id, "code", source, tabs, first, places))

    def _add_toc(self, lines: list[str], first_line: int) -> None:
        numbered = any(line.strip().startswith(":numbered:") for line in lines)
        for row, name in toc_names("\n".join(lines)):
            path = section_path(name, self.path)
            self.toc.append(TocEntry(path, first_line + row, numbered))

    def _known_tabs(self, text: str, line: int) -> tuple[str, ...] | None:
        """The tabs that a mark names; () for all of them, None if this book has none of them.

        A name that is like one of the book's is a slip. Any other one is a framework that the
        book was not written for alone: its cells are left out, as d2lbook does.
        """
        names = _names(text)
        if not names:
            self._complain(line, f"no tab is named (known: {', '.join(self.tabs)})")
        for name in names:
            if name not in self.tabs and name != "all":
                known = f"known: {', '.join(self.tabs)}"
                close = difflib.get_close_matches(name, self.tabs, n=1)
                if close or not TAB_NAME.fullmatch(name):
                    hint = f": did you mean '{close[0]}'?" if close else ""
                    self._complain(line, f"unknown tab '{name}'{hint} ({known})")
                elif name not in self.left_out:
                    self.left_out.add(name)
                    message = f"what is for '{name}' is left out: no tab of config.ini ({known})"
                    self._complain(line, message, warning=True)
        if "all" in names or set(names) >= set(self.tabs):
            return ()
        listed = tuple(tab for tab in self.tabs if tab in names)
        # What a slip stands before is read on, so that a run shows every error in it.
        return None if not listed and names and self.left_out.issuperset(names) else listed

    def _complain(self, line: int, message: str, warning: bool = False) -> None:
        self.problems.append(Problem(self.file, line, message, warning=warning))


def _names(text: str) -> list[str]:
    return [name for name in re.split(r"[\s,]+", text.strip().lower()) if name]


def _opens_cell(run: str, rest: str) -> bool:
    """Whether a line of a fence's run and what follows opens a code cell."""
    fence = FENCE.match(run + rest)
    return fence is not None and INPUT.fullmatch(fence[2]) is not None


def _number(cells: Iterable[Cell], path: str) -> tuple[Cell, ...]:
    """Give each cell its id. Prose and code count apart, so new prose renames no code cell."""
    prefix = cell_prefix(path)
    counts = {"markdown": 0, "code": 0}
    numbered = []
    for cell in cells:
        counts[cell.kind] += 1
        if cell.id:  # the author's own
            numbered.append(cell)
            continue
        letter = "p" if cell.kind == "markdown" else "c"
        numbered.append(replace(cell, id=f"{prefix}-{letter}{counts[cell.kind]}"))
    return tuple(numbered)
