"""update_D, update_G and train_step against NumPy in double precision, in every framework.

    python tests/shim/test_agreement.py

prints the table. The networks have two layers each; their gradients are written out by hand
below, and are themselves checked by central differences. One step of plain gradient descent with
the learning rate 1 changes the weights of a framework by exactly the gradient.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from frameworks import FRAMEWORKS
from numpy.typing import NDArray

Array = NDArray[np.float64]
Weights = tuple[Array, Array, Array, Array]  # W1 (hidden, in), b1, W2 (out, hidden), b2

LATENT, HIDDEN, INPUTS = 4, 8, 5
BATCHES = (1, 2, 64)
TOLERANCE = {"float32": 1e-5, "float64": 1e-12}

# --- In NumPy ----------------------------------------------------------------------


def sigmoid(o: Array) -> Array:
    return 1 / (1 + np.exp(-o))


def forward(X: Array, weights: Weights) -> tuple[Array, Array]:
    """Outputs and hidden units of a network of two layers."""
    W1, b1, W2, b2 = weights
    hidden = np.tanh(X @ W1.T + b1)
    return hidden @ W2.T + b2, hidden


def backward(grad: Array, X: Array, hidden: Array, weights: Weights) -> tuple[Array, Weights]:
    """From the gradient of the outputs to those of the inputs and of the weights."""
    W1, _, W2, _ = weights
    inner = (grad @ W2) * (1 - hidden**2)
    return inner @ W1, (inner.T @ X, inner.sum(0), grad.T @ hidden, grad.sum(0))


def exact_D(X: Array, Z: Array, D: Weights, G: Weights) -> tuple[float, Weights]:
    """The discriminator's loss, summed over the batch, and its gradient."""
    fake_X, _ = forward(Z, G)
    real_Y, real_hidden = forward(X, D)
    fake_Y, fake_hidden = forward(fake_X, D)
    loss = (np.logaddexp(0, -real_Y).sum() + np.logaddexp(0, fake_Y).sum()) / 2
    _, of_real = backward((sigmoid(real_Y) - 1) / 2, X, real_hidden, D)
    _, of_fake = backward(sigmoid(fake_Y) / 2, fake_X, fake_hidden, D)
    one, two, three, four = (a + b for a, b in zip(of_real, of_fake, strict=True))
    return float(loss), (one, two, three, four)


def exact_G(Z: Array, D: Weights, G: Weights) -> tuple[float, Weights]:
    """The generator's loss, summed over the batch, and its gradient."""
    fake_X, hidden = forward(Z, G)
    fake_Y, fake_hidden = forward(fake_X, D)
    grad_X, _ = backward(sigmoid(fake_Y) - 1, fake_X, fake_hidden, D)
    return float(np.logaddexp(0, -fake_Y).sum()), backward(grad_X, Z, hidden, G)[1]


def draw(batch: int) -> tuple[Array, Array, Weights, Weights]:
    """Real examples, latent vectors and the weights of D and G: the same for every framework.

    They are numbers of single precision, so that no framework has to round them.
    """
    rng = np.random.default_rng(0)

    def normal(*shape: int) -> Array:
        return rng.normal(scale=0.7, size=shape).astype(np.float32).astype(np.float64)

    D = normal(HIDDEN, INPUTS), normal(HIDDEN), normal(1, HIDDEN), normal(1)
    G = normal(HIDDEN, LATENT), normal(HIDDEN), normal(INPUTS, HIDDEN), normal(INPUTS)
    return normal(batch, INPUTS), normal(batch, LATENT), D, G


def differences(loss: Callable[[Weights], float], weights: Weights, h: float = 1e-5) -> Weights:
    """The gradient of a loss, by central differences."""
    gradient = tuple(np.zeros_like(w) for w in weights)
    for part, w in zip(gradient, weights, strict=True):
        for i in np.ndindex(*w.shape):
            kept = w[i]
            w[i] = kept + h
            up = loss(weights)
            w[i] = kept - h
            part[i] = (up - loss(weights)) / (2 * h)
            w[i] = kept
    one, two, three, four = gradient
    return one, two, three, four


def error(found: Any, exact: Any) -> float:
    """The largest difference, relative to the largest number of each array."""
    return max(
        float(np.abs(np.asarray(a) - b).max() / np.abs(b).max())
        for a, b in zip(found, exact, strict=True)
    )


# --- In the frameworks -------------------------------------------------------------


class Players:
    """Both networks of a framework with given weights, and their optimizers, plain SGD.

    `rate` multiplies the gradient of the loss summed over the batch.
    """

    def __init__(
        self, framework: str, dtype: str, batch: int, D: Weights, G: Weights, rate: float = 1.0
    ) -> None:
        self.d2l = importlib.import_module(f"d2l_shim.{framework}")
        make = {"torch": _torch, "tensorflow": _tensorflow, "mxnet": _mxnet}[framework]
        self.net_D, self.get_D, self.trainer_D, self.loss, self.tensor = make(D, dtype, batch, rate)
        self.net_G, self.get_G, self.trainer_G, _, _ = make(G, dtype, batch, rate)
        self.before_D, self.before_G = self.get_D(), self.get_G()

    def update_D(self, X: Array, Z: Array) -> float:
        X, Z = self.tensor(X), self.tensor(Z)
        return float(self.d2l.update_D(X, Z, self.net_D, self.net_G, self.loss, self.trainer_D))

    def update_G(self, Z: Array) -> float:
        Z = self.tensor(Z)
        return float(self.d2l.update_G(Z, self.net_D, self.net_G, self.loss, self.trainer_G))

    def train_step(self, X: Array, Z: Array) -> list[float]:
        X, Z = self.tensor(X), self.tensor(Z)
        trainers = self.trainer_D, self.trainer_G
        losses = self.d2l.train_step(X, Z, self.net_D, self.net_G, self.loss, *trainers)
        return [float(loss) for loss in losses]

    def changes(self) -> tuple[list[Array], list[Array]]:
        """By how much the weights of D and of G have come down."""
        pairs = (self.before_D, self.get_D()), (self.before_G, self.get_G())
        D, G = ([b - a for b, a in zip(before, after, strict=True)] for before, after in pairs)
        return D, G


def _torch(weights: Weights, dtype: str, batch: int, rate: float) -> Any:
    import torch
    from torch import nn

    W1, _, W2, _ = weights
    kind = getattr(torch, dtype)
    net = nn.Sequential(nn.Linear(*W1.T.shape), nn.Tanh(), nn.Linear(*W2.T.shape)).to(kind)
    with torch.no_grad():
        for p, w in zip(net.parameters(), weights, strict=True):
            p.copy_(torch.tensor(w))

    def get() -> list[Array]:
        return [p.detach().double().numpy().copy() for p in net.parameters()]

    trainer = torch.optim.SGD(net.parameters(), lr=rate)
    loss = nn.BCEWithLogitsLoss(reduction="sum")
    return net, get, trainer, loss, lambda x: torch.tensor(x, dtype=kind)


def _tensorflow(weights: Weights, dtype: str, batch: int, rate: float) -> Any:
    import tensorflow as tf

    W1, b1, W2, b2 = weights
    net = tf.keras.Sequential(
        [
            tf.keras.Input((W1.shape[1],), dtype=dtype),
            tf.keras.layers.Dense(len(W1), activation="tanh", dtype=dtype),
            tf.keras.layers.Dense(len(W2), dtype=dtype),
        ]
    )
    net.set_weights([W1.T, b1, W2.T, b2])

    def get() -> list[Array]:
        return [w.numpy().T.astype(np.float64) for w in net.trainable_variables]

    trainer = tf.keras.optimizers.SGD(learning_rate=rate)
    loss = tf.keras.losses.BinaryCrossentropy(from_logits=True, reduction="sum", dtype=dtype)
    return net, get, trainer, loss, lambda x: tf.constant(x, dtype)


def _mxnet(weights: Weights, dtype: str, batch: int, rate: float) -> Any:
    import mxnet as mx

    nn, np_ = mx.gluon.nn, mx.np
    W1, _, W2, _ = weights
    net = nn.HybridSequential()
    net.add(
        nn.Dense(len(W1), in_units=W1.shape[1], activation="tanh", dtype=dtype),
        nn.Dense(len(W2), in_units=W2.shape[1], dtype=dtype),
    )
    net.initialize(mx.init.Zero())  # its random numbers are single precision
    parameters = list(net.collect_params().values())
    for p, w in zip(parameters, weights, strict=True):
        p.set_data(np_.array(w, dtype=dtype))

    def get() -> list[Array]:
        return [p.data().asnumpy().astype(np.float64) for p in parameters]

    # The trainer divides by the batch size, and this takes that back.
    trainer = mx.gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": rate * batch})
    loss = mx.gluon.loss.SigmoidBCELoss()
    return net, get, trainer, loss, lambda x: np_.array(x, dtype=dtype)


# --- The comparison ----------------------------------------------------------------


@dataclass(frozen=True)
class Agreement:
    """What a framework computed, and its largest relative errors."""

    loss_D: float
    loss_G: float
    of_losses: float
    of_gradients: float


def agreement(framework: str, dtype: str, batch: int) -> Agreement:
    """One step of each player from the same weights, against NumPy."""
    X, Z, D, G = draw(batch)
    exact_loss_D, exact_gradient_D = exact_D(X, Z, D, G)
    exact_loss_G, exact_gradient_G = exact_G(Z, D, G)
    one = Players(framework, dtype, batch, D, G)
    loss_D = one.update_D(X, Z)
    gradient_D, kept_G = one.changes()
    two = Players(framework, dtype, batch, D, G)
    loss_G = two.update_G(Z)
    kept_D, gradient_G = two.changes()
    assert not any(change.any() for change in kept_G + kept_D)  # the other player stays
    return Agreement(
        loss_D,
        loss_G,
        error([loss_D, loss_G], [exact_loss_D, exact_loss_G]),
        error([*gradient_D, *gradient_G], [*exact_gradient_D, *exact_gradient_G]),
    )


def cases() -> list[tuple[str, str, int]]:
    return [(f, dtype, batch) for f in FRAMEWORKS for dtype in TOLERANCE for batch in BATCHES]


@pytest.mark.parametrize("batch", BATCHES)
def test_the_oracle_agrees_with_central_differences(batch: int) -> None:
    X, Z, D, G = draw(batch)
    assert error(differences(lambda w: exact_D(X, Z, w, G)[0], D), exact_D(X, Z, D, G)[1]) < 1e-8
    assert error(differences(lambda w: exact_G(Z, D, w)[0], G), exact_G(Z, D, G)[1]) < 1e-8


@pytest.mark.parametrize(("framework", "dtype", "batch"), cases())
def test_steps_agree_with_numpy(framework: str, dtype: str, batch: int) -> None:
    found = agreement(framework, dtype, batch)
    assert max(found.of_losses, found.of_gradients) < TOLERANCE[dtype]


@pytest.mark.parametrize(("framework", "dtype", "batch"), cases())
def test_train_step_is_update_D_and_then_update_G(framework: str, dtype: str, batch: int) -> None:
    X, Z, D, G = draw(batch)
    rate = 1 / batch
    exact_loss_D, gradient_D = exact_D(X, Z, D, G)
    one, two, three, four = (w - rate * g for w, g in zip(D, gradient_D, strict=True))
    exact_loss_G, gradient_G = exact_G(Z, (one, two, three, four), G)
    players = Players(framework, dtype, batch, D, G, rate)
    losses = players.train_step(X, Z)
    assert error(losses, [exact_loss_D, exact_loss_G]) < TOLERANCE[dtype]
    change_D, change_G = players.changes()
    assert error(change_D, [rate * g for g in gradient_D]) < TOLERANCE[dtype]
    assert error(change_G, [rate * g for g in gradient_G]) < TOLERANCE[dtype]


def main() -> None:
    """Print the table."""
    print("| framework | numbers | batch | loss_D | loss_G | error of losses | of gradients |")
    print("|:--|:--|--:|--:|--:|--:|--:|")
    for batch in BATCHES:
        X, Z, D, G = draw(batch)
        losses = exact_D(X, Z, D, G)[0], exact_G(Z, D, G)[0]
        print("| NumPy | float64 | {} | {:.7f} | {:.7f} | | |".format(batch, *losses))
    for framework, dtype, batch in cases():
        a = agreement(framework, dtype, batch)
        print(
            f"| {framework} | {dtype} | {batch} | {a.loss_D:.7f} | {a.loss_G:.7f} "
            f"| {a.of_losses:.1e} | {a.of_gradients:.1e} |"
        )


if __name__ == "__main__":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the frameworks' own, at import
        main()
