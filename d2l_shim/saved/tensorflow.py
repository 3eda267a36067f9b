"""Code that the chapters mark with #@save. Written by `bookc lib`; edit those."""

import tensorflow as tf

__all__ = [
    "D_block",
    "G_block",
    "dcgan_D",
    "dcgan_G",
    "dcgan_widths",
    "init_weights",
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
