"""Rules on values: data in a wrong range, samples that are blank, cut off, astray, or copies."""

from collections.abc import Sequence

from ganvas.remedies.advice import Change
from ganvas.remedies.evidence import Checkup, Finding, series, streak

FLAT = 0.05
"""Of the range from -1 to 1: bytes that hold 0 and 1 only, or 0 to 12, fill less."""
FAR = 100.0
"""Spreads of the data, in which a standardised value lies: such an outlier rules the loss of all."""
BLANK = 0.05
"""Contrast of samples (standard deviation within one) over that of real pictures."""
CUT = 0.9
"""Share of values at the ends of the range. Of Fashion-MNIST's own .43 to .5 are there."""
WIDE = 1.5
"""Spread of samples over that of real items. Measured: beyond it at 3 check-ups in turn at most in healthy
runs, while they begin; at 8 and more with the critic's learning rate 20 times too high."""
COPIED = 0.5
"""Share of samples that are copies, by Yoon et al. 2023 (sec. 3): .0 in healthy runs."""


def wrong_range(seen: Sequence[Checkup]) -> Finding | None:
    """Real items that do not fill their range, or leave it by far."""
    figures = seen[-1].figures
    if "probe/real/low" not in figures:
        return None
    low, high = figures["probe/real/low"], figures["probe/real/high"]
    picture = "probe/real/ends" in figures
    what = None
    if picture and high - low < 2 * FLAT:
        what = f"the real pictures hold values from {low:.2f} to {high:.2f} only, of -1 to 1"
    elif picture and max(-low, high) > 1.01:
        what = f"the real pictures hold values from {low:.2f} to {high:.2f}, where -1 to 1 is expected"
    elif not picture and max(-low, high) > FAR:
        what = f"the real items reach {max(-low, high):,.0f} spreads away from their mean"
    if what is None:
        return None
    advice = "Look at the data with `ganvas inspect`: another scale, or a few broken items, may be the reason"
    return Finding("wrong data range", what, seen[0].step, advice, {"low": low, "high": high})


def dead(seen: Sequence[Checkup]) -> Finding | None:
    """Samples are of one colour, and real pictures are not."""
    row = streak(_ratio(seen, "contrast"), lambda v: v < BLANK, 3)
    if not row:
        return None
    return Finding(
        "blank samples",
        f"within a sample pixels differ {row[-1][1]:.0%} as much as in real pictures, since "
        f"step {row[0][0]:,}",
        row[0][0],
        "A generator that has died does not come back: start anew",
        {"contrast": row[-1][1]},
        (Change("generator.lr", times=0.1), Change("decoder.lr", times=0.1)),
    )


def saturated(seen: Sequence[Checkup]) -> Finding | None:
    """Nearly all values of the samples are at the ends of the range, where tanh passes no gradient."""
    both = [
        (c.step, c.figures["probe/made/ends"] if c.figures["probe/real/ends"] < CUT - 0.2 else 0.0)
        for c in seen
        if "probe/made/ends" in c.figures
    ]
    row = streak(both, lambda v: v > CUT, 3)
    if not row:
        return None
    real = seen[-1].figures["probe/real/ends"]
    return Finding(
        "saturated samples",
        f"{row[-1][1]:.0%} of the samples' values are at the ends of the range ({real:.0%} of the real "
        f"ones), since step {row[0][0]:,}",
        row[0][0],
        "At the ends of tanh no gradient comes through",
        {"made": row[-1][1], "real": real},
        (Change("generator.lr", times=0.1), Change("decoder.lr", times=0.1)),
    )


def astray(seen: Sequence[Checkup]) -> Finding | None:
    """Samples lie far outside the data, and stay there."""
    row = streak(series(seen, "probe/variety"), lambda v: v > WIDE, 6)
    if not row:
        return None
    return Finding(
        "samples astray",
        f"samples spread {row[-1][1]:.1f} times as wide as the real items, since step {row[0][0]:,}",
        row[0][0],
        "The critic does not lead the generator back to the data",
        {"variety": row[-1][1]},
        (Change("critic.lr", times=0.3), Change("generator.lr", times=0.3), Change("training.clip", 1.0)),
    )


def memorised(seen: Sequence[Checkup]) -> Finding | None:
    """Samples are copies of training items: far nearer to one than to any other."""
    row = streak(series(seen, "probe/copies"), lambda v: v > COPIED, 3)
    if not row:
        return None
    return Finding(
        "memorisation",
        f"{row[-1][1]:.0%} of the samples lie on a training item, and far from the next, since "
        f"step {row[0][0]:,}",
        row[0][0],
        "There is too little data for so large a model: add data, stop earlier, and look at the nearest "
        "neighbours before you publish samples",
        {"copies": row[-1][1]},
        (Change("generator.width", times=0.5), Change("critic.width", times=0.5)),
    )


def _ratio(seen: Sequence[Checkup], name: str) -> list[tuple[int, float]]:
    """Of samples to real items."""
    made, real = (dict(series(seen, f"probe/{who}/{name}")) for who in ("made", "real"))
    return [(step, value / max(real[step], 1e-12)) for step, value in made.items()]
