"""What only TensorFlow does its own way: devices, waiting, tensors, batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
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
    "Device",
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


class Device(str):
    """The name of a device, as `/GPU:0`: for `tf.device`, or itself in a `with`."""

    def __enter__(self) -> Device:
        self.__dict__.setdefault("scopes", []).append(tf.device(str(self)))
        self.__dict__["scopes"][-1].__enter__()
        return self

    def __exit__(self, *exception: Any) -> None:
        self.__dict__["scopes"].pop().__exit__(*exception)


def cpu() -> Device:
    """The CPU."""
    return Device("/CPU:0")


def gpu(i: int = 0) -> Device:
    """GPU `i`, whether it is there or not."""
    return Device(f"/GPU:{i}")


def num_gpus() -> int:
    """The number of GPUs; 0 where `D2L_DEVICE=cpu`."""
    return 0 if device.cpu_only() else len(tf.config.list_physical_devices("GPU"))


def _works(i: int) -> bool:
    def trial() -> None:
        with gpu(i):
            result = tf.reduce_sum(tf.ones(8) * 2)
        result.numpy()
        if "GPU" not in result.device:
            raise RuntimeError("TensorFlow ran a trial on the CPU instead")

    return device.works(gpu(i), trial)


def try_gpu(i: int = 0) -> Device:
    """GPU `i` if it is there and works, else the CPU."""
    return gpu(i) if i < num_gpus() and _works(i) else cpu()


def try_all_gpus() -> list[Device]:
    """Every GPU that works, or a list of the CPU alone."""
    return [gpu(i) for i in range(num_gpus()) if _works(i)] or [cpu()]


class Timer(meter.Timer):
    __doc__ = meter.Timer.__doc__

    def wait(self) -> None:
        """Block until every device has finished."""
        tf.test.experimental.sync_devices()


class Accumulator(meter.Accumulator):
    __doc__ = meter.Accumulator.__doc__

    def _read(self, values: Sequence[Any]) -> Sequence[float]:
        if len({value.dtype for value in values}) == 1:
            return [float(value) for value in tf.stack(values).numpy()]  # one transfer
        return super()._read(values)

    def _hold(self, value: Any) -> Any:
        return tf.reshape(tf.convert_to_tensor(value), ())  # of a variable, its value now


# --- Tensors -----------------------------------------------------------------------


def set_seed(seed: int) -> None:
    """Seed Python, NumPy, TensorFlow with Keras, and the loaders made from now on."""
    tf.keras.utils.set_random_seed(seed)
    seed_host(seed)


def tensor(x: Any, dtype: Any = tf.float32) -> Any:
    """A tensor of nested lists, numbers or an array; float32 unless `dtype` says otherwise."""
    return tf.cast(tf.convert_to_tensor(np.asarray(x)), dtype)


arange = tf.range
"""Evenly spaced numbers: `tf.range` itself."""

matmul = tf.matmul
"""The matrix product: `tf.matmul` itself."""

normal = tf.random.normal
"""Draws from a normal distribution: `tf.random.normal` itself."""


def numpy(x: Any) -> NDArray[Any]:
    """A tensor or variable, on any device, as a NumPy array."""
    return to_numpy(x)


def to_images(X: Any) -> NDArray[np.float32]:
    """A batch (n, height, width, channels) in [-1, 1] as the same shape in [0, 1], for
    `show_images`."""
    return np.clip(to_numpy(X) / 2 + 0.5, 0, 1).astype(np.float32)


# --- Data --------------------------------------------------------------------------


def _to_batch(arrays: Sequence[NDArray[Any]], device: str | None) -> tuple[Any, ...]:
    with tf.device(device):
        return tuple(tf.constant(array) for array in arrays)


def _rows(arrays: Sequence[Any]) -> tuple[int, Take[tuple[Any, ...]]]:
    hosts = tuple(to_numpy(a) if tf.is_tensor(a) else as_data(a) for a in arrays)

    def take(indices: NDArray[np.int64]) -> tuple[Any, ...]:
        return tuple(tf.constant(host[indices]) for host in hosts)

    return common_length(hosts), take


_data: DataSets[tuple[Any, ...], str] = DataSets(
    channels_first=False, to_batch=_to_batch, rows=_rows
)
load_array = _data.load_array
load_images = _data.load_images
load_emoji = _data.load_emoji
load_pokemon = _data.load_pokemon
load_fashion_mnist = _data.load_fashion_mnist
load_image_folder = _data.load_image_folder
