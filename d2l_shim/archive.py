"""Archives: zip and tar files unpacked without trusting them."""

from __future__ import annotations

import contextlib
import functools
import lzma
import os
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from d2l_shim.download import download

_MAX_BYTES = 8 << 30
# What the two libraries raise when an archive is not what it should be.
_DAMAGE = (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, RuntimeError)


class ExtractError(ValueError):
    """An archive holds something that is not safe to write, or is damaged."""


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
            device, stands where the folder has something of another kind; the members
            are larger than they say or than 8 GiB; the archive is damaged or encrypted.
        ValueError: the file is neither zip nor tar.
    """
    path = Path(filename)
    target = Path(folder) if folder is not None else path.parent
    with contextlib.ExitStack() as stack:
        archive: zipfile.ZipFile | tarfile.TarFile
        if zipfile.is_zipfile(path):
            archive = stack.enter_context(zipfile.ZipFile(path))
        elif tarfile.is_tarfile(path):
            archive = stack.enter_context(tarfile.open(path))
        else:
            raise ValueError(f"{path} is neither a zip nor a tar archive")
        room = target
        try:
            members = list(_members(archive))
            _check(path, members, target)
            target.mkdir(parents=True, exist_ok=True)
            room = Path(
                stack.enter_context(
                    tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=target)
                )
            )
            for member in members:
                _unpack(path, member, room)
        except _DAMAGE as error:
            raise ExtractError(f"{path} is damaged or encrypted: {error}") from error
        for source in sorted(room.rglob("*")):
            place = target / source.relative_to(room)
            if source.is_dir():
                place.mkdir(exist_ok=True)
            else:
                source.replace(place)
    return str(target)


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
        kinds[pure] = member.kind
    for pure in list(kinds):
        kinds.update(dict.fromkeys(pure.parents, "folder"))
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
