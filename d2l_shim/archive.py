"""Archives: zip and tar files unpacked without trusting them."""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import shutil
import stat
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from d2l_shim.download import download

_MAX_BYTES = 8 << 30
# Pictures hardly get smaller, text to a tenth. What unpacks to far more was made to fill disks.
_MAX_RATIO = 100
_SMALL = 64 << 20  # bytes that may come of an archive of any size
_LONGEST_NAME = 255  # bytes of a part of a path, in nearly all file systems


class ExtractError(ValueError):
    """An archive holds something that is not safe to write, or is damaged."""


class _NoArchive(ValueError):
    """A file of another kind."""


@dataclass(frozen=True)
class _Member:
    """A member of an archive.

    Attributes:
        name: its path with forward slashes.
        size: bytes, as the archive declares them.
        kind: "file", "folder" or "other".
        open: opens a file to read it.
    """

    name: str
    size: int
    kind: str
    open: Callable[[], IO[bytes] | None]


def _members(archive: zipfile.ZipFile | tarfile.TarFile) -> Iterator[_Member]:
    if isinstance(archive, zipfile.ZipFile):
        for zip_info in archive.infolist():
            mode = stat.S_IFMT(zip_info.external_attr >> 16)
            plain = mode in (0, stat.S_IFREG)
            kind = "folder" if zip_info.is_dir() else "file" if plain else "other"
            name = zip_info.filename.replace("\\", "/")
            opener = functools.partial(archive.open, zip_info)
            yield _Member(name, zip_info.file_size, kind, opener)
    else:
        for info in archive.getmembers():
            kind = "folder" if info.isdir() else "file" if info.isfile() else "other"
            name = info.name.replace("\\", "/")
            yield _Member(name, info.size, kind, functools.partial(archive.extractfile, info))


def extract(filename: str | os.PathLike[str], folder: str | os.PathLike[str] | None = None) -> str:
    """Unpack a zip or tar archive, and return the folder it was unpacked into.

    All names are checked before the first byte is written, and files move to their places
    when all of them are complete. Files that are in the folder already stay, unless one of
    the archive has the same name.

    Args:
        filename: the archive.
        folder: where its members go; by default the archive's folder.

    Raises:
        ExtractError: a member has an absolute path or one with `..`, is a link or a
            device, stands where the folder has something of another kind, or differs from
            another only in the case of letters; a name is longer than a disk takes; the
            members are larger than they say, than 8 GiB, than 100 times the archive (from
            64 MiB on), or than the disk has room; the archive is damaged or encrypted.
        ValueError: the file is neither zip nor tar.
        OSError: the disk cannot be read or written.
    """
    path = Path(filename)
    target = Path(folder) if folder is not None else path.parent
    with contextlib.ExitStack() as stack:
        with _damage_told(path):
            archive = _opened(path, stack)
            members = list(_members(archive))
        _check(path, members, target)
        _check_room(path, members, target)
        target.mkdir(parents=True, exist_ok=True)
        prefix = f".{path.name[:100]}."
        room = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=prefix, dir=target)))
        for member in members:
            with _damage_told(path):
                _unpack(path, member, room)
        for source in sorted(room.rglob("*")):
            place = target / source.relative_to(room)
            if source.is_dir():
                place.mkdir(exist_ok=True)
            else:
                source.replace(place)
    return str(target)


def _opened(path: Path, stack: contextlib.ExitStack) -> zipfile.ZipFile | tarfile.TarFile:
    with path.open("rb"):  # whether it is there and may be read
        pass
    if zipfile.is_zipfile(path):
        return stack.enter_context(zipfile.ZipFile(path))
    if tarfile.is_tarfile(path):
        return stack.enter_context(tarfile.open(path))
    raise _NoArchive(f"{path} is neither a zip nor a tar archive")


@contextlib.contextmanager
def _damage_told(path: Path) -> Iterator[None]:
    """Whatever the two libraries raise for a broken archive, as one error.

    They raise BadZipFile, TarError, EOFError, IndexError, NotImplementedError, UnicodeDecodeError
    and others; what the disk does not allow is no fault of the archive.
    """
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise ExtractError(f"{path}: there is no room left to unpack it") from error
        if error.errno not in (None, errno.EINVAL, errno.EOVERFLOW):  # a seek before the start
            raise
        raise ExtractError(f"{path} is damaged: {error}") from error
    except (ExtractError, _NoArchive, MemoryError):
        raise
    except Exception as error:
        reason = str(error) or type(error).__name__
        raise ExtractError(f"{path} is damaged or encrypted: {reason}") from error


def _check_room(path: Path, members: list[_Member], target: Path) -> None:
    """Refuse what would fill the disk.

    Raises:
        ExtractError: the members are far larger than the archive, or than the free space.
    """
    size = sum(member.size for member in members)
    if size > _SMALL and size > _MAX_RATIO * path.stat().st_size:
        raise ExtractError(
            f"{path}: {size:,} bytes would come of {path.stat().st_size:,}: no data is so regular"
        )
    place = next(folder for folder in (target, *target.absolute().parents) if folder.exists())
    free = shutil.disk_usage(place).free
    if size > free:
        raise ExtractError(
            f"{path}: {size:,} bytes would come of it, and {place} has {free:,} left"
        )


def _check(path: Path, members: list[_Member], target: Path) -> None:
    """Refuse members that lead out of the folder, are no files, or are too large.

    Raises:
        ExtractError: there is such a member, or what it would replace is of another kind.
    """
    kinds: dict[PurePosixPath, str] = {}
    for member in members:
        pure = PurePosixPath(member.name)
        if pure.is_absolute() or ".." in pure.parts or ":" in member.name:
            raise ExtractError(f"{path}: {member.name!r} leads out of the folder")
        if member.kind == "other":
            raise ExtractError(f"{path}: {member.name!r} is a link or a device")
        if any(len(part.encode(errors="replace")) > _LONGEST_NAME for part in pure.parts):
            raise ExtractError(f"{path}: {member.name[:60]!r}... is longer than a disk takes")
        kinds[pure] = member.kind
    for pure in list(kinds):
        kinds.update(dict.fromkeys(pure.parents, "folder"))
    alike: dict[str, PurePosixPath] = {}
    for pure in kinds:
        other = alike.setdefault(str(pure).casefold(), pure)
        if other != pure:
            message = f"{str(other)!r} and {str(pure)!r} are one file on a disk that ignores case"
            raise ExtractError(f"{path}: {message}")
    for member in members:
        if kinds[PurePosixPath(member.name)] != member.kind:
            raise ExtractError(f"{path}: {member.name!r} is a file and a folder")
    for pure, kind in kinds.items():
        place = target / pure
        if place.exists() and place.is_dir() != (kind == "folder"):
            raise ExtractError(f"{path}: {place} is in the way of the archive's {kind}")
    if sum(member.size for member in members) > _MAX_BYTES:
        raise ExtractError(f"{path}: unpacked it is larger than {_MAX_BYTES:,} bytes")


def _unpack(path: Path, member: _Member, room: Path) -> None:
    """Write one member below the folder `room`.

    Raises:
        ExtractError: it is larger than it says.
    """
    place = room / member.name
    if member.kind == "folder":
        place.mkdir(parents=True, exist_ok=True)
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    source = member.open()
    assert source is not None  # only files are opened
    with source, place.open("wb") as file:
        left = member.size
        while block := source.read(min(1 << 20, left + 1)):
            left -= len(block)
            if left < 0:
                raise ExtractError(f"{path}: {member.name!r} is larger than it says")
            file.write(block)


def download_extract(name: str, folder: str | None = None) -> str:
    """Fetch an archive, unpack it beside itself, and return the folder of its files.

    Args:
        name: a key of `DATA_HUB`, or an http(s) address.
        folder: the folder within the archive, where it is not named as the archive.

    Raises:
        DownloadError, ExtractError, ValueError: as `download` and `extract`.
    """
    path = Path(download(name))
    stem = path.name
    for ending in (".zip", ".gz", ".tgz", ".xz", ".bz2", ".tar"):
        stem = stem.removesuffix(ending)
    extract(path)
    return str(path.parent / (folder or stem))
