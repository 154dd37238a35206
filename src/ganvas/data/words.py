"""What is said to a user about how the pictures were prepared: one sentence a fact."""

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from ganvas.data.decode import GREY, Plan
from ganvas.data.sources import Listing

if TYPE_CHECKING:
    from ganvas.data.image import ImageSettings

MODES = {
    "L": "grey",
    "LA": "grey",
    "1": "black and white",
    "I;16": "16-bit grey",
    "I": "16-bit grey",
    "P": "palette",
}
MODES |= {
    "RGB": "colour",
    "RGBA": "colour",
    "CMYK": "CMYK",
    "F": "floating-point grey",
    "I;16B": "16-bit grey",
}


def notes_on(
    listing: Listing,
    table: dict[str, np.ndarray],
    modes: list[str],
    broken: list[list[str]],
    plan: Plan,
    settings: "ImageSettings",
) -> list[str]:
    """All that was done to the pictures unasked."""
    said = [*listing.notes]
    if broken:
        named = "; ".join(f"{name}: {reason}" for name, reason in broken[:5]) + " ..." * (len(broken) > 5)
        said.append(f"{count_of(len(broken), 'broken file')} left out ({named}).")
    said += _sizes(table, plan, settings)
    said += _colours(table["transparent"], modes, plan)
    copies = len(table["digest"]) - len(np.unique(table["digest"], axis=0))
    if copies:
        said.append(f"{count_of(copies, 'picture')} a copy of another; copies are on one side of the split.")
    return said


def count_of(n: int, noun: str) -> str:
    """As in: 1 picture is; 3 pictures are."""
    return f"{n:,} {noun} is" if n == 1 else f"{n:,} {noun}s are"


def _sizes(table: dict[str, np.ndarray], plan: Plan, settings: "ImageSettings") -> Iterable[str]:
    width, height, side = table["width"], table["height"], plan.size
    sizes = Counter(zip(width.tolist(), height.tolist(), strict=True))
    one = f"{width[0]}x{height[0]}" if len(sizes) == 1 else ""
    if one == f"{side}x{side}":
        return
    if plan.frame is not None:
        yield f"Pictures of {one} get a margin to {side}x{side}; none is stretched."
        return
    shorter = int(np.median(np.minimum(width, height)))
    of = f"of {one}" if one else f"of {len(sizes):,} different sizes (shorter side {shorter} in the middle)"
    yield f"Pictures {of} become {side}x{side}" + (
        " (--image.size sets another)." if settings.size is None else "."
    )
    small = int((np.minimum(width, height) < side / 2).sum())
    if small:
        yield f"{count_of(small, 'picture')} smaller than half of that and will look soft."
    padded = np.full(len(width), plan.fit == "pad") | (table["transparent"] & (plan.fit == "auto"))
    oblong = width != height
    if (oblong & ~padded).any():
        yield f"{count_of(int((oblong & ~padded).sum()), 'oblong picture')} cut to the middle square (--image.fit pad keeps all)."
    if (oblong & padded).any():
        yield f"{count_of(int((oblong & padded).sum()), 'oblong picture')} padded to a square."


def _colours(transparent: np.ndarray, modes: list[str], plan: Plan) -> Iterable[str]:
    if plan.channels != 4 and transparent.any():
        yield f"{count_of(int(transparent.sum()), 'picture')} transparent in parts and put on white (--image.channels 4 keeps it)."
    grey = sum(m in GREY for m in modes)
    if plan.channels != 1 and grey:
        yield f"{count_of(grey, 'grey picture')} used as colour, because not all are grey."
    if plan.channels == 1 and grey < len(modes):
        yield f"{count_of(len(modes) - grey, 'colour picture')} converted to grey."
    other = Counter(MODES.get(m, m) for m in modes if m not in ("L", "LA", "RGB", "RGBA"))
    for kind, n in other.most_common():
        yield f"{count_of(n, f'{kind} picture')} converted to 8 bits a channel."
