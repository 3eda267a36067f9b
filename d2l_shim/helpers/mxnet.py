"""What only MXNet does its own way: its import, devices, waiting, tensors, batches.

Importing this module makes MXNet 1.9 importable with NumPy 1.24 to 1.26, and turns on
MXNet's NumPy interface (`npx.set_np`).
"""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
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


def _import_mxnet() -> Any:
    if int(np.__version__.split(".")[0]) >= 2:
        raise ImportError(
            f"MXNet 1.9 uses names that NumPy 2 removed, and this is NumPy {np.__version__}: "
            "run `pip install 'numpy<2'` and restart Python"
        )
    if "bool" not in vars(np):
        # MXNet reads numpy.bool, which NumPy 1.24 to 1.26 lack; NumPy 2 defines it so.
        np.bool = np.bool_  # type: ignore[attr-defined,misc,assignment,unused-ignore]
    if "mxnet" not in sys.modules:
        # An import that failed for want of numpy.bool leaves its submodules behind.
        for name in [name for name in sys.modules if name.startswith("mxnet.")]:
            del sys.modules[name]
    with warnings.catch_warnings():
        # It uses distutils' version classes and lists functions that NumPy moved out.
        warnings.simplefilter("ignore", DeprecationWarning)
        return importlib.import_module("mxnet")


mx = _import_mxnet()
mx.npx.set_np()

# --- Devices -----------------------------------------------------------------------


def cpu() -> Any:
    """The CPU."""
    return mx.cpu()


def gpu(i: int = 0) -> Any:
    """GPU `i`, whether it is there or not."""
    return mx.gpu(i)


def num_gpus() -> int:
    """The number of GPUs; 0 where `D2L_DEVICE=cpu` or without a working driver."""
    if device.cpu_only():
        return 0
    try:
        return int(mx.context.num_gpus())
    except mx.base.MXNetError:
        return 0


def _works(i: int) -> bool:
    return device.works(str(gpu(i)), lambda: (mx.np.ones(8, ctx=gpu(i)) * 2).asnumpy())


def try_gpu(i: int = 0) -> Any:
    """GPU `i` if it is there and works, else the CPU."""
    return gpu(i) if i < num_gpus() and _works(i) else cpu()


def try_all_gpus() -> list[Any]:
    """Every GPU that works, or a list of the CPU alone."""
    return [gpu(i) for i in range(num_gpus()) if _works(i)] or [cpu()]


class Timer(meter.Timer):
    __doc__ = meter.Timer.__doc__

    def wait(self) -> None:
        """Block until MXNet's engine, which works in the background, has finished."""
        mx.nd.waitall()


class Accumulator(meter.Accumulator):
    __doc__ = meter.Accumulator.__doc__

    def _hold(self, value: Any) -> Any:
        if isinstance(value, mx.nd.NDArray):
            return value.detach().copy().reshape(())
        return super()._hold(value)

    def _read(self, values: Sequence[Any]) -> Sequence[float]:
        kinds = {(type(value), value.dtype, str(getattr(value, "ctx", ""))) for value in values}
        if len(kinds) == 1 and isinstance(values[0], mx.np.ndarray):
            return [float(value) for value in mx.np.stack(values).asnumpy()]  # one transfer
        return super()._read(values)


# --- Tensors -----------------------------------------------------------------------


def set_seed(seed: int) -> None:
    """Seed Python, NumPy, MXNet on every device, and the loaders made from now on."""
    seed_host(seed)
    mx.random.seed(seed)


def tensor(x: Any, dtype: Any = np.float32) -> Any:
    """A tensor of nested lists, numbers or an array; float32 unless `dtype` says otherwise."""
    return mx.np.array(np.asarray(x, dtype=dtype), dtype=dtype)


arange = mx.np.arange
"""Evenly spaced numbers: `mx.np.arange` itself."""

matmul = mx.np.dot
"""The matrix product: `mx.np.dot` itself."""

normal = mx.np.random.normal
"""Draws from a normal distribution: `mx.np.random.normal` itself."""


def numpy(x: Any) -> NDArray[Any]:
    """A tensor, on any device and with a gradient or not, as a NumPy array."""
    return to_numpy(x)


def to_images(X: Any) -> NDArray[np.float32]:
    """A batch (n, channels, height, width) in [-1, 1] as (n, height, width, channels)
    in [0, 1], for `show_images`."""
    return np.clip(to_numpy(X).transpose(0, 2, 3, 1) / 2 + 0.5, 0, 1).astype(np.float32)


# --- Data --------------------------------------------------------------------------


def _share(array: NDArray[Any], place: Any) -> Any:
    """A new array of ours as an `mx.np.ndarray`: 5 times faster than `mx.np.array`."""
    return mx.nd.from_numpy(array, zero_copy=True).as_np_ndarray().as_in_ctx(place)


def _to_batch(arrays: Sequence[NDArray[Any]], device: Any) -> tuple[Any, ...]:
    return tuple(_share(array, device or mx.cpu()) for array in arrays)


def _rows(arrays: Sequence[Any]) -> tuple[int, Take[Any]]:
    places = [a.ctx if isinstance(a, mx.nd.NDArray) else mx.cpu() for a in arrays]
    hosts = tuple(to_numpy(a) if isinstance(a, mx.nd.NDArray) else as_data(a) for a in arrays)

    def take(indices: NDArray[np.int64]) -> Any:
        batch = tuple(
            _share(np.take(host, indices, axis=0), place)
            for host, place in zip(hosts, places, strict=True)
        )
        return batch if len(batch) > 1 else batch[0]

    return common_length(hosts), take


_data: DataSets[Any, Any] = DataSets(channels_first=True, to_batch=_to_batch, rows=_rows)
load_array = _data.load_array
load_images = _data.load_images
load_emoji = _data.load_emoji
load_pokemon = _data.load_pokemon
load_fashion_mnist = _data.load_fashion_mnist
load_image_folder = _data.load_image_folder
