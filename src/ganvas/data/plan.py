"""What the pictures of a set become, and which are held out: decided before anything is trained."""

import math
from collections import Counter
from typing import TYPE_CHECKING, Literal

import numpy as np

from ganvas.core.errors import UserError
from ganvas.data.decode import GREY, Header, Plan, border, full
from ganvas.data.sources import Listing

if TYPE_CHECKING:
    from ganvas.data.image import ImageSettings

CHOSEN = (16, 32, 64)
"""Sides that are chosen unasked: larger ones take hours on two cores."""
NEARLY = 0.75
"""Pictures of one size that fill this much of the side are framed, not stretched (MNIST's 28 of 32)."""
SAMPLE = 200
"""Pictures looked at to find the colour of that frame."""


def choose(listing: Listing, headers: list[Header], settings: "ImageSettings") -> Plan:
    """Fill in what the user left open."""
    readable = [h for h in headers if not h.error]
    shorter = float(np.median([min(h.width, h.height) for h in readable]))
    size = settings.size or min(CHOSEN, key=lambda s: (abs(math.log2(s / shorter)), s))
    channels = settings.channels or channels_of(readable)
    (width, height), count = Counter((h.width, h.height) for h in readable).most_common(1)[0]
    framed = count == len(readable) and max(width, height) <= size and min(width, height) >= NEARLY * size
    frame = None
    if framed and settings.fit == "auto" and (width, height) != (size, size):
        frame = _frame(listing, headers)
    return Plan(size, channels, settings.fit, frame)


def channels_of(headers: list[Header]) -> Literal[1, 3]:
    """1 if every picture is grey, else 3."""
    return 1 if all(h.mode in GREY for h in headers) else 3


def _frame(listing: Listing, headers: list[Header]) -> tuple[int, int, int]:
    """The median of the border's colour over some of the pictures."""
    good = [item for item, h in zip(listing.items, headers, strict=True) if not h.error]
    colours = []
    for item in good[:: max(1, len(good) // SAMPLE)]:
        try:
            colours.append(border(full(item.read())))
        except Exception:  # broken after its header: decoding will say so
            continue
    red, green, blue = np.median(colours or [(0, 0, 0)], 0).astype(int).tolist()
    return red, green, blue


def split(
    table: dict[str, np.ndarray], given: bool, share: float, name: str, noun: str = "picture"
) -> np.ndarray:
    """Which items are held out: those the source says, else those whose hash falls below the share.

    So copies of an item are on one side, and neither order nor names matter.
    """
    count = len(table["digest"])
    if share == 0:
        return np.zeros(count, bool)
    if given:
        chosen = table["held_out"]
    else:
        place = np.array([int.from_bytes(row[:8].tobytes()) % 10_000 for row in table["digest"]])
        chosen = place < max(share * 10_000, place.min() + 1)
    if chosen.all() or not chosen.any():
        which = "identical, or nearly all" if chosen.all() else "for training"
        raise UserError(
            f"No {noun} of {name} can be held out, because its {count} {noun}s are {which}; "
            "add different ones, or set `held_out` to 0."
        )
    return chosen
