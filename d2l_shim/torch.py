"""Helpers for PyTorch: `from d2l_shim import torch as d2l`."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from d2l_shim import data, device, meter
from d2l_shim.data import (
    DATA_HUB,
    DATA_URL,
    DownloadError,
    ExtractError,
    Loader,
    download,
    download_extract,
    extract,
    get_dataloader_workers,
)
from d2l_shim.plot import Animator, plot, plt, set_figsize, show_images, to_numpy

__all__ = [
    "DATA_HUB",
    "DATA_URL",
    "Accumulator",
    "Animator",
    "DownloadError",
    "ExtractError",
    "Loader",
    "Timer",
    "cpu",
    "download",
    "download_extract",
    "extract",
    "get_dataloader_workers",
    "gpu",
    "load_array",
    "load_emoji",
    "load_pokemon",
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
    """The number of accelerators; 0 where D2L_DEVICE=cpu."""
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
    data.seed_loaders(seed)


def tensor(x: Any) -> torch.Tensor:
    """A float32 tensor of nested lists, numbers or an array."""
    return torch.as_tensor(np.asarray(x, dtype=np.float32))


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
        a if isinstance(a, torch.Tensor) else torch.tensor(data.as_data(a)) for a in arrays
    )

    def take(indices: NDArray[np.int64]) -> tuple[torch.Tensor, ...]:
        index = torch.from_numpy(indices)
        return tuple(t[index.to(t.device)] for t in tensors)

    return Loader(data.common_length(tensors), batch_size, take, shuffle=is_train, seed=seed)


def _load_images(
    images: NDArray[np.uint8],
    batch_size: int,
    place: torch.device | str | None,
    drop_last: bool,
    seed: int | None,
) -> Loader[tuple[torch.Tensor]]:
    images = np.ascontiguousarray(images.transpose(0, 3, 1, 2))

    def take(indices: NDArray[np.int64]) -> tuple[torch.Tensor]:
        X = torch.from_numpy(data.to_float(images[indices]))
        return (X if place is None else X.to(place),)

    return Loader(len(images), batch_size, take, drop_last=drop_last, seed=seed)


def load_emoji(
    batch_size: int,
    size: int = 64,
    device: torch.device | str | None = None,
    *,
    drop_last: bool = True,
    seed: int | None = None,
) -> Loader[tuple[torch.Tensor]]:
    """Minibatches of the embedded image set: emoji drawn by OpenMoji, on white.

    Args:
        batch_size: examples in a batch.
        size: pixels along a side, 64 or 32.
        device: where the batches are; by default the CPU.
        drop_last: whether a last batch with fewer examples is left out.
        seed: of the order; by default from `set_seed`.

    Returns:
        An iterable of tuples `(X,)`, X of shape (batch_size, 3, size, size), float32 in
        [-1, 1], in a new order each epoch.

    Raises:
        ValueError: for another size, or a batch larger than the set.
    """
    return _load_images(data.emoji_images(size), batch_size, device, drop_last, seed)


def load_pokemon(
    batch_size: int,
    size: int = 64,
    device: torch.device | str | None = None,
    *,
    drop_last: bool = True,
    seed: int | None = None,
) -> Loader[tuple[torch.Tensor]]:
    """Minibatches of the Pokemon sprites, as `load_emoji`; needs the network once.

    Raises:
        DownloadError: the archive is neither on this machine nor to be had.
    """
    return _load_images(data.pokemon_images(size), batch_size, device, drop_last, seed)


# What the chapters define for one another.
from d2l_shim.saved.pytorch import *  # noqa: E402, F403
