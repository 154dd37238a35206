"""What surveys of every kind of data count."""

import numpy as np
from jaxtyping import UInt8
from pydantic import BaseModel

NAMED = 10
"""Items, or groups of copies, that are named; all are counted."""


class Range(BaseModel):
    """Of a number that every item has."""

    min: float
    median: float
    max: float


class Broken(BaseModel):
    name: str
    reason: str


def range_of(values: np.ndarray) -> Range:
    return Range(min=float(values.min()), median=float(np.median(values)), max=float(values.max()))


def copies(digests: UInt8[np.ndarray, "item 32"], names: list[str]) -> tuple[int, list[list[str]]]:
    """How many items are copies, and the names in the largest groups of equal ones."""
    _, group, counts = np.unique(digests, axis=0, return_inverse=True, return_counts=True)
    group = group.reshape(-1)
    largest = [g for g in np.argsort(-counts, kind="stable")[:NAMED] if counts[g] > 1]
    return int((counts - 1).sum()), [[names[i] for i in np.flatnonzero(group == g)[:NAMED]] for g in largest]
