"""Minibatches: the same in every framework for the same seed."""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

Batch = TypeVar("Batch")
Take = Callable[[NDArray[np.int64]], Batch]  # makes a batch of the examples with these indices

_seeds = np.random.SeedSequence(0)


def seed_host(seed: int) -> None:
    """Seed Python, NumPy, and the loaders made from now on; each gets its own stream."""
    global _seeds
    random.seed(seed)
    np.random.seed(seed)
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


def to_float(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Bytes 0..255 as float32 in [-1, 1]; the shape stays."""
    floats: NDArray[np.float32] = images.astype(np.float32)
    floats /= np.float32(127.5)  # in place: this is most of the time that a batch takes
    floats -= np.float32(1)
    return floats


def checked_images(
    images: Any, labels: Any = None
) -> tuple[NDArray[np.uint8], NDArray[np.int64] | None]:
    """Images as bytes of shape (n, height, width, channels), and labels of shape (n,).

    Raises:
        ValueError: the images are not bytes, have another number of axes, or there are
            more or fewer labels.
    """
    images = np.asarray(images)
    if images.dtype != np.uint8 or images.ndim not in (3, 4):
        raise ValueError(
            f"images of {images.dtype} and shape {images.shape}; expected uint8 of shape "
            "(n, height, width) or (n, height, width, channels)"
        )
    if labels is not None:
        labels = np.asarray(labels, np.int64)
        if labels.shape != images.shape[:1]:
            raise ValueError(f"labels of shape {labels.shape} for {len(images)} images")
    return (images if images.ndim == 4 else images[..., None]), labels
