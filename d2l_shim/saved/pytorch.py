"""Code that the chapters mark with #@save. Written by `bookc lib`; edit those."""

import torch
from torch import nn

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
