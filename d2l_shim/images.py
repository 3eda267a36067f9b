"""Sets of images in memory, as bytes of shape (n, height, width, channels)."""

from __future__ import annotations

import concurrent.futures
import functools
import gzip
import io
import math
import os
import struct
import zipfile
import zlib
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from d2l_shim.download import DATA_HUB, download

FASHION_MNIST_CLASSES = (
    "t-shirt",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)
"""What the labels 0 to 9 of Fashion-MNIST stand for."""

_DEBIAN = Path("/usr/share/datasets/fashion-mnist")  # of the package dataset-fashion-mnist
_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp")


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
    with zipfile.ZipFile(download("pokemon")) as archive:
        names = sorted(n for n in archive.namelist() if n.lower().endswith(_SUFFIXES))
        return np.stack([_square(io.BytesIO(archive.read(name)), size) for name in names])


def folder_images(
    folder: str | os.PathLike[str], size: int = 64
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The images in a folder and the folders in it, in the order of their paths.

    Args:
        folder: holds PNG, JPEG, WebP, GIF or BMP files; what is transparent becomes white.
        size: pixels along a side. The middle square of an image is scaled to it.

    Returns:
        Bytes of shape (n, size, size, 3), and labels of shape (n,): the subfolders of
        `folder` that hold images, sorted, are the classes 0, 1, ...; images beside them
        are a class of their own, the first.

    Raises:
        ValueError: there is no image, or files are no images: all of them are named.
    """
    root = Path(folder)
    paths = sorted(p for p in root.rglob("*") if p.suffix.lower() in _SUFFIXES and p.is_file())
    if not paths:
        raise ValueError(f"{root} holds no image ({', '.join(_SUFFIXES)})")

    def read(path: Path) -> NDArray[np.uint8] | str:
        try:
            return _square(path, size)
        except Exception as error:  # each of Pillow's readers raises errors of its own
            return f"{path}: {error}"

    # Pillow decodes outside Python's lock, so threads use every core.
    with concurrent.futures.ThreadPoolExecutor() as pool:
        results = list(pool.map(read, paths))
    problems = [result for result in results if isinstance(result, str)]
    if problems:
        raise ValueError("not readable as images:\n" + "\n".join(problems))
    names = [path.relative_to(root).parts[0] if path.parent != root else "" for path in paths]
    labels = np.unique(names, return_inverse=True)[1].astype(np.int64)
    return np.stack([image for image in results if not isinstance(image, str)]), labels


def _square(file: Path | IO[bytes], size: int) -> NDArray[np.uint8]:
    """The middle square of an image, on white, scaled to (size, size, 3)."""
    from PIL import Image

    with Image.open(file) as image:
        drawing = image.convert("RGBA")
    canvas = Image.new("RGBA", drawing.size, "white")
    canvas.alpha_composite(drawing)
    side = min(canvas.size)
    left, top = (canvas.width - side) // 2, (canvas.height - side) // 2
    square = canvas.convert("RGB").crop((left, top, left + side, top + side))
    return np.asarray(square.resize((size, size), Image.Resampling.BILINEAR))


def fashion_mnist(
    train: bool = True, size: int = 28
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Fashion-MNIST: grey pictures of clothes, white on black, in ten classes.

    By Xiao, Rasul and Vollgraf (2017), arXiv:1708.07747. The files come from Debian's
    package dataset-fashion-mnist if it is installed, else from the network, once.

    Args:
        train: whether the 60,000 images for training, or the 10,000 for tests.
        size: pixels along a side: 28, or 32 with a black margin.

    Returns:
        Bytes of shape (n, size, size, 1), and the number of each image's class in
        `FASHION_MNIST_CLASSES`, shape (n,).

    Raises:
        ValueError: for another size, or a file that is not Fashion-MNIST's.
        DownloadError: the files are neither on this machine nor to be had.
    """
    if size not in (28, 32):
        raise ValueError(f"size is {size}; Fashion-MNIST comes in 28 and 32 pixels")
    n = 60_000 if train else 10_000
    part = "train" if train else "test"
    images = _read_idx(_fashion_file(f"{part}-images"), (n, 28, 28))
    labels = _read_idx(_fashion_file(f"{part}-labels"), (n,))
    margin = (size - 28) // 2
    padded = np.pad(images, ((0, 0), (margin, margin), (margin, margin)))
    return padded[..., None], labels.astype(np.int64)


def _fashion_file(part: str) -> Path:
    """The file of `part`, as `train-images`: Debian's or a downloaded one."""
    key = f"fashion-mnist-{part}"
    installed = _DEBIAN / DATA_HUB[key][0].rsplit("/", 1)[1]
    return installed if installed.is_file() else Path(download(key))


def _read_idx(path: Path, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Bytes from a gzipped file in the IDX format of MNIST: type 8, the axes, the data.

    Raises:
        ValueError: the file is damaged, or holds an array of another shape.
    """
    try:
        content = gzip.decompress(path.read_bytes())
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"{path} is damaged: {error}") from error
    head = struct.pack(f">HBB{len(shape)}I", 0, 8, len(shape), *shape)
    if content[: len(head)] != head or len(content) != len(head) + math.prod(shape):
        raise ValueError(f"{path} does not hold bytes of shape {shape} in the IDX format")
    return np.frombuffer(content, np.uint8, offset=len(head)).reshape(shape)
