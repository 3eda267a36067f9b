"""The nouns of the compiler: Cell, Chapter, Book, Label, Reference, Refs, Recorded, Build."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from bookc.config import Config
from bookc.problems import Problem

if TYPE_CHECKING:  # parsers and validators, which those who only name the nouns do not need
    from markdown_it.token import Token
    from nbformat import NotebookNode

TabSection = tuple[str, str]  # a tab, and the path of a section: what names one notebook


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


@dataclass(frozen=True, slots=True)
class Node:
    """A page's place in the table of contents; `title` is inline Markdown."""

    path: str
    title: str
    number: str
    children: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Refs:
    """The book's prose, parsed, numbered and checked.

    Attributes:
        labels: by name.
        tokens: for each prose cell's id its markdown-it tokens; headings, figures, tables and
            equations carry `meta["anchor"]` (unique on their page) and `meta["number"]`.
        tree: the table of contents; its root is the index page.
        titles: for each section path its title as inline Markdown.
        bibliography: every reference by its key.
        cited: the keys that are cited, in order of their first citation.
    """

    labels: dict[str, Label]
    tokens: dict[str, list[Token]]
    tree: Node
    titles: dict[str, str]
    bibliography: dict[str, Reference]
    cited: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Recorded:
    """What one cell printed and drew.

    Attributes:
        outputs: nbformat 4 output dictionaries.
        stale: whether they come from an earlier version of the code.
    """

    outputs: tuple[dict[str, Any], ...]
    stale: bool


@dataclass(frozen=True, slots=True)
class Build:
    """A book and all that is made of it before a file is written.

    Attributes:
        book: what was read.
        refs: its prose, parsed, numbered and checked.
        notebooks: by tab and section, without outputs.
        recorded: by tab and cell id, what the cells printed and drew when they were executed.
    """

    book: Book
    refs: Refs
    notebooks: dict[TabSection, NotebookNode]
    recorded: dict[tuple[str, str], Recorded]

    @property
    def config(self) -> Config:
        """The book's."""
        return self.book.config

    @property
    def tabs(self) -> tuple[str, ...]:
        """Those that have notebooks, in order."""
        return tuple(dict.fromkeys(tab for tab, _ in self.notebooks))


NO_REFS = Refs({}, {}, Node("", "", "", ()), {}, {}, ())  # of a book whose prose was not parsed
