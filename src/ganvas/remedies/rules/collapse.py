"""Rules on variety: all samples alike, or a part of the data never made."""

from collections.abc import Sequence

from ganvas.remedies.advice import Change
from ganvas.remedies.evidence import Checkup, Finding, median, series, streak

ALIKE = 0.25
"""Spread of samples over that of real items (root of the ratio of total variances, in principal
coordinates). Measured: .66 to 1 at the end of healthy runs, below .1 in collapsed ones."""
GROWING = 1.15
"""A spread that has grown by so much in two check-ups is that of a generator that has just begun."""
COMING, SIX = 0.97, 6
"""So is that of one whose samples have come nearer (energy distance) by so much in five check-ups."""
LOST = 0.25
"""Share of the real items whose cells hold no samples (NDB, Richardson & Weiss 2018, with empty bins only).
Measured at the end of healthy runs: 0 to .12, of ring, grid, garments, emoji; two modes of a ring are .25."""
MUCH = 0.35
LONG, SHORT, FALLING = 7, 4, 0.9
"""Check-ups over which it must be so; fewer when much is lost and the learning rates are
below this part of their largest: from there on little mends."""
SETTLED = 0.9
"""A share that has not fallen below this part of what it was does not fall any more."""
NEARER = 0.85
"""While the energy distance falls below this part of what it was, samples still get nearer."""
ADVICE = "Where the data have labels, use them"
TRIES = (
    Change("packing", 2),
    Change("penalty.r1", times=5.0, least=0.02),
    Change("penalty.r2", times=5.0, least=0.02),
    Change("game", "relativistic"),
    Change("critic.lr", times=0.5),
    Change("generator.lr", times=0.5),
    Change("generator.latent", times=4.0),
)


def total(seen: Sequence[Checkup]) -> Finding | None:
    """Whatever the latent, the sample is nearly the same."""
    row = streak(series(seen, "probe/variety"), lambda v: v < ALIKE, 3)
    distance = [v for _, v in series(seen, "probe/distance")][-len(row) :][-SIX:]
    if not row or row[-1][1] > GROWING * row[-3][1] or distance[-1] < COMING * distance[0]:
        return None
    return Finding(
        "mode collapse",
        f"samples vary {row[-1][1]:.0%} as much as real items do, since step {row[0][0]:,}",
        row[0][0],
        ADVICE,
        {"variety": row[-1][1]},
        TRIES,
    )


def partial(seen: Sequence[Checkup]) -> Finding | None:
    """Regions where many real items lie get no samples, and this does not mend."""
    missing = series(seen, "probe/missing")
    settling = seen[-1].figures.get("rate", 1.0) < FALLING
    watched = SHORT if settling and missing and missing[-1][1] > MUCH else LONG
    row = streak(missing, lambda v: v > LOST, watched)
    if not row or _varied(seen) < ALIKE:
        return None
    distance = [v for _, v in series(seen, "probe/distance")][-watched:]
    before, now = median([v for _, v in row[-watched:][:3]]), median([v for _, v in row[-3:]])
    if now < SETTLED * before or median(distance[-3:]) < NEARER * median(distance[:3]):
        return None
    return Finding(
        "partial mode collapse",
        f"{now:.0%} of the real items lie where no sample falls, and this has not mended since "
        f"step {row[0][0]:,}",
        row[0][0],
        ADVICE,
        {"missing": now},
        TRIES,
    )


def _varied(seen: Sequence[Checkup]) -> float:
    return series(seen, "probe/variety")[-1][1]
