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
GAP, KL = "shuffled_gap/held_out", "kl/held_out"
WORTH = 0.125
"""Of text: what another item's z costs, over the KL, both in nats. .3 to 1 where z is used; free bits give
z a KL that says nothing (docs/notebook.md)."""
BEGINNING = 0.65
"""Share of the training that is not judged by that: `textvae` charges the KL in full from .64 on."""


def collapsed(seen: Sequence[Checkup]) -> Finding | None:
    """Posterior collapse (Bowman et al. 2016): z says nothing about the item, so it is not used."""
    active = streak(series(seen, "probe/active"), lambda v: v <= ACTIVE, 3)
    unused = _unused(seen)
    kl = streak(series(seen, "kl"), lambda v: v < EMPTY, 3)
    row = active or unused or kl
    if not row:
        return None
    carried = series(seen, "kl")
    said = "no latent moves with the item"
    if unused and not kl:
        cost, gap = (series(seen, name)[-1][1] for name in (KL, GAP))
        said = f"z costs a KL of {cost:.2g} nats, and another item's z does as well but for {max(gap, 0):.1g}"
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
    """The row of looks at which z was worth little, three of them while the KL was charged."""
    worth = [(c.step, c.figures[GAP] / max(c.figures[KL], EMPTY)) for c in seen if GAP in c.figures]
    row = streak(worth, lambda v: v < WORTH, 3)
    charged = {c.step for c in seen if c.step > BEGINNING * c.total}
    return row if sum(step in charged for step, _ in row) >= 3 else []
