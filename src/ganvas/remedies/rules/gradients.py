"""Rules on gradients and losses: no numbers, exploding, vanishing."""

import math
from collections.abc import Sequence

from ganvas.remedies.advice import Change
from ganvas.remedies.evidence import Checkup, Finding, median, players, series, streak

EXPLODED = 100.0
"""Times its usual size. Measured: in healthy runs of GANs and VAEs the norm stayed within 20
times its median; with the critic's learning rate 20 times too high it rose to 8,000 times."""
HUGE = 1e4
"""A norm that is too large from the start: healthy ones lay below 500. Of a law for each nat at its start."""
CLIP, FULL = Change("training.clip", 1.0), Change("training.precision", "fp32")
SPIKE = Change("training.spike", 4.0)
"""Times the usual length, by Adam's own reckoning. Provoked in `hvae`, six of six trainings outlived it and
three of six without (docs/notebook.md)."""
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
        "Nothing that is learnt from here on is of use",
        {k: now.figures.get(k, math.nan) for k in bad[:4]},
        (*(Change(f"{name}.lr", times=0.1) for name in players(seen)), CLIP, FULL),
    )


def _few(names: Sequence[str]) -> str:
    rest = f" (and {len(names) - 2} more)" if len(names) > 2 else ""
    return " and ".join(names[:2]) + rest


def exploding(seen: Sequence[Checkup]) -> Finding | None:
    """The norm of a player's gradient rises far beyond its usual size, or is huge from the start.

    A law of pictures has gradients as large as its loss, nats of all their pixels (of healthy flows 25,000),
    and they throw nothing away while these get fewer.
    """
    law = [v for _, v in series(seen, "bound") or series(seen, "log_prob")]
    if law[1:] and law[-1] > law[-2]:
        return None
    huge = HUGE * max(1.0, abs(law[0])) if law else HUGE
    for name in players(seen):
        norms = series(seen, f"{name}/grad_norm")
        if not norms or norms[-1][0] != seen[-1].step:
            continue
        step, value = norms[-1]
        usual = median([v for _, v in norms[:-1]]) if len(norms) > 2 else math.inf
        if value > min(EXPLODED * usual, huge):
            times = f", {value / usual:,.0f} times its usual size" if math.isfinite(usual) else ""
            return Finding(
                "exploding gradients",
                f"the gradient of the {name} has a norm of {value:,.0f}{times}",
                step,
                "Such a step throws away what was learnt",
                {f"{name}/grad_norm": value, "usual": usual},
                (Change(f"{name}.lr", times=0.1), SPIKE, CLIP),
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
                "A critic that is too sure, or a learning rate that was too high before, is the usual reason",
                {f"{name}/grad_norm": row[-1][1], "largest": usual},
                (
                    Change(f"{name}.lr", times=0.1),
                    Change("critic.lr", times=0.2),
                    Change("game", "relativistic"),
                ),
            )
    return None
