"""Data sets: download, safe extraction, the embedded image set, and minibatches."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import http.client
import io
import os
import shutil
import stat
import sys
import tarfile
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

Batch = TypeVar("Batch")

DATA_URL = "http://d2l-data.s3-accelerate.amazonaws.com/"
"""Where the data sets of "Dive into Deep Learning" are."""

DATA_HUB: dict[str, tuple[str, str]] = {
    "pokemon": (DATA_URL + "pokemon.zip", "c065c0e2593b8b161a2d7873e42418bf6a21106c"),
}
"""Data sets by name: the address and the SHA-1 of the file."""


class DownloadError(OSError):
    """A file could not be fetched, or is not the file that was asked for."""


class ExtractError(ValueError):
    """An archive holds something that is not safe to write."""


# --- Minibatches -------------------------------------------------------------------

_seeds = np.random.SeedSequence(0)


def seed_loaders(seed: int) -> None:
    """Let the loaders made from now on shuffle by `seed`; each gets its own stream."""
    global _seeds
    _seeds = np.random.SeedSequence(seed)


class Loader(Generic[Batch]):
    """Minibatches of a data set, as often as one iterates over it.

    The order comes from NumPy, whatever the framework: the same seed gives the same
    batches in all of them.

    Attributes:
        num_examples: examples in the data set.
        batch_size: examples in a batch; the last of an epoch may have fewer.
    """

    def __init__(
        self,
        num_examples: int,
        batch_size: int,
        take: Callable[[NDArray[np.int64]], Batch],
        shuffle: bool = True,
        drop_last: bool = False,
        seed: int | None = None,
    ) -> None:
        """
        Args:
            num_examples: examples in the data set.
            batch_size: examples in a batch.
            take: makes a batch of the examples with these indices, shape (batch,).
            shuffle: whether each epoch has a new order.
            drop_last: whether a last batch with fewer examples is left out.
            seed: of the order; by default each loader has its own, from `set_seed`.

        Raises:
            ValueError: there is not one batch, or the batch size is below 1.
        """
        if batch_size < 1:
            raise ValueError(f"batch_size is {batch_size}; it must be at least 1")
        if num_examples < 1 or (drop_last and num_examples < batch_size):
            raise ValueError(f"{num_examples} examples do not fill a batch of {batch_size}")
        self.num_examples = num_examples
        self.batch_size = batch_size
        self._take = take
        self._shuffle = shuffle
        self._drop_last = drop_last
        self._rng = np.random.default_rng(_seeds.spawn(1)[0] if seed is None else seed)

    def __len__(self) -> int:
        """Batches in an epoch."""
        whole, rest = divmod(self.num_examples, self.batch_size)
        return whole if self._drop_last or not rest else whole + 1

    def __iter__(self) -> Iterator[Batch]:
        order = (
            self._rng.permutation(self.num_examples)
            if self._shuffle
            else np.arange(self.num_examples)
        )
        for i in range(len(self)):
            yield self._take(order[i * self.batch_size : (i + 1) * self.batch_size])


def common_length(arrays: tuple[Any, ...]) -> int:
    """How many examples `arrays` have along their first axis.

    Raises:
        ValueError: there is no array, or they differ.
    """
    lengths = {int(array.shape[0]) for array in arrays}
    if len(lengths) != 1:
        raise ValueError(f"arrays of one common length are needed, got {sorted(lengths)}")
    return lengths.pop()


def as_data(array: Any) -> NDArray[Any]:
    """A list or NumPy array as an array; double precision becomes single."""
    data: NDArray[Any] = np.asarray(array)
    return data.astype(np.float32) if data.dtype == np.float64 else data


def get_dataloader_workers() -> int:
    """Worker processes for a framework's own data loader: up to 4, none on Windows."""
    return 0 if sys.platform == "win32" else min(4, os.cpu_count() or 1)


# --- Images ------------------------------------------------------------------------

_BYTE_TO_FLOAT = (np.arange(256, dtype=np.float32) / np.float32(127.5)) - np.float32(1)


def to_float(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Bytes 0..255 as float32 in [-1, 1]; the shape stays."""
    floats: NDArray[np.float32] = _BYTE_TO_FLOAT[images]
    return floats


def _halve(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Average each 2x2 square of pixels: (n, 2h, 2w, c) -> (n, h, w, c)."""
    n, height, width, channels = images.shape
    squares = images.reshape(n, height // 2, 2, width // 2, 2, channels)
    sums: NDArray[np.uint16] = squares.sum(axis=(2, 4), dtype=np.uint16)
    return ((sums + 2) // 4).astype(np.uint8)


@functools.lru_cache(maxsize=2)
def emoji_images(size: int = 64) -> NDArray[np.uint8]:
    """The embedded image set: base emoji of OpenMoji, RGB on white.

    Drawings by the OpenMoji project, CC BY-SA 4.0; see `emoji/LICENSE.txt`.

    Args:
        size: pixels along a side, 64 or 32; 32 averages squares of 2x2 pixels.

    Returns:
        Read-only bytes of shape (n, size, size, 3), in the order of `emoji_names`.

    Raises:
        ValueError: for another size.
    """
    from PIL import Image

    if size not in (32, 64):
        raise ValueError(f"size is {size}; the emoji come in 64 and 32 pixels")
    if size == 32:
        images = _halve(emoji_images(64))
    else:
        n = len(emoji_names())
        with Image.open(Path(__file__).parent / "emoji" / "emoji.webp") as sheet:
            pixels = np.asarray(sheet.convert("RGB"))
        rows, columns = pixels.shape[0] // 64, pixels.shape[1] // 64
        tiles = pixels.reshape(rows, 64, columns, 64, 3).swapaxes(1, 2)
        images = tiles.reshape(rows * columns, 64, 64, 3)[:n].copy()
    images.flags.writeable = False
    return images


def emoji_names() -> list[str]:
    """The code points of each embedded emoji, as in Unicode's tables: `1F600`."""
    text = (Path(__file__).parent / "emoji" / "names.txt").read_text(encoding="ascii")
    return text.split()


def pokemon_images(size: int = 64) -> NDArray[np.uint8]:
    """The Pokemon sprites of "Dive into Deep Learning", on white; needs the network once.

    Args:
        size: pixels along a side.

    Returns:
        Bytes of shape (n, size, size, 3).

    Raises:
        DownloadError: the archive is neither on this machine nor to be had.
    """
    from PIL import Image

    images = []
    with zipfile.ZipFile(download("pokemon")) as archive:
        for name in sorted(archive.namelist()):
            if not name.lower().endswith((".png", ".jpg", ".jpeg")):
                continue
            with Image.open(io.BytesIO(archive.read(name))) as sprite:
                drawing = sprite.convert("RGBA")
            canvas = Image.new("RGBA", drawing.size, "white")
            canvas.alpha_composite(drawing)
            small = canvas.convert("RGB").resize((size, size), Image.Resampling.BILINEAR)
            images.append(np.asarray(small))
    return np.stack(images)


# --- Download ----------------------------------------------------------------------


def data_root() -> Path:
    """The folder of downloaded files: D2L_DATA_ROOT, or a folder in the user's cache."""
    root = os.environ.get("D2L_DATA_ROOT")
    return Path(root).expanduser() if root else Path.home() / ".cache" / "d2l_shim"


def _sha1(path: Path) -> str:
    digest = hashlib.sha1()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _fetch(url: str, file: IO[bytes], timeout: float) -> None:
    """Write what is at `url` to `file`, all of it or an error."""
    with urllib.request.urlopen(url, timeout=timeout) as response:
        length = response.headers.get("Content-Length")
        while block := response.read(1 << 16):
            file.write(block)
    if length is not None and file.tell() != int(length):
        raise http.client.IncompleteRead(b"", int(length) - file.tell())


def download(
    name: str,
    folder: str | os.PathLike[str] | None = None,
    sha1_hash: str | None = None,
    *,
    timeout: float = 30,
    retries: int = 3,
) -> str:
    """Fetch a file unless it is there already, and return its path.

    The file appears under its name only when it is complete and has the right SHA-1.

    Args:
        name: a key of `DATA_HUB`, or an http(s) address.
        folder: where the file goes; by default D2L_DATA_ROOT or the user's cache.
        sha1_hash: what the file must hash to; for a key, `DATA_HUB` says so.
        timeout: seconds of silence after which a connection counts as lost.
        retries: tries before giving up.

    Raises:
        ValueError: `name` is neither a known data set nor an http(s) address.
        DownloadError: the file cannot be fetched, or is not the right one.
    """
    url = name
    if name in DATA_HUB:
        url, sha1_hash = DATA_HUB[name]
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("http", "https"):
        raise ValueError(f"unknown data set {name!r} (known: {', '.join(sorted(DATA_HUB))})")
    base = PurePosixPath(urllib.parse.unquote(parts.path)).name
    if not base or base == ".." or "\\" in base:
        raise ValueError(f"{url} does not end in the name of a file")
    target = Path(data_root() if folder is None else folder) / base
    if target.is_file() and sha1_hash in (None, _sha1(target)):
        return str(target)

    target.parent.mkdir(parents=True, exist_ok=True)
    handle, part_name = tempfile.mkstemp(prefix=f".{base}.", suffix=".part", dir=target.parent)
    part = Path(part_name)
    try:
        with os.fdopen(handle, "wb") as file:
            for attempt in range(retries):
                try:
                    file.seek(0)
                    file.truncate()
                    _fetch(url, file, timeout)
                    break
                except (OSError, http.client.HTTPException) as error:
                    refused = False
                    if isinstance(error, urllib.error.HTTPError):
                        error.close()
                        refused = error.code < 500
                    if refused or attempt == retries - 1:
                        raise DownloadError(_cannot_fetch(url, error, target, sha1_hash)) from error
                    time.sleep(0.5 * 2**attempt)
        if sha1_hash is not None and (found := _sha1(part)) != sha1_hash:
            raise DownloadError(
                f"{url} has SHA-1 {found}, expected {sha1_hash}; the file was not kept"
            )
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return str(target)


def _cannot_fetch(url: str, error: Exception, target: Path, sha1_hash: str | None) -> str:
    check = f" (SHA-1 {sha1_hash})" if sha1_hash else ""
    reason = getattr(error, "reason", None) or str(error) or type(error).__name__
    return (
        f"cannot fetch {url}: {reason}. Without a network, get the file elsewhere{check} "
        f"and put it at {target}"
    )


# --- Extraction --------------------------------------------------------------------

_MAX_BYTES = 8 << 30


def _members(
    archive: zipfile.ZipFile | tarfile.TarFile,
) -> Iterator[tuple[str, int, str, Callable[[], IO[bytes] | None]]]:
    """Name, size, kind (file, folder or other) and opener of each member."""
    if isinstance(archive, zipfile.ZipFile):
        for zip_info in archive.infolist():
            mode = stat.S_IFMT(zip_info.external_attr >> 16)
            kind = (
                "folder" if zip_info.is_dir() else "file" if mode in (0, stat.S_IFREG) else "other"
            )
            yield (
                zip_info.filename,
                zip_info.file_size,
                kind,
                functools.partial(archive.open, zip_info),
            )
    else:
        for info in archive.getmembers():
            kind = "folder" if info.isdir() else "file" if info.isfile() else "other"
            yield info.name, info.size, kind, functools.partial(archive.extractfile, info)


def extract(filename: str | os.PathLike[str], folder: str | os.PathLike[str] | None = None) -> str:
    """Unpack a zip or tar archive, and return the folder it was unpacked into.

    All names are checked before the first byte is written; what is unpacked moves to
    its place when it is complete.

    Args:
        filename: the archive.
        folder: where its members go; by default the archive's folder.

    Raises:
        ExtractError: a member has an absolute path or one with `..`, is a link or a
            device, or the members are larger than they say or than 8 GiB.
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
        members = list(_members(archive))
        for name, _, kind, _ in members:
            pure = PurePosixPath(name.replace("\\", "/"))
            if pure.is_absolute() or ".." in pure.parts or ":" in name:
                raise ExtractError(f"{path}: {name!r} leads out of the folder")
            if kind == "other":
                raise ExtractError(f"{path}: {name!r} is a link or a device")
        if sum(size for _, size, _, _ in members) > _MAX_BYTES:
            raise ExtractError(f"{path}: unpacked it is larger than {_MAX_BYTES} bytes")

        target.mkdir(parents=True, exist_ok=True)
        room = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=target))
        )
        for name, size, kind, opener in members:
            place = room / name.replace("\\", "/")
            if kind == "folder":
                place.mkdir(parents=True, exist_ok=True)
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            source = opener()
            if source is None:
                raise ExtractError(f"{path}: {name!r} cannot be read")
            with source, place.open("wb") as file:
                left = size
                while block := source.read(min(1 << 20, left + 1)):
                    left -= len(block)
                    if left < 0:
                        raise ExtractError(f"{path}: {name!r} is larger than it says")
                    file.write(block)
        for entry in sorted(room.iterdir()):
            old = target / entry.name
            if old.is_dir() and not old.is_symlink():
                shutil.rmtree(old)
            entry.replace(old)
    return str(target)


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
