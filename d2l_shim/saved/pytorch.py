"""Code that the chapters mark with #@save. Written by `bookc lib`; edit those."""

import torch
from torch import nn

__all__ = [
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

    Source: Goodfellow et al., Generative Adversarial Nets (2014), Algorithm 1.
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

    Source: Goodfellow et al., Generative Adversarial Nets (2014), Section 3.
    """
    fake_Y = net_D(net_G(Z))
    loss_G: torch.Tensor = loss(fake_Y, torch.ones_like(fake_Y))
    trainer_G.zero_grad()
    # Naming the inputs spares the gradients of the weights of net_D
    loss_G.backward(
        inputs=[w for w in net_G.parameters() if w.requires_grad])
    trainer_G.step()
    return loss_G.detach()
