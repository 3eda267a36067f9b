"""The site while its book is edited: after a change only the pages that differ are written."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from bookc import disk
from bookc.book import Build, Chapter
from bookc.files import site_folder
from bookc.notebook.compile import with_code
from bookc.problems import Problem
from bookc.run.build import add_notebooks, make_build, read_build
from bookc.site.dates import last_changes
from bookc.site.page import page_file
from bookc.site.render import render_pages
from bookc.site.write import size_reader, write_site
from bookc.up_to_date import Memory


class LiveSite:
    """The site of a book whose sources are being edited."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._memory = Memory()
        self._last: Build | None = None

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What is odd in the book as it was last written."""
        return self._last.book.warnings if self._last else ()

    def write(self) -> int:
        """Write everything that is not as it should be, but for the search index.

        Returns:
            The number of pages.

        Raises:
            BookError: everything that is wrong with the book, unless it is all warnings; nothing
                is written then.
        """
        build = make_build(self._root, record=True, memory=self._memory)
        pages = write_site(build, index=False)
        self._last = build
        return pages

    def write_edited(self) -> list[str] | None:
        """Write the pages whose own text changed, if nothing else of the book did.

        Search, downloads and what lies beside the pages are left as they are, for `write`, and
        so is whether the saved code can be collected.

        Returns:
            The files of the pages, relative to the site's folder; None if more than their own
            text changed, such as a label, a title or the order of the sections.
        """
        read = read_build(self._root, "pages", memory=self._memory)
        edited = _edited(self._last, read) if self._last else None
        if edited is None:
            return None
        config, paths = read.config, [chapter.path for chapter in edited]
        build = with_code(add_notebooks(read, sections=paths, record=True))
        pages = render_pages(build, edited, size_reader(config), last_changes(build.book))
        for name, content in pages.items():
            disk.write_file(site_folder(config) / name, content)
        self._last = read
        return [page_file(path, config) for path in paths]


def _edited(before: Build, after: Build) -> list[Chapter] | None:
    """The chapters that differ; None if pages of other chapters could differ, too."""
    if _seen_elsewhere(before) != _seen_elsewhere(after):
        return None
    pairs = zip(before.book.chapters, after.book.chapters, strict=True)
    return [new for old, new in pairs if new != old]


def _seen_elsewhere(build: Build) -> tuple[object, ...]:
    """All of a book that pages of other chapters may show."""
    paths = [(chapter.path, chapter.toc) for chapter in build.book.chapters]
    return build.config, paths, dataclasses.replace(build.refs, tokens={})
