"""Code that the chapters mark with #@save. Written by `bookc lib`; edit those."""

from mxnet import autograd, gluon, init, np, npx

__all__ = [
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

    Source: Goodfellow et al., Generative Adversarial Nets (2014), Algorithm 1.
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

    Source: Goodfellow et al., Generative Adversarial Nets (2014), Section 3.
    """
    with autograd.record():
        fake_Y = net_D(net_G(Z))
        loss_G = loss(fake_Y, np.ones_like(fake_Y))
    loss_G.backward()
    trainer_G.step(Z.shape[0])
    return loss_G.sum()
