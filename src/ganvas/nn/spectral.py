"""Spectral normalisation (Miyato et al. 2018): a layer divided by its largest singular value."""

from typing import cast

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils import parametrize


class _Spectral(nn.Module):
    """W / sigma(W), with sigma = u^T W v and one power iteration for each use in training (algorithm 1).

    Torch's own parametrisation runs it in whatever autocast says; here it stays in fp32.
    """

    u: Tensor
    v: Tensor

    def __init__(self, weight: Tensor, axis: int):
        super().__init__()
        self.axis = axis
        rows = self._matrix(weight)
        self.register_buffer("u", F.normalize(torch.randn(rows.shape[0]), dim=0))
        self.register_buffer("v", F.normalize(torch.randn(rows.shape[1]), dim=0))
        self._iterate(rows, 15)

    def _matrix(self, weight: Tensor) -> Float[Tensor, "out rest"]:
        return weight.movedim(self.axis, 0).flatten(1)

    @torch.no_grad()
    def _iterate(self, matrix: Tensor, times: int) -> None:
        for _ in range(times):
            self.v.copy_(F.normalize(matrix.T @ self.u, dim=0))
            self.u.copy_(F.normalize(matrix @ self.v, dim=0))

    def forward(self, weight: Tensor) -> Tensor:
        with torch.autocast(weight.device.type, enabled=False):
            matrix = self._matrix(weight)
            if self.training:
                self._iterate(matrix, 1)
            # Clones, for the next forward changes the buffers before this one's backward.
            sigma = self.u.clone() @ (matrix @ self.v.clone())
            return weight / sigma


def spectral_norm(layer: nn.Module) -> nn.Module:
    """Constrain the layer's weight to a largest singular value of 1."""
    axis = 1 if isinstance(layer, nn.ConvTranspose2d) else 0
    weight = cast(Tensor, layer.weight)
    parametrize.register_parametrization(layer, "weight", _Spectral(weight, axis))
    return layer
