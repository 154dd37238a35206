"""Training pictures, perturbed: a kernel-density estimate."""

import math
from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Float, Int, UInt8
from pydantic import Field
from torch import Tensor

from ganvas.core.data import Data
from ganvas.core.settings import Settings as Base
from ganvas.data.spec import Spec
from ganvas.models.baseline import Baseline, Items, Labels, PerItem, items, levels, pictures, refuse_large
from ganvas.models.latent import draw

TUNED_ON = 500
"""Pictures at most, and a fifth of them all, on which the bandwidth is chosen."""
TIMES = 30
"""Steps of that choice; a few suffice."""
ROWS = 128
"""Pictures that are compared with all templates at once."""


class Settings(Base):
    """How many pictures are kept, and what is done to one."""

    pictures: int = Field(default=10_000, ge=2, le=100_000)
    """Training pictures kept, at most; more are thinned out at random."""
    shift: int = Field(default=1, ge=0, le=64)
    """Pixels that a sample is moved by at most, either way; its border is drawn out."""
    noise: float = Field(default=0.02, ge=0, le=1)
    """Standard deviation of the noise on a sample's pixels, which lie in [-1, 1]."""


class Template(Baseline):
    """It memorises: a sample is a training picture, moved by a pixel and with a little noise.

    Nothing new is ever made, and yet few figures tell. It is the thing to beat: as good, and without copying.

    The density is Parzen's (1962), p(x) = 1/m sum_i N(x; x_i, h^2) about the m pictures as they are; the
    bandwidth h is the likeliest for a part of the training pictures given the others. For D values on 256
    levels, all in levels, with u uniform and as wide as a level,

        log P(x) >= E_u log p(x + u) >= log 1/m sum_i exp E_u log N(x + u; x_i, h^2)
                  = log 1/m sum_i exp(-|x - x_i|^2 / 2h^2) - D/2 log 2 pi h^2 - D / 24h^2,

    by Jensen twice (Theis et al. 2016, sec. 3.1; log-sum-exp is convex). `log_prob` is this bound.
    """

    notes = (*Baseline.notes, "The template baseline copies training pictures: it is there to be beaten.")
    exact = False
    pictures: UInt8[Tensor, "m channel height width"]
    label: Int[Tensor, " m"]
    bandwidth: Float[Tensor, ""]

    def __init__(self, config: Settings, spec: Spec):
        super().__init__(spec)
        self.config = config
        refuse_large(config.pictures * self.dims // 4, "The pictures kept", "take a smaller --pictures")
        self.register_buffer("pictures", torch.empty(0, *spec.shape, dtype=torch.uint8))
        self.register_buffer("label", torch.empty(0, dtype=torch.int32))
        self.register_buffer("bandwidth", torch.tensor(0.0, dtype=torch.float64))
        self.register_load_state_dict_pre_hook(_make_room)

    def prepare(self, data: Data) -> None:
        device = self.pictures.device
        parts = [*pictures(data, self.config.pictures)]
        self.pictures = torch.cat([x for x, _ in parts]).to(device)
        self.label = torch.cat([label for _, label in parts]).to(device, torch.int32)
        order = torch.randperm(len(self.label)).to(device)
        count = min(TUNED_ON, math.ceil(len(order) / 5))
        x = self.pictures[order[:count]].double().flatten(1)
        self.bandwidth.copy_(likeliest(squared_distances(x, self.pictures[order[count:]]), self.dims))

    def given(self, x: Items, label: Labels) -> PerItem:
        found = []
        for part, k in zip(levels(x).double().flatten(1).split(ROWS), label.split(ROWS), strict=True):
            distance = squared_distances(part, self.pictures)
            theirs = k[:, None] == self.label
            theirs |= ~theirs.any(1, keepdim=True)
            found.append(parzen(distance.where(theirs, math.inf), self.bandwidth, self.dims))
        return torch.cat(found)

    def make(self, label: Labels, truncation: float, generator: torch.Generator | None) -> Items:
        chance = torch.rand(len(label), generator=generator)
        mine = [torch.nonzero(self.label.cpu() == k)[:, 0] for k in range(self.classes)]
        ours = [rows if len(rows) else torch.arange(len(self.label)) for rows in mine]
        chosen = [
            ours[k][int(u * len(ours[k]))] for k, u in zip(label.tolist(), chance.tolist(), strict=True)
        ]
        x = items(self.pictures[torch.stack(chosen).to(self.pictures.device)].float())
        s = self.config.shift
        x = moved(x, torch.randint(-s, s + 1, (2, len(x)), generator=generator).to(x.device))
        noise = draw(len(x), self.dims, truncation, generator).to(x.device).view_as(x)
        return (x + self.config.noise * noise).clamp(-1, 1)


def _make_room(module: Template, state: Mapping[str, Tensor], prefix: str, *_: Any) -> None:
    """As many pictures as were saved."""
    for name in ("pictures", "label"):
        if (saved := state.get(prefix + name)) is not None:
            setattr(module, name, getattr(module, name).new_empty(saved.shape))


def squared_distances(
    x: Float[Tensor, "n place"], templates: UInt8[Tensor, "m channel height width"]
) -> Float[Tensor, "n m"]:
    """Between pictures in levels; exact in fp64, for all are whole numbers."""
    parts = []
    for part in templates.split(max(1, 2**22 // x.shape[1])):
        y = part.flatten(1).to(x.dtype)
        parts.append(x.square().sum(1, keepdim=True) + y.square().sum(1) - 2 * x @ y.T)
    return torch.cat(parts, 1)


def parzen(distance: Float[Tensor, "n m"], bandwidth: Float[Tensor, ""], dims: int) -> Float[Tensor, " n"]:
    """The bound on log P; squared distances of inf are of templates that do not count."""
    count = distance.isfinite().sum(1).to(distance.dtype).log()
    near = (-distance / (2 * bandwidth.square())).logsumexp(1) - count
    return near - dims * ((2 * math.pi * bandwidth.square()).log() / 2 + 1 / (24 * bandwidth.square()))


def likeliest(distance: Float[Tensor, "n m"], dims: int) -> Float[Tensor, ""]:
    """The bandwidth that makes the bound of n pictures, in the mean, largest: by EM.

    Given whose kernel each one comes from, h^2 = E |x - x_i|^2 / D + 1/12.
    """
    squared = distance.amin(1).mean() / dims + 1 / 12
    for _ in range(TIMES):
        whose = (-distance / (2 * squared)).softmax(1)
        squared = (whose * distance).sum(1).mean() / dims + 1 / 12
    return squared.sqrt()


def moved(x: Items, by: Int[Tensor, "2 batch"]) -> Items:
    """Each picture by so many pixels down and to the right."""
    for axis, steps in ((2, by[0]), (3, by[1])):
        place = torch.arange(x.shape[axis], device=x.device) - steps[:, None]
        place = place.clamp(0, x.shape[axis] - 1)[:, None]
        x = x.gather(axis, place[..., None].expand_as(x) if axis == 2 else place[:, :, None].expand_as(x))
    return x


def build(config: Settings, spec: Spec) -> Template:
    return Template(config, spec)
