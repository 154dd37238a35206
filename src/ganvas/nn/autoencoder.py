"""Picture -> vector and back: dense, or convolutions of stride 2 with group norm, which no batch disturbs."""

import math
from itertools import pairwise
from typing import Any, Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from ganvas.nn.conditioning import LabelledLatent
from ganvas.nn.grid import halvings

WIDEST = 4  # the innermost maps have at most 4 x width channels
ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh, "silu": nn.SiLU}
Activation = Literal["relu", "tanh", "silu"]


def normed(channels: int) -> nn.Module:
    """Group norm (Wu & He 2018), then SiLU."""
    return nn.Sequential(nn.GroupNorm(math.gcd(8, channels), channels), nn.SiLU())


def dense(i: int, hidden: int, depth: int, o: int, activation: Activation) -> nn.Sequential:
    """`depth` hidden layers."""
    sizes = [i] + [hidden] * depth
    layers = [nn.Sequential(nn.Linear(a, b), ACTIVATIONS[activation]()) for a, b in pairwise(sizes)]
    return nn.Sequential(*layers, nn.Linear(sizes[-1], o))


class Centred(nn.Module):
    """Less the mean of the data, so that what all pictures share does not move every weight alike
    (LeCun et al. 1998, Efficient BackProp, sec. 4.3); less nothing, until that mean is set."""

    mean: Tensor

    def __init__(self, shape: tuple[int, ...]):
        super().__init__()
        self.register_buffer("mean", torch.zeros(shape))
        self.register_load_state_dict_pre_hook(_never_centred)

    def forward(self, x: Float[Tensor, "batch ..."]) -> Float[Tensor, "batch ..."]:
        return x - self.mean


def _never_centred(module: Centred, state: dict[str, Tensor], prefix: str, *_: Any) -> None:
    """Weights from before there was a mean were learnt without one."""
    state.setdefault(f"{prefix}mean", torch.zeros_like(module.mean))


class Shrink(nn.Module):
    """Picture (and label) -> vector, by convolutions."""

    def __init__(self, shape: tuple[int, ...], width: int, out: int, classes: int = 0):
        super().__init__()
        channels, height, wide = shape
        count, h, w = halvings(height, wide)
        widths = [width * min(WIDEST, 2**k) for k in range(count)]
        layers: list[nn.Module] = [nn.Conv2d(channels, widths[0], 4, 2, 1), normed(widths[0])]
        for a, b in pairwise(widths):
            layers += [nn.Conv2d(a, b, 4, 2, 1), normed(b)]
        layers += [nn.Conv2d(widths[-1], widths[-1], 3, padding=1), normed(widths[-1])]
        self.shrink = nn.Sequential(*layers)
        self.join = LabelledLatent(widths[-1] * h * w, classes)
        self.end = nn.Linear(self.join.width, out)

    def forward(
        self, x: Float[Tensor, "batch channel height width"], label: Int[Tensor, " batch"] | None = None
    ) -> Float[Tensor, "batch out"]:
        return self.end(self.join(self.shrink(x).flatten(1), label))


class Grow(nn.Module):
    """Vector (and label) -> map of the picture's size, by transposed convolutions."""

    def __init__(self, i: int, width: int, shape: tuple[int, ...], classes: int = 0):
        super().__init__()
        channels, height, wide = shape
        count, h, w = halvings(height, wide)
        widths = [width * min(WIDEST, 2**k) for k in reversed(range(count))]
        self.join = LabelledLatent(i, classes)
        self.start = nn.Linear(self.join.width, widths[0] * h * w)
        layers: list[nn.Module] = [nn.Unflatten(1, (widths[0], h, w)), normed(widths[0])]
        for a, b in pairwise([*widths, widths[-1]]):
            layers += [nn.ConvTranspose2d(a, b, 4, 2, 1), normed(b)]
        self.grow = nn.Sequential(*layers, nn.Conv2d(widths[-1], channels, 3, padding=1))

    def forward(
        self, z: Float[Tensor, "batch latent"], label: Int[Tensor, " batch"] | None = None
    ) -> Float[Tensor, "batch channel height width"]:
        return self.grow(self.start(self.join(z, label)))


class DenseShrink(nn.Module):
    """Picture (and label) -> vector, by dense layers."""

    def __init__(self, shape: tuple[int, ...], hidden: int, depth: int, out: int, activation: Activation,
                 classes: int = 0):  # fmt: skip
        super().__init__()
        self.centred = Centred(shape)
        self.join = LabelledLatent(math.prod(shape), classes)
        self.net = dense(self.join.width, hidden, depth, out, activation)

    def forward(
        self, x: Float[Tensor, "batch channel height width"], label: Int[Tensor, " batch"] | None = None
    ) -> Float[Tensor, "batch out"]:
        return self.net(self.join(self.centred(x).flatten(1), label))


class DenseGrow(nn.Module):
    """Vector (and label) -> map of the picture's size, by dense layers."""

    def __init__(self, i: int, hidden: int, depth: int, shape: tuple[int, ...], activation: Activation,
                 classes: int = 0):  # fmt: skip
        super().__init__()
        self.shape = shape
        self.join = LabelledLatent(i, classes)
        self.net = dense(self.join.width, hidden, depth, math.prod(shape), activation)

    def forward(
        self, z: Float[Tensor, "batch latent"], label: Int[Tensor, " batch"] | None = None
    ) -> Float[Tensor, "batch channel height width"]:
        return self.net(self.join(z, label)).unflatten(1, self.shape)

    @torch.no_grad()
    def begin(self, made: Float[Tensor, "channel height width"]) -> None:
        """Make about this of every z at first."""
        end = self.net[-1]
        assert isinstance(end, nn.Linear)
        end.bias.copy_(made.flatten())
