"""What only PyTorch does its own way: devices, waiting, tensors, batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from d2l_shim import meter
from d2l_shim.archive import ExtractError, download_extract, extract
from d2l_shim.download import DATA_HUB, DATA_URL, DownloadError, download
from d2l_shim.helpers import device
from d2l_shim.helpers.datasets import DataSets
from d2l_shim.helpers.loader import (
    Loader,
    Take,
    as_data,
    common_length,
    get_dataloader_workers,
    seed_host,
)
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


class Timer(meter.Timer):
    __doc__ = meter.Timer.__doc__

    def wait(self) -> None:
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
    seed_host(seed)
    torch.manual_seed(seed)


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


def _to_batch(
    arrays: Sequence[NDArray[Any]], device: torch.device | str | None
) -> tuple[torch.Tensor, ...]:
    return tuple(torch.from_numpy(array).to(device) for array in arrays)


def _rows(arrays: Sequence[Any]) -> tuple[int, Take[tuple[torch.Tensor, ...]]]:
    tensors = tuple(a if isinstance(a, torch.Tensor) else torch.tensor(as_data(a)) for a in arrays)

    def take(indices: NDArray[np.int64]) -> tuple[torch.Tensor, ...]:
        index = torch.from_numpy(indices)
        return tuple(t[index.to(t.device)] for t in tensors)

    return common_length(tensors), take


_data: DataSets[tuple[torch.Tensor, ...], torch.device | str] = DataSets(
    channels_first=True, to_batch=_to_batch, rows=_rows
)
load_array = _data.load_array
load_images = _data.load_images
load_emoji = _data.load_emoji
load_pokemon = _data.load_pokemon
load_fashion_mnist = _data.load_fashion_mnist
load_image_folder = _data.load_image_folder
