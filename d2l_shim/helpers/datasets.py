"""Arrays and images as minibatches of tensors: once for all frameworks."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from d2l_shim import images
from d2l_shim.helpers.loader import Batch, Loader, Take, checked_images, to_float

Device = TypeVar("Device")


@dataclass(frozen=True)
class DataSets(Generic[Batch, Device]):
    """The loaders of a framework, which says how arrays become its tensors.

    Attributes:
        channels_first: whether a batch of images has the shape (n, channels, height, width)
            and not (n, height, width, channels).
        to_batch: makes a batch on a device of new arrays, which it may keep.
        rows: of arrays with one example per row, how many examples there are, and what
            makes a batch of some of them.
    """

    channels_first: bool
    to_batch: Callable[[Sequence[NDArray[Any]], Device | None], Batch]
    rows: Callable[[Sequence[Any]], tuple[int, Take[Batch]]]

    def load_array(
        self,
        arrays: Sequence[Any],
        batch_size: int,
        is_train: bool = True,
        *,
        seed: int | None = None,
    ) -> Loader[Batch]:
        """Minibatches of arrays that have one example per row.

        Args:
            arrays: tensors, NumPy arrays or lists of one common length.
            batch_size: examples in a batch; the last batch may have fewer.
            is_train: whether each epoch has a new order.
            seed: of the order; by default from `set_seed`.

        Returns:
            An iterable of tuples with one tensor for each array, where the array was; those of
            lists and NumPy arrays are on the CPU. TensorFlow puts all of them where it puts new
            tensors. In MXNet the tensors of a single array come as they are, not in tuples, as
            Gluon's loaders have it.

        Raises:
            ValueError: the arrays differ in length.
        """
        num_examples, take = self.rows(arrays)
        return Loader(num_examples, batch_size, take, shuffle=is_train, seed=seed)

    def load_images(
        self,
        images: Any,
        batch_size: int,
        device: Device | None = None,
        *,
        labels: Any = None,
        drop_last: bool = True,
        seed: int | None = None,
    ) -> Loader[Batch]:
        """Minibatches of images that are in memory, in a new order each epoch.

        Args:
            images: bytes of shape (n, height, width, channels) or (n, height, width).
            batch_size: examples in a batch.
            device: where the batches are; by default the CPU, or where TensorFlow puts them.
            labels: a number for each image, if it has one.
            drop_last: whether a last batch with fewer examples is left out.
            seed: of the order; by default from `set_seed`.

        Returns:
            An iterable of tuples `(X,)`, or `(X, y)` with labels. X is float32 in [-1, 1] and
            has the shape (batch_size, channels, height, width), in TensorFlow
            (batch_size, height, width, channels); y is int64 of shape (batch_size,).

        Raises:
            ValueError: images or labels of another type or shape, or fewer images than a batch.
        """
        pixels, y = checked_images(images, labels)
        if self.channels_first:
            pixels = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))

        def take(indices: NDArray[np.int64]) -> Batch:
            arrays: list[NDArray[Any]] = [to_float(pixels[indices])]
            return self.to_batch(arrays if y is None else [*arrays, y[indices]], device)

        return Loader(len(pixels), batch_size, take, drop_last=drop_last, seed=seed)

    def load_emoji(
        self,
        batch_size: int,
        size: int = 64,
        device: Device | None = None,
        *,
        drop_last: bool = True,
        seed: int | None = None,
    ) -> Loader[Batch]:
        """Minibatches `(X,)` of the embedded image set: emoji drawn by OpenMoji, on white.

        Args:
            size: pixels along a side, 64 or 32.
            batch_size, device, drop_last, seed: as for `load_images`.

        Raises:
            ValueError: for another size, or a batch larger than the set.
        """
        pictures = images.emoji_images(size)
        return self.load_images(pictures, batch_size, device, drop_last=drop_last, seed=seed)

    def load_pokemon(
        self,
        batch_size: int,
        size: int = 64,
        device: Device | None = None,
        *,
        drop_last: bool = True,
        seed: int | None = None,
    ) -> Loader[Batch]:
        """Minibatches `(X,)` of the Pokemon sprites, on white; needs the network once.

        Args:
            size: pixels along a side.
            batch_size, device, drop_last, seed: as for `load_images`.

        Raises:
            DownloadError: the archive is neither on this machine nor to be had.
        """
        pictures = images.pokemon_images(size)
        return self.load_images(pictures, batch_size, device, drop_last=drop_last, seed=seed)

    def load_fashion_mnist(
        self,
        batch_size: int,
        size: int = 28,
        device: Device | None = None,
        *,
        train: bool = True,
        drop_last: bool = True,
        seed: int | None = None,
    ) -> Loader[Batch]:
        """Minibatches `(X, y)` of Fashion-MNIST, grey pictures of clothes with one channel.

        Args:
            size: pixels along a side: 28, or 32 with a black margin.
            train: whether the 60,000 images for training, or the 10,000 for tests.
            batch_size, device, drop_last, seed: as for `load_images`.

        Raises:
            DownloadError: the files are neither on this machine nor to be had.
        """
        pictures, labels = images.fashion_mnist(train, size)
        return self.load_images(
            pictures, batch_size, device, labels=labels, drop_last=drop_last, seed=seed
        )

    def load_image_folder(
        self,
        folder: str | os.PathLike[str],
        batch_size: int,
        size: int = 64,
        device: Device | None = None,
        *,
        drop_last: bool = True,
        seed: int | None = None,
    ) -> Loader[Batch]:
        """Minibatches `(X, y)` of the images in a folder, read once; subfolders are classes.

        Args:
            folder: holds PNG, JPEG, WebP, GIF or BMP files, itself or in subfolders.
            size: pixels along a side; the middle square of each image is scaled to it.
            batch_size, device, drop_last, seed: as for `load_images`.

        Raises:
            ValueError: there is no image, or files are no images.
        """
        pictures, labels = images.folder_images(folder, size)
        return self.load_images(
            pictures, batch_size, device, labels=labels, drop_last=drop_last, seed=seed
        )
