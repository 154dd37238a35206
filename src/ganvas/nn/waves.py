"""Fourier features: what lets dense layers see fine detail in few numbers (Tancik et al. 2020)."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn


class Waves(nn.Module):
    """x -> (x, sin(B x), cos(B x)): directions at random, frequencies spread evenly in their logarithm."""

    directions: Tensor

    def __init__(self, dimensions: int, count: int, coarsest: float = 0.25, finest: float = 4.0):
        super().__init__()
        direction = nn.functional.normalize(torch.randn(count, dimensions), dim=1)
        frequency = torch.logspace(math.log10(coarsest), math.log10(finest), max(count, 1))[:count]
        self.register_buffer("directions", 2 * math.pi * frequency[:, None] * direction)
        self.width = dimensions + 2 * count

    def forward(self, x: Float[Tensor, "batch d"]) -> Float[Tensor, "batch width"]:
        phase = x @ self.directions.T
        return torch.cat([x, phase.sin(), phase.cos()], 1)
