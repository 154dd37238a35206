"""What is said to a user about how the pictures were prepared: one sentence a fact."""

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from ganvas.data.decode import GREY, Plan

UNUSUAL = {
    "1": "black-and-white",
    "P": "palette",
    "I": "16-bit grey",
    "I;16": "16-bit grey",
    "I;16B": "16-bit grey",
    "F": "floating-point grey",
}
"""Pillow's modes as people call them; the others have names of their own, such as CMYK."""


def notes_on(
    table: dict[str, np.ndarray], modes: Sequence[str], broken: Sequence[tuple[str, str]], plan: Plan
) -> list[str]:
    """All that was done to the pictures unasked."""
    said = []
    if broken:
        said.append(f"{count_of(len(broken), 'broken file')} left out ({some_broken(broken)}).")
    said += _sizes(table, plan)
    said += _colours(table["transparent"], modes, plan)
    copies = len(table["digest"]) - len(np.unique(table["digest"], axis=0))
    if copies:
        which = "a copy of another" if copies == 1 else "copies of others"
        said.append(f"{count_of(copies, 'picture')} {which}; equal ones are all held out, or all trained on.")
    return said


def some_broken(broken: Sequence[tuple[str, str]]) -> str:
    """The first five by name, with what is wrong with them."""
    return "; ".join(f"{name}: {reason}" for name, reason in broken[:5]) + " ..." * (len(broken) > 5)


def count_of(n: int, noun: str) -> str:
    """As in: 1 picture is; 3 pictures are."""
    return f"{n:,} {noun} is" if n == 1 else f"{n:,} {noun}s are"


def _sizes(table: dict[str, np.ndarray], plan: Plan) -> Iterable[str]:
    width, height, side = table["width"], table["height"], plan.size
    shorter = np.minimum(width, height)
    sizes = len({*zip(width.tolist(), height.tolist(), strict=True)})
    one = f"{width[0]}x{height[0]}" if sizes == 1 else ""
    if one == f"{side}x{side}":
        return
    if plan.frame is not None:
        yield f"Pictures of {one} get a margin to {side}x{side}; none is stretched."
        return
    of = one or f"{sizes:,} different sizes (median shorter side {int(np.median(shorter))})"
    yield f"Pictures of {of} become {side}x{side} (--image.size sets another)."
    if small := int((shorter < side / 2).sum()):
        yield f"{count_of(small, 'picture')} smaller than half of that and will look soft."
    padded = np.full(len(width), plan.fit == "pad") | (table["transparent"] & (plan.fit == "auto"))
    if cut := int(((width != height) & ~padded).sum()):
        yield f"{count_of(cut, 'oblong picture')} cut to the middle square (--image.fit pad keeps all of it)."
    if whole := int(((width != height) & padded).sum()):
        yield f"{count_of(whole, 'oblong picture')} padded to a square."


def _colours(transparent: np.ndarray, modes: Sequence[str], plan: Plan) -> Iterable[str]:
    if plan.channels != 4 and (n := int(transparent.sum())):
        yield f"{count_of(n, 'picture')} transparent in parts, now on white (--image.channels 4 keeps that)."
    grey = sum(m in GREY for m in modes)
    if plan.channels != 1 and grey:
        yield f"{count_of(grey, 'grey picture')} converted to colour (--image.channels 1 makes all grey)."
    if plan.channels == 1 and grey < len(modes):
        yield f"{count_of(len(modes) - grey, 'colour picture')} converted to grey."
    other = Counter(UNUSUAL.get(m, m) for m in modes if m not in ("L", "LA", "RGB", "RGBA"))
    for kind, n in other.most_common():
        yield f"{count_of(n, f'{kind} picture')} converted to 8 bits a channel."
