"""What only PyTorch does its own way: devices, waiting, tensors, batches."""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from d2l_shim import images, meter
from d2l_shim.archive import ExtractError, download_extract, extract
from d2l_shim.download import DATA_HUB, DATA_URL, DownloadError, download
from d2l_shim.helpers import device, loader
from d2l_shim.helpers.loader import Loader, get_dataloader_workers
from d2l_shim.images import FASHION_MNIST_CLASSES
from d2l_shim.plot import Animator, plot, plt, set_figsize, show_images, to_numpy

__all__ = [
    "DATA_HUB",
    "DATA_URL",
    "FASHION_MNIST_CLASSES",
    "Accumulator",
    "Animator",
    "DownloadError",
    "ExtractError",
    "Loader",
    "Timer",
    "arange",
    "cpu",
    "download",
    "download_extract",
    "extract",
    "get_dataloader_workers",
    "gpu",
    "load_array",
    "load_emoji",
    "load_fashion_mnist",
    "load_image_folder",
    "load_images",
    "load_pokemon",
    "matmul",
    "normal",
    "num_gpus",
    "numpy",
    "plot",
    "plt",
    "set_figsize",
    "set_seed",
    "show_images",
    "tensor",
    "to_images",
    "try_all_gpus",
    "try_gpu",
]

# --- Devices -----------------------------------------------------------------------


def _accelerator() -> str:
    """The kind of accelerator: cuda (NVIDIA, and AMD by ROCm), mps (Apple), xpu (Intel)."""
    if not torch.cuda.is_available():
        if torch.backends.mps.is_available():
            return "mps"
        if hasattr(torch, "xpu") and torch.xpu.is_available():
            return "xpu"
    return "cuda"


def cpu() -> torch.device:
    """The CPU."""
    return torch.device("cpu")


def gpu(i: int = 0) -> torch.device:
    """Accelerator `i`, whether it is there or not: CUDA or ROCm, else MPS, else XPU."""
    return torch.device(_accelerator(), i)


def num_gpus() -> int:
    """The number of accelerators; 0 where `D2L_DEVICE=cpu`."""
    if device.cpu_only():
        return 0
    kind = _accelerator()
    if kind == "mps":
        return 1
    return torch.xpu.device_count() if kind == "xpu" else torch.cuda.device_count()


def _works(i: int) -> bool:
    return device.works(str(gpu(i)), lambda: (torch.ones(8, device=gpu(i)) * 2).sum().item())


def try_gpu(i: int = 0) -> torch.device:
    """Accelerator `i` if it is there and works, else the CPU."""
    return gpu(i) if i < num_gpus() and _works(i) else cpu()


def try_all_gpus() -> list[torch.device]:
    """Every accelerator that works, or a list of the CPU alone."""
    return [gpu(i) for i in range(num_gpus()) if _works(i)] or [cpu()]


def _wait() -> None:
    """Block until every accelerator in use has finished."""
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        for i in range(torch.cuda.device_count()):
            # A device without memory of ours has no work of ours; waiting would start it.
            if torch.cuda.memory_reserved(i):
                torch.cuda.synchronize(i)
    if torch.backends.mps.is_available():
        torch.mps.synchronize()
    if hasattr(torch, "xpu") and torch.xpu.is_available():
        torch.xpu.synchronize()


class Timer(meter.Timer):
    __doc__ = meter.Timer.__doc__

    def wait(self) -> None:
        """Block until every accelerator in use has finished."""
        _wait()


class Accumulator(meter.Accumulator):
    __doc__ = meter.Accumulator.__doc__

    def _hold(self, value: Any) -> Any:
        return torch.as_tensor(value).detach().reshape(()).clone()

    def _read(self, values: Sequence[Any]) -> Sequence[float]:
        if len({(value.dtype, value.device) for value in values}) == 1:
            return torch.stack(list(values)).cpu().double().tolist()  # one transfer
        return super()._read(values)


# --- Tensors -----------------------------------------------------------------------


def set_seed(seed: int) -> None:
    """Seed Python, NumPy, PyTorch on every device, and the loaders made from now on."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    loader.seed_loaders(seed)


def tensor(x: Any, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """A tensor of nested lists, numbers or an array; float32 unless `dtype` says otherwise."""
    return torch.as_tensor(np.asarray(x)).to(dtype)


arange = torch.arange
"""Evenly spaced numbers: `torch.arange` itself."""

matmul = torch.matmul
"""The matrix product: `torch.matmul` itself."""

normal = torch.normal
"""Draws from a normal distribution: `torch.normal` itself."""


def numpy(x: Any) -> NDArray[Any]:
    """A tensor, on any device and with a gradient or not, as a NumPy array."""
    return to_numpy(x)


def to_images(X: torch.Tensor) -> NDArray[np.float32]:
    """A batch (n, channels, height, width) in [-1, 1] as (n, height, width, channels)
    in [0, 1], for `show_images`."""
    return np.clip(to_numpy(X).transpose(0, 2, 3, 1) / 2 + 0.5, 0, 1).astype(np.float32)


# --- Data --------------------------------------------------------------------------


def load_array(
    arrays: Sequence[Any], batch_size: int, is_train: bool = True, *, seed: int | None = None
) -> Loader[tuple[torch.Tensor, ...]]:
    """Minibatches of arrays that have one example per row.

    Args:
        arrays: tensors, NumPy arrays or lists of one common length.
        batch_size: examples in a batch; the last batch may have fewer.
        is_train: whether each epoch has a new order.
        seed: of the order; by default from `set_seed`.

    Returns:
        An iterable of tuples with one tensor for each array.

    Raises:
        ValueError: the arrays differ in length.
    """
    tensors = tuple(
        a if isinstance(a, torch.Tensor) else torch.tensor(loader.as_data(a)) for a in arrays
    )

    def take(indices: NDArray[np.int64]) -> tuple[torch.Tensor, ...]:
        index = torch.from_numpy(indices)
        return tuple(t[index.to(t.device)] for t in tensors)

    return Loader(loader.common_length(tensors), batch_size, take, shuffle=is_train, seed=seed)


def load_images(
    images: Any,
    batch_size: int,
    device: torch.device | str | None = None,
    *,
    labels: Any = None,
    drop_last: bool = True,
    seed: int | None = None,
) -> Loader[tuple[torch.Tensor, ...]]:
    """Minibatches of images that are in memory, in a new order each epoch.

    Args:
        images: bytes of shape (n, height, width, channels) or (n, height, width).
        batch_size: examples in a batch.
        device: where the batches are; by default the CPU.
        labels: a number for each image, if it has one.
        drop_last: whether a last batch with fewer examples is left out.
        seed: of the order; by default from `set_seed`.

    Returns:
        An iterable of tuples `(X,)`, or `(X, y)` with labels. X is float32 in [-1, 1] and
        has the shape (batch_size, channels, height, width);
        y is int64 of shape (batch_size,).

    Raises:
        ValueError: images or labels of another type or shape, or fewer images than a batch.
    """
    pixels, y = loader.checked_images(images, labels)
    pixels = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))

    def take(indices: NDArray[np.int64]) -> tuple[torch.Tensor, ...]:
        arrays = [loader.to_float(pixels[indices])] + ([] if y is None else [y[indices]])
        return tuple(torch.from_numpy(array).to(device) for array in arrays)

    return Loader(len(pixels), batch_size, take, drop_last=drop_last, seed=seed)


def load_emoji(
    batch_size: int,
    size: int = 64,
    device: torch.device | str | None = None,
    *,
    drop_last: bool = True,
    seed: int | None = None,
) -> Loader[tuple[torch.Tensor, ...]]:
    """Minibatches `(X,)` of the embedded image set: emoji drawn by OpenMoji, on white.

    Args:
        size: pixels along a side, 64 or 32.
        batch_size, device, drop_last, seed: as for `load_images`.

    Raises:
        ValueError: for another size, or a batch larger than the set.
    """
    return load_images(
        images.emoji_images(size), batch_size, device, drop_last=drop_last, seed=seed
    )


def load_pokemon(
    batch_size: int,
    size: int = 64,
    device: torch.device | str | None = None,
    *,
    drop_last: bool = True,
    seed: int | None = None,
) -> Loader[tuple[torch.Tensor, ...]]:
    """Minibatches `(X,)` of the Pokemon sprites, on white; needs the network once.

    Args:
        size: pixels along a side.
        batch_size, device, drop_last, seed: as for `load_images`.

    Raises:
        DownloadError: the archive is neither on this machine nor to be had.
    """
    return load_images(
        images.pokemon_images(size), batch_size, device, drop_last=drop_last, seed=seed
    )


def load_fashion_mnist(
    batch_size: int,
    size: int = 28,
    device: torch.device | str | None = None,
    *,
    train: bool = True,
    drop_last: bool = True,
    seed: int | None = None,
) -> Loader[tuple[torch.Tensor, ...]]:
    """Minibatches `(X, y)` of Fashion-MNIST, grey pictures of clothes with one channel.

    Args:
        size: pixels along a side: 28, or 32 with a black margin.
        train: whether the 60,000 images for training, or the 10,000 for tests.
        batch_size, device, drop_last, seed: as for `load_images`.

    Raises:
        DownloadError: the files are neither on this machine nor to be had.
    """
    pictures, labels = images.fashion_mnist(train, size)
    return load_images(pictures, batch_size, device, labels=labels, drop_last=drop_last, seed=seed)


def load_image_folder(
    folder: str | os.PathLike[str],
    batch_size: int,
    size: int = 64,
    device: torch.device | str | None = None,
    *,
    drop_last: bool = True,
    seed: int | None = None,
) -> Loader[tuple[torch.Tensor, ...]]:
    """Minibatches `(X, y)` of the images in a folder, read once; subfolders are classes.

    Args:
        folder: holds PNG, JPEG, WebP, GIF or BMP files, itself or in subfolders.
        size: pixels along a side; the middle square of each image is scaled to it.
        batch_size, device, drop_last, seed: as for `load_images`.

    Raises:
        ValueError: there is no image, or files are no images.
    """
    pictures, labels = images.folder_images(folder, size)
    return load_images(pictures, batch_size, device, labels=labels, drop_last=drop_last, seed=seed)
