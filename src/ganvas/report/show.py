"""How to show items of each kind of data as one picture."""

import numpy as np
from PIL import Image

from ganvas.data.spec import Spec
from ganvas.report.grids import grid, scatter


def picture(
    spec: Spec, items: np.ndarray, real: np.ndarray | None = None, columns: int | None = None
) -> Image.Image:
    """Pictures in a grid; points in the plane, over real ones."""
    if spec.kind == "points":
        return scatter(items, items if real is None else real)
    return grid(items.transpose(0, 3, 1, 2), columns)


def by_class(labels: np.ndarray, classes: int, count: int) -> np.ndarray | None:
    """The first few of each class, in a row each; None where there are too many classes or too few items."""
    each = count // classes
    found = [np.flatnonzero(labels == k)[:each] for k in range(classes)]
    if classes > 16 or any(len(rows) < each for rows in found):
        return None
    return np.concatenate(found)
