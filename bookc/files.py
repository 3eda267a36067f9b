"""The files of a book: which there are, how they are read and written (whole or not at all)."""

from __future__ import annotations

import filecmp
import os
import shutil
import threading
from collections.abc import Collection, Iterable
from pathlib import Path, PurePosixPath

from bookc.config import Config
from bookc.problems import BookError, Problem

PICTURES = (".svg", ".png", ".jpg", ".jpeg", ".gif", ".webp")


def source_files(config: Config) -> dict[str, Path]:
    """Markdown files by section path; the output folder and hidden folders are no sources.

    Raises:
        BookError: links that lead out of the book's folder, names that are not UTF-8.
    """
    excluded = {file for pattern in config.exclusions for file in config.source_dir.glob(pattern)}
    files = {}
    for pattern in (*config.notebooks, *config.non_notebooks):
        for file in sorted(config.source_dir.glob(pattern)):
            inside = file.relative_to(config.source_dir)
            hidden = any(part.startswith((".", "_build")) for part in inside.parts)
            written = config.output_dir in file.parents
            if file not in excluded and not hidden and not written and file.is_file():
                files[inside.with_suffix("").as_posix()] = file
    _refuse_outside(files.values(), config)
    problems = [
        Problem(shown(file, config), 0, "the file's name is not UTF-8: rename it")
        for path, file in files.items()
        if path != path.encode("utf-8", "replace").decode()
    ]
    if problems:
        raise BookError(problems)
    return files


def resource_files(config: Config) -> list[Path]:
    """The files that config.ini names as resources, which pages and notebooks may show.

    Raises:
        BookError: links that lead out of the book's folder.
    """
    found: list[Path] = []
    for pattern in config.resources:
        for path in sorted(config.source_dir.glob(pattern.rstrip("/"))):
            inside = path.rglob("*") if path.is_dir() else [path]
            found += [file for file in inside if file.is_file()]
    _refuse_outside(found, config)
    return found


def is_notebook(config: Config, path: str) -> bool:
    """Whether a section has notebooks, and is not just a page."""
    file = config.source_dir / f"{path}.md"
    return not any(file in config.source_dir.glob(pattern) for pattern in config.non_notebooks)


def is_in_book(config: Config, path: str) -> bool:
    """Whether a path relative to the source folder is a file of the book."""
    file = config.source_dir / path
    return ".." not in PurePosixPath(path).parts and file.is_file() and _is_inside(file, config)


def _refuse_outside(found: Iterable[Path], config: Config) -> None:
    message = "a link that leads out of the book: put the file itself here"
    root = config.root.resolve()
    problems = [
        Problem(shown(file, config), 0, message)
        for file in found
        if not file.resolve().is_relative_to(root)
    ]
    if problems:
        raise BookError(problems)


def _is_inside(file: Path, config: Config) -> bool:
    """Whether a file lies in the book's folder, links followed."""
    return file.resolve().is_relative_to(config.root.resolve())


def read_text(file: Path, name: str) -> str:
    try:
        return file.read_bytes().decode()
    except UnicodeDecodeError as error:
        line = file.read_bytes()[: error.start].count(b"\n") + 1
        raise BookError([Problem(name, line, "not UTF-8: save the file as UTF-8")]) from None
    except OSError as error:
        raise BookError([Problem(name, 0, f"cannot be read: {error}")]) from None


def shown(file: Path, config: Config) -> str:
    """A file's name in messages: relative to the book's folder."""
    return Path(os.path.relpath(file, config.root)).as_posix()


def write_file(path: Path, content: str | bytes) -> bool:
    """Write a file whole or not at all; a file that would not change keeps its time.

    Returns:
        Whether it changed.
    """
    data = content.encode() if isinstance(content, str) else content
    mode = None
    if path.exists():
        if path.read_bytes() == data:
            return False
        mode = path.stat().st_mode
    else:
        _make_folder(path.parent)
    beside = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}")
    try:
        beside.write_bytes(data)
        if mode is not None:
            beside.chmod(mode)
        beside.replace(path)
    except BaseException as error:
        beside.unlink(missing_ok=True)
        if isinstance(error, OSError):
            error.filename = str(path)  # a full disk does not say which file it could not take
        raise
    return True


def write_source(path: Path, text: str) -> bool:
    """As `write_file`, for an author's own file: if it is a link, it stays one."""
    return write_file(path.resolve(), text)


def copy_resources(config: Config, folders: Collection[Path]) -> list[Path]:
    """Copy the book's `resources` to the same places below each of the folders.

    Pictures are looked at and seldom written: all the folders share one copy, by hard links.

    Returns:
        The copies.
    """
    copies = []
    for file in resource_files(config):
        targets = [folder / file.relative_to(config.source_dir) for folder in folders]
        for target in targets:
            shared = is_picture(file) and target is not targets[0]
            if not shared or not _link(targets[0], target):
                copy_file(file, target)
        copies += targets
    return copies


def is_picture(file: Path) -> bool:
    return file.suffix.lower() in PICTURES


def _link(file: Path, target: Path) -> bool:
    """Give a file one more place, if there is none yet and the file system can."""
    _make_folder(target.parent)
    try:
        target.hardlink_to(file)
    except OSError:
        return False
    return True


def copy_file(file: Path, target: Path) -> None:
    """Copy a file if its content is not there yet."""
    if target.exists():
        if filecmp.cmp(file, target):
            return
    else:
        _make_folder(target.parent)
    shutil.copyfile(file, target)
    about = file.stat()
    os.utime(target, ns=(about.st_atime_ns, about.st_mtime_ns))  # equal ones are not read again


def _make_folder(folder: Path) -> None:
    if not folder.is_dir():  # to ask is cheaper than to try
        folder.mkdir(parents=True, exist_ok=True)


def state(file: Path) -> tuple[int, int]:
    """Size and time of change: if both are as they were, so is the content."""
    about = file.stat()
    return about.st_size, about.st_mtime_ns


def site_folder(config: Config) -> Path:
    return config.output_dir / "html"
