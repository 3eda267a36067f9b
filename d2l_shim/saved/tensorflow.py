"""Code that the chapters mark with #@save. Written by `bookc lib`; edit those."""

import tensorflow as tf

__all__ = [
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

    Source: Goodfellow et al., Generative Adversarial Nets (2014), Algorithm 1.
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

    Source: Goodfellow et al., Generative Adversarial Nets (2014), Section 3.
    """
    with tf.GradientTape() as tape:
        fake_X = net_G(Z, training=True)
        fake_Y = tf.reshape(net_D(fake_X, training=True), (-1, 1))
        loss_G = loss(tf.ones_like(fake_Y), fake_Y)
    weights = net_G.trainable_variables
    trainer_G.apply_gradients(zip(tape.gradient(loss_G, weights), weights))
    return loss_G
