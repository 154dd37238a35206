"""The rule on latents that carry nothing."""

from collections.abc import Sequence

from ganvas.remedies.advice import Change
from ganvas.remedies.evidence import Checkup, Finding, series, streak

EMPTY = 0.05
"""Nats of KL in all of z: less than a coin toss in fourteen."""
ACTIVE = 0.0
"""Share of latents that move with the item (Burda et al. 2016, sec. 5.2). In healthy runs .5 to 1 of 16."""
TRIES = (
    Change("pretraining", 0.5),
    Change("warmup", 0.5),
    Change("free_bits", times=2.0, least=0.05),
    Change("beta", 1.0),
    Change("word_dropout", 0.3),
)
UNITS = "active_units/held_out"
"""Of text: how many numbers of z move with the held-out item. Free bits give z a KL that says nothing."""
BEGINNING = 0.5
"""Share of the training that is not judged by them: the KL is not charged in full yet."""


def collapsed(seen: Sequence[Checkup]) -> Finding | None:
    """Posterior collapse (Bowman et al. 2016): z says nothing about the item, so it is not used."""
    active = streak(series(seen, "probe/active"), lambda v: v <= ACTIVE, 3)
    units = _unused(seen)
    kl = streak(series(seen, "kl"), lambda v: v < EMPTY, 3)
    row = active or units or kl
    if not row:
        return None
    carried = series(seen, "kl")
    said = "no latent moves with the item"
    if units and not kl:
        said = "no latent moves with the item, though the KL says that z carries something"
    elif carried:
        said = f"z carries {carried[-1][1]:.3f} nats of what is in an item"
    return Finding(
        "posterior collapse",
        f"{said}, since step {row[0][0]:,}: the decoder does without it",
        row[0][0],
        "The KL costs more than z is worth to the decoder",
        {"kl": carried[-1][1]} if carried else {"active": row[-1][1]},
        TRIES,
    )


def _unused(seen: Sequence[Checkup]) -> list[tuple[int, float]]:
    """The row of looks at which no number of z moved, three of them while the KL was charged."""
    row = streak(series(seen, UNITS), lambda v: v <= ACTIVE, 3)
    charged = {c.step for c in seen if c.step > BEGINNING * c.total}
    return row if sum(step in charged for step, _ in row) >= 3 else []
