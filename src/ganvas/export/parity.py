"""Whether a graph does what its model does, and what fewer bits cost."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from ganvas.core.errors import UserError
from ganvas.export.runtime import OnnxModel
from ganvas.metrics.distribution import frechet_distance

INPUTS = 100
"""Random inputs that are compared."""
PORTIONS = (slice(0, 1), slice(1, 34), slice(34, INPUTS))
"""Of different sizes, so that the batch is seen to be free."""
BOUND = 1e-3
"""Largest error that passes: an eighth of a pixel's level, or of the largest value where that is above 1."""
SPARE = 2
"""Of the inputs, in models that choose place by place, that may come out as something else: a choice so near
to the border between two codes that the last bit of a sum decides it."""
SAMPLES = 500
"""On each side, for what fewer bits cost in quality."""
SIDE = 8
"""Pixels to which pictures are shrunk for that."""

Feed = dict[str, np.ndarray]


def checked(
    model: OnnxModel, feed: Feed, expected: Float[np.ndarray, "n ..."], name: str, spare: int = 0
) -> dict[str, Any]:
    """Largest and mean error over the inputs but at most `spare`; UserError where the bound is passed."""
    found = _run(model, feed)
    bound = BOUND * max(1.0, float(np.abs(expected).max()))
    errors = np.abs(found.astype(np.float64) - expected).reshape(len(expected), -1).max(1)
    other = [k for k in np.argsort(-errors)[:spare] if errors[k] > bound]
    found, expected = (np.delete(some, other, 0) for some in (found, expected))
    figures = _apart(model, found, expected) | {"inputs": len(expected), "bound": bound}
    return _within(figures | ({"inputs_apart": len(other)} if spare else {}), name)


def near(
    found: Sequence[Sequence[np.ndarray]], expected: Sequence[Sequence[np.ndarray]], name: str
) -> dict[str, Any]:
    """The same of a graph with several outputs, a row of them for each trial."""
    largest = max(float(np.abs(made).max()) for row in expected for made in row if made.size)
    bound = BOUND * max(1.0, largest)
    figures = apart(found, expected) | {"inputs": sum(len(row[0]) for row in expected), "bound": bound}
    return _within(figures, name)


def apart(found: Sequence[Sequence[np.ndarray]], expected: Sequence[Sequence[np.ndarray]]) -> dict[str, Any]:
    """Largest and mean error over all outputs."""
    both = [pair for rows in zip(found, expected, strict=True) for pair in zip(*rows, strict=True)]
    errors = np.concatenate([np.abs(a.astype(np.float64) - b).ravel() for a, b in both])
    return {"largest": float(errors.max()), "mean": float(errors.mean())}


def _within(figures: dict[str, Any], name: str) -> dict[str, Any]:
    """They, if the bound is kept; else UserError."""
    if not figures["largest"] <= figures["bound"]:  # not a number either
        raise UserError(
            f"{name} differs from the model by up to {figures['largest']:.2g}, more than "
            f"{figures['bound']:.2g}, and was thrown away; please report it with the recipe and its settings"
        )
    return figures


def lost(whole: OnnxModel, small: OnnxModel, feed: Feed) -> dict[str, Any]:
    """What fewer bits change in the outputs, and, of a decoder, in the law of what comes out."""
    figures = _apart(small, _run(small, feed), _run(whole, feed))
    if whole.part != "decoder" or whole.facts["law"]["z"] != "normal":
        return figures
    real, other, ours = (_features(m, seed) for m, seed in ((whole, 1), (whole, 2), (small, 2)))
    what = f"{SIDE} x {SIDE} pixels" if whole.spec.kind == "image" else "coordinates"
    return figures | {
        "fd": frechet_distance(ours, real),
        "fd_of_fp32": frechet_distance(other, real),
        "fd_protocol": f"{SAMPLES:,} samples against {SAMPLES:,} of fp32 with other z, {what}",
    }


def _apart(model: OnnxModel, found: np.ndarray, expected: np.ndarray) -> dict[str, Any]:
    error = np.abs(found.astype(np.float64) - expected)
    figures = {"largest": float(error.max()), "mean": float(error.mean())}
    if model.part != "decoder" or model.spec.kind != "image":
        return figures
    levels = [model.spec.restore(x).astype(int) for x in (found, expected)]
    apart = np.abs(levels[0] - levels[1])
    return figures | {"largest_level": int(apart.max()), "pixels_equal": float((apart == 0).mean())}


def _run(model: OnnxModel, feed: Feed) -> np.ndarray:
    parts = [{name: value[part] for name, value in feed.items()} for part in PORTIONS]
    return np.concatenate([model.raw(part) for part in parts])


def _features(model: OnnxModel, seed: int) -> Float[np.ndarray, "n dim"]:
    """Shrunk pixels, or coordinates, in the model's own units."""
    z, label = model.latents(SAMPLES, seed=seed)
    items = model.spec.prepare(model.decode(z, label=label))
    if model.spec.kind != "image":
        return items
    height, width = items.shape[2:]
    step = max(1, height // SIDE), max(1, width // SIDE)
    whole = items[:, :, : height // step[0] * step[0], : width // step[1] * step[1]]
    cells = whole.reshape(*items.shape[:2], height // step[0], step[0], width // step[1], step[1])
    return cells.mean((3, 5)).reshape(len(items), -1).astype(np.float64)
