"""How files are read and written: text as UTF-8, and each file whole or not at all."""

from __future__ import annotations

import contextlib
import filecmp
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

from bookc.problems import BookError, Problem


def read_text(file: Path, name: str) -> str:
    """A file's text.

    Args:
        name: what messages call it.

    Raises:
        BookError: it cannot be read: it is no file (to read a pipe would wait), or not UTF-8.
    """
    if file.exists() and not file.is_file():
        raise BookError([Problem(name, 0, "cannot be read: it is not a file")])
    try:
        return file.read_bytes().decode()
    except UnicodeDecodeError as error:
        line = file.read_bytes()[: error.start].count(b"\n") + 1
        raise BookError([Problem(name, line, "not UTF-8: save the file as UTF-8")]) from None
    except OSError as error:
        raise BookError([Problem(name, 0, f"cannot be read: {error}")]) from None


def write_file(path: Path, content: str | bytes) -> bool:
    """Write a file whole or not at all; a file that would not change keeps its time.

    A link at its place is replaced, and what it leads to is left alone.

    Returns:
        Whether it changed.
    """
    data = content.encode() if isinstance(content, str) else content
    mode = None
    if path.is_file() and not path.is_symlink():
        if path.read_bytes() == data:
            return False
        mode = path.stat().st_mode
    else:
        _make_folder(path.parent)
    with _beside(path) as beside:
        beside.write_bytes(data)
        if mode is not None:
            beside.chmod(mode)
    return True


@contextlib.contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """A name in the same folder; what is written there takes the place of `path` at the end."""
    beside = path.with_name(f".{path.name[:200]}.{os.getpid()}-{threading.get_ident()}")
    try:
        yield beside
        beside.replace(path)
    except BaseException as error:
        with contextlib.suppress(OSError):  # a name that is too long cannot even be looked for
            beside.unlink(missing_ok=True)
        if isinstance(error, OSError):
            error.filename = str(path)  # a full disk does not say which file it could not take
        raise


def write_source(path: Path, text: str) -> bool:
    """As `write_file`, for an author's own file: if it is a link, it stays one."""
    return write_file(path.resolve(), text)


def link_file(file: Path, target: Path) -> bool:
    """Give a file one more place, if there is none yet and the file system can."""
    _make_folder(target.parent)
    try:
        target.hardlink_to(file)
    except OSError:
        return False
    return True


def copy_file(file: Path, target: Path) -> None:
    """Copy a file, whole or not at all, if its content is not there yet."""
    if target.is_file() and not target.is_symlink():
        if filecmp.cmp(file, target):
            return
    else:
        _make_folder(target.parent)
    with _beside(target) as beside:
        shutil.copyfile(file, beside)
        about = file.stat()
        os.utime(beside, ns=(about.st_atime_ns, about.st_mtime_ns))  # equal ones: not read again


def _make_folder(folder: Path) -> None:
    if not folder.is_dir():  # to ask is cheaper than to try
        folder.mkdir(parents=True, exist_ok=True)


def state(file: Path) -> tuple[int, int]:
    """Size and time of change: if both are as they were, so is the content."""
    about = file.stat()
    return about.st_size, about.st_mtime_ns
