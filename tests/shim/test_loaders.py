"""The image set, minibatches and tensors: the same in every framework."""

from __future__ import annotations

import importlib
import time
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from frameworks import FRAMEWORKS

from d2l_shim import images as data


@pytest.fixture(params=FRAMEWORKS)
def d2l(request: pytest.FixtureRequest) -> types.ModuleType:
    return importlib.import_module(f"d2l_shim.{request.param}")


def nhwc(d2l: Any, X: Any) -> np.ndarray:
    array = d2l.numpy(X)
    return array if d2l.__name__.endswith("tensorflow") else array.transpose(0, 2, 3, 1)


# --- The embedded images ------------------------------------------------------------


def test_emoji_file_is_small_and_licensed() -> None:
    folder = Path(data.__file__).parent / "emoji"
    assert (folder / "emoji.webp").stat().st_size < 2_000_000
    licence = (folder / "LICENSE.txt").read_text(encoding="utf-8")
    assert "OpenMoji" in licence and "Attribution-ShareAlike 4.0 International" in licence


def test_emoji_images() -> None:
    data.emoji_images.cache_clear()
    start = time.perf_counter()
    images = data.emoji_images()
    assert time.perf_counter() - start < 5  # measured: 0.15 s
    names = data.emoji_names()
    assert images.shape == (len(names), 64, 64, 3) and images.dtype == np.uint8
    assert 1500 < len(names) == len(set(names))
    assert not images.flags.writeable
    assert len({image.tobytes() for image in images}) == len(names)
    # Every tile holds a drawing, on white.
    ink = (images < 250).any(axis=3).mean(axis=(1, 2))
    assert ink.min() > 0.01
    assert (images[:, 0, 0] == 255).all(axis=1).mean() > 0.97
    # U+1F600, the grinning face, is yellow in the middle of its forehead.
    r, g, b = images[names.index("1F600"), 19, 32]
    assert r > 200 and g > 180 and b < 100
    assert not any("1F3FB" in name for name in names)


def test_small_images_average_the_large_ones() -> None:
    large, small = data.emoji_images(64).astype(float), data.emoji_images(32)
    means = large.reshape(-1, 32, 2, 32, 2, 3).mean(axis=(2, 4))
    assert small.dtype == np.uint8
    assert np.abs(small - means).max() <= 0.5


def test_other_sizes_are_refused(d2l: Any) -> None:
    with pytest.raises(ValueError, match="size is 48"):
        d2l.load_emoji(8, size=48)


# --- load_emoji ---------------------------------------------------------------------


@pytest.mark.parametrize("size", [32, 64])
def test_load_emoji_shapes_and_range(d2l: Any, size: int) -> None:
    loader = d2l.load_emoji(64, size=size)
    batches = list(loader)
    n = len(data.emoji_names())
    assert loader.num_examples == n and loader.batch_size == 64
    assert len(batches) == len(loader) == n // 64
    layout = (64, size, size, 3) if d2l.__name__.endswith("tensorflow") else (64, 3, size, size)
    for batch in batches[:3]:
        (X,) = batch
        assert tuple(X.shape) == layout
        assert "float32" in str(X.dtype)
        assert d2l.numpy(X).min() >= -1 and d2l.numpy(X).max() == 1.0


def test_batches_hold_the_images(d2l: Any) -> None:
    loader = d2l.load_emoji(100, size=32, drop_last=False)
    seen = np.concatenate([nhwc(d2l, X) for (X,) in loader])
    assert len(seen) == loader.num_examples == sum(len(nhwc(d2l, X)) for (X,) in loader)
    pixels = np.round((seen + 1) * 127.5).astype(np.uint8)
    assert sorted(p.tobytes() for p in pixels) == sorted(p.tobytes() for p in data.emoji_images(32))


def test_every_epoch_has_new_batches(d2l: Any) -> None:
    loader = d2l.load_emoji(64, size=32)
    epochs = [
        [frozenset(image.tobytes() for image in nhwc(d2l, X)) for (X,) in loader] for _ in range(2)
    ]
    # Not only the order of the batches: which images share a batch changes.
    assert not set(epochs[0]) & set(epochs[1])


def test_same_seed_gives_same_batches_in_all_frameworks() -> None:
    epochs = []
    for name in FRAMEWORKS:
        d2l = importlib.import_module(f"d2l_shim.{name}")
        d2l.set_seed(7)
        loader = d2l.load_emoji(64, size=32)
        points = d2l.load_array((np.arange(10), np.arange(10.0)), 4)
        epochs.append(
            [nhwc(d2l, X) for _ in range(2) for (X,) in loader][::5]
            + [d2l.numpy(a) for _ in range(2) for batch in points for a in batch]
        )
    for other in epochs[1:]:
        assert len(other) == len(epochs[0])
        for ours, theirs in zip(epochs[0], other, strict=True):
            assert ours.dtype == theirs.dtype
            np.testing.assert_array_equal(ours, theirs)


def test_seeds(d2l: Any) -> None:
    def first(**kwargs: Any) -> np.ndarray:
        return d2l.numpy(next(iter(d2l.load_emoji(32, size=32, **kwargs)))[0])

    d2l.set_seed(1)
    a, b = first(), first()
    d2l.set_seed(1)
    np.testing.assert_array_equal(a, first())
    assert not np.array_equal(a, b)  # two loaders do not walk in step
    np.testing.assert_array_equal(first(seed=5), first(seed=5))


def test_load_emoji_on_a_device(d2l: Any) -> None:
    (X,) = next(iter(d2l.load_emoji(4, size=32, device=d2l.cpu())))
    assert tuple(X.shape)[1:3] in ((32, 32), (3, 32))


def test_a_batch_larger_than_the_set_is_refused(d2l: Any) -> None:
    with pytest.raises(ValueError, match="do not fill a batch of 5000"):
        d2l.load_emoji(5000, size=32)
    with pytest.raises(ValueError, match="batch_size is 0"):
        d2l.load_emoji(0, size=32)


# --- load_array ---------------------------------------------------------------------


def test_load_array(d2l: Any) -> None:
    x, y = np.arange(20.0).reshape(10, 2), list(range(10))
    loader = d2l.load_array((x, y), 4)
    assert len(loader) == 3
    orders = []
    for _ in range(2):
        seen = []
        for X, Y in loader:
            X, Y = d2l.numpy(X), d2l.numpy(Y)
            assert X.dtype == np.float32 and Y.dtype == np.int64
            np.testing.assert_array_equal(X[:, 0], 2 * Y)  # rows stay together
            seen += Y.tolist()
        assert sorted(seen) == list(range(10))
        orders.append(seen)
    assert orders[0] != orders[1]


def alone(d2l: Any, batch: Any) -> np.ndarray:
    """The tensor of a single array's batch: as it is in MXNet, in a tuple elsewhere, as in d2l."""
    is_tuple = isinstance(batch, tuple)
    assert is_tuple != d2l.__name__.endswith("mxnet")
    return d2l.numpy(batch[0] if is_tuple else batch)


def test_load_array_in_order(d2l: Any) -> None:
    loader = d2l.load_array([d2l.tensor(np.arange(5))], 2, is_train=False)
    for _ in range(2):
        assert [alone(d2l, batch).tolist() for batch in loader] == [[0, 1], [2, 3], [4]]


def test_load_array_refuses_different_lengths(d2l: Any) -> None:
    with pytest.raises(ValueError, match=r"got \[3, 4\]"):
        d2l.load_array((np.zeros(3), np.zeros(4)), 2)
    with pytest.raises(ValueError, match="one common length"):
        d2l.load_array((), 2)


def test_load_array_copies(d2l: Any) -> None:
    source = np.zeros((4, 1), dtype=np.float32)
    X = alone(d2l, next(iter(d2l.load_array((source,), 4, is_train=False))))
    source[:] = 1
    assert X.sum() == 0


@pytest.mark.needs("torch")
def test_load_array_keeps_the_precision_of_tensors() -> None:
    import torch

    from d2l_shim import torch as d2l

    ((X,),) = d2l.load_array((torch.zeros(3, dtype=torch.float64),), 3)
    assert X.dtype == torch.float64


# --- Tensors -------------------------------------------------------------------------


def test_tensor_and_numpy(d2l: Any) -> None:
    name = d2l.__name__.split(".")[-1]
    for source in ([[1, 2], [3, 4]], np.array([[1, 2], [3, 4]]), np.eye(2), 3):
        x = d2l.tensor(source)
        assert "float32" in str(x.dtype)
        np.testing.assert_array_equal(d2l.numpy(x), np.asarray(source, dtype=np.float32))
    assert d2l.numpy([1, 2]).tolist() == [1, 2]
    int32 = importlib.import_module({"mxnet": "numpy"}.get(name, name)).int32
    assert "int32" in str(d2l.tensor([1, 2], int32).dtype)


@pytest.mark.needs("torch", "tensorflow")
def test_numpy_of_a_tensor_with_gradient() -> None:
    import tensorflow as tf
    import torch

    from d2l_shim import tensorflow as d2l_tensorflow
    from d2l_shim import torch as d2l

    assert d2l.numpy(torch.ones(2, requires_grad=True) * 2).tolist() == [2, 2]
    assert d2l.numpy(torch.ones(2, dtype=torch.bfloat16)).tolist() == [1, 1]
    assert d2l_tensorflow.numpy(tf.Variable([2.0])).tolist() == [2]


def test_to_images(d2l: Any) -> None:
    (X,) = next(iter(d2l.load_emoji(4, size=32, seed=0)))
    images = d2l.to_images(X)
    assert images.shape == (4, 32, 32, 3) and images.dtype == np.float32
    order = np.random.default_rng(0).permutation(len(data.emoji_names()))[:4]
    np.testing.assert_allclose(images, data.emoji_images(32)[order] / 255, atol=1e-6)
    assert d2l.to_images(X * 2).max() <= 1 and d2l.to_images(X * 2).min() >= 0


def test_set_seed_repeats_the_framework(d2l: Any) -> None:
    def draw() -> list[float]:
        if d2l.__name__.endswith("torch"):
            import torch

            return torch.randn(3).tolist()
        if d2l.__name__.endswith("tensorflow"):
            import tensorflow as tf

            return tf.random.normal((3,)).numpy().tolist()
        import mxnet as mx

        return mx.np.random.normal(0, 1, (3,)).asnumpy().tolist()

    d2l.set_seed(3)
    first, host = draw(), np.random.rand()
    d2l.set_seed(3)
    assert first == draw() and host == np.random.rand()


# --- saved ---------------------------------------------------------------------------


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_saved_names(framework: str) -> None:
    """What chapters save is there under `d2l`, and replaces no helper."""
    shim = importlib.import_module(f"d2l_shim.{framework}")
    tab = {"torch": "pytorch"}.get(framework, framework)
    saved = importlib.import_module(f"d2l_shim.saved.{tab}")
    assert {"update_D", "update_G"} <= set(saved.__all__)
    assert not set(saved.__all__) & set(shim.__all__)
    for name in saved.__all__:
        assert getattr(shim, name) is getattr(saved, name)
