"""A site that is written again after each change, and as little of it as the change asks for."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from bookc import files
from bookc.book import Book, Chapter
from bookc.files import site_folder
from bookc.notebook import build
from bookc.notebook.library import library_faults
from bookc.problems import Problem
from bookc.read import read
from bookc.read.references import Refs
from bookc.run import record
from bookc.site.page import page_file
from bookc.site.render import render_pages
from bookc.site.write import last_changes_of, size_reader, write_site


class LiveSite:
    """The site of a book whose sources are being edited."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._memory = read.Memory()
        self._last: tuple[Book, Refs] | None = None

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What is odd in the book as it was last written."""
        return self._last[0].warnings if self._last else ()

    def write(self) -> int:
        """Write everything that is not as it should be, but for the search index.

        Returns:
            The number of pages.

        Raises:
            BookError: everything that is wrong with the book, unless it is all warnings; nothing
                is written then.
        """
        book, refs = read.read_book(self._root, memory=self._memory, checks=[library_faults])
        notebooks = build.compile_notebooks(book, refs, book.config.tabs)
        recorded = record.load_record(book, notebooks)
        pages = write_site(book, refs, recorded, build.choose(notebooks, ()), index=False)
        self._last = book, refs
        return pages

    def write_edited(self) -> list[str] | None:
        """Write the pages whose own text changed, if nothing else of the book did.

        Search, downloads and what lies beside the pages are left as they are, for `write`, and
        so is whether the saved code can be collected.

        Returns:
            The files of the pages, relative to the site's folder; None if more than their own
            text changed, such as a label, a title or the order of the sections.
        """
        book, refs = read.read_book(self._root, memory=self._memory)
        edited = _edited(self._last, (book, refs)) if self._last else None
        if edited is None:
            return None
        config = book.config
        alone = dataclasses.replace(book, chapters=tuple(edited))
        notebooks = build.compile_notebooks(alone, refs, config.tabs)
        recorded = record.load_record(alone, notebooks)
        offered = build.choose(notebooks, ())
        changed = last_changes_of(book)
        pages = render_pages(book, refs, recorded, edited, offered, size_reader(config), changed)
        for name, content in pages.items():
            files.write_file(site_folder(config) / name, content)
        self._last = book, refs
        return [page_file(chapter.path, config) for chapter in edited]


def _edited(before: tuple[Book, Refs], after: tuple[Book, Refs]) -> list[Chapter] | None:
    """The chapters that differ; None if pages of other chapters could differ, too."""

    def outline(book: Book, refs: Refs) -> tuple[object, ...]:
        """All of a book that a page of another chapter may show."""
        paths = [(chapter.path, chapter.toc) for chapter in book.chapters]
        return (
            book.config,
            paths,
            refs.labels,
            refs.tree,
            refs.titles,
            refs.bibliography,
            refs.cited,
        )

    if outline(*before) != outline(*after):
        return None
    pairs = zip(before[0].chapters, after[0].chapters, strict=True)
    return [new for old, new in pairs if new != old]
