"""The nouns of the compiler: what a book is made of, and its one error type."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, and where.

    Attributes:
        path: the file, relative to the book's folder.
        line: the line in it, from 1; 0 speaks of the file as a whole.
        message: what is wrong and what is known, in one sentence.
        column: the column in the line, from 1; 0 speaks of the line as a whole.
        warning: whether the book can be compiled all the same.
    """

    path: str
    line: int
    message: str
    column: int = 0
    warning: bool = False

    def __str__(self) -> str:
        where = f"{self.path}:{self.line}" if self.line else self.path
        where += f":{self.column}" if self.column else ""
        return f"{where}: {self.message}"


class BookError(Exception):
    """Every problem that a step found, so that an author sees all of them at once."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda p: (p.path, p.line, p.column)))
        super().__init__("\n".join(str(problem) for problem in self.problems))


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
class Aliases:
    """What `d2l.name` stands for in one tab, as its [library-tab] section says.

    Attributes:
        library: the framework's name in the notebooks, such as `torch`.
        simple: `d2l.a` is `library.b`.
        fluent: `d2l.a(x, y)` is `x.b(y)`.
        args: `d2l.a(x, k=y)` is an expression in which the names of the arguments stand.
        reverse: patterns of source that begin with `d2l.`, and what they become.
        defined: Python that the library's module ends with.
    """

    library: str = ""
    simple: dict[str, str] = field(default_factory=dict)
    fluent: dict[str, str] = field(default_factory=dict)
    args: dict[str, tuple[str, str]] = field(default_factory=dict)
    reverse: tuple[tuple[re.Pattern[str], str], ...] = ()
    defined: str = ""


@dataclass(frozen=True, slots=True)
class Config:
    """What config.ini says, with defaults filled in.

    Attributes:
        root: the book's folder: where config.ini is.
        file: config.ini relative to `root`.
        title, author, copyright, release, lang, name: the `[project]` section.
        source_dir: folder of the Markdown files.
        output_dir: folder of everything that can be made again.
        index: the section path of the first page.
        notebooks, exclusions, resources: wildcards relative to `source_dir`.
        non_notebooks: wildcards of sections that are pages and no notebooks.
        tabs: names of the tabs; the first is the default.
        bibliography: .bib file, relative to `source_dir`, or "".
        record_dir: folder of the executed notebooks.
        timeout: seconds that one cell may run.
        library: folder of the package that the notebooks import, if the book has one.
        libraries: for each tab, the module file that `#@save` cells go to.
        version_file: where `bookc lib` writes `release` as `__version__`, or None.
        frameworks: for each tab, the module it imports and what pip has to install for it.
        aliases: for each tab with a [library-tab] section, what `d2l.name` stands for.
        sort_imports: whether isort puts the imports of code cells in order.
        sections_in_docstrings: whether a saved definition says in which section it is defined.
        site_url: where the site will be found, without "/" at its end, or "".
        license_url: the licence of the text, or "".
        icon, logo: picture files of the book, relative to `source_dir`, or "".
        colab, sagemaker: for each tab, the GitHub repository that these hosts open notebooks of.
        notebook_branch: the branch of these repositories.
        trusted_html: wildcards of the sections whose HTML outputs are shown as recorded.
        warning_is_error: whether a warning keeps a book from being compiled.
        warnings: what is odd in the file itself.
    """

    root: Path
    file: str
    name: str
    title: str
    author: str
    copyright: str
    release: str
    lang: str
    source_dir: Path
    output_dir: Path
    index: str
    notebooks: tuple[str, ...]
    non_notebooks: tuple[str, ...]
    exclusions: tuple[str, ...]
    resources: tuple[str, ...]
    tabs: tuple[str, ...]
    bibliography: str
    record_dir: Path
    timeout: int
    library: Path | None
    libraries: dict[str, Path]
    version_file: Path | None
    frameworks: dict[str, tuple[str, str]]
    aliases: dict[str, Aliases]
    sort_imports: bool
    sections_in_docstrings: bool
    trusted_html: tuple[str, ...]
    site_url: str
    license_url: str
    icon: str
    logo: str
    colab: dict[str, str]
    sagemaker: dict[str, str]
    notebook_branch: str
    warning_is_error: bool
    warnings: tuple[Problem, ...]


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
