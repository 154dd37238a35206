"""Rules on the way of the samples: round in circles, or not at all."""

import math
from collections.abc import Sequence
from itertools import pairwise

from ganvas.remedies.advice import Change
from ganvas.remedies.evidence import SLIGHT, Checkup, Finding, approaching, median, series
from ganvas.remedies.rules.collapse import LOST

WINDOW, FIRST = 8, 2
"""Check-ups that are looked at, and such at the start that are not: there all moves, and far."""
LIVELY = 0.5
"""Spreads of the data by which samples at fixed latents move between two check-ups."""
CIRCLES = 2.5
"""Length of the samples' way over the distance that they got: 1 for a straight line, for a random walk of
7 steps 2.6. Games of two players turn around their solution (Mescheder et al. 2018, sec. 2)."""
STILL = 0.005
"""Spreads by which samples move between two check-ups of a run that stands: half of one in a whole training.
Measured: .0003 to .001 with a generator's learning rate of 1e-7, and .05 or more in healthy runs."""


def oscillating(seen: Sequence[Checkup]) -> Finding | None:
    """Samples at fixed latents keep moving far and get nowhere."""
    marked = [c for c in seen if c.marks][FIRST:][-WINDOW:]
    if len(marked) < WINDOW or seen[-1].decayed:
        return None
    ways = [moved(a, b) for a, b in pairwise(marked)]
    net = moved(marked[0], marked[-1])
    usual, early, late = median(ways), median(ways[: WINDOW // 2]), median(ways[WINDOW // 2 :])
    if usual < LIVELY or sum(ways) < CIRCLES * net or late < 0.7 * early:
        return None
    if _improves(marked) or _harmless(marked):
        return None
    return Finding(
        "oscillation",
        f"from one check-up to the next samples at fixed latents change by {usual:.1f} times the spread of "
        f"the data, and no less since step {marked[0].step:,}: they go round instead of settling",
        marked[0].step,
        "Smaller steps and a smoother critic calm such a game",
        {"moved": usual, "way": sum(ways), "net": net},
        (
            Change("critic.lr", times=0.3),
            Change("generator.lr", times=0.3),
            Change("generator.beta1", 0.0),
            Change("critic.beta1", 0.0),
            Change("penalty.r1", times=5.0, least=0.02),
            Change("penalty.r2", times=5.0, least=0.02),
        ),
    )


def _improves(seen: Sequence[Checkup]) -> bool:
    """Whether samples come nearer to the real items, or to more of them."""
    return any(approaching([v for _, v in series(seen, f"probe/{name}")]) for name in ("distance", "missing"))


def _harmless(seen: Sequence[Checkup]) -> bool:
    """Whether samples are near to all the data wherever they go, as in small healthy Wasserstein games: there
    the distance was .012 to .015 at the end, and .11 to .17 of the real items were missing."""
    distance, missing = ([v for _, v in series(seen, f"probe/{name}")] for name in ("distance", "missing"))
    return median(distance) < SLIGHT and median(missing) < LOST


def stalled(seen: Sequence[Checkup]) -> Finding | None:
    """Samples at fixed latents do not change at all, and the learning rates have not come down."""
    marked = [c for c in seen if c.marks][-4:]
    if len(marked) < 4 or marked[-1].decayed:
        return None
    ways = [moved(a, b) for a, b in pairwise(marked)]
    if max(ways) > STILL:
        return None
    return Finding(
        "stalled",
        f"samples at fixed latents have not changed since step {marked[0].step:,}",
        marked[0].step,
        "Nothing is learnt at these learning rates",
        {"moved": max(ways)},
        (Change("generator.lr", times=10.0), Change("decoder.lr", times=10.0)),
    )


def moved(a: Checkup, b: Checkup) -> float:
    """Root mean square way of the marked samples, in spreads of the data."""
    squares = [(x - y) ** 2 for x, y in zip(a.marks, b.marks, strict=True)]
    return math.sqrt(sum(squares) / 8)
