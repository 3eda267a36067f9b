"""The training loop of the library, and the helpers it needs."""

from __future__ import annotations

import importlib
import math
from typing import Any

import numpy as np
import pytest
from frameworks import FRAMEWORKS


@pytest.fixture(params=FRAMEWORKS)
def d2l(request: pytest.FixtureRequest) -> Any:
    module = importlib.import_module(f"d2l_shim.{request.param}")
    module.set_seed(0)
    return module


def players(d2l: Any) -> tuple[Any, Any]:
    """Small networks for images of 16 pixels along a side."""
    is_mxnet = d2l.__name__.endswith("mxnet")
    net_G = d2l.dcgan_G(16, 4) if is_mxnet else d2l.dcgan_G(16, 4, latent_dim=5)
    net_D = d2l.dcgan_D(16, 4)
    for net in (net_D, net_G):
        d2l.init_weights(net)
    return net_D, net_G


def test_train(d2l: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Images of one colour are told from noise, and the last batch may be smaller."""
    images = np.full((40, 16, 16, 3), 0.5)
    if not d2l.__name__.endswith("tensorflow"):
        images = images.transpose(0, 3, 1, 2)
    data_iter = d2l.load_array((images, np.zeros(len(images))), 16)  # what follows X is ignored
    net_D, net_G = players(d2l)
    Z = d2l.latent(3, 5, d2l.cpu())
    before = d2l.sample(net_G, Z)
    losses = d2l.train(net_D, net_G, data_iter, 3, 0.01, 5, d2l.cpu())
    loss_D, loss_G = losses
    assert type(loss_D) is type(loss_G) is float and all(map(math.isfinite, losses))
    assert loss_D < math.log(2)
    after = d2l.sample(net_G, Z)
    assert after.shape == (3, 16, 16, 3) and after.dtype == np.float32
    assert abs(after - before).max() > 0.01
    printed = capsys.readouterr().out
    assert printed.startswith(f"loss_D {loss_D:.3f}, loss_G {loss_G:.3f}, ")
    assert "examples/sec on" in printed


def test_latent(d2l: Any) -> None:
    Z = d2l.numpy(d2l.latent(400, 5))
    assert Z.dtype == np.float32 and Z.size == 2000 and len(Z) == 400
    # Five standard deviations of the mean and of the standard deviation of 2,000 numbers
    assert abs(Z.mean()) < 5 / math.sqrt(2000) and abs(Z.std() - 1) < 5 / math.sqrt(4000)


def test_image_grid(d2l: Any) -> None:
    imgs = np.arange(6 * 2 * 3 * 3).reshape(6, 2, 3, 3)
    grid = d2l.image_grid(imgs, 2, 3)
    assert grid.shape == (4, 9, 3)
    for i in range(6):
        row, column = divmod(i, 3)
        part = grid[2 * row : 2 * row + 2, 3 * column : 3 * column + 3]
        np.testing.assert_array_equal(part, imgs[i])
