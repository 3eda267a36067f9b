"""Sets of images: their bytes, and the batches that each framework makes of them."""

from __future__ import annotations

import gzip
import hashlib
import importlib
import io
import types
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from frameworks import FRAMEWORKS
from PIL import Image

from d2l_shim import download, images


@pytest.fixture(params=FRAMEWORKS)
def d2l(request: pytest.FixtureRequest) -> types.ModuleType:
    return importlib.import_module(f"d2l_shim.{request.param}")


def nhwc(d2l: Any, X: Any) -> np.ndarray:
    array = d2l.numpy(X)
    return array if d2l.__name__.endswith("tensorflow") else array.transpose(0, 2, 3, 1)


def test_pokemon(d2l: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    members = {}
    for i, alpha in enumerate((0, 255, 255, 255)):
        file = io.BytesIO()
        Image.new("RGBA", (96, 80), (200, 30 * i, 0, alpha)).save(file, "png")
        members[f"pokemon/kind{i}/{i}.png"] = file.getvalue()
    members["pokemon/readme.txt"] = b"not an image"
    archive = tmp_path / "pokemon.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        for name, content in members.items():
            opened.writestr(name, content)
    digest = hashlib.sha1(archive.read_bytes()).hexdigest()
    monkeypatch.setitem(download.DATA_HUB, "pokemon", (download.DATA_HUB["pokemon"][0], digest))
    monkeypatch.setenv("D2L_DATA_ROOT", str(tmp_path))
    sprites = images.pokemon_images(64)
    assert sprites.shape == (4, 64, 64, 3) and sprites.dtype == np.uint8
    assert (sprites[0] == 255).all()  # transparent: the white below
    assert (sprites[2] == (200, 60, 0)).all()
    (X,) = next(iter(d2l.load_pokemon(2, size=32)))
    assert sorted(X.shape) == [2, 3, 32, 32]


def test_fashion_mnist_has_the_files_contents() -> None:
    # The files are Debian's dataset-fashion-mnist; what they hold once unpacked is Zalando's.
    pixels, labels = images.fashion_mnist(train=False)
    assert pixels.shape == (10_000, 28, 28, 1) and pixels.dtype == np.uint8
    head = bytes.fromhex("00000803000027100000001c0000001c")
    digest = hashlib.sha256(head + pixels.tobytes()).hexdigest()
    assert digest == "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"
    assert np.bincount(labels).tolist() == [1000] * 10 and len(images.FASHION_MNIST_CLASSES) == 10
    # Trousers have a gap between the legs, which t-shirts have not: the names fit the numbers.
    gap = [pixels[labels == c][:, 20:26, 13:15].mean() for c in (0, 1)]
    assert gap[1] < gap[0] / 2


def test_fashion_mnist_for_training() -> None:
    pixels, labels = images.fashion_mnist(size=32)
    assert pixels.shape == (60_000, 32, 32, 1) and np.bincount(labels).tolist() == [6000] * 10
    assert not pixels[:, :2].any() and not pixels[:, :, -2:].any() and pixels[:, 2].any()


def test_load_fashion_mnist(d2l: Any) -> None:
    X, y = next(iter(d2l.load_fashion_mnist(64, train=False, seed=3)))
    pixels, labels = images.fashion_mnist(train=False)
    order = np.random.default_rng(3).permutation(10_000)[:64]
    np.testing.assert_allclose(nhwc(d2l, X), pixels[order] / 127.5 - 1, atol=1e-6)
    assert d2l.numpy(y).tolist() == labels[order].tolist() and d2l.numpy(y).dtype == np.int64


def test_fashion_mnist_is_fetched_where_it_is_not_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = images._DEBIAN / "t10k-labels-idx1-ubyte.gz"
    content = installed.read_bytes()
    monkeypatch.setattr(images, "_DEBIAN", tmp_path / "none")
    monkeypatch.setenv("D2L_DATA_ROOT", str(tmp_path))
    key = "fashion-mnist-test-labels"
    url = download.DATA_HUB[key][0]
    monkeypatch.setitem(download.DATA_HUB, key, (url, hashlib.sha1(content).hexdigest()))
    (tmp_path / installed.name).write_bytes(content)
    assert images._fashion_file("test-labels") == tmp_path / installed.name


@pytest.mark.parametrize("damage", ["cut", "other", "not gzip"])
def test_fashion_mnist_refuses_other_files(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "t10k-images-idx3-ubyte.gz"
    whole = gzip.compress(bytes.fromhex("0000080100002710") + bytes(10_000))
    path.write_bytes({"cut": whole[:-20], "other": whole, "not gzip": b"<html>"}[damage])
    with pytest.raises(ValueError, match=r"t10k-images.*(damaged|does not hold bytes of shape)"):
        images._read_idx(path, (10_000, 28, 28))
    with pytest.raises(ValueError, match="28 and 32 pixels"):
        images.fashion_mnist(size=64)


def test_image_folder(d2l: Any, tmp_path: Path) -> None:
    for i, name in enumerate(["cat/a.png", "cat/deep/b.jpg", "dog/c.webp"]):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        picture = Image.new("RGB", (40, 20), (255, 255, 255))
        picture.paste((80 * i, 10, 200), (10, 0, 30, 20))  # the middle square
        picture.save(path, lossless=True, quality=100)
    Image.new("RGBA", (20, 20), (0, 0, 0, 0)).save(tmp_path / "dog" / "clear.png")
    (tmp_path / "readme.txt").write_text("not an image")
    pixels, labels = images.folder_images(tmp_path, 8)
    assert pixels.shape == (4, 8, 8, 3) and labels.tolist() == [0, 0, 1, 1]
    assert (pixels[0] == (0, 10, 200)).all() and (pixels[2] == (160, 10, 200)).all()
    assert (pixels[3] == 255).all()
    X, y = next(iter(d2l.load_image_folder(tmp_path, 4, 8, seed=0)))
    order = np.random.default_rng(0).permutation(4)
    np.testing.assert_allclose(nhwc(d2l, X), pixels[order] / 127.5 - 1, atol=1e-6)
    assert d2l.numpy(y).tolist() == labels[order].tolist()


def test_image_folder_names_every_bad_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="holds no image"):
        images.folder_images(tmp_path)
    (tmp_path / "a.png").write_bytes(b"no")
    (tmp_path / "b.png").write_bytes(b"")
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "c.png")
    (tmp_path / "d.png").write_bytes((tmp_path / "c.png").read_bytes()[:5000])
    with pytest.raises(ValueError, match=r"(?s)a\.png.*b\.png.*d\.png") as caught:
        images.folder_images(tmp_path)
    assert "c.png" not in str(caught.value)


def test_load_images_refuses(d2l: Any) -> None:
    with pytest.raises(ValueError, match="expected uint8 of shape"):
        d2l.load_images(np.zeros((4, 8, 8)), 2)
    with pytest.raises(ValueError, match=r"labels of shape \(3,\) for 4 images"):
        d2l.load_images(np.zeros((4, 8, 8), np.uint8), 2, labels=[0, 1, 2])


def test_last_batch(d2l: Any) -> None:
    pixels = np.zeros((5, 8, 8), np.uint8)
    sizes = [len(X) for (X,) in d2l.load_images(pixels, 2, drop_last=False)]
    assert sizes == [2, 2, 1] and len(list(d2l.load_images(pixels, 2))) == 2
