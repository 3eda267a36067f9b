"""Code that the chapters mark with #@save. Written by `bookc build lib`; edit those."""

from mxnet import autograd, gluon, init, np, npx
from d2l_shim.helpers import mxnet as d2l
from collections.abc import Iterable
import numpy
from mxnet.gluon import nn
from numpy.typing import NDArray

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


# images/dcgan
def train_step(X: np.ndarray, Z: np.ndarray, net_D: gluon.Block,
               net_G: gluon.Block, loss: gluon.loss.Loss,
               trainer_D: gluon.Trainer, trainer_G: gluon.Trainer
               ) -> tuple[np.ndarray, np.ndarray]:
    """Take one step of each player.

    The same as `update_D` and then `update_G`, but makes the images G(Z)
    once, and leaves out the gradients that nobody uses.

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
    with autograd.record():
        fake_X = net_G(Z)
    images = fake_X.detach()
    with autograd.record():
        real_Y, fake_Y = net_D(X), net_D(images)
        loss_D = (loss(real_Y, np.ones_like(real_Y))
                  + loss(fake_Y, np.zeros_like(fake_Y))) / 2
    loss_D.backward()
    trainer_D.step(len(X))

    images.attach_grad()
    with autograd.record():
        fake_Y = net_D(images)
        loss_G = loss(fake_Y, np.ones_like(fake_Y))
    # The chain rule in two parts: loss to images, images to weights
    loss_G.backward()
    fake_X.backward(images.grad)
    trainer_G.step(len(X))
    return loss_D.sum(), loss_G.sum()


# images/dcgan
def latent(num: int, latent_dim: int, device: object = None) -> np.ndarray:
    """Draw latent vectors from the standard normal distribution.

    Args:
        num: how many.
        latent_dim: entries of each.
        device: where they are; by default on the CPU.

    Returns:
        A tensor of shape (num, latent_dim, 1, 1), float32: each vector is
        an image of one pixel.
    """
    return np.random.normal(0, 1, size=(num, latent_dim, 1, 1), ctx=device)


# images/dcgan
def sample(net_G: gluon.Block, Z: np.ndarray) -> NDArray[numpy.float32]:
    """Make images of latent vectors in evaluation mode: each image depends
    on its own vector alone, and no running average moves.

    Args:
        net_G: maps latent vectors to images (num, channels, height, width) in
            [-1, 1].
        Z: latent vectors, as from `latent`.

    Returns:
        Images on the host, shape (num, height, width, channels), in [0, 1].
    """
    return d2l.to_images(net_G(Z))  # outside of autograd.record()


# images/dcgan
def image_grid(imgs: NDArray[numpy.float32], num_rows: int,
               num_cols: int) -> NDArray[numpy.float32]:
    """Join images, shape (num_rows * num_cols, height, width, 3), row by row
    to one picture, shape (num_rows * height, num_cols * width, 3)."""
    h, w = imgs.shape[1:3]
    grid = imgs.reshape(num_rows, num_cols, h, w, 3).swapaxes(1, 2)
    return grid.reshape(num_rows * h, num_cols * w, 3)


# images/dcgan
def train(net_D: nn.HybridSequential, net_G: nn.HybridSequential,
          data_iter: Iterable[tuple[np.ndarray, ...]], num_epochs: int,
          lr: float, latent_dim: int, device: object) -> tuple[float, float]:
    """Train both networks in turns, with Adam; draw the losses and samples.

    Args:
        net_D: maps images to one logit each, (batch_size, 1, 1, 1).
        net_G: maps latent vectors (batch_size, latent_dim, 1, 1) to images of
            the shape of the real ones. Both are initialized.
        data_iter: batches `(X,)` or `(X, y)` of real images, float32 in
            [-1, 1], shape (batch_size, 3, height, width); gone through once an
            epoch.
        num_epochs: at least 1.
        lr: learning rate of both players.
        latent_dim: entries of a latent vector.
        device: where both networks and the batches are.

    Returns:
        loss_D and loss_G of the last epoch, in nats an example; log 2 each
        where the discriminator guesses.

    Source: Radford et al. 2015, Unsupervised Representation Learning with
    Deep Convolutional Generative Adversarial Networks, Section 4.
    """
    net_D.hybridize()
    net_G.hybridize()
    loss = gluon.loss.SigmoidBCELoss()
    trainer_D, trainer_G = (
        gluon.Trainer(net.collect_params(), 'adam',
                      {'learning_rate': lr, 'beta1': 0.5, 'beta2': 0.999})
        for net in (net_D, net_G))
    animator = d2l.Animator(xlabel='epoch', ylabel='loss',
                            xlim=[1, num_epochs], nrows=2, figsize=(5, 5),
                            legend=['discriminator', 'generator'])
    fixed_Z = latent(21, latent_dim, device)
    timer, num_examples = d2l.Timer(), 0.0
    for epoch in range(1, num_epochs + 1):
        timer.start()
        metric = d2l.Accumulator(3)  # loss_D, loss_G, number of examples
        for X, *_ in data_iter:  # labels, if any, are not used
            Z = latent(len(X), latent_dim, device)
            metric.add(*train_step(X, Z, net_D, net_G, loss,
                                   trainer_D, trainer_G), len(X))
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
