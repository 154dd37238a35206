"""Normalisation: batch norm over all processes, and the choice of a norm."""

from collections.abc import Callable
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ganvas.core import distributed
from ganvas.nn.spectral import spectral_norm

Features = Float[Tensor, "batch channel ..."]


class BatchNorm(nn.BatchNorm2d):
    """Ioffe & Szegedy 2015, over the joined batches of all processes; for (batch, channel, ...)."""

    def _check_input_dim(self, input: Tensor) -> None:
        if input.ndim < 2:
            raise ValueError(f"expected (batch, channel, ...), got shape {tuple(input.shape)}")

    def forward(self, input: Features) -> Features:
        if not self.training or distributed.world() == 1:
            return super().forward(input)
        x = input if input.dtype == torch.float64 else input.float()
        axes = [0, *range(2, x.ndim)]
        mean, mean_of_squares = distributed.differentiable_average(
            torch.stack([x.mean(axes), x.square().mean(axes)])
        ).unbind()
        var = mean_of_squares - mean.square()
        self._remember(mean.detach(), var.detach(), x.numel() // x.shape[1] * distributed.world())
        scale = self.weight * (var + self.eps).rsqrt()
        shape = (1, -1, *[1] * (x.ndim - 2))
        return (x * scale.view(shape) + (self.bias - mean * scale).view(shape)).to(input.dtype)

    @torch.no_grad()
    def _remember(self, mean: Tensor, var: Tensor, count: int) -> None:
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        momentum = self.momentum or 0.0
        self.num_batches_tracked += 1
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), momentum)
        self.running_var.lerp_((var * count / (count - 1)).to(self.running_var.dtype), momentum)


NormName = Literal["none", "batch", "spectral"]
"""What follows, or constrains, each layer of a network."""


def normed(name: NormName, layer: nn.Module, channels: int) -> list[nn.Module]:
    """The layer and its norm."""
    choices: dict[NormName, Callable[[], list[nn.Module]]] = {
        "none": lambda: [layer],
        "batch": lambda: [layer, BatchNorm(channels)],
        "spectral": lambda: [spectral_norm(layer)],
    }
    return choices[name]()
