"""What models that say how probable a picture is have in common."""

import math
from typing import Protocol

from jaxtyping import Float
from torch import Tensor

from ganvas.core import distributed
from ganvas.core.errors import UserError
from ganvas.data.spec import Spec


class Priced(Protocol):
    """Settings that say what the KL costs."""

    @property
    def beta(self) -> float: ...

    @property
    def warmup(self) -> float: ...

    @property
    def free_bits(self) -> float: ...


def black_and_white(spec: Spec, other: str) -> list[str]:
    """What is to be known of Bernoulli pixels; UserError for colour. `other` is the law for such pictures."""
    if spec.shape[0] != 1:
        raise UserError(
            f"Bernoulli pixels are black or white and these pictures are in colour: "
            f"take --observation {other}, or --image.channels 1 to see them as grey"
        )
    return [
        f"Bernoulli pixels are black or white: a grey one is taken for a probability and drawn anew each "
        f"time. To model grey itself: --observation {other}."
    ]


def charged(kl: Float[Tensor, " part"], config: Priced, progress: float) -> Float[Tensor, ""]:
    """What is paid for the KL of each dimension or group, in the mean over the batch, after that share of the
    training: what goes beyond the free bits, times a weight that rises."""
    if config.free_bits:
        kl = distributed.differentiable_average(kl).clamp(min=config.free_bits)
    return config.beta * (min(1.0, progress / config.warmup) if config.warmup else 1.0) * kl.sum()


def bits_per_dim(log_prob: Tensor, spec: Spec) -> Tensor:
    """-log2 P(x) for each value of the picture; `log_prob` in nats."""
    return -log_prob / (math.prod(spec.shape) * math.log(2))


def figures(log_prob: Float[Tensor, ""], spec: Spec, name: str = "log_prob") -> dict[str, Tensor]:
    """What is logged of a mean log-likelihood: nats a picture, and bits a dimension."""
    value = log_prob.detach()
    return {name: value, "bits_per_dim": bits_per_dim(value, spec)}
