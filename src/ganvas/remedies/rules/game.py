"""Rules on the game: a critic that wins, one that is of no use, one that has learnt by heart."""

from collections.abc import Sequence

from ganvas.remedies.advice import Change
from ganvas.remedies.evidence import SLIGHT, Checkup, Finding, approaching, series, streak

WON = 0.998
"""Share of items that the critic judges rightly. The better the critic, the less its gradient says
(Arjovsky & Bottou 2017, sec. 2). Measured: healthy runs .997 at most; .999 to 1 without penalties."""
COIN = 0.55
"""P(real is ranked above made); one half is a coin toss. Of 2 x 128 pictures its standard error is .036."""
APART = 0.1
"""An energy distance that a critic of any use would see. Measured at the ends of healthy runs: below .03."""
APART_CELLS = 0.4
"""So is this share of the real items without a sample near: .02 to .12 in healthy runs of dcgan."""
ERRORS, USUAL = 4.0, 0.036
"""P(a training item is ranked above a held-out one) is one half where they are alike; so many standard errors
above it, thrice, is too much (compare r_v: Karras et al. 2020, eq. 1). For 2 x 128 pictures that error is
.036, and .09 where only 12 are held out."""


def critic_wins(seen: Sequence[Checkup]) -> Finding | None:
    """The critic is never fooled, and samples come no nearer to the real items."""
    row = streak(series(seen, "critic/accuracy"), lambda v: v >= WON, 3)
    distance = [v for _, v in series(seen, "probe/distance")]
    if not row or len(distance) < 6 or distance[-1] < SLIGHT or approaching(distance):
        return None
    return Finding(
        "the critic wins",
        f"the critic has been right about {row[-1][1]:.1%} of the items since step {row[0][0]:,}, and "
        f"samples come no nearer to the real ones",
        row[0][0],
        "The better the critic, the less the generator can learn from it",
        {"critic/accuracy": row[-1][1], "distance": distance[-1]},
        (
            Change("critic.lr", times=0.2),
            Change("penalty.r1", times=5.0, least=0.02),
            Change("penalty.r2", times=5.0, least=0.02),
            Change("generator.steps", 2),
            Change("noise.std", 0.1),
        ),
    )


def critic_useless(seen: Sequence[Checkup]) -> Finding | None:
    """The critic cannot tell, though samples are plainly not like the real items."""
    apart = {c.step for c in seen if _apart(c)}
    sure = [(step, v if step in apart else 1.0) for step, v in series(seen, "probe/sure")]
    row = streak(sure, lambda v: v < COIN, 3)
    if not row:
        return None
    distance, missing = (seen[-1].figures[f"probe/{name}"] for name in ("distance", "missing"))
    return Finding(
        "the critic is of no use",
        f"since step {row[0][0]:,} the critic has ranked real items above made ones no better than a coin "
        f"would ({row[-1][1]:.0%} of pairs), though they differ: no sample falls where {missing:.0%} of the "
        f"real ones lie",
        row[0][0],
        "It learns too slowly, or is held too firmly",
        {"sure": row[-1][1], "distance": distance, "missing": missing},
        (
            Change("critic.lr", times=5.0),
            Change("critic.steps", 2),
            Change("critic.width", times=2.0),
            Change("penalty.r1", times=0.2),
            Change("penalty.r2", times=0.2),
        ),
    )


def _apart(checkup: Checkup) -> bool:
    """Whether samples are plainly not like the real items."""
    figures = checkup.figures
    return figures.get("probe/distance", 0.0) > APART or figures.get("probe/missing", 0.0) > APART_CELLS


def critic_overfits(seen: Sequence[Checkup]) -> Finding | None:
    """The critic ranks training items above held-out ones: it has learnt them by heart."""
    above = [
        (c.step, (c.figures["probe/knows"] - 0.5) / c.figures.get("probe/knows/error", USUAL))
        for c in seen
        if "probe/knows" in c.figures
    ]
    row = streak(above, lambda v: v > ERRORS, 3)
    if not row:
        return None
    knows = series(seen, "probe/knows")[-1][1]
    return Finding(
        "the critic overfits",
        f"the critic ranks training items above new ones of the same kind in {knows:.0%} of cases (half "
        f"would be fair), since step {row[0][0]:,}",
        row[0][0],
        "More data would help most",
        {"knows": knows},
        (
            Change("augment.colour", True),
            Change("augment.shift", 0.125),
            Change("augment.cutout", 0.5),
            Change("critic.width", times=0.5),
        ),
    )
