"""Faults of widely copied GAN code: our form passes a check, the faulty form fails the same check.

The faulty forms are written here, as small as they can be. Where a faulty form is right in some
case, the test shows that too, so that it fails for the reason given and no other.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest
from frameworks import FRAMEWORKS

from d2l_shim import meter

LOG_2 = float(np.log(2))


@pytest.fixture(params=FRAMEWORKS)
def d2l(request: pytest.FixtureRequest) -> Any:
    module = importlib.import_module(f"d2l_shim.{request.param}")
    module.set_seed(0)
    return module


def framework(d2l: Any) -> str:
    return str(d2l.__name__).split(".")[-1]


def generator(d2l: Any) -> Any:
    """A small generator of images, 16 pixels along a side, from 5 latent dimensions."""
    if framework(d2l) == "mxnet":
        net = d2l.dcgan_G(16, 4)
        net.initialize()
        net(d2l.latent(2, 5))  # now the shapes are known
        return net
    return d2l.dcgan_G(16, 4, latent_dim=5)


# --- The clock stops before the device does (all frameworks) ----------------------


class FakeDevice:
    """A device that returns from a call at once, and works on in the background."""

    busy_until = 0.0

    def launch(self, seconds: float) -> None:
        self.busy_until = max(self.busy_until, time.perf_counter()) + seconds

    def synchronize(self, *_: object) -> None:
        time.sleep(max(0.0, self.busy_until - time.perf_counter()))

    def attach(self, d2l: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let the framework wait for this device as it waits for a real one."""
        if framework(d2l) == "torch":
            cuda = importlib.import_module("torch").cuda
            for name, value in [
                ("is_available", True),
                ("is_initialized", True),
                ("device_count", 1),
                ("memory_reserved", 1),
            ]:
                monkeypatch.setattr(cuda, name, lambda *_, value=value: value)
            monkeypatch.setattr(cuda, "synchronize", self.synchronize)
        elif framework(d2l) == "tensorflow":
            test = importlib.import_module("tensorflow").test.experimental
            monkeypatch.setattr(test, "sync_devices", self.synchronize)
        else:
            nd = importlib.import_module("mxnet").nd
            monkeypatch.setattr(nd, "waitall", self.synchronize)


class NoWait(meter.Timer):
    """The fault: the clock is read when the call has returned."""

    def wait(self) -> None:
        pass


def check_timer(make: Callable[[], meter.Timer], device: FakeDevice) -> None:
    """What was launched before the start does not count; what was launched after it does."""
    device.launch(0.2)
    timer = make()
    device.launch(0.1)
    assert 0.095 < timer.stop() < 0.25


def test_timer_waits_for_the_device(d2l: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    device = FakeDevice()
    device.attach(d2l, monkeypatch)
    check_timer(d2l.Timer, device)
    with pytest.raises(AssertionError):
        check_timer(NoWait, device)

    class WaitsAtTheEndAlone(d2l.Timer):  # type: ignore[misc]
        def start(self) -> None:
            self._start = time.perf_counter()

    device.synchronize()
    with pytest.raises(AssertionError):
        check_timer(WaitsAtTheEndAlone, device)


def check_nothing_is_left(timer: Any, launch: Callable[[], Any]) -> None:
    """After stop() the result is there: reading it takes next to no time."""
    result = launch()
    seconds = timer.stop()
    start = time.perf_counter()
    result.wait_to_read()
    assert time.perf_counter() - start < seconds / 2


@pytest.mark.needs("mxnet")
def test_timer_waits_for_mxnet_which_works_in_the_background() -> None:
    from d2l_shim import mxnet as d2l

    mx_np = importlib.import_module("mxnet").np
    x = mx_np.ones((1500, 1500))

    def launch() -> Any:
        y = x
        for _ in range(5):
            y = mx_np.dot(y, x)
        return y

    launch().wait_to_read()
    check_nothing_is_left(d2l.Timer(), launch)
    with pytest.raises(AssertionError):
        check_nothing_is_left(NoWait(), launch)


# --- The same examples share a batch in every epoch (TensorFlow) ------------------


def check_batches_mix(data_iter: Iterable[Any], numpy: Callable[[Any], Any]) -> None:
    """Two epochs have no batch in common, whatever the order of the batches."""
    first, second = ({frozenset(numpy(X).tolist()) for X, *_ in data_iter} for _ in range(2))
    assert not first & second


def test_loader_mixes_batches_anew(d2l: Any) -> None:
    examples = np.arange(256)
    check_batches_mix(d2l.load_array((examples, examples), 16), d2l.numpy)


@pytest.mark.needs("tensorflow")
def test_loader_that_shuffles_batches() -> None:
    import tensorflow as tf

    examples = tf.data.Dataset.from_tensor_slices((np.arange(256),))
    check_batches_mix(examples.shuffle(256, seed=0).batch(16), np.asarray)
    with pytest.raises(AssertionError):
        check_batches_mix(examples.batch(16).cache().shuffle(16, seed=0), np.asarray)


# --- Samples that depend on their batch, and change the network (all) --------------


def running_mean(d2l: Any, net_G: Any) -> Any:
    """The running mean of the first batch normalization."""
    if framework(d2l) == "tensorflow":
        return d2l.numpy(net_G.layers[0].layers[1].moving_mean).copy()
    mean = net_G[0][1].running_mean
    return d2l.numpy(mean.data() if framework(d2l) == "mxnet" else mean).copy()


def check_sample(d2l: Any, sample: Callable[[Any, Any], Any]) -> None:
    """An image depends on its own latent vector alone, and looking changes nothing."""
    net_G, Z = generator(d2l), d2l.latent(8, 5)
    before = running_mean(d2l, net_G)
    together, alone = sample(net_G, Z), sample(net_G, Z[:2])
    assert together.shape == (8, 16, 16, 3)
    assert together.min() >= 0 and together.max() <= 1
    np.testing.assert_array_equal(running_mean(d2l, net_G), before)
    np.testing.assert_allclose(together[:2], alone, atol=1e-5)


def sample_training(d2l: Any) -> Callable[[Any, Any], Any]:
    """The fault: the network is in training mode when it makes samples."""
    if framework(d2l) == "torch":
        return lambda net_G, Z: d2l.to_images(net_G(Z))  # eval() was forgotten
    if framework(d2l) == "tensorflow":
        return lambda net_G, Z: d2l.to_images(net_G(Z, training=True))

    def sample(net_G: Any, Z: Any) -> Any:
        with importlib.import_module("mxnet").autograd.train_mode():
            return d2l.to_images(net_G(Z))

    return sample


def test_samples_are_made_in_evaluation_mode(d2l: Any) -> None:
    check_sample(d2l, d2l.sample)
    with pytest.raises(AssertionError):
        check_sample(d2l, sample_training(d2l))


@pytest.mark.needs("torch")
@pytest.mark.parametrize("training", [True, False])
def test_sample_leaves_the_mode_as_it_was(training: bool) -> None:
    from d2l_shim import torch as d2l

    net_G = d2l.dcgan_G(16, 4, latent_dim=5).train(training)
    d2l.sample(net_G, d2l.latent(2, 5))
    assert net_G.training == training


# --- N(0, 0.02^2) for the scales of batch normalization, too (PyTorch, TensorFlow) -


def scales(d2l: Any, net: Any) -> Any:
    """Every gamma of a network."""
    if framework(d2l) == "torch":
        nn = importlib.import_module("torch").nn
        found = [layer.weight for layer in net.modules() if isinstance(layer, nn.BatchNorm2d)]
    elif framework(d2l) == "tensorflow":
        found = [w for w in net.trainable_variables if w.name == "gamma"]
    else:
        found = [w.data() for w in net.collect_params(".*gamma").values()]
    return np.concatenate([d2l.numpy(w) for w in found])


def check_init(d2l: Any, init: Callable[[Any], object]) -> None:
    """Scales of batch normalization are near 1: five standard deviations are 0.1."""
    net = generator(d2l)
    init(net)
    gamma = scales(d2l, net)
    assert len(gamma) == 12 and (abs(gamma - 1) < 0.1).all() and len(set(gamma.tolist())) > 1


def init_everything(d2l: Any) -> Callable[[Any], object]:
    """The fault: all parameters are drawn alike."""

    def init(net: Any) -> None:
        if framework(d2l) == "torch":
            for w in net.parameters():
                importlib.import_module("torch").nn.init.normal_(w, 0, 0.02)
        elif framework(d2l) == "tensorflow":
            for w in net.trainable_variables:
                w.assign(importlib.import_module("tensorflow").random.normal(w.shape, 0, 0.02))
        else:
            for w in net.collect_params().values():
                w.set_data(importlib.import_module("mxnet").np.random.normal(0, 0.02, w.shape))

    return init


def test_scales_of_batch_normalization_start_near_one(d2l: Any) -> None:
    check_init(d2l, d2l.init_weights)
    with pytest.raises(AssertionError):
        check_init(d2l, init_everything(d2l))


# --- TensorFlow alone --------------------------------------------------------------

Step = Callable[..., Any]  # as update_D


def check_init_of_unbuilt(init: Callable[[Any], object]) -> None:
    """The weights are what was asked for, or there is an error: never neither."""
    import tensorflow as tf

    net = tf.keras.Sequential([tf.keras.layers.Dense(64)])
    try:
        init(net)
    except ValueError as error:
        assert "build it first" in str(error)
        return
    net(tf.ones((1, 64)))
    assert 0.015 < float(tf.math.reduce_std(net.layers[0].kernel)) < 0.025


@pytest.mark.needs("tensorflow")
def test_initialization_of_layers_that_are_not_built() -> None:
    import tensorflow as tf

    from d2l_shim import tensorflow as d2l

    def init_silently(net: Any) -> None:
        for w in net.trainable_variables:  # the fault: there are none yet
            w.assign(tf.random.normal(w.shape, 0, 0.02))

    check_init_of_unbuilt(d2l.init_weights)
    with pytest.raises(AssertionError):
        check_init_of_unbuilt(init_silently)


def constant_players() -> tuple[Any, Any]:
    """A discriminator that guesses, with logits of shape (batch, 1), and a generator."""
    import tensorflow as tf

    net_D = tf.keras.Sequential(
        [tf.keras.Input((3,)), tf.keras.layers.Dense(1, kernel_initializer="zeros")]
    )
    return net_D, tf.keras.Sequential([tf.keras.Input((2,)), tf.keras.layers.Dense(3)])


def check_loss(step: Step, batch: int) -> None:
    """Where the discriminator guesses, the loss is log 2 an example."""
    import tensorflow as tf

    net_D, net_G = constant_players()
    loss = tf.keras.losses.BinaryCrossentropy(from_logits=True, reduction="sum")
    trainer_D = tf.keras.optimizers.SGD(learning_rate=0.1)
    trainer_D.build(net_D.trainable_variables)
    X, Z = tf.random.normal((batch, 3)), tf.random.normal((batch, 2))
    try:
        value = float(step(X, Z, net_D, net_G, loss, trainer_D))
    except (ValueError, TypeError, tf.errors.OpError) as error:
        raise AssertionError(f"batch of {batch}: {error}") from error
    assert value / batch == pytest.approx(LOG_2, rel=1e-5)


def faulty_update_D(*, squeeze: bool, factor: bool, training: bool | None = True) -> Step:
    """A step of the discriminator with a choice of faults."""
    import tensorflow as tf

    def step(X: Any, Z: Any, net_D: Any, net_G: Any, loss: Any, trainer_D: Any) -> Any:
        mode = {} if training is None else {"training": training}
        with tf.GradientTape() as tape:
            real_Y, fake_Y = net_D(X, **mode), net_D(net_G(Z, **mode), **mode)
            if squeeze:
                real_Y, fake_Y = tf.squeeze(real_Y), tf.squeeze(fake_Y)
            value = loss(tf.ones_like(real_Y), real_Y) + loss(tf.zeros_like(fake_Y), fake_Y)
            value = value * (X.shape[0] if factor else 1) / 2
        weights = net_D.trainable_variables
        trainer_D.apply_gradients(zip(tape.gradient(value, weights), weights, strict=True))
        return value

    return step


@pytest.mark.needs("tensorflow")
def test_a_summed_loss_times_the_batch_size() -> None:
    from d2l_shim import tensorflow as d2l

    for batch in (1, 2, 64):
        check_loss(d2l.update_D, batch)
    # Over logits of one axis Keras averages before it sums: there the factor is right.
    check_loss(faulty_update_D(squeeze=True, factor=True), 64)
    with pytest.raises(AssertionError):
        check_loss(faulty_update_D(squeeze=False, factor=True), 64)
    with pytest.raises(AssertionError):
        check_loss(faulty_update_D(squeeze=True, factor=False), 64)


@pytest.mark.needs("tensorflow")
def test_squeezed_logits_of_one_example() -> None:
    from d2l_shim import tensorflow as d2l

    check_loss(d2l.update_D, 1)
    check_loss(faulty_update_D(squeeze=True, factor=True), 2)
    with pytest.raises(AssertionError, match="batch of 1"):
        check_loss(faulty_update_D(squeeze=True, factor=True), 1)


def check_batch_norm_learns(step: Step) -> None:
    """A step moves the running mean of the discriminator towards that of its batch."""
    import tensorflow as tf

    net_D = tf.keras.Sequential(
        [
            tf.keras.Input((3,)),
            tf.keras.layers.BatchNormalization(momentum=0.9),
            tf.keras.layers.Dense(1),
        ]
    )
    _, net_G = constant_players()
    loss = tf.keras.losses.BinaryCrossentropy(from_logits=True, reduction="sum")
    trainer_D = tf.keras.optimizers.SGD(learning_rate=0.1)
    trainer_D.build(net_D.trainable_variables)
    X, Z = tf.fill((4, 3), 5.0), tf.random.normal((4, 2))
    step(X, Z, net_D, net_G, loss, trainer_D)
    assert (net_D.layers[0].moving_mean.numpy() > 0.1).all()


@pytest.mark.needs("tensorflow")
def test_networks_are_called_in_training_mode() -> None:
    from d2l_shim import tensorflow as d2l

    check_batch_norm_learns(d2l.update_D)
    check_batch_norm_learns(faulty_update_D(squeeze=False, factor=False))
    with pytest.raises(AssertionError):
        check_batch_norm_learns(faulty_update_D(squeeze=False, factor=False, training=None))


def check_train(train: Callable[..., Any]) -> None:
    """Training runs, the first step of Adam is as long as the learning rate, and Python calls
    the discriminator for tracing alone, not in every step."""
    import tensorflow as tf

    from d2l_shim import tensorflow as d2l

    calls = 0

    class Counted(tf.keras.Sequential):  # type: ignore[misc]
        def call(self, *arguments: Any, **options: Any) -> Any:
            nonlocal calls
            calls += 1
            return super().call(*arguments, **options)

    d2l.set_seed(0)
    net_G = d2l.dcgan_G(16, 4, latent_dim=5)
    net_D = Counted([tf.keras.Input((16, 16, 3)), tf.keras.layers.Conv2D(1, 16)])
    before = net_D.layers[-1].bias.numpy().copy()
    X = np.random.default_rng(0).uniform(-1, 1, size=(4, 16, 16, 3)).astype(np.float32)
    data_iter = [(tf.constant(X),)]
    try:
        train(net_D, net_G, data_iter, 1, 0.01, 5, d2l.cpu())
    except (ValueError, TypeError) as error:
        raise AssertionError(error) from error
    moved = float(abs(net_D.layers[-1].bias.numpy() - before).max())
    assert moved == pytest.approx(0.01, rel=1e-2)
    built = calls
    train(net_D, net_G, data_iter * 20, 1, 0.01, 5, d2l.cpu())
    assert calls - built <= 6  # three calls a step, in at most two traces


def faulty_train(*, keyword: str, compiled: bool) -> Callable[..., Any]:
    """A loop whose Adam gets its rate by a keyword, and which may run eagerly."""
    import tensorflow as tf

    from d2l_shim import tensorflow as d2l

    def train(
        net_D: Any, net_G: Any, data_iter: Any, epochs: int, lr: float, latent_dim: int, device: Any
    ) -> None:
        loss = tf.keras.losses.BinaryCrossentropy(from_logits=True, reduction="sum")
        trainers = [tf.keras.optimizers.Adam(**{keyword: lr}, beta_1=0.5) for _ in range(2)]
        for trainer, net in zip(trainers, (net_D, net_G), strict=True):
            trainer.build(net.trainable_variables)

        def step(X: Any) -> Any:
            Z = d2l.latent(X.shape[0], latent_dim, device)
            return d2l.train_step(X, Z, net_D, net_G, loss, *trainers)

        run = tf.function(step) if compiled else step
        for _ in range(epochs):
            for (X,) in data_iter:
                run(X)

    return train


@pytest.mark.needs("tensorflow")
def test_adam_gets_its_learning_rate_and_steps_are_compiled(
    capsys: pytest.CaptureFixture[str],
) -> None:
    from d2l_shim import tensorflow as d2l

    check_train(d2l.train)
    assert "examples/sec on /CPU:0" in capsys.readouterr().out
    check_train(faulty_train(keyword="learning_rate", compiled=True))
    with pytest.raises(AssertionError, match="lr"):
        check_train(faulty_train(keyword="lr", compiled=True))
    with pytest.raises(AssertionError):
        check_train(faulty_train(keyword="learning_rate", compiled=False))
