"""Build -> the site on disk: pages, pictures, downloads, search index."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path

from bookc import disk, files
from bookc.book import Build
from bookc.config import Config
from bookc.files import site_folder
from bookc.inside import is_picture
from bookc.notebook.compile import with_code
from bookc.notebook.file import notebook_text
from bookc.problems import BookError, Problem
from bookc.read.references import pictures
from bookc.run.requirements import LOCK
from bookc.site import downloads
from bookc.site.clean import harmless_svg
from bookc.site.dates import last_changes
from bookc.site.pictures import picture_size
from bookc.site.render import MISSING, render_book
from bookc.site.search_index import index_files, write_index
from bookc.stamps import check_empty, claim, remove_others
from bookc.up_to_date import folder_list, make_stamp

MADE = re.compile(r"/(__pycache__|build|[^/]*\.egg-info)/")  # folders that Python and pip leave
# What a browser would run in the name of the site: it stays with the notebooks.
ACTIVE = (
    ".css",
    ".htm",
    ".html",
    ".js",
    ".mjs",
    ".shtml",
    ".svgz",
    ".wasm",
    ".xhtml",
    ".xht",
    ".xml",
    ".xsl",
    ".xslt",
)


def write_site(build: Build, index: bool = True) -> int:
    """Write the site to `output_dir`/html and remove the files of it that it no longer has.

    Args:
        build: readers can download its notebooks that have code.
        index: whether the search index is written, too.

    Returns:
        The number of pages.

    Raises:
        BookError: resources that would take the place of a page, or files in the folder that
            bookc did not write; nothing is written then.
    """
    build = with_code(build)
    config, folder = build.config, site_folder(build.config)
    pages = render_book(build, size_reader(config), last_changes(build.book))
    for name in {config.icon, config.logo} - {""}:
        pages[name] = _published(config.source_dir / name)
    for (tab, path), notebook in build.notebooks.items():
        pages[downloads.notebook_file(tab, path)] = notebook_text(notebook)
    resources = _resources(build, pages)
    archives = {downloads.archive_file(config, tab): None for tab in build.tabs}
    stamp = folder_list(config, folder)
    check_empty(stamp, folder)
    claim(stamp, folder, {**pages, **resources, **archives})
    for name, content in pages.items():
        disk.write_file(folder / name, content)
    for name, file in resources.items():
        if name.lower().endswith(".svg"):
            disk.write_file(folder / name, _published(file))
        else:
            disk.copy_file(file, folder / name)
    _write_archives(build, pages)
    present = {*pages, *resources, *archives}
    remove_others(stamp, folder, present | index_files(config))
    if index:
        write_index(config, pages)
    present |= index_files(config)
    stamp.write(file for name in sorted(present) if (file := folder / name).is_file())
    return sum(name.endswith(".html") and name != f"{MISSING}.html" for name in pages)


def _resources(build: Build, pages: Collection[str]) -> dict[str, Path]:
    """The files of the book that the site has beside its pages, by their names in the site.

    Raises:
        BookError: two files would have one name.
    """
    config = build.config
    found = {
        file.relative_to(config.source_dir).as_posix(): file
        for file in files.resource_files(config)
    }
    for chapter in build.book.chapters:
        found |= {path: config.source_dir / path for path in pictures(chapter, build.refs.tokens)}
    message = "has the name of a file of the site: rename it, or take it out of `resources`"
    problems = [
        Problem(files.shown(file, config), 0, message)
        for name, file in found.items()
        if name in pages and name not in (config.icon, config.logo)
    ]
    if problems:
        raise BookError(problems)
    return {name: file for name, file in found.items() if not name.lower().endswith(ACTIVE)}


def _published(file: Path) -> bytes:
    """A file of the book as readers get it: a drawing cannot run anything."""
    data = file.read_bytes()
    return harmless_svg(data) if file.suffix.lower() == ".svg" else data


def size_reader(config: Config) -> Callable[[str], tuple[int, int] | None]:
    """A function that knows the size of each picture of the book, and reads each once."""

    @functools.cache
    def size_of(path: str) -> tuple[int, int] | None:
        if not files.is_shown(config, path):
            return None
        return picture_size(path, (config.source_dir / path).read_bytes())

    return size_of


def _write_archives(build: Build, texts: Mapping[str, str | bytes]) -> None:
    """Write for each tab the archive of its notebooks, if what is in it changed.

    With the notebooks go the book's resources, of its pictures those that they show.
    """
    config = build.config
    chapters = {chapter.path: chapter for chapter in build.book.chapters}
    resources = files.resource_files(config)
    others = [file for file in resources if not is_picture(file)]
    package = _package_files(config)
    for tab in build.tabs:
        paths = [path for other, path in build.notebooks if other == tab]
        shown = {
            picture for path in paths for picture in pictures(chapters[path], build.refs.tokens)
        }
        inside = {f"{path}.ipynb": texts[downloads.notebook_file(tab, path)] for path in paths}
        added = [*others, *(config.source_dir / picture for picture in sorted(shown))]
        lock_file = config.record_dir / tab / LOCK
        known = files.is_own(config, lock_file)
        lock = disk.read_text(lock_file, files.shown(lock_file, config)) if known else ""
        stamp = make_stamp(config, f"archive-{tab}", inside, lock, config, *added, *package)
        target = site_folder(config) / downloads.archive_file(config, tab)
        if stamp.made() is None:
            contents = {path: str(text).encode() for path, text in inside.items()}
            contents |= _contents(added, config.source_dir)
            library = _contents(package, config.library.parent) if config.library else {}
            disk.write_file(target, downloads.make_archive(config, tab, contents, library, lock))
            stamp.write([target])


def _package_files(config: Config) -> list[Path]:
    """The files of the package that the notebooks import, if the book has one."""
    if config.library is None:
        return []
    return [
        file
        for file in sorted(config.library.rglob("*"))
        if files.is_own(config, file)
        and not MADE.search(f"/{file.relative_to(config.library).as_posix()}")
    ]


def _contents(found: Iterable[Path], base: Path) -> dict[str, bytes]:
    return {file.relative_to(base).as_posix(): file.read_bytes() for file in found}
