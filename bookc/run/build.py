"""A book's folder -> Build: it is read, its notebooks are compiled, its record is loaded."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Literal

from bookc.book import NO_REFS, Build
from bookc.notebook.compile import compile_notebooks
from bookc.notebook.library import library_faults
from bookc.read.sources import checked, read_sources
from bookc.run.record import load_record
from bookc.up_to_date import Memory

Depth = Literal["raw", "notebooks", "pages", "all"]


def make_build(
    root: Path,
    depth: Depth = "all",
    tabs: Sequence[str] | None = None,
    *,
    quick: bool = False,
    record: bool = False,
    memory: Memory | None = None,
) -> Build:
    """Read a book and make everything of it that comes before the first file is written.

    Args:
        depth: how closely to read, see `read_build`.
        tabs: those that get notebooks; all of them by default.
        quick: whether notebooks have the `#@quick` values.
        record: whether to load what was recorded of the notebooks.
        memory: what was parsed when this book was read before.

    Raises:
        BookError: everything that is wrong with the book as far as was looked, unless it is all
            warnings.
    """
    build = read_build(root, depth, memory=memory)
    return add_notebooks(build, tabs, quick=quick, record=record)


def read_build(
    root: Path,
    depth: Depth = "all",
    *,
    instead: Mapping[Path, str] | None = None,
    memory: Memory | None = None,
) -> Build:
    """The build of a book that was read, without notebooks yet.

    Args:
        depth: how closely to read. `raw`: the sources alone, and notebooks keep d2lbook's marks;
            `notebooks`: what notebooks need; `pages`: what pages need, too; `all`: also whether
            the saved code can be collected, so that every error is found.
        instead: texts to read instead of some of the book's files.
        memory: what was parsed when this book was read before.

    Raises:
        BookError: as `make_build`.
    """
    if depth == "raw":
        return Build(read_sources(root), NO_REFS, {}, {})
    from bookc.read.read import read_book  # parsers: a fifth of the time of raw notebooks

    checks = [library_faults] if depth == "all" else []
    book, refs = read_book(root, instead, depth == "notebooks", memory, checks)
    return Build(book, refs, {}, {})


def add_notebooks(
    build: Build,
    tabs: Sequence[str] | None = None,
    sections: Collection[str] | None = None,
    *,
    quick: bool = False,
    record: bool = False,
) -> Build:
    """The build with the notebooks of some tabs and sections, by default of all.

    Raises:
        BookError: records that cannot be read.
    """
    book = build.book
    if sections is not None:
        chapters = tuple(chapter for chapter in book.chapters if chapter.path in sections)
        book = dataclasses.replace(book, chapters=chapters)
    refs = None if build.refs is NO_REFS else build.refs
    tabs = build.config.tabs if tabs is None else tabs
    notebooks = compile_notebooks(book, refs, tabs, quick)
    if not record:
        return dataclasses.replace(build, notebooks=notebooks, recorded={})
    recorded, odd = load_record(build.config, notebooks)
    book = checked(build.book, [*build.book.warnings, *odd])
    return dataclasses.replace(build, book=book, notebooks=notebooks, recorded=recorded)
