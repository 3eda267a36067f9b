"""Code that the chapters mark with #@save. Written by `bookc build lib`; edit those."""

import torch
from torch import nn
from collections.abc import Iterable
from typing import Any
import numpy
from numpy.typing import NDArray
from d2l_shim.helpers import torch as d2l

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
def update_D(X: torch.Tensor, Z: torch.Tensor, net_D: nn.Module,
             net_G: nn.Module, loss: nn.Module,
             trainer_D: torch.optim.Optimizer) -> torch.Tensor:
    """Take one step of the discriminator; the generator stays as it is.

    Args:
        X: real examples, shape (batch_size, ...).
        Z: latent vectors, shape (batch_size, ...), one a fake example.
        net_D: maps examples to one logit each, (batch_size, 1, ...).
        net_G: maps latent vectors to examples of the shape of X.
        loss: cross-entropy of logits and labels, summed over the batch,
            `nn.BCEWithLogitsLoss(reduction='sum')`.
        trainer_D: optimizer of the weights of `net_D`.

    Returns:
        The loss before the step, in nats, summed over the batch: half of it
        comes from real, half from fake examples, so that dividing by
        batch_size gives log 2 where the discriminator guesses. A scalar
        without gradient, still on its device: reading it is up to the caller.

    Source: Goodfellow et al. 2014, Generative Adversarial Nets, Algorithm 1.
    """
    with torch.no_grad():
        fake_X = net_G(Z)
    real_Y, fake_Y = net_D(X), net_D(fake_X)
    loss_D: torch.Tensor = (loss(real_Y, torch.ones_like(real_Y))
                            + loss(fake_Y, torch.zeros_like(fake_Y))) / 2
    trainer_D.zero_grad()
    loss_D.backward()
    trainer_D.step()
    return loss_D.detach()


# game/gan
def update_G(Z: torch.Tensor, net_D: nn.Module, net_G: nn.Module,
             loss: nn.Module,
             trainer_G: torch.optim.Optimizer) -> torch.Tensor:
    """Take one step of the generator; the discriminator stays as it is.

    Args:
        Z: latent vectors, shape (batch_size, ...).
        net_D, net_G, loss: as in `update_D`.
        trainer_G: optimizer of the weights of `net_G`.

    Returns:
        The non-saturating loss before the step, in nats, summed over the
        batch: a scalar without gradient, still on its device.

    Source: Goodfellow et al. 2014, Generative Adversarial Nets, Section 3.
    """
    fake_Y = net_D(net_G(Z))
    loss_G: torch.Tensor = loss(fake_Y, torch.ones_like(fake_Y))
    trainer_G.zero_grad()
    # Naming the inputs spares the gradients of the weights of net_D
    loss_G.backward(
        inputs=[w for w in net_G.parameters() if w.requires_grad])
    trainer_G.step()
    return loss_G.detach()


# images/dcgan
def G_block(in_channels: int, out_channels: int, kernel_size: int = 4,
            strides: int = 2, padding: int = 1) -> nn.Sequential:
    """A block of the generator, by default one that doubles the image.

    Maps (batch_size, in_channels, height, width) to
    (batch_size, out_channels, 2 * height, 2 * width).
    """
    return nn.Sequential(
        nn.ConvTranspose2d(in_channels, out_channels, kernel_size, strides,
                           padding, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU())


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
            latent_dim: int = 100) -> nn.Sequential:
    """The generator of DCGAN.

    Maps latent vectors (batch_size, latent_dim, 1, 1) to images
    (batch_size, 3, size, size) with values in (-1, 1).

    Args:
        size: pixels along a side, a power of two and at least 8.
        n: channels before the last layer; the paper has 64.
        latent_dim: channels of the latent vectors.

    Source: Radford et al., Unsupervised Representation Learning with Deep
        Convolutional Generative Adversarial Networks (2015), Figure 1.
    """
    widths = dcgan_widths(size, n)
    net = nn.Sequential(
        G_block(latent_dim, widths[0], strides=1, padding=0))  # 4 x 4
    for c_in, c_out in zip(widths, widths[1:]):
        net.append(G_block(c_in, c_out))  # twice the side
    net.append(nn.Sequential(
        nn.ConvTranspose2d(n, 3, 4, 2, 1, bias=False), nn.Tanh()))
    return net


# images/dcgan
def D_block(in_channels: int, out_channels: int, kernel_size: int = 4,
            strides: int = 2, padding: int = 1, alpha: float = 0.2,
            batch_norm: bool = True) -> nn.Sequential:
    """A block of the discriminator, by default one that halves the image.

    Maps (batch_size, in_channels, height, width) to
    (batch_size, out_channels, height / 2, width / 2).
    """
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, kernel_size, strides, padding,
                  bias=False),
        nn.BatchNorm2d(out_channels) if batch_norm else nn.Identity(),
        nn.LeakyReLU(alpha))


# images/dcgan
def dcgan_D(size: int = 64, n: int = 64, alpha: float = 0.2) -> nn.Sequential:
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
    net = nn.Sequential(D_block(3, n, alpha=alpha, batch_norm=False))
    for c_in, c_out in zip(widths, widths[1:]):
        net.append(D_block(c_in, c_out, alpha=alpha))  # half the side
    net.append(nn.Conv2d(widths[-1], 1, 4, bias=False))
    return net


# images/dcgan
def init_weights(net: nn.Module) -> None:
    """Draw the weights of convolutions from N(0, 0.02^2), the scales of
    batch normalization from N(1, 0.02^2), and set its shifts to 0."""
    for layer in net.modules():
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.normal_(layer.weight, 0, 0.02)
        elif isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.weight, 1, 0.02)
            nn.init.zeros_(layer.bias)


# images/dcgan
def train_step(X: torch.Tensor, Z: torch.Tensor, net_D: nn.Module,
               net_G: nn.Module, loss: nn.Module,
               trainer_D: torch.optim.Optimizer,
               trainer_G: torch.optim.Optimizer
               ) -> tuple[torch.Tensor, torch.Tensor]:
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
        `update_D` and `update_G` return them: scalars without gradient.

    Source: Radford et al. 2015, Unsupervised Representation Learning with
    Deep Convolutional Generative Adversarial Networks.
    """
    fake_X = net_G(Z)
    real_Y, fake_Y = net_D(X), net_D(fake_X.detach())
    loss_D: torch.Tensor = (loss(real_Y, torch.ones_like(real_Y))
                            + loss(fake_Y, torch.zeros_like(fake_Y))) / 2
    trainer_D.zero_grad()
    loss_D.backward()
    trainer_D.step()

    fake_Y = net_D(fake_X)
    loss_G: torch.Tensor = loss(fake_Y, torch.ones_like(fake_Y))
    trainer_G.zero_grad()
    # Naming the inputs spares the gradients of the weights of net_D
    loss_G.backward(
        inputs=[w for w in net_G.parameters() if w.requires_grad])
    trainer_G.step()
    return loss_D.detach(), loss_G.detach()


# images/dcgan
def latent(num: int, latent_dim: int,
           device: torch.device | str | None = None) -> torch.Tensor:
    """Draw latent vectors from the standard normal distribution.

    Args:
        num: how many.
        latent_dim: entries of each.
        device: where they are; by default on the CPU.

    Returns:
        A tensor of shape (num, latent_dim, 1, 1), float32: each vector is
        an image of one pixel.
    """
    return torch.randn(num, latent_dim, 1, 1, device=device)


# images/dcgan
def sample(net_G: nn.Module, Z: torch.Tensor) -> NDArray[numpy.float32]:
    """Make images of latent vectors in evaluation mode: each image depends
    on its own vector alone, and no running average moves.

    Args:
        net_G: maps latent vectors to images (num, channels, height, width) in
            [-1, 1].
        Z: latent vectors, as from `latent`.

    Returns:
        Images on the host, shape (num, height, width, channels), in [0, 1].
    """
    was_training = net_G.training
    net_G.eval()
    with torch.no_grad():
        fake_X = net_G(Z)
    net_G.train(was_training)
    return d2l.to_images(fake_X)


# images/dcgan
def image_grid(imgs: NDArray[numpy.float32], num_rows: int,
               num_cols: int) -> NDArray[numpy.float32]:
    """Join images, shape (num_rows * num_cols, height, width, 3), row by row
    to one picture, shape (num_rows * height, num_cols * width, 3)."""
    h, w = imgs.shape[1:3]
    grid = imgs.reshape(num_rows, num_cols, h, w, 3).swapaxes(1, 2)
    return grid.reshape(num_rows * h, num_cols * w, 3)


# images/dcgan
def train(net_D: nn.Module, net_G: nn.Module,
          data_iter: Iterable[tuple[torch.Tensor, ...]], num_epochs: int,
          lr: float, latent_dim: int,
          device: torch.device | str) -> tuple[float, float]:
    """Train both networks in turns, with Adam; draw the losses and samples.

    Args:
        net_D: maps images to one logit each, (batch_size, 1, 1, 1).
        net_G: maps latent vectors (batch_size, latent_dim, 1, 1) to images of
            the shape of the real ones. Both move to `device`.
        data_iter: batches `(X,)` or `(X, y)` of real images, float32 in
            [-1, 1], shape (batch_size, 3, height, width); gone through once an
            epoch.
        num_epochs: at least 1.
        lr: learning rate of both players.
        latent_dim: entries of a latent vector.
        device: where to train.

    Returns:
        loss_D and loss_G of the last epoch, in nats an example; log 2 each
        where the discriminator guesses.

    Source: Radford et al. 2015, Unsupervised Representation Learning with
    Deep Convolutional Generative Adversarial Networks, Section 4.
    """
    fast: dict[str, Any] = {'device': device,
                            'memory_format': torch.channels_last}
    net_D, net_G = net_D.to(**fast), net_G.to(**fast)
    loss = nn.BCEWithLogitsLoss(reduction='sum')
    trainer_D, trainer_G = (
        torch.optim.Adam(net.parameters(), lr=lr, betas=(0.5, 0.999))
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
            metric.add(*train_step(X.to(**fast), Z, net_D, net_G, loss,
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
