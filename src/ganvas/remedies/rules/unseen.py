"""Rules on what is held out: learnt by heart instead of understood."""

from collections.abc import Sequence
from dataclasses import dataclass

from ganvas.remedies.advice import Change
from ganvas.remedies.evidence import Checkup, Finding, series

WORSE = 1.03
"""Share of the best held-out figure that is too much. Measured: 1.022 at the end of half an hour on 7,199
poems, 1.74 after 15 minutes on 2,025 chats, which were best after 3.5; 1.10 for a voice
after 6,007 steps of reading, beside its 2,540th (docs/results/voice.md)."""
LOOKS = 3
"""At held-out items, one after another, that were all as bad."""


@dataclass(frozen=True)
class Measure:
    """A figure that is lower the better items are foretold, of held-out and of training ones."""

    name: str
    items: str
    unit: str
    sooner: str
    """How to stop sooner; {step}: where it was best."""
    changes: tuple[Change, ...]


MEASURES = (
    Measure(
        "bits_per_byte",
        "text",
        "bits a byte",
        "--steps {step}",
        (Change("model.dropout", 0.2), Change("decoder.dropout", 0.2), Change("model.width", times=0.5)),
    ),
    Measure("reading", "speech", "nats a frame", "a smaller --together", (Change("prior.dropout", 0.4),)),
)


def overfits(seen: Sequence[Checkup]) -> Finding | None:
    """Held-out items become less probable while those that it is trained on become more so."""
    return next((found for measure in MEASURES if (found := _by(measure, seen))), None)


def _by(measure: Measure, seen: Sequence[Checkup]) -> Finding | None:
    values, training = series(seen, f"{measure.name}/held_out"), series(seen, f"{measure.name}/training")
    if len(values) <= LOOKS or not training:
        return None
    since, best = min(values, key=lambda pair: pair[1])
    then = next((value for step, value in training if step >= since), training[-1][1])
    late = [value for step, value in values[-LOOKS:] if step > since]
    now = training[-1][1]
    if len(late) < LOOKS or min(late) < WORSE * best or now >= then:
        return None
    return Finding(
        "overfitting",
        f"held-out {measure.items} takes {late[-1]:.2f} {measure.unit}, and took {best:.2f} at step "
        f"{since:,}; that which it is trained on takes {now:.2f} and took {then:.2f}: it learns by heart",
        since,
        f"More {measure.items} would help most; or stop sooner: {measure.sooner.format(step=since)}",
        {"held_out": late[-1], "best": best, "training": now},
        measure.changes,
    )
