"""Rules on gradients and losses: no numbers, exploding, vanishing."""

import math
from collections.abc import Sequence

from ganvas.remedies.evidence import Checkup, Finding, median, players, series, streak

EXPLODED = 100.0
"""Times its usual size. Measured: in healthy runs of GANs and VAEs the norm stayed within 20
times its median; with the critic's learning rate 20 times too high it rose to 8,000 times."""
HUGE = 1e4
"""A norm that is too large from the start: healthy ones lay below 500."""
VANISHED = 1e-6
"""Of a network's usual norm, or of 1: with Adam's epsilon of 1e-8 steps shrink from there on."""


def not_a_number(seen: Sequence[Checkup]) -> Finding | None:
    """A loss, a figure or a sample is NaN or infinite: nothing learnt from there on is of use."""
    now = seen[-1]
    bad = [k for k, v in now.figures.items() if not math.isfinite(v)]
    if now.figures.get("probe/finite") == 0.0:
        bad.append("the samples")
    if not bad:
        return None
    return Finding(
        "not a number",
        f"{_few(bad)} is no finite number at step {now.step:,}",
        now.step,
        "Go back to smaller learning rates, bound the gradients (--training.clip 1), "
        "or compute in fp32 (--training.precision fp32)",
        {k: now.figures.get(k, math.nan) for k in bad[:4]},
    )


def _few(names: Sequence[str]) -> str:
    rest = f" (and {len(names) - 2} more)" if len(names) > 2 else ""
    return " and ".join(names[:2]) + rest


def exploding(seen: Sequence[Checkup]) -> Finding | None:
    """The norm of a player's gradient rises far beyond its usual size, or is huge from the start."""
    for name in players(seen):
        norms = series(seen, f"{name}/grad_norm")
        if not norms or norms[-1][0] != seen[-1].step:
            continue
        step, value = norms[-1]
        usual = median([v for _, v in norms[:-1]]) if len(norms) > 2 else math.inf
        if value > min(EXPLODED * usual, HUGE):
            times = f", {value / usual:,.0f} times its usual size" if math.isfinite(usual) else ""
            return Finding(
                "exploding gradients",
                f"the gradient of the {name} has a norm of {value:,.0f}{times}",
                step,
                f"Divide --{name}.lr by 10, or bound the gradients: --training.clip 1",
                {f"{name}/grad_norm": value, "usual": usual},
            )
    return None


def vanishing(seen: Sequence[Checkup]) -> Finding | None:
    """A player gets no gradient to speak of, at three check-ups in turn."""
    for name in players(seen):
        norms = series(seen, f"{name}/grad_norm")
        usual = max((v for _, v in norms if math.isfinite(v)), default=0.0)
        if row := streak(norms, lambda v, usual=usual: v < VANISHED * max(1.0, usual), 3):
            return Finding(
                "vanishing gradients",
                f"the {name} has had next to no gradient (norm {row[-1][1]:.1e}) since step {row[0][0]:,}, "
                f"so it learns nothing",
                row[0][0],
                _for_no_gradient(name),
                {f"{name}/grad_norm": row[-1][1], "largest": usual},
            )
    return None


def _for_no_gradient(name: str) -> str:
    if name == "generator":
        return (
            "The critic may be too sure: a smaller --critic.lr, a larger --penalty.r1, or another --game "
            "than minimax"
        )
    return f"Look for a learning rate that was too high before, and take a smaller --{name}.lr"
