"""What only TensorFlow does its own way: devices, waiting, tensors, batches."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
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
    loader.seed_loaders(seed)


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


def load_array(
    arrays: Sequence[Any], batch_size: int, is_train: bool = True, *, seed: int | None = None
) -> Loader[tuple[Any, ...]]:
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
    hosts = tuple(to_numpy(a) if tf.is_tensor(a) else loader.as_data(a) for a in arrays)

    def take(indices: NDArray[np.int64]) -> tuple[Any, ...]:
        return tuple(tf.constant(host[indices]) for host in hosts)

    return Loader(loader.common_length(hosts), batch_size, take, shuffle=is_train, seed=seed)


def load_images(
    images: Any,
    batch_size: int,
    device: str | None = None,
    *,
    labels: Any = None,
    drop_last: bool = True,
    seed: int | None = None,
) -> Loader[tuple[Any, ...]]:
    """Minibatches of images that are in memory, in a new order each epoch.

    Args:
        images: bytes of shape (n, height, width, channels) or (n, height, width).
        batch_size: examples in a batch.
        device: where the batches are; by default where TensorFlow puts them.
        labels: a number for each image, if it has one.
        drop_last: whether a last batch with fewer examples is left out.
        seed: of the order; by default from `set_seed`.

    Returns:
        An iterable of tuples `(X,)`, or `(X, y)` with labels. X is float32 in [-1, 1] and
        has the shape (batch_size, height, width, channels);
        y is int64 of shape (batch_size,).

    Raises:
        ValueError: images or labels of another type or shape, or fewer images than a batch.
    """
    pixels, y = loader.checked_images(images, labels)

    def take(indices: NDArray[np.int64]) -> tuple[Any, ...]:
        arrays = [loader.to_float(pixels[indices])] + ([] if y is None else [y[indices]])
        with tf.device(device):
            return tuple(tf.constant(array) for array in arrays)

    return Loader(len(pixels), batch_size, take, drop_last=drop_last, seed=seed)


def load_emoji(
    batch_size: int,
    size: int = 64,
    device: str | None = None,
    *,
    drop_last: bool = True,
    seed: int | None = None,
) -> Loader[tuple[Any, ...]]:
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
    device: str | None = None,
    *,
    drop_last: bool = True,
    seed: int | None = None,
) -> Loader[tuple[Any, ...]]:
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
    device: str | None = None,
    *,
    train: bool = True,
    drop_last: bool = True,
    seed: int | None = None,
) -> Loader[tuple[Any, ...]]:
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
    device: str | None = None,
    *,
    drop_last: bool = True,
    seed: int | None = None,
) -> Loader[tuple[Any, ...]]:
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
