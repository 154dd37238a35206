"""Samples that the generator makes too many of are thrown away, by a critic's calibrated verdict.

Discriminator rejection sampling (Azadi et al. 2019) with a calibrated critic (Turner et al. 2019, sec. 4.3):
the ratio of real to made items is measured as a growing step function of the critic's logit, and a sample
stays with a chance that is proportional to it.
"""

from collections.abc import Sequence

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
LEAST = 0.05
"""Share of samples, at least, that stays: above some ratio all are as welcome."""
ROUNDS = 200
"""Draws for a place after which the sample stays, whatever the critic says: 1 place of 28,000 at `LEAST`."""

Logits = Float[Tensor, " n"]


class Rejection(nn.Module):
    """Which critic is asked, and the chance to stay, by its logit. As it is built, everything stays."""

    critic: Tensor
    edges: Tensor
    chance: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("critic", torch.tensor(0))
        self.register_buffer("edges", torch.zeros(len(STEPS)))
        self.register_buffer("chance", torch.ones(len(STEPS) + 1))

    @property
    def works(self) -> bool:
        """Whether it was calibrated."""
        return bool((self.chance < 1).any())

    def stays(self, logit: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
        """The chance of samples with these logits."""
        return self.chance[torch.bucketize(logit, self.edges)]


def calibrated(verdicts: Sequence[tuple[Logits, Logits]]) -> dict[str, Tensor]:
    """State of a `Rejection`, by each critic's logits of real and of made items.

    The share of samples that stay in an interval of logits is that of real items, as far as the ratio grows
    with the logit: that it does is what a critic is for, and keeps chance out of it. The critic that tells
    most is asked: one that has only begun tells nothing, nor does one that knows its own items by heart, if
    these are others.
    """
    found = [_intervals(real, made) for real, made in verdicts]
    told = [divergence(above, below) for _, above, below in found]
    which = int(np.argmax(told))
    edges, above, below = found[which]
    chance = torch.from_numpy(chances(growing(above, below), below)).float()
    return {"critic": torch.tensor(which), "edges": edges, "chance": chance}


def _intervals(real: Logits, made: Logits) -> tuple[Tensor, np.ndarray, np.ndarray]:
    """Edges, and the shares of real and of made items between them."""
    real, made = (x.detach().double().cpu().sort().values for x in (real, made))
    quantiles = torch.from_numpy(np.maximum(STEPS, FEWEST / len(real)).clip(max=1.0))
    edges = torch.quantile(real, quantiles).float()
    counts = [
        torch.bincount(torch.bucketize(x.float(), edges), minlength=len(edges) + 1) for x in (real, made)
    ]
    above, below = ((n.double() / n.sum()).numpy() for n in counts)
    return edges, above, below


def divergence(above: Float[np.ndarray, " k"], below: Float[np.ndarray, " k"]) -> float:
    """Jensen-Shannon divergence of two laws on k places, in nats: 0 where they are alike, log 2 at most."""
    laws = np.stack([above, below])
    ratio = np.divide(laws, laws.mean(0), out=np.ones_like(laws), where=laws > 0)
    return float((laws * np.log(ratio)).sum() / 2)


def chances(ratio: Float[np.ndarray, " k"], made: Float[np.ndarray, " k"]) -> Float[np.ndarray, " k"]:
    """min(1, ratio / c) with the largest c by which `LEAST` of what is made stays.

    Of made items with shares q and ratios r, growing, sum_i q_i min(1, r_i / c) is the least over k of
    sum_{i < k} q_i r_i / c + sum_{i >= k} q_i: each k bounds c.
    """
    below = np.concatenate([[0.0], np.cumsum(made * ratio)])
    above = np.concatenate([np.cumsum(made[::-1])[::-1], [0.0]])
    bounds = [s / (LEAST - t) for s, t in zip(below, above, strict=True) if t < LEAST]
    positive = ratio[ratio > 0]
    if not len(positive):
        return np.ones_like(ratio)
    return np.minimum(ratio / np.clip(min(bounds), positive.min(), positive.max()), 1.0)


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
