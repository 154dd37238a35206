"""What models that say how probable a picture is have in common."""

import math

from jaxtyping import Float
from torch import Tensor

from ganvas.data.spec import Spec


def bits_per_dim(log_prob: Tensor, spec: Spec) -> Tensor:
    """-log2 P(x) for each value of the picture; `log_prob` in nats."""
    return -log_prob / (math.prod(spec.shape) * math.log(2))


def figures(log_prob: Float[Tensor, ""], spec: Spec, name: str = "log_prob") -> dict[str, Tensor]:
    """What is logged of a mean log-likelihood: nats a picture, and bits a dimension."""
    value = log_prob.detach()
    return {name: value, "bits_per_dim": bits_per_dim(value, spec)}
