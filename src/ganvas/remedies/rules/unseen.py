"""Rules on what is held out: learnt by heart instead of understood."""

from collections.abc import Sequence

from ganvas.remedies.advice import Change
from ganvas.remedies.evidence import Checkup, Finding, series

HELD_OUT, TRAINING = "bits_per_byte/held_out", "bits_per_byte/training"
WORSE = 1.03
"""Share of the best held-out figure that is too much. Measured: 1.022 at the end of half an hour on 7,199
poems, 1.74 after 15 minutes on 2,025 chats, which were best after 3.5."""
LOOKS = 3
"""At held-out items, one after another, that were all as bad."""


def overfits(seen: Sequence[Checkup]) -> Finding | None:
    """Held-out text becomes less probable while the text that it is trained on becomes more so."""
    values, training = series(seen, HELD_OUT), series(seen, TRAINING)
    if len(values) <= LOOKS or not training:
        return None
    since, best = min(values, key=lambda pair: pair[1])
    then = next((bits for step, bits in training if step >= since), training[-1][1])
    late = [bits for step, bits in values[-LOOKS:] if step > since]
    now = training[-1][1]
    if len(late) < LOOKS or min(late) < WORSE * best or now >= then:
        return None
    return Finding(
        "overfitting",
        f"held-out text takes {late[-1]:.2f} bits a byte, and took {best:.2f} at step {since:,}; that which "
        f"it is trained on takes {now:.2f} and took {then:.2f}: it learns by heart",
        since,
        f"More text would help most; or stop sooner: --steps {since}",
        {"held_out": late[-1], "best": best, "training": now},
        (
            Change("model.dropout", 0.2),
            Change("decoder.dropout", 0.2),
            Change("model.width", times=0.5),
        ),
    )
