"""Build -> the site on disk: pages, pictures, downloads, search index. Other files are removed."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from bookc import files
from bookc.book import Build
from bookc.config import Config
from bookc.files import site_folder
from bookc.notebook.compile import with_code
from bookc.notebook.file import notebook_text
from bookc.read.references import pictures
from bookc.run.requirements import LOCK
from bookc.site import downloads, search_index
from bookc.site.dates import last_changes
from bookc.site.pictures import picture_size
from bookc.site.render import MISSING, render_book
from bookc.site.search_index import write_index
from bookc.up_to_date import make_stamp

MADE = re.compile(r"/(__pycache__|build|[^/]*\.egg-info)/")  # folders that Python and pip leave


def write_site(build: Build, index: bool = True) -> int:
    """Write the site to `output_dir`/html and remove the files that it no longer has.

    Args:
        build: readers can download its notebooks that have code.
        index: whether the search index is written, too.

    Returns:
        The number of pages.
    """
    build = with_code(build)
    config, folder = build.config, site_folder(build.config)
    pages = render_book(build, size_reader(config), last_changes(build.book))
    for name in {config.icon, config.logo} - {""}:
        pages[name] = (config.source_dir / name).read_bytes()
    for (tab, path), notebook in build.notebooks.items():
        pages[downloads.notebook_file(tab, path)] = notebook_text(notebook)
    for name, content in pages.items():
        files.write_file(folder / name, content)
    present = set(pages)
    for file in files.resource_files(config):
        name = file.relative_to(config.source_dir).as_posix()
        files.copy_file(file, folder / name)
        present.add(name)
    present |= _write_archives(build, pages)
    for file in folder.rglob("*"):
        name = file.relative_to(folder).as_posix()
        if (
            file.is_file()
            and name not in present
            and not name.startswith(f"{search_index.FOLDER}/")
        ):
            file.unlink()
    if index:
        write_index(config)
    return sum(name.endswith(".html") and name != f"{MISSING}.html" for name in pages)


def size_reader(config: Config) -> Callable[[str], tuple[int, int] | None]:
    """A function that knows the size of each picture of the book, and reads each once."""

    @functools.cache
    def size_of(path: str) -> tuple[int, int] | None:
        if not files.is_in_book(config, path):
            return None
        return picture_size(path, (config.source_dir / path).read_bytes())

    return size_of


def _write_archives(build: Build, texts: Mapping[str, str | bytes]) -> set[str]:
    """Write for each tab the archive of its notebooks, if what is in it changed.

    With the notebooks go the book's resources, of its pictures those that they show.
    """
    config = build.config
    chapters = {chapter.path: chapter for chapter in build.book.chapters}
    resources = files.resource_files(config)
    others = [file for file in resources if not files.is_picture(file)]
    package = _package_files(config)
    written = set()
    for tab in build.tabs:
        paths = [path for other, path in build.notebooks if other == tab]
        shown = {
            picture for path in paths for picture in pictures(chapters[path], build.refs.tokens)
        }
        inside = {f"{path}.ipynb": texts[downloads.notebook_file(tab, path)] for path in paths}
        added = [*others, *(config.source_dir / picture for picture in sorted(shown))]
        lock_file = config.record_dir / tab / LOCK
        lock = files.read_text(lock_file, lock_file.name) if lock_file.exists() else ""
        stamp = make_stamp(config, f"archive-{tab}", inside, lock, config, *added, *package)
        target = site_folder(config) / downloads.archive_file(config, tab)
        if stamp.made() is None:
            contents = {path: str(text).encode() for path, text in inside.items()}
            contents |= _contents(added, config.source_dir)
            library = _contents(package, config.library.parent) if config.library else {}
            files.write_file(target, downloads.make_archive(config, tab, contents, library, lock))
            stamp.write([target])
        written.add(downloads.archive_file(config, tab))
    return written


def _package_files(config: Config) -> list[Path]:
    """The files of the package that the notebooks import, if the book has one."""
    if config.library is None:
        return []
    return [
        file
        for file in sorted(config.library.rglob("*"))
        if file.is_file() and not MADE.search(f"/{file.relative_to(config.library).as_posix()}")
    ]


def _contents(found: Iterable[Path], base: Path) -> dict[str, bytes]:
    return {file.relative_to(base).as_posix(): file.read_bytes() for file in found}
