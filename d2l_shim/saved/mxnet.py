"""Code that the chapters mark with #@save. Written by `bookc lib`; edit those."""

from mxnet import autograd, gluon, init, np, npx
from mxnet.gluon import nn

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
def update_D(X: np.ndarray, Z: np.ndarray, net_D: gluon.Block,
             net_G: gluon.Block, loss: gluon.loss.Loss,
             trainer_D: gluon.Trainer) -> np.ndarray:
    """Take one step of the discriminator; the generator stays as it is.

    Args:
        X: real examples, shape (batch_size, ...).
        Z: latent vectors, shape (batch_size, ...), one a fake example.
        net_D: maps examples to one logit each, (batch_size, 1, ...).
        net_G: maps latent vectors to examples of the shape of X.
        loss: cross-entropy of logits and labels, one number an example,
            `gluon.loss.SigmoidBCELoss()`.
        trainer_D: optimizer of the weights of `net_D`.

    Returns:
        The loss before the step, in nats, summed over the batch: half of it
        comes from real, half from fake examples, so that dividing by
        batch_size gives log 2 where the discriminator guesses. A scalar
        array on the device of X: reading it is up to the caller.

    Source: Goodfellow et al. 2014, Generative Adversarial Nets, Algorithm 1.
    """
    with autograd.train_mode():
        fake_X = net_G(Z)
    with autograd.record():
        real_Y, fake_Y = net_D(X), net_D(fake_X)
        loss_D = (loss(real_Y, np.ones_like(real_Y))
                  + loss(fake_Y, np.zeros_like(fake_Y))) / 2
    loss_D.backward()
    trainer_D.step(X.shape[0])
    return loss_D.sum()


# game/gan
def update_G(Z: np.ndarray, net_D: gluon.Block, net_G: gluon.Block,
             loss: gluon.loss.Loss, trainer_G: gluon.Trainer) -> np.ndarray:
    """Take one step of the generator; the discriminator stays as it is.

    Args:
        Z: latent vectors, shape (batch_size, ...).
        net_D, net_G, loss: as in `update_D`.
        trainer_G: optimizer of the weights of `net_G`.

    Returns:
        The non-saturating loss before the step, in nats, summed over the
        batch: a scalar array on the device of Z.

    Source: Goodfellow et al. 2014, Generative Adversarial Nets, Section 3.
    """
    with autograd.record():
        fake_Y = net_D(net_G(Z))
        loss_G = loss(fake_Y, np.ones_like(fake_Y))
    loss_G.backward()
    trainer_G.step(Z.shape[0])
    return loss_G.sum()


# images/dcgan
def G_block(out_channels: int, kernel_size: int = 4, strides: int = 2,
            padding: int = 1) -> nn.HybridSequential:
    """A block of the generator, by default one that doubles the image.

    Maps (batch_size, in_channels, height, width) to
    (batch_size, out_channels, 2 * height, 2 * width).
    """
    block = nn.HybridSequential()
    block.add(nn.Conv2DTranspose(out_channels, kernel_size, strides, padding,
                                 use_bias=False),
              nn.BatchNorm(in_channels=out_channels),
              nn.Activation('relu'))
    return block


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
def dcgan_G(size: int = 64, n: int = 64) -> nn.HybridSequential:
    """The generator of DCGAN.

    Maps latent vectors (batch_size, latent_dim, 1, 1) to images
    (batch_size, 3, size, size) with values in (-1, 1).

    Args:
        size: pixels along a side, a power of two and at least 8.
        n: channels before the last layer; the paper has 64.

    Source: Radford et al., Unsupervised Representation Learning with Deep
        Convolutional Generative Adversarial Networks (2015), Figure 1.
    """
    widths = dcgan_widths(size, n)
    net = nn.HybridSequential()
    net.add(G_block(widths[0], strides=1, padding=0))  # 4 x 4
    for c_out in widths[1:]:
        net.add(G_block(c_out))  # twice the side
    net.add(nn.Conv2DTranspose(3, 4, 2, 1, use_bias=False,
                               activation='tanh'))
    return net


# images/dcgan
def D_block(out_channels: int, kernel_size: int = 4, strides: int = 2,
            padding: int = 1, alpha: float = 0.2,
            batch_norm: bool = True) -> nn.HybridSequential:
    """A block of the discriminator, by default one that halves the image.

    Maps (batch_size, in_channels, height, width) to
    (batch_size, out_channels, height / 2, width / 2).
    """
    block = nn.HybridSequential()
    block.add(nn.Conv2D(out_channels, kernel_size, strides, padding,
                        use_bias=False))
    if batch_norm:
        block.add(nn.BatchNorm(in_channels=out_channels))
    block.add(nn.LeakyReLU(alpha))
    return block


# images/dcgan
def dcgan_D(size: int = 64, n: int = 64,
            alpha: float = 0.2) -> nn.HybridSequential:
    """The discriminator of DCGAN.

    Maps images (batch_size, 3, size, size) to logits (batch_size, 1, 1, 1).

    Args:
        size: pixels along a side, a power of two and at least 8.
        n: channels after the first block; the paper has 64.
        alpha: slope of leaky ReLU for negative inputs.

    Source: Radford et al., Unsupervised Representation Learning with Deep
        Convolutional Generative Adversarial Networks (2015), Section 3.
    """
    widths = dcgan_widths(size, n)[::-1]
    net = nn.HybridSequential()
    net.add(D_block(n, alpha=alpha, batch_norm=False))
    for c_out in widths[1:]:
        net.add(D_block(c_out, alpha=alpha))  # half the side
    net.add(nn.Conv2D(1, 4, use_bias=False))
    return net


# images/dcgan
def init_weights(net: nn.HybridSequential, device: object = None) -> None:
    """Draw the weights of convolutions from N(0, 0.02^2), the scales of
    batch normalization from N(1, 0.02^2), and set its shifts to 0."""
    # This sets gamma to 1 and beta to 0, their own initial values ...
    net.initialize(init.Normal(0.02), ctx=device, force_reinit=True)
    for gamma in net.collect_params('.*gamma').values():  # ... and so:
        gamma.set_data(np.random.normal(1, 0.02, gamma.shape))
