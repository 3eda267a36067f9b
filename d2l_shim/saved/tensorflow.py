"""Code that the chapters mark with #@save. Written by `bookc build lib`; edit those."""

import tensorflow as tf
from collections.abc import Iterable
import numpy
from numpy.typing import NDArray
from d2l_shim.helpers import tensorflow as d2l

__all__ = [
    "D_block",
    "G_block",
    "dcgan_D",
    "dcgan_G",
    "dcgan_widths",
    "image_grid",
    "init_weights",
    "latent",
    "sample",
    "train",
    "train_step",
    "update_D",
    "update_G",
]


# game/gan
def update_D(X: tf.Tensor, Z: tf.Tensor, net_D: tf.keras.Layer,
             net_G: tf.keras.Layer, loss: tf.keras.losses.Loss,
             trainer_D: tf.keras.optimizers.Optimizer) -> tf.Tensor:
    """Take one step of the discriminator; the generator stays as it is.

    Only TensorFlow operations, to be called inside a `tf.function`. Call
    `trainer_D.build(net_D.trainable_variables)` before.

    Args:
        X: real examples, shape (batch_size, ...).
        Z: latent vectors, shape (batch_size, ...), one a fake example.
        net_D: maps examples to one logit each, (batch_size, ..., 1).
        net_G: maps latent vectors to examples of the shape of X.
        loss: cross-entropy of labels and logits, summed over the batch,
            `BinaryCrossentropy(from_logits=True, reduction='sum')`.
        trainer_D: optimizer of the weights of `net_D`.

    Returns:
        The loss before the step, in nats, summed over the batch: half of it
        comes from real, half from fake examples, so that dividing by
        batch_size gives log 2 where the discriminator guesses. A scalar
        tensor: reading it is up to the caller.

    Source: Goodfellow et al. 2014, Generative Adversarial Nets, Algorithm 1.
    """
    fake_X = net_G(Z, training=True)
    with tf.GradientTape() as tape:
        # Keras averages the loss over the last axis; it has length 1 here
        real_Y = tf.reshape(net_D(X, training=True), (-1, 1))
        fake_Y = tf.reshape(net_D(fake_X, training=True), (-1, 1))
        loss_D = (loss(tf.ones_like(real_Y), real_Y)
                  + loss(tf.zeros_like(fake_Y), fake_Y)) / 2
    weights = net_D.trainable_variables
    trainer_D.apply_gradients(zip(tape.gradient(loss_D, weights), weights))
    return loss_D


# game/gan
def update_G(Z: tf.Tensor, net_D: tf.keras.Layer, net_G: tf.keras.Layer,
             loss: tf.keras.losses.Loss,
             trainer_G: tf.keras.optimizers.Optimizer) -> tf.Tensor:
    """Take one step of the generator; the discriminator stays as it is.

    Only TensorFlow operations, to be called inside a `tf.function`. Call
    `trainer_G.build(net_G.trainable_variables)` before.

    Args:
        Z: latent vectors, shape (batch_size, ...).
        net_D, net_G, loss: as in `update_D`.
        trainer_G: optimizer of the weights of `net_G`.

    Returns:
        The non-saturating loss before the step, in nats, summed over the
        batch: a scalar tensor.

    Source: Goodfellow et al. 2014, Generative Adversarial Nets, Section 3.
    """
    with tf.GradientTape() as tape:
        fake_X = net_G(Z, training=True)
        fake_Y = tf.reshape(net_D(fake_X, training=True), (-1, 1))
        loss_G = loss(tf.ones_like(fake_Y), fake_Y)
    weights = net_G.trainable_variables
    trainer_G.apply_gradients(zip(tape.gradient(loss_G, weights), weights))
    return loss_G


# images/dcgan
def G_block(out_channels: int, kernel_size: int = 4, strides: int = 2,
            padding: str = 'same') -> tf.keras.Sequential:
    """A block of the generator, by default one that doubles the image.

    Maps (batch_size, height, width, in_channels) to
    (batch_size, 2 * height, 2 * width, out_channels).
    """
    return tf.keras.Sequential([
        tf.keras.layers.Conv2DTranspose(out_channels, kernel_size, strides,
                                        padding, use_bias=False),
        tf.keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5),
        tf.keras.layers.ReLU()])


# images/dcgan
def dcgan_widths(size: int, n: int) -> list[int]:
    """Channels of DCGAN at 4 x 4, 8 x 8, ..., size/2 x size/2 pixels.

    Raises:
        ValueError: size is not a power of two, or less than 8.
    """
    if size < 8 or size & (size - 1):
        raise ValueError(f'size is {size}; it must be 8, 16, 32, 64, ...')
    return [n * 2**i for i in reversed(range(size.bit_length() - 3))]


# images/dcgan
def dcgan_G(size: int = 64, n: int = 64,
            latent_dim: int = 100) -> tf.keras.Sequential:
    """The generator of DCGAN, built.

    Maps latent vectors (batch_size, 1, 1, latent_dim) to images
    (batch_size, size, size, 3) with values in (-1, 1).

    Args:
        size: pixels along a side, a power of two and at least 8.
        n: channels before the last layer; the paper has 64.
        latent_dim: channels of the latent vectors.

    Source: Radford et al., Unsupervised Representation Learning with Deep
        Convolutional Generative Adversarial Networks (2015), Figure 1.
    """
    widths = dcgan_widths(size, n)
    net = tf.keras.Sequential([
        tf.keras.Input((1, 1, latent_dim)),
        G_block(widths[0], strides=1, padding='valid')])  # 4 x 4
    for c_out in widths[1:]:
        net.add(G_block(c_out))  # twice the side
    net.add(tf.keras.layers.Conv2DTranspose(
        3, 4, 2, 'same', use_bias=False, activation='tanh'))
    return net


# images/dcgan
def D_block(out_channels: int, kernel_size: int = 4, strides: int = 2,
            padding: str = 'same', alpha: float = 0.2,
            batch_norm: bool = True) -> tf.keras.Sequential:
    """A block of the discriminator, by default one that halves the image.

    Maps (batch_size, height, width, in_channels) to
    (batch_size, height / 2, width / 2, out_channels).
    """
    block = tf.keras.Sequential([tf.keras.layers.Conv2D(
        out_channels, kernel_size, strides, padding, use_bias=False)])
    if batch_norm:
        block.add(tf.keras.layers.BatchNormalization(momentum=0.9,
                                                     epsilon=1e-5))
    block.add(tf.keras.layers.LeakyReLU(negative_slope=alpha))
    return block


# images/dcgan
def dcgan_D(size: int = 64, n: int = 64,
            alpha: float = 0.2) -> tf.keras.Sequential:
    """The discriminator of DCGAN, built.

    Maps images (batch_size, size, size, 3) to logits (batch_size, 1, 1, 1).

    Args:
        size: pixels along a side, a power of two and at least 8.
        n: channels after the first block; the paper has 64.
        alpha: slope of leaky ReLU for negative inputs.

    Source: Radford et al., Unsupervised Representation Learning with Deep
        Convolutional Generative Adversarial Networks (2015), Section 3.
    """
    widths = dcgan_widths(size, n)[::-1]
    net = tf.keras.Sequential([tf.keras.Input((size, size, 3)),
                               D_block(n, alpha=alpha, batch_norm=False)])
    for c_out in widths[1:]:
        net.add(D_block(c_out, alpha=alpha))  # half the side
    net.add(tf.keras.layers.Conv2D(1, 4, use_bias=False))
    return net


# images/dcgan
def init_weights(net: tf.keras.Model) -> None:
    """Draw the weights of convolutions from N(0, 0.02^2), the scales of
    batch normalization from N(1, 0.02^2), and set its shifts to 0.

    Raises:
        ValueError: the network is not built, so that there are no weights.
    """
    if not net.trainable_variables:
        raise ValueError('the network has no weights yet: build it first')
    for w in net.trainable_variables:
        if w.name == 'kernel':
            w.assign(tf.random.normal(w.shape, 0, 0.02))
        elif w.name == 'gamma':
            w.assign(tf.random.normal(w.shape, 1, 0.02))
        elif w.name == 'beta':
            w.assign(tf.zeros(w.shape))


# images/dcgan
def train_step(X: tf.Tensor, Z: tf.Tensor, net_D: tf.keras.Layer,
               net_G: tf.keras.Layer, loss: tf.keras.losses.Loss,
               trainer_D: tf.keras.optimizers.Optimizer,
               trainer_G: tf.keras.optimizers.Optimizer
               ) -> tuple[tf.Tensor, tf.Tensor]:
    """Take one step of each player.

    The same as `update_D` and then `update_G`, but makes the images G(Z)
    once, and leaves out the gradients that nobody uses. Only TensorFlow
    operations, to be called inside a `tf.function`.

    Args:
        X: real examples, shape (batch_size, ...).
        Z: latent vectors, shape (batch_size, ...), one a fake example.
        net_D, net_G, loss, trainer_D, trainer_G: as in `update_D` and
            `update_G`.

    Returns:
        Both losses before the steps, in nats, summed over the batch, as
        `update_D` and `update_G` return them: scalars.

    Source: Radford et al. 2015, Unsupervised Representation Learning with
    Deep Convolutional Generative Adversarial Networks.
    """
    weights_D, weights_G = net_D.trainable_variables, net_G.trainable_variables
    with tf.GradientTape() as tape_G:
        fake_X = net_G(Z, training=True)
    with tf.GradientTape() as tape_D:
        real_Y = tf.reshape(net_D(X, training=True), (-1, 1))
        fake_Y = tf.reshape(net_D(fake_X, training=True), (-1, 1))
        loss_D = (loss(tf.ones_like(real_Y), real_Y)
                  + loss(tf.zeros_like(fake_Y), fake_Y)) / 2
    trainer_D.apply_gradients(
        zip(tape_D.gradient(loss_D, weights_D), weights_D))

    with tf.GradientTape(watch_accessed_variables=False) as tape_X:
        tape_X.watch(fake_X)
        fake_Y = tf.reshape(net_D(fake_X, training=True), (-1, 1))
        loss_G = loss(tf.ones_like(fake_Y), fake_Y)
    # The chain rule in two parts: loss to images, images to weights
    grad_X = tape_X.gradient(loss_G, fake_X)
    trainer_G.apply_gradients(
        zip(tape_G.gradient(fake_X, weights_G, grad_X), weights_G))
    return loss_D, loss_G


# images/dcgan
def latent(num: int, latent_dim: int,
           device: str | None = None) -> tf.Tensor:
    """Draw latent vectors from the standard normal distribution.

    Args:
        num: how many.
        latent_dim: entries of each.
        device: where they are; by default where TensorFlow puts them.

    Returns:
        A tensor of shape (num, 1, 1, latent_dim), float32: each vector is
        an image of one pixel.
    """
    with tf.device(device):
        return tf.random.normal((num, 1, 1, latent_dim))


# images/dcgan
def sample(net_G: tf.keras.Layer, Z: tf.Tensor) -> NDArray[numpy.float32]:
    """Make images of latent vectors in evaluation mode: each image depends
    on its own vector alone, and no running average moves.

    Args:
        net_G: maps latent vectors to images (num, height, width, channels) in
            [-1, 1].
        Z: latent vectors, as from `latent`.

    Returns:
        Images on the host, shape (num, height, width, channels), in [0, 1].
    """
    return d2l.to_images(net_G(Z, training=False))


# images/dcgan
def image_grid(imgs: NDArray[numpy.float32], num_rows: int,
               num_cols: int) -> NDArray[numpy.float32]:
    """Join images, shape (num_rows * num_cols, height, width, 3), row by row
    to one picture, shape (num_rows * height, num_cols * width, 3)."""
    h, w = imgs.shape[1:3]
    grid = imgs.reshape(num_rows, num_cols, h, w, 3).swapaxes(1, 2)
    return grid.reshape(num_rows * h, num_cols * w, 3)


# images/dcgan
def train(net_D: tf.keras.Layer, net_G: tf.keras.Layer,
          data_iter: Iterable[tuple[tf.Tensor, ...]], num_epochs: int,
          lr: float, latent_dim: int, device: str) -> tuple[float, float]:
    """Train both networks in turns, with Adam; draw the losses and samples.

    Args:
        net_D: maps images to one logit each, (batch_size, 1, 1, 1).
        net_G: maps latent vectors (batch_size, 1, 1, latent_dim) to images of
            the shape of the real ones. Both are built.
        data_iter: batches `(X,)` or `(X, y)` of real images, float32 in
            [-1, 1], shape (batch_size, height, width, 3); gone through once an
            epoch.
        num_epochs: at least 1.
        lr: learning rate of both players.
        latent_dim: entries of a latent vector.
        device: where both networks are.

    Returns:
        loss_D and loss_G of the last epoch, in nats an example; log 2 each
        where the discriminator guesses.

    Source: Radford et al. 2015, Unsupervised Representation Learning with
    Deep Convolutional Generative Adversarial Networks, Section 4.
    """
    loss = tf.keras.losses.BinaryCrossentropy(
        from_logits=True, reduction='sum')
    trainer_D, trainer_G = (
        tf.keras.optimizers.Adam(learning_rate=lr, beta_1=0.5, beta_2=0.999)
        for _ in range(2))
    trainer_D.build(net_D.trainable_variables)
    trainer_G.build(net_G.trainable_variables)

    @tf.function
    def step(X: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        Z = tf.random.normal((tf.shape(X)[0], 1, 1, latent_dim))
        return train_step(X, Z, net_D, net_G, loss, trainer_D, trainer_G)

    animator = d2l.Animator(xlabel='epoch', ylabel='loss',
                            xlim=[1, num_epochs], nrows=2, figsize=(5, 5),
                            legend=['discriminator', 'generator'])
    fixed_Z = latent(21, latent_dim, device)
    timer, num_examples = d2l.Timer(), 0.0
    for epoch in range(1, num_epochs + 1):
        timer.start()
        metric = d2l.Accumulator(3)  # loss_D, loss_G, number of examples
        for X, *_ in data_iter:  # labels, if any, are not used
            metric.add(*step(X), len(X))
        timer.stop()
        num_examples += metric[2]
        loss_D, loss_G = metric[0] / metric[2], metric[1] / metric[2]
        animator.axes[1].cla()
        animator.axes[1].axis('off')
        animator.axes[1].imshow(image_grid(sample(net_G, fixed_Z), 3, 7))
        animator.add(epoch, (loss_D, loss_G))
    print(f'loss_D {loss_D:.3f}, loss_G {loss_G:.3f}, '
          f'{num_examples / timer.sum():.1f} examples/sec on {device}')
    return loss_D, loss_G
