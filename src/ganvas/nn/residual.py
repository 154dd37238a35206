"""Residual blocks: batch-normalised for a generator, spectrally normalised for a critic, R3GAN's."""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from ganvas.nn.norm import BatchNorm
from ganvas.nn.spectral import spectral_norm

Maps = Float[Tensor, "batch channel height width"]


def spectral_conv(i: int, o: int, size: int) -> nn.Module:
    """A convolution of an odd size that keeps the map's size, Glorot at the start, of norm 1."""
    conv = nn.Conv2d(i, o, size, padding=size // 2)
    nn.init.xavier_uniform_(conv.weight, math.sqrt(2) if size > 1 else 1.0)
    nn.init.zeros_(conv.bias)  # pyright: ignore[reportArgumentType] (it has one)
    return spectral_norm(conv)


class UpBlock(nn.Module):
    """Batch norm, ReLU, doubling, convolution, twice but doubled once (Miyato et al. 2018, fig. 8)."""

    def __init__(self, i: int, o: int):
        super().__init__()
        self.first, self.second = spectral_conv(i, o, 3), spectral_conv(o, o, 3)
        self.norm1, self.norm2 = BatchNorm(i), BatchNorm(o)
        self.skip = spectral_conv(i, o, 1)

    def forward(self, x: Maps) -> Maps:
        h = self.first(F.interpolate(F.relu(self.norm1(x)), scale_factor=2))
        h = self.second(F.relu(self.norm2(h)))
        # A 1 x 1 convolution and a doubling commute: the cheap order.
        return h + F.interpolate(self.skip(x), scale_factor=2)


class DownBlock(nn.Module):
    """ReLU, convolution, ReLU, convolution, halving; no norm but the spectral one."""

    def __init__(self, i: int, o: int, first: bool = False, halve: bool = True):
        super().__init__()
        self.first, self.second = spectral_conv(i, o, 3), spectral_conv(o, o, 3)
        self.skip = spectral_conv(i, o, 1) if i != o or halve else nn.Identity()
        self.of_picture, self.halve = first, halve

    def forward(self, x: Maps) -> Maps:
        h = x if self.of_picture else F.relu(x)
        h = self.second(F.relu(self.first(h)))
        if not self.halve:
            return h + self.skip(x)
        return F.avg_pool2d(h, 2) + self.skip(F.avg_pool2d(x, 2))


class BiasedReLU(nn.Module):
    """BiasedReLU, then leaky ReLU (Huang et al. 2024)."""

    SLOPE = 0.2
    GAIN = math.sqrt(2 / (1 + SLOPE**2))

    def __init__(self, channels: int):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Maps) -> Maps:
        return F.leaky_relu(x + self.bias.to(x.dtype).view(1, -1, 1, 1), self.SLOPE)


def scaled_conv(i: int, o: int, size: int, gain: float, groups: int = 1) -> nn.Conv2d:
    """No bias; weights from N(0, gain^2 / fan-in)."""
    conv = nn.Conv2d(i, o, size, padding=size // 2, groups=groups, bias=False)
    nn.init.normal_(conv.weight, 0, gain / math.sqrt(i // groups * size * size))
    return conv


class FixupBlock(nn.Module):
    """R3GAN's: x + W3 a(W2 a(W1 x)), the middle one grouped, W3 = 0 at the start (Huang et al. 2024, sec. 3).

    No norm is needed, for the variance neither grows nor shrinks with the number of blocks in the network
    (Zhang et al. 2019, Fixup: the inner layers' gain is divided by its fourth root).
    """

    def __init__(self, channels: int, blocks: int, expansion: int = 2, group: int = 16):
        super().__init__()
        wide = channels * expansion
        gain = BiasedReLU.GAIN * blocks**-0.25
        self.first = scaled_conv(channels, wide, 1, gain)
        self.bias1, self.bias2 = BiasedReLU(wide), BiasedReLU(wide)
        self.middle = scaled_conv(wide, wide, 3, gain, groups=max(1, wide // group))
        self.last = scaled_conv(wide, channels, 1, 0.0)

    def forward(self, x: Maps) -> Maps:
        return x + self.last(self.bias2(self.middle(self.bias1(self.first(x)))))
