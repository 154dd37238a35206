"""What keeps a critic smooth: penalties on its gradient and on weights."""

from collections.abc import Iterable

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from ganvas.core.device import precise
from ganvas.core.settings import Settings
from ganvas.core.stacking import uniform

Scalar = Float[Tensor, ""]


class GradientSettings(Settings):
    """Penalties on the critic's gradient, so that it stays smooth."""

    r1: float = Field(default=0.0, ge=0)
    """R1: gamma/2 * E |grad D(x)|^2 at real items. Usual: 0.1 to 100, more for larger pictures."""
    r2: float = Field(default=0.0, ge=0)
    """R2: the same at generated items."""
    every: int = Field(default=1, ge=1, le=64)
    """Gradient penalties come every so many steps and weigh as much more (lazy regularisation, StyleGAN2)."""
    settle: float = Field(default=1.0, gt=0, le=1)
    """R1 and R2 shrink to this share of their weight, for coarse structure first and detail later (R3GAN)."""
    until: float = Field(default=0.7, gt=0, le=1)
    """The share of the training after which they have shrunk, by the same factor at every step."""

    @property
    def heaviest(self) -> float:
        """The largest weight of a gradient penalty."""
        return max(self.r1, self.r2)

    def due(self, step: int) -> bool:
        """Whether this step computes gradient penalties."""
        return step % self.every == 0 and self.heaviest > 0

    def share(self, progress: float) -> float:
        """What is left of the weight of R1 and R2 after this share of the training."""
        return self.settle ** min(1.0, progress / self.until)


class PenaltySettings(GradientSettings):
    """What is added to the critic's loss so that it stays smooth, or done to its weights."""

    gp: float = Field(default=0.0, ge=0)
    """WGAN-GP: lambda * E (|grad D| - 1)^2 between real and generated items. Usual: 10."""
    l1: float = Field(default=0.0, ge=0)
    """Sum of absolute weights, times this, added to each player's loss."""
    l2: float = Field(default=0.0, ge=0)
    """Sum of squared weights, times this, added to each player's loss."""
    clip: float = Field(default=0.0, ge=0)
    """After each of its steps the critic's weights are cut to [-clip, clip] (WGAN: 0.01). 0: never."""

    @property
    def heaviest(self) -> float:
        return max(super().heaviest, self.gp)


def squared_gradient(
    logits: Float[Tensor, " batch"], at: Float[Tensor, "batch ..."]
) -> Float[Tensor, " batch"]:
    """|grad D|^2 of each item, itself differentiable. At real items: R1 (Mescheder et al. 2018, eq. 9)."""
    (gradient,) = torch.autograd.grad(logits.sum(), at, create_graph=True)
    return precise(gradient).square().flatten(1).sum(1)


def between(real: Float[Tensor, "batch ..."], fake: Float[Tensor, "batch ..."]) -> Float[Tensor, "batch ..."]:
    """Points drawn uniformly on the lines between real and made items (Gulrajani 2017, sec. 4)."""
    share = uniform(len(real), *[1] * (real.ndim - 1), device=real.device, dtype=real.dtype)
    return torch.lerp(fake.to(real.dtype), real, share).detach().requires_grad_()


def distance_from_one(squared: Float[Tensor, " batch"]) -> Scalar:
    """E (|grad D| - 1)^2, two-sided (Gulrajani 2017, eq. 3)."""
    return (squared.clamp_min(1e-12).sqrt() - 1).square().mean()  # the root's slope at 0 is infinite


def weight_decay(players: Iterable[nn.Parameter], l1: float, l2: float) -> Scalar:
    """l1 * sum |w| + l2 * sum w^2."""
    return torch.stack([l1 * w.abs().sum() + l2 * w.square().sum() for w in players]).sum()


@torch.no_grad()
def clip_weights(players: Iterable[nn.Parameter], bound: float) -> None:
    """Cut every weight to [-bound, bound] (Arjovsky et al. 2017, algorithm 1)."""
    for w in players:
        w.clamp_(-bound, bound)
