"""What models that say how probable a picture is have in common."""

import math

from jaxtyping import Float
from torch import Tensor

from ganvas.core.errors import UserError
from ganvas.data.spec import Spec


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


def bits_per_dim(log_prob: Tensor, spec: Spec) -> Tensor:
    """-log2 P(x) for each value of the picture; `log_prob` in nats."""
    return -log_prob / (math.prod(spec.shape) * math.log(2))


def figures(log_prob: Float[Tensor, ""], spec: Spec, name: str = "log_prob") -> dict[str, Tensor]:
    """What is logged of a mean log-likelihood: nats a picture, and bits a dimension."""
    value = log_prob.detach()
    return {name: value, "bits_per_dim": bits_per_dim(value, spec)}
