"""A ladder of latents: upwards from the picture, then downwards from the vaguest latent to the finest.

Bidirectional inference (Sønderby et al. 2016; Kingma et al. 2016, sec. 4) with residual blocks and no norm.
A vector counts as a map of 1 x 1.
"""

import math
from collections.abc import Callable, Sequence
from functools import partial
from itertools import count, pairwise
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from ganvas.core.device import precise
from ganvas.nn.autoencoder import WIDEST
from ganvas.nn.grid import halvings

Maps = Float[Tensor, "n channel height width"]
Law = tuple[Maps, Maps]
"""Mean and log-variance, place by place."""
Choose = Callable[[int, Maps, Law], Maps]
"""The noise of a group of latents, given its number, the maps so far and the prior law."""

LIMIT = 10.0
"""Log-variances stay within it, softly (Vahdat & Kautz 2020, NVAE's code: log sigma within 5)."""


class Rung(NamedTuple):
    """Feature maps of one size, and the latents that live there."""

    channels: int
    height: int
    width: int
    groups: int
    """Of latents."""
    latents: int
    """Channels of each group."""

    @property
    def kernel(self) -> int:
        """Of convolutions that keep the size."""
        return 3 if min(self.height, self.width) > 1 else 1


class Sizes(NamedTuple):
    """Of a ladder, whatever the picture."""

    width: int
    """Channels of the maps at half the picture's size; smaller maps have up to `WIDEST` times as many."""
    hidden: int
    """Channels of the vector."""
    groups: tuple[int, int, int]
    """Of latents: of the vector, at each size of map but the largest, at the largest."""
    latents: tuple[int, int]
    """Channels of a group of the vector, and of maps."""


def rungs_of(shape: tuple[int, ...], sizes: Sizes) -> list[Rung]:
    """From the vector at the top to the maps of half the picture's size."""
    times, h, w = halvings(*shape[1:])
    of_vector, of_small, of_large = sizes.groups
    in_vector, in_maps = sizes.latents
    rungs = [Rung(sizes.hidden, 1, 1, of_vector, in_vector)]
    for k in reversed(range(times)):
        up = times - 1 - k
        rungs.append(
            Rung(sizes.width * min(WIDEST, 2**k), h << up, w << up, of_small if k else of_large, in_maps)
        )
    return rungs


def kept(i: int, o: int, size: int) -> nn.Conv2d:
    """A convolution that keeps the map's size."""
    return nn.Conv2d(i, o, size, padding=size // 2)


class Block(nn.Module):
    """x + W2 a(W1 a(x)) with half the channels inside and a = SiLU (He et al. 2016); W2 = 0 at the start."""

    def __init__(self, channels: int, size: int):
        super().__init__()
        inner = max(1, channels // 2)
        self.first, self.last = kept(channels, inner, size), kept(inner, channels, size)
        nn.init.zeros_(self.last.weight)
        self.act = nn.SiLU()

    def forward(self, x: Maps) -> Maps:
        return x + self.last(self.act(self.first(self.act(x))))


def blocks(channels: int, size: int, count: int) -> nn.Sequential:
    return nn.Sequential(*(Block(channels, size) for _ in range(count)))


def dense(a: Rung, b: Rung) -> nn.Sequential:
    """From all of one rung's maps to all of the other's."""
    shape = b.channels, b.height, b.width
    layer = nn.Linear(a.channels * a.height * a.width, math.prod(shape))
    return nn.Sequential(nn.Flatten(), layer, nn.Unflatten(1, shape))


def law_of(params: Tensor) -> Law:
    mean, log_var = precise(params).chunk(2, 1)
    return mean, LIMIT * torch.tanh(log_var / LIMIT)


class Posterior(nn.Module):
    """q(z | x, what is above) of one group, from what is seen of x and the maps so far."""

    def __init__(self, rung: Rung):
        super().__init__()
        self.seen, self.here = kept(rung.channels, rung.channels, 1), kept(rung.channels, rung.channels, 1)
        self.law = nn.Sequential(nn.SiLU(), kept(rung.channels, 2 * rung.latents, rung.kernel))

    def forward(self, seen: Maps, here: Maps) -> Law:
        """`seen` comes once for a picture, `here` once for each of its draws, k of them one after another."""
        joined = self.here(here).unflatten(0, (-1, len(seen))) + seen
        return law_of(self.law(joined.flatten(0, 1)))


class BottomUp(nn.Module):
    """Picture -> what each group of latents sees of it."""

    def __init__(self, channels: int, rungs: Sequence[Rung], depth: int):
        super().__init__()
        finest = rungs[-1]
        steps: list[nn.Module] = [nn.Conv2d(channels, finest.channels, 4, 2, 1)]
        steps += [
            nn.Conv2d(a.channels, b.channels, 4, 2, 1) if b.height > 1 else dense(a, b)
            for a, b in pairwise(reversed(rungs))
        ]
        self.steps = nn.ModuleList(
            nn.Sequential(step, blocks(rung.channels, rung.kernel, depth))
            for step, rung in zip(steps, rungs[::-1], strict=True)
        )
        posteriors = [Posterior(rung) for rung in rungs for _ in range(rung.groups)]
        self.posteriors: list[Posterior] = nn.ModuleList(posteriors)  # pyright: ignore[reportAttributeAccessIssue]
        self.each = [rung.groups for rung in rungs]

    def forward(self, x: Float[Tensor, "batch channel height width"]) -> list[Maps]:
        """For each group, the topmost first."""
        found = []
        for step in self.steps:
            x = step(x)
            found.append(x)
        each = [maps for maps, groups in zip(reversed(found), self.each, strict=True) for _ in range(groups)]
        return [q.seen(maps) for q, maps in zip(self.posteriors, each, strict=True)]


class Group(nn.Module):
    """Latents of one group: z = mean + sigma * noise by the prior's law, which h says; then h learns of z."""

    def __init__(self, rung: Rung, depth: int):
        super().__init__()
        self.prior = nn.Sequential(nn.SiLU(), kept(rung.channels, 2 * rung.latents, rung.kernel))
        self.merge = kept(rung.latents, rung.channels, 1)
        self.blocks = blocks(rung.channels, rung.kernel, depth)

    def forward(self, h: Maps, noise: Callable[[Maps, Law], Maps]) -> Maps:
        mean, log_var = law = law_of(self.prior(h))
        z = mean + (log_var / 2).exp() * noise(h, law)
        return self.blocks(h + self.merge(z))


class TopDown(nn.Module):
    """Noise of all groups -> the law of the picture; where there are classes, each starts from its own."""

    def __init__(self, rungs: Sequence[Rung], depth: int, out: int, classes: int = 0):
        super().__init__()
        self.start = nn.Embedding(max(1, classes), rungs[0].channels)
        self.labelled = classes > 0
        ups = [
            nn.ConvTranspose2d(a.channels, b.channels, 4, 2, 1) if a.height > 1 else dense(a, b)
            for a, b in pairwise(rungs)
        ]
        self.steps = nn.ModuleList(
            nn.Sequential(up, blocks(rung.channels, rung.kernel, 0 if rung.groups else depth))
            for up, rung in zip([nn.Identity(), *ups], rungs, strict=True)
        )
        self.rungs = nn.ModuleList(
            nn.ModuleList(Group(rung, depth) for _ in range(rung.groups)) for rung in rungs
        )
        self.end = nn.Sequential(nn.SiLU(), kept(rungs[-1].channels, 4 * out, 3), nn.PixelShuffle(2))
        self.shapes = [(r.latents, r.height, r.width) for r in rungs for _ in range(r.groups)]
        self.sizes = [math.prod(shape) for shape in self.shapes]

    def forward(
        self, z: Float[Tensor, "n latent"], label: Int[Tensor, " n"] | None = None
    ) -> Float[Tensor, "n out height width"]:
        noise = [part.unflatten(1, s) for part, s in zip(z.split(self.sizes, 1), self.shapes, strict=True)]
        return self.descend(len(z), label, lambda group, h, prior: noise[group])

    def descend(self, n: int, label: Int[Tensor, " n"] | None, choose: Choose) -> Tensor:
        """From the top to the picture, with the noise of each group as chosen."""
        if self.labelled and label is None:
            raise ValueError("this decoder was built for labels: give one for each item")
        first = torch.zeros(n, dtype=torch.int64, device=self.start.weight.device)
        h = self.start(label if self.labelled else first)[..., None, None]
        number = count()
        for step, groups in zip(self.steps, self.rungs, strict=True):
            h = step(h)
            for group in groups.children():
                h = group(h, partial(choose, next(number)))
        return precise(self.end(h))
