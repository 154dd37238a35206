"""A cheap look at a model in training: samples at fixed latents beside real items, and the critic's verdict.

Pictures are compared at 8 x 8 pixels, in their 16 principal coordinates, as fine as so few samples can tell;
points as they are. The unit is the spread of the real items: the root of their total variance.
"""

import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from ganvas.core.randomness import mixed

ITEMS = {"image": 128, "points": 256}
"""Samples, and real items, in a probe."""
REFERENCE = 2048
"""Real items that cells and coordinates are made of."""
CELLS, APART = 32, 0.2
"""Regions of the real items, by k-means (Richardson & Weiss 2018, sec. 3: bins of NDB), at most so many, and
none nearer to another than this share of the spread: a narrow mode is one cell."""
SIDE, COORDINATES = 8, 16
MARKED = 8, 4
"""Samples and coordinates whose way is followed."""
NEAR = 0.1
"""A cell is missing where it holds less than this share of the samples that are due to it."""
COPY = 1 / 3
"""A sample is a copy where its nearest training item is nearer than this share of the way to the second
nearest (Yoon et al. 2023, sec. 3)."""

Coordinates = Float[Tensor, "n k"]
Precision = Callable[[], AbstractContextManager]


def probeable(objective: Any) -> bool:
    """Whether it makes pictures or points, and these in one pass, so that a look is cheap."""
    quick = hasattr(objective, "judge") or hasattr(objective, "posterior")
    return quick and objective.spec.kind in ITEMS


class Probe:
    """The fixed latents and real items of a run; `take` looks at the model as it is."""

    def __init__(self, data: Any, seed: int, device: torch.device, precision: Precision = nullcontext):
        n = ITEMS[data.spec.kind]
        rng = np.random.default_rng(mixed(seed, "doctor"))
        self._device, self._seed, self._precision = device, seed, precision
        self._image = data.spec.kind == "image"
        reference, labels = self._items(data, rng, REFERENCE)
        self._reference = reference
        self.real, self.label = reference[:n], None if labels is None else labels[:n]
        held_out = getattr(data, "held_out", None)
        self.held_out = self._items(held_out, rng, n) if held_out is not None else None
        raw = self._small(reference)
        self._centre = raw.mean(0)
        centred = raw - self._centre
        axes = torch.linalg.eigh(centred.T @ centred / len(centred)).eigenvectors.flip(1)
        self._axes = axes[:, :COORDINATES]
        self._unit = centred.square().sum(1).mean().sqrt().clamp_min(1e-12)
        self._known = self._coordinates(reference)
        self._centres = k_means(self._known, min(CELLS, len(reference) // 8 + 1))
        share = torch.bincount(nearest(self._known, self._centres), minlength=len(self._centres)).double()
        self._share = share / share.sum()

    def _items(self, data: Any, rng: np.random.Generator, n: int) -> tuple[Tensor, Tensor | None]:
        index = np.sort(rng.choice(len(data), min(n, len(data)), replace=False))
        rng.shuffle(index)
        with torch.random.fork_rng():
            batch = data.ready(data.fetch(index))
        return batch["image" if self._image else "point"], batch.get("label")

    def _small(self, x: Tensor) -> Float[Tensor, "n values"]:
        x = x.detach().float().cpu()
        if self._image:
            x = F.adaptive_avg_pool2d(x, (min(SIDE, x.shape[2]), min(SIDE, x.shape[3])))
        return x.flatten(1)

    def _coordinates(self, x: Tensor) -> Coordinates:
        return (self._small(x) - self._centre) @ self._axes / self._unit

    @torch.no_grad()
    def take(self, objective: Any) -> tuple[dict[str, float], list[int], list[float]]:
        """Figures, cells and marks (see `Checkup`) of the objective with the weights that it has now."""
        training = [m for m in objective.modules() if m.training]
        objective.eval()
        try:
            with torch.random.fork_rng(), self._precision():
                torch.manual_seed(mixed(self._seed, "doctor"))
                return self._take(objective)
        finally:
            for module in training:
                module.training = True

    def _take(self, objective: Any) -> tuple[dict[str, float], list[int], list[float]]:
        generator = torch.Generator().manual_seed(mixed(self._seed, "doctor"))
        condition = {} if self.label is None else {"label": self.label}
        made = objective.sample(len(self.real), generator=generator, **condition).float()
        figures = self._range(made) | self._critic(objective, made) | self._posterior(objective)
        coordinates = self._coordinates(made)
        if not coordinates.isfinite().all():
            return figures | {"finite": 0.0}, [], []
        cells = nearest(coordinates, self._centres)
        marks = coordinates[: MARKED[0], : MARKED[1]].flatten()
        figures |= {"finite": 1.0} | self._likeness(coordinates, cells)
        return figures, cells.tolist(), [round(v, 5) for v in marks.tolist()]

    def _likeness(self, made: Coordinates, cells: Int[Tensor, " n"]) -> dict[str, float]:
        """Variety, missing cells and distance of samples; copies, of pictures."""
        real = self._known[: len(made)]
        counts = torch.bincount(cells, minlength=len(self._centres))
        due = self._share * len(cells)
        across = torch.cdist(made, real).mean()
        within = torch.cdist(made, made).mean() + torch.cdist(real, real).mean()
        figures = {
            "variety": (made.var(0).sum() / real.var(0).sum().clamp_min(1e-12)).sqrt().item(),
            "missing": self._share[(counts < NEAR * due) & (due >= 2)].sum().item(),
            "distance": ((2 * across - within) / (2 * across).clamp_min(1e-12)).item(),
        }
        if self._image and len(self._known) > 2:
            first, second = torch.cdist(made, self._known).topk(2, largest=False).values.T
            figures["copies"] = (first < COPY * second).float().mean().item()
        return figures

    def _range(self, made: Tensor) -> dict[str, float]:
        """How far values reach, and the share of them at the ends, of samples and of real items."""
        found = {}
        for name, x in (("made", made), ("real", self._reference)):
            flat = x.detach().float().flatten(1)
            found[f"{name}/low"], found[f"{name}/high"] = flat.min().item(), flat.max().item()
            if self._image:
                found[f"{name}/ends"] = (flat.abs() > 0.98).float().mean().item()
                found[f"{name}/contrast"] = flat.std(1).mean().item()
        return found

    def _critic(self, objective: Any, made: Tensor) -> dict[str, float]:
        """How often the critic ranks a real item above a made one, and a training item above a new one."""
        if not hasattr(objective, "judge"):
            return {}

        def judged(x: Tensor, label: Tensor | None) -> Tensor:
            parts = zip(x.split(64), [None] * len(x) if label is None else label.split(64), strict=False)
            place = self._device
            return torch.cat(
                [objective.judge(p.to(place), None if y is None else y.to(place)).float() for p, y in parts]
            ).cpu()

        real = judged(self.real, self.label)
        found = {"sure": ranked(real, judged(made, self.label))}
        if self.held_out is not None:
            found["knows"] = ranked(real, judged(*self.held_out))
            found["knows/error"] = chance(len(real), len(self.held_out[0]))
        return found

    def _posterior(self, objective: Any) -> dict[str, float]:
        """Share of latents that move with the item, Var_x(E_q z) > .01 (Burda et al. 2016, sec. 5.2)."""
        if not hasattr(objective, "posterior"):
            return {}
        x = self.real.to(self._device)
        x = objective.law.observe(x) if hasattr(objective, "law") else x
        mean, _ = objective.posterior(x, None if self.label is None else self.label.to(self._device))
        return {"active": (mean.var(0) > 0.01).float().mean().item()}


def ranked(a: Tensor, b: Tensor) -> float:
    """P(a > b) + P(a = b) / 2: the area under the ROC curve. 1/2: they cannot be told apart."""
    if not (a.isfinite().all() and b.isfinite().all()):
        return math.nan
    above = (a[:, None] > b).float().mean() + (a[:, None] == b).float().mean() / 2
    return above.item()


def chance(m: int, n: int) -> float:
    """Standard deviation of P(a > b) over m times n pairs that are alike (Mann & Whitney 1947, sec. 4)."""
    return math.sqrt((m + n + 1) / (12 * m * n))


def nearest(x: Coordinates, centres: Coordinates) -> Int[Tensor, " n"]:
    return torch.cdist(x, centres).argmin(1)


def k_means(x: Coordinates, k: int, rounds: int = 10) -> Coordinates:
    """Lloyd's algorithm from at most k far points: each is the item farthest from those before."""
    centres = [x[0]]
    apart = torch.cdist(x, x[:1])[:, 0]
    while len(centres) < k and apart.max() > APART:
        centres.append(x[apart.argmax()])
        apart = torch.minimum(apart, torch.cdist(x, centres[-1][None])[:, 0])
    found = torch.stack(centres)
    for _ in range(rounds):
        cell = nearest(x, found)
        sums = torch.zeros_like(found).index_add_(0, cell, x)
        counts = torch.bincount(cell, minlength=len(found))[:, None]
        found = torch.where(counts > 0, sums / counts.clamp_min(1), found)
    return found
