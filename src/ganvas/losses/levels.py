"""The law of a pixel's 256 levels that is log-linear in a few features of the level."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ganvas.losses.observation import LEVEL, Items, Params, PerItem


@dataclass(frozen=True)
class Levels:
    """P(v) = e^(theta . phi(v)) / Z for each value by itself (an exponential family on 0 ... 255).

    phi: `features` cosines of rising frequency, of which the first ones are nearly straight and bowed, and
    one for each end, for many pictures have much that is quite black or quite white.
    """

    features: int = 14

    def width(self, channels: int) -> int:
        return channels * (self.features + 2)

    def observe(self, x: Items) -> Items:
        return x

    def log_prob(self, params: Params, x: Items) -> PerItem:
        law = self._log_law(params)
        level = ((x + 1) / LEVEL).round().long()
        return law.gather(-1, level[..., None]).flatten(1).sum(1)

    def mean(self, params: Params) -> Items:
        law = self._log_law(params).exp()
        return law @ (torch.arange(256, dtype=law.dtype, device=law.device) * LEVEL - 1)

    def cooled(self, params: Params, temperature: float) -> Params:
        """P(v)^(1 / temperature), normalised."""
        return params / temperature

    def draw(self, params: Params, generator: torch.Generator | None = None) -> Items:
        cumulative = self._log_law(params).exp().cumsum(-1)
        u = torch.rand(cumulative.shape[:-1], generator=generator).to(cumulative)
        return (cumulative < u[..., None] * cumulative[..., -1:]).sum(-1).to(params.dtype) * LEVEL - 1

    def _log_law(self, params: Params) -> Float[Tensor, "batch channel height width 256"]:
        theta = params.unflatten(1, (-1, self.features + 2)).movedim(2, -1)
        return (theta @ self._phi(params)).log_softmax(-1)

    def _phi(self, like: Tensor) -> Float[Tensor, "feature 256"]:
        v = (torch.arange(256, dtype=torch.float64) + 0.5) / 256
        waves = torch.cos(math.pi * v * torch.arange(1, self.features + 1)[:, None])
        ends = torch.zeros(2, 256, dtype=torch.float64)
        ends[0, 0] = ends[1, 255] = 1
        return torch.cat([waves, ends]).to(like)
