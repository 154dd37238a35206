"""What each exploration shows: rows of pictures, and what is said beside and below them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from ganvas.core.errors import UserError
from ganvas.exploration import paths
from ganvas.exploration.carried import carried
from ganvas.exploration.directions import both, layers
from ganvas.exploration.inversion import invert, levels
from ganvas.exploration.saliency import Maps, blurred, stretched
from ganvas.exploration.saliency import saliency as saliency_map
from ganvas.exploration.scene import Items, Labels, Pictures, Scene

COLUMNS = 10
"""Pictures in a row."""
PAIRS = 3
"""Of ends, between which to walk."""
STILL, TILES = 12, 16
"""Of the animation: frames between two stops, walks shown at once."""
STOPS = 5
SIDE = 20
"""Of the latent plane, in pictures."""
TRAVERSED = 10
"""Dimensions shown."""
AMOUNTS = {"kl_nats": "{:.2f} nats", "effect_levels": "{:.1f} levels"}
"""What they are ordered by, in words."""
FARTHEST = 3.0
"""Of a traversal, in standard deviations of z."""
FOUND = 5
"""Directions of each kind."""
REACH = 3.0
"""Of a walk along one, in units of z."""
STEPS = 7
"""Of a traversal or a direction, for each of two pictures."""


@dataclass(frozen=True)
class Row:
    """Pictures side by side."""

    label: str
    items: Items
    under: Sequence[str] = ()
    """Something below each."""
    heat: Maps | None = None
    """From 0 to 1, laid over them."""


@dataclass(frozen=True)
class View:
    """What one exploration shows."""

    groups: list[list[Row]]
    """Rows, with space between the groups of them."""
    figures: dict[str, Any] = field(default_factory=dict)
    blocks: int = 1
    """Into how many parts each row falls, with space between."""
    pad: int = 2
    """Pixels between pictures."""
    frames: Float[Tensor, "frame tile channel height width"] | None = None
    """The same as an animation."""


def interpolation(scene: Scene) -> View:
    """From one point to another, straight and along a great circle."""
    generator = scene.generator("interpolation")
    label = scene.labels(PAIRS)
    a, b = scene.starts(_repeat(label, 2), 2 * PAIRS, generator).unflatten(0, (PAIRS, 2)).unbind(1)
    t = torch.linspace(0, 1, COLUMNS)
    made = {
        "straight": _walked(scene, paths.linear(a, b, t), label),
        "great circle": _walked(scene, paths.spherical(a, b, t), label),
    }
    rows = [[Row(name, items[k]) for name, items in made.items()] for k in range(PAIRS)]
    label = scene.labels(TILES)
    stops = scene.starts(_repeat(label, STOPS), TILES * STOPS, generator).unflatten(0, (TILES, STOPS))
    return View(rows, frames=_walked(scene, paths.loop(stops, STILL), label).transpose(0, 1))


def plane(scene: Scene) -> View:
    """All that a model of two latent numbers makes."""
    label = scene.labels(1)
    items = _walked(scene, paths.plane(SIDE)[None], label)[0]
    name = "" if label is None else scene.spec.classes[int(label[0])]
    rows = [Row(name * (k == SIDE // 2), row) for k, row in enumerate(items.split(SIDE))]
    return View([rows], {"class": name} if name else {}, pad=0)


def traversal(scene: Scene) -> View:
    """Each number of z changed by itself, those that carry most first."""
    label = scene.labels(2)
    base = scene.starts(label, 2, scene.generator("traversal"))
    amount, name, centre, spread = carried(scene, base, label)
    order = amount.argsort(descending=True)
    t = torch.linspace(-FARTHEST, FARTHEST, STEPS)
    rows = []
    for d in order[:TRAVERSED].tolist():
        z = base[:, None].repeat(1, STEPS, 1)
        z[..., d] = centre[d] + t * spread[d]
        rows.append(
            Row(f"z{d + 1}\n{AMOUNTS[name].format(amount[d])}", _walked(scene, z, label).flatten(0, 1))
        )
    figures = {"dimensions": (order + 1).tolist(), name: amount[order].tolist()}
    return View([_scaled(rows, t, " σ")], figures, blocks=2)


def directions(scene: Scene) -> View:
    """Two pictures moved along directions that were found without labels."""
    by_activations, by_weights = both(scene, min(FOUND, scene.latent))
    label = scene.labels(2)
    base = scene.starts(label, 2, scene.generator("directions shown"))
    t = torch.linspace(-REACH, REACH, STEPS)

    def rows(vectors: Tensor, names: Sequence[str]) -> list[Row]:
        made = [_walked(scene, base[:, None] + t[:, None] * v, label).flatten(0, 1) for v in vectors]
        return [Row(name, items) for name, items in zip(names, made, strict=True)]

    shares, stretch = by_activations.weights.tolist(), by_weights.weights.tolist()
    upper = rows(by_activations.vectors, [f"PCA {k + 1}\n{share:.0%}" for k, share in enumerate(shares)])
    lower = rows(by_weights.vectors, [f"SeFa {k + 1}\n× {by:.1f}" for k, by in enumerate(stretch)])
    figures = {"variance_shares": shares, "singular_values": stretch}
    return View([upper, _scaled(lower, t)], figures, blocks=2)


def reconstruction(scene: Scene) -> View:
    """Real pictures above, what is left of them below."""
    real = scene.shown(3 * COLUMNS)
    again = scene.decode(scene.encode(real), real.label).cpu()
    error = levels(real.x, again)
    rows = {"real": real.x, "again": again}
    groups = [[Row(name, x[k]) for name, x in rows.items()] for k in _folds(len(real.x))]
    return View(groups, {"pictures": len(real.x), "error_levels": error.mean().item()})


def inversion(scene: Scene) -> View:
    """Real pictures above, the nearest of many draws, and the nearest that the generator can make."""
    real = scene.shown(COLUMNS)
    found = invert(scene, real.x)
    before, after = levels(real.x, found.nearest), found.error
    groups = [
        [
            Row("real", real.x[k]),
            Row("nearest draw", found.nearest[k], [f"{e:.0f}" for e in before[k].tolist()]),
            Row("found", found.found[k], [f"{e:.0f}" for e in after[k].tolist()]),
        ]
        for k in _folds(len(real.x))
    ]
    return View(groups, {"error_levels": after.tolist(), "nearest_draw_error_levels": before.tolist()})


def saliency(scene: Scene) -> View:
    """Real and made pictures, each above what the critic's verdict on it hangs on."""
    real = scene.shown(COLUMNS)
    label = real.label if real.label is not None else scene.labels(COLUMNS)
    label = label if label is None else label[:COLUMNS]
    generator = scene.generator("saliency")
    condition = {} if label is None else {"label": label}
    made = scene.objective.sample(len(real.x[:COLUMNS]), generator=generator, **condition).cpu()

    def rows(name: str, pictures: Pictures) -> list[list[Row]]:
        maps = scene.on_device(partial(saliency_map, scene.objective.judge), pictures)
        maps = stretched(blurred(maps))
        return [
            [Row(name, pictures.x[k]), Row("what counts", pictures.x[k], heat=maps[k])]
            for k in _folds(len(maps))
        ]

    return View(rows("real", real) + rows("made", Pictures(made, label)))


VIEWS: dict[str, Callable[[Scene], View]] = {
    "interpolation": interpolation,
    "plane": plane,
    "traversal": traversal,
    "directions": directions,
    "reconstruction": reconstruction,
    "inversion": inversion,
    "saliency": saliency,
}
ENCODING = {"traversal": "directions", "reconstruction": "inversion"}
"""What needs an encoder, and what does its work where there is none."""


def refuse(scene: Scene, what: str) -> None:
    """UserError where the model lacks the means; it names what is missing."""
    model = scene.objective
    if what == "saliency":
        if not hasattr(model, "judge"):
            raise UserError("a saliency map shows where a critic looks, and this model has no critic")
        return
    if not (hasattr(model, "decode") and getattr(model, "latent", 0)):
        raise UserError(
            f"{what} needs a model that makes pictures from latent numbers, and this one has none"
        )
    encodes = hasattr(model, "encode")
    if what == "plane" and scene.latent != 2:
        raise UserError(
            f"the plane is for models of 2 latent numbers, and this one has {scene.latent}; "
            f"`ganvas train vae --latent 2` makes such a one"
        )
    if what in ENCODING and not encodes:
        raise UserError(f"{what} needs an encoder, and this model has none; try --what {ENCODING[what]}")
    if what == "inversion" and encodes:
        raise UserError(
            "inversion is for models with no encoder, and this one has one; try --what reconstruction"
        )
    if what == "directions":
        layers(scene)


def _walked(scene: Scene, z: paths.Walks, label: Labels) -> Float[Tensor, "n steps channel height width"]:
    """The pictures on the way, each walk with its label."""
    n, steps = z.shape[:2]
    return scene.decode(z.flatten(0, 1), _repeat(label, steps)).cpu().unflatten(0, (n, steps))


def _repeat(label: Labels, times: int) -> Labels:
    return None if label is None else label.repeat_interleave(times)


def _folds(n: int) -> list[slice]:
    """Rows that are not too long."""
    return [slice(k, k + COLUMNS) for k in range(0, n, COLUMNS)]


def _scaled(rows: list[Row], t: Tensor, unit: str = "") -> list[Row]:
    """The last row with a scale below, once for each block."""
    marks = [f"{x:+.0f}{unit}".replace("-", "−") if x else "0" for x in t.round().tolist()]
    last = rows[-1]
    return [*rows[:-1], Row(last.label, last.items, marks * (len(last.items) // len(t)))]
