"""Samples that the generator makes too many of are thrown away, by the critic's calibrated verdict.

Discriminator rejection sampling (Azadi et al. 2019) with a calibrated critic (Turner et al. 2019, sec. 4.3):
the ratio of real to made items is measured as a growing step function of the critic's logit, and a sample
stays with a chance that is proportional to it.
"""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

ITEMS = {"image": 2_000, "points": 20_000}
"""Real items, and made ones, whose verdicts are compared."""
TAIL = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05)
STEPS = np.array([*TAIL, *np.arange(1, 20) / 20])
"""Quantiles of the real items' logits between which the ratio is one number: finer where few real ones lie,
for there lies what must go."""
FEWEST = 10
"""Real items, at least, below the first of them."""
ROUNDS = 100
"""Draws for a place after which the sample stays, whatever the critic says."""


class Rejection(nn.Module):
    """The chance to stay, by logit. As it is built, everything stays."""

    edges: Tensor
    chance: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("edges", torch.zeros(len(STEPS)))
        self.register_buffer("chance", torch.ones(len(STEPS) + 1))

    @property
    def works(self) -> bool:
        """Whether it was calibrated."""
        return bool((self.chance < 1).any())

    def stays(self, logit: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
        """The chance of samples with these logits."""
        return self.chance[torch.bucketize(logit, self.edges)]


def calibrated(real: Float[Tensor, " n"], made: Float[Tensor, " m"]) -> dict[str, Tensor]:
    """State of a `Rejection`, by the logits of real and of made items.

    The share of samples that stay in an interval of logits is that of real items, as far as the ratio grows
    with the logit: that it does is what a critic is for, and keeps chance out of it.
    """
    real, made = (x.detach().double().cpu().sort().values for x in (real, made))
    quantiles = torch.from_numpy(np.maximum(STEPS, FEWEST / len(real)).clip(max=1.0))
    edges = torch.quantile(real, quantiles).float()
    shares = [
        torch.bincount(torch.bucketize(x.float(), edges), minlength=len(edges) + 1).double() / len(x)
        for x in (real, made)
    ]
    ratio = growing(shares[0].numpy(), shares[1].numpy())
    return {"edges": edges, "chance": torch.from_numpy(ratio / max(ratio.max(), 1e-12)).float()}


def growing(above: Float[np.ndarray, " k"], below: Float[np.ndarray, " k"]) -> Float[np.ndarray, " k"]:
    """above / below in each place, made to grow: neighbours that fall share the ratio of their sums.

    Isotonic regression by pooling adjacent violators (Ayer et al. 1955), with `below` as weights.
    """
    pools: list[tuple[float, float, int]] = []
    for a, b in zip(above, below, strict=True):
        pools.append((float(a), float(b), 1))
        while len(pools) > 1 and pools[-2][0] * pools[-1][1] >= pools[-1][0] * pools[-2][1]:
            (a1, b1, n1), (a2, b2, n2) = pools[-2:]
            pools[-2:] = [(a1 + a2, b1 + b2, n1 + n2)]
    most = max((a / b for a, b, _ in pools if b), default=1.0)
    return np.repeat([a / b if b else most for a, b, _ in pools], [n for *_, n in pools])
