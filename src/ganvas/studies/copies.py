"""Whether a run's samples are copies of what it was trained on: verdict, evidence, and pictures."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ganvas.core.files import beside
from ganvas.metrics.extractors import pixels
from ganvas.metrics.memorisation import LEVEL, Copying, Support, copying, support
from ganvas.metrics.protocol import figure
from ganvas.report.evaluated import FOLDER
from ganvas.report.grids import grid
from ganvas.studies.seen import Items, features, some

if TYPE_CHECKING:
    from ganvas.studies.evaluation import Judge

LOOKED_AT = 5_000
"""Training items at most whose features are made: of pixels, which cost nothing, all are compared."""
LARGEST = 60_000
SHOWN = 12
"""Suspects in the report, each above its source."""


def found(run: Path, judge: "Judge", training: Any, ours: Items, seen: np.ndarray) -> dict[str, Any]:
    """`memorisation`, what each space says of copies, the verdict, and how many samples there are to draw."""
    spaces: dict[str, tuple[Copying, Items]] = {}
    cheap = judge.extractor.name in ("pixels", "values")
    first = some(training, LARGEST if cheap else LOOKED_AT)
    learnt = features(judge.extractor, first, judge.progress("features of training items"))
    spaces[judge.extractor.name] = copying(seen, learnt, judge.real, judge.seed), first
    plain = pixels()
    if judge.model.spec.kind == "image" and judge.extractor.name != plain.name:
        every = some(training, LARGEST)
        made, learnt_from, kept = (plain.extract(items.values) for items in (ours, every, judge.reference))
        spaces[plain.name] = copying(made, learnt_from, kept, judge.seed), every
    level = LEVEL / len(spaces)
    guilty = [name for name, (one, _) in spaces.items() if one.convicts(level)]
    worst = max(guilty or spaces, key=lambda name: (-spaces[name][0].p, spaces[name][0].copies))
    one = spaces[worst][0]
    value, low, high = one.excess
    protocol = judge.protocol(len(ours), len(judge.reference), space=worst, training=len(spaces[worst][1]))
    both = support(seen, np.concatenate([judge.real, learnt])[: len(seen)])
    return {
        "memorisation": figure(value, (low, high), len(ours), protocol),
        "copying": {
            "convicted": bool(guilty),
            "verdict": verdict(one, worst, bool(guilty), level),
            "error_rate": LEVEL,
            "spaces": {name: _facts(c, len(items)) for name, (c, items) in spaces.items()},
            "pictures": _pictures(run, spaces, ours) if judge.model.spec.kind == "image" else [],
        },
        "support": dict(zip(("samples", "real"), map(_distinct, both), strict=True)),
    }


def verdict(one: Copying, space: str, guilty: bool, level: float) -> str:
    """In a sentence, with its evidence."""
    evidence = (
        f"{space}: training items lie at {one.distance_ratio:.2f} times the distance of held-out ones, p = "
        f"{one.p:.3f}; {one.copies:.1%} of the samples lie as close to one training item as "
        f"{one.error_rate:.1%} of held-out items do"
    )
    if guilty:
        return f"It copies training items. {evidence}."
    if one.p <= level:
        return (
            f"It knows its training items a little, yet too few samples are copies to convict it. {evidence}."
        )
    return f"No copying was found. {evidence}."


def _facts(one: Copying, training: int) -> dict[str, Any]:
    return {
        "distance_ratio": one.distance_ratio,
        "p": one.p,
        "nearness": one.nearness,
        "copies": one.copies,
        "expected": one.error_rate,
        "training": training,
        "held_out": one.held_out,
        "flagged": one.flagged.tolist(),
    }


def _distinct(one: Support) -> dict[str, Any]:
    return one._asdict()


def _pictures(run: Path, spaces: dict[str, tuple[Copying, Items]], ours: Items) -> list[str]:
    """The samples most like training pictures, each above its source: a file for each space."""
    names = []
    for space, (one, training) in spaces.items():
        which = one.clearest(SHOWN)
        rows = np.concatenate([ours.values[which], training.values[one.source[which]]])
        kind = "pixels" if space == "pixels" else "features"
        path = run / FOLDER / f"nearest-{kind}.png"
        with beside(path) as draft:
            grid(rows, len(which)).save(draft, "PNG")
        names.append(f"{FOLDER}/{path.name}")
    return names
