"""A batch from memory beside one from an image folder with transforms per item.

    python benchmarks/loaders.py [--batch 256] [--framework torch]

The folder holds the same images as PNG files; each item is opened, scaled and made a float
array in [-1, 1] when its batch is due, as a data set with transforms does it.
"""

from __future__ import annotations

import argparse
import importlib
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from d2l_shim.images import emoji_images


def one_by_one(paths: list[Path], batch_size: int, size: int) -> Iterator[np.ndarray]:
    """Batches (batch_size, 3, size, size) of images that are read when they are needed."""
    order = np.random.default_rng(0).permutation(len(paths))
    for i in range(len(paths) // batch_size):
        items = []
        for j in order[i * batch_size : (i + 1) * batch_size]:
            with Image.open(paths[j]) as image:
                scaled = image.convert("RGB").resize((size, size), Image.Resampling.BILINEAR)
            array = np.asarray(scaled, np.float32).transpose(2, 0, 1) / 255
            items.append((array - 0.5) / 0.5)
        yield np.stack(items)


def milliseconds(batches: Callable[[], Any], epochs: int) -> float:
    """The median time of a batch over `epochs` epochs."""
    times = []
    for _ in range(epochs):
        start = time.perf_counter()
        number = sum(1 for _ in batches())
        times.append((time.perf_counter() - start) / number * 1000)
    return statistics.median(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--framework", default="torch")
    options = parser.parse_args()
    d2l = importlib.import_module(f"d2l_shim.{options.framework}")
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for i, pixels in enumerate(emoji_images()):
            paths.append(Path(folder, f"{i}.png"))
            Image.fromarray(pixels).save(paths[-1])
        loader = d2l.load_emoji(options.batch)
        # Alternately, so that a change of the machine's load meets both.
        rounds = [
            (
                milliseconds(lambda: one_by_one(paths, options.batch, 64), 1),
                milliseconds(lambda: loader, 3),
            )
            for _ in range(5)
        ]
    theirs, ours = (statistics.median(times) for times in zip(*rounds, strict=True))
    print(f"batches of {options.batch} images of 64 x 64, in ms")
    print(f"image folder, item by item  {theirs:7.1f}")
    print(
        f"d2l_shim.{options.framework}, from memory {ours:7.1f}   {theirs / ours:.0f} times faster"
    )


if __name__ == "__main__":
    main()
