"""The nouns of the compiler: what a book is made of, and its one error type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bookc.config import Config
from bookc.problems import Problem


@dataclass(frozen=True, slots=True)
class Cell:
    """A run of prose or one code cell, as it stands in the source.

    Attributes:
        id: stable name, a valid nbformat cell id: the section's path and the position
            among the section's cells of the same kind.
        kind: prose is `markdown`; a `{.python .input}` block is `code`.
        source: the text without fence, tab mark or tab block around it.
        tabs: the tabs that see this cell; empty means every tab.
        line: the line of the file on which `source` starts, from 1.
        lines: the file's line of each line of `source`; empty where they simply follow `line`.
    """

    id: str
    kind: Literal["markdown", "code"]
    source: str
    tabs: tuple[str, ...]
    line: int
    lines: tuple[int, ...] = ()

    def line_at(self, number: int) -> int:
        """The file's line of line `number` (from 1) of `source`."""
        if self.lines:
            return self.lines[min(number, len(self.lines)) - 1]
        return self.line + number - 1


@dataclass(frozen=True, slots=True)
class TocEntry:
    """One line of a `toc` block.

    Attributes:
        path: section path, relative to the book's source folder, without `.md`.
        line: where it is listed, from 1.
        numbered: whether this section and those below it carry numbers.
    """

    path: str
    line: int
    numbered: bool


@dataclass(frozen=True, slots=True)
class Chapter:
    """One Markdown file.

    Attributes:
        path: section path: the file relative to the source folder, without `.md`.
        file: the file relative to the book's folder, for messages.
        cells: what it holds, in order; `toc` blocks are kept in the prose.
        toc: the sections that its `toc` blocks list, in order.
        tabs: the tabs that have a notebook of it; None means every tab.
    """

    path: str
    file: str
    cells: tuple[Cell, ...]
    toc: tuple[TocEntry, ...] = ()
    tabs: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Book:
    """Every chapter of a book, in the order of the tables of contents.

    Attributes:
        warnings: what is wrong with it, but keeps nothing from being compiled.
    """

    config: Config
    chapters: tuple[Chapter, ...]
    warnings: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Label:
    """What a reference points at.

    Attributes:
        name: as in :label:`name`.
        kind: what is numbered.
        number: `3.1` for a section, `3.1.2` for a figure; "" where nothing is numbered.
        title: the heading or caption in Markdown; "" for an equation.
        chapter: section path of the page it stands on.
        anchor: the id of its element on that page.
    """

    name: str
    kind: Literal["section", "figure", "table", "equation"]
    number: str
    title: str
    chapter: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Reference:
    """One entry of the bibliography.

    Attributes:
        key: as in :cite:`key`.
        authors: short form for the text: `Radford et al.`.
        year: four digits, or "".
        html: the whole entry.
        url: where to find it, or "".
    """

    key: str
    authors: str
    year: str
    html: str
    url: str
