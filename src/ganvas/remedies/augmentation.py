"""Differentiable augmentation (Zhao et al. 2020, DiffAugment) of adaptive strength (Karras et al. 2020, ADA).

kornia's augmentations were measured first (64 x 3 x 64 x 64, two cores): its affine warp takes 6.1 ms against
2.3 ms of torch's `grid_sample`, its saturation 4.9 ms by way of HSV , and its brightness clips,
where it passes no gradient.
"""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from pydantic import Field
from torch import Tensor, nn

from ganvas.core import distributed
from ganvas.core.settings import Settings

Pictures = Float[Tensor, "batch channel height width"]


class AugmentSettings(Settings):
    """What is done to real and made pictures alike before a critic sees them."""

    colour: bool = False
    """Brightness, saturation and contrast (DiffAugment's ranges)."""
    shift: float = Field(default=0.0, ge=0, le=0.5)
    """Shift by up to this share of the side (DiffAugment: 0.125)."""
    cutout: float = Field(default=0.0, ge=0, le=1)
    """Blank a square of this share of the side (DiffAugment: 0.5)."""
    flip: bool = False
    """Mirror every second picture, at random."""
    rotate: float = Field(default=0.0, ge=0, le=180)
    """Turn by up to so many degrees."""
    zoom: float = Field(default=0.0, ge=0, lt=1)
    """Scale by a factor of up to 1 + this, or down to its inverse."""
    p: float = Field(default=1.0, ge=0, le=1)
    """Each picture is augmented with this probability; adaptive: the probability at the start."""
    adaptive: bool = False
    """Let p follow how sure the critic is of real pictures (ADA)."""
    target: float = Field(default=0.6, gt=-1, lt=1)
    """Adaptive: E sign D(real) to hold."""
    speed: int = Field(default=100_000, ge=1)
    """Adaptive: so many pictures take p from 0 to 1."""

    @property
    def active(self) -> bool:
        return self.colour or self.flip or max(self.shift, self.cutout, self.rotate, self.zoom) > 0

    def kinds(self) -> "list[AugmentSettings]":
        """One setting for each kind that is on, with only that kind: several critics share them out."""
        off = {"colour": False, "shift": 0.0, "cutout": 0.0, "flip": False, "rotate": 0.0, "zoom": 0.0}
        return [self.model_copy(update=off | {k: getattr(self, k)}) for k in off if getattr(self, k)]


class Augment(nn.Module):
    """Augments each picture with probability `p`, which is saved with the model."""

    p: Tensor

    def __init__(self, settings: AugmentSettings):
        super().__init__()
        self.settings = settings
        self.register_buffer("p", torch.tensor(settings.p))

    def forward(self, x: Pictures) -> Pictures:
        s = self.settings
        if not s.active:
            return x
        y = colour(x) if s.colour else x
        y = flip(y) if s.flip else y
        y = affine(y, s.shift, s.rotate, s.zoom) if max(s.shift, s.rotate, s.zoom) > 0 else y
        y = cutout(y, s.cutout) if s.cutout > 0 else y
        return torch.where(_uniform(x, 0, 1) < self.p, y, x) if s.adaptive or s.p < 1 else y

    @torch.no_grad()
    def adapt(self, lead: Float[Tensor, " batch"], pictures: int) -> None:
        """p rises while r = E sign D(real) is above the target, else falls (Karras et al. 2020, sec. 3.1)."""
        if self.settings.adaptive:
            r = distributed.average(lead.float().sign().mean())
            step = pictures * distributed.world() / self.settings.speed
            self.p.add_(torch.sign(r - self.settings.target) * step).clamp_(0, 1)


def _uniform(x: Tensor, low: float, high: float) -> Float[Tensor, "batch 1 1 1"]:
    return torch.empty(len(x), 1, 1, 1, device=x.device, dtype=x.dtype).uniform_(low, high)


def colour(x: Pictures) -> Pictures:
    """Brightness +- 0.5, saturation x 0 to 2, contrast x 0.5 to 1.5."""
    x = x + _uniform(x, -0.5, 0.5)
    if x.shape[1] > 1:
        grey = x.mean(1, keepdim=True)
        x = torch.lerp(grey.expand_as(x), x, _uniform(x, 0, 2))
    mean = x.mean((1, 2, 3), keepdim=True)
    return torch.lerp(mean.expand_as(x), x, _uniform(x, 0.5, 1.5))


def flip(x: Pictures) -> Pictures:
    return torch.where(_uniform(x, 0, 1) < 0.5, x.flip(3), x)


def affine(x: Pictures, shift: float, rotate: float, zoom: float) -> Pictures:
    """Shift by whole pixels, turn and scale, in one resampling; what comes in from outside is 0."""
    n, _, height, width = x.shape
    angle = _uniform(x, -1, 1)[:, 0, 0] * math.radians(rotate)
    scale = (_uniform(x, -1, 1)[:, 0, 0] * math.log1p(zoom)).exp()
    cos, sin = angle.cos() / scale, angle.sin() / scale
    by = [(_uniform(x, -1, 1)[:, 0, 0] * shift * side).round() * 2 / side for side in (width, height)]
    aspect = height / width
    theta = torch.stack(
        [torch.cat([cos, -sin * aspect, by[0]], 1), torch.cat([sin / aspect, cos, by[1]], 1)], dim=1
    )
    grid = F.affine_grid(theta.float(), [n, 1, height, width], align_corners=False)
    return F.grid_sample(x.float(), grid, align_corners=False).to(x.dtype)


def cutout(x: Pictures, share: float) -> Pictures:
    """A square around a random point is set to 0."""

    def inside(axis: int, side: int) -> Bool[Tensor, "batch side"]:
        centre = _uniform(x, 0, side)[:, 0, 0]
        return (torch.arange(side, device=x.device) + 0.5 - centre).abs() < share * side / 2

    hole = inside(2, x.shape[2])[:, None, :, None] & inside(3, x.shape[3])[:, None, None, :]
    return x * ~hole
