"""SAGAN: residual networks with self-attention and spectral norm, hinge loss (Zhang et al. 2019)."""

from itertools import pairwise

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from ganvas.data.spec import Spec
from ganvas.losses.adversarial import GameName
from ganvas.models import settings
from ganvas.models.adversarial import GAN
from ganvas.nn.attention import SelfAttention
from ganvas.nn.conditioning import LabelledLatent
from ganvas.nn.grid import halvings
from ganvas.nn.norm import BatchNorm
from ganvas.nn.residual import DownBlock, UpBlock, spectral_conv
from ganvas.nn.spectral import spectral_norm

WIDEST = 8  # the innermost layers have at most 8 x width channels
ATTENTION = 32  # attention works on the map of this size, or on the middle one of smaller pictures


class GeneratorSettings(settings.GeneratorSettings):
    """Residual blocks with batch norm, spectral norm and self-attention."""


class CriticSettings(settings.CriticSettings):
    """Residual blocks with spectral norm and self-attention."""


class Settings(settings.PictureRules):
    """Hinge loss; spectral norm alone keeps the critic smooth.

    Half the paper's width and larger learning rates (the paper: 1e-4 and 4e-4), for little time.
    """

    generator: GeneratorSettings = GeneratorSettings(lr=4e-4, beta1=0.0, beta2=0.9, width=32)
    """Residual blocks with batch norm, spectral norm and self-attention."""
    critic: CriticSettings = CriticSettings(lr=8e-4, beta1=0.0, beta2=0.9, width=32)
    """Residual blocks with spectral norm and self-attention."""
    game: GameName = "hinge"
    """What the players minimise."""


def attended(smallest: int, count: int) -> int:
    """After how many doublings of the smallest map attention comes."""
    sizes = [smallest << k for k in range(count + 1)]
    return sizes.index(ATTENTION) if ATTENTION in sizes[:-1] else count // 2


class Generator(nn.Module):
    def __init__(self, config: settings.GeneratorSettings, shape: tuple[int, ...], classes: int = 0):
        super().__init__()
        channels, height, width = shape
        count, self.height, self.width = halvings(height, width)
        self.latent = LabelledLatent(config.latent, classes)
        widths = [config.width * min(WIDEST, 2**k) for k in reversed(range(count))]
        widths = [widths[0], *widths]
        self.start = spectral_norm(nn.Linear(self.latent.width, widths[0] * self.height * self.width))
        blocks: list[nn.Module] = [UpBlock(i, o) for i, o in pairwise(widths)]
        at = attended(self.height, count)
        blocks.insert(at, SelfAttention(widths[at]))
        end = [BatchNorm(widths[-1]), nn.ReLU(), spectral_conv(widths[-1], channels, 3), nn.Tanh()]
        self.grow = nn.Sequential(*blocks, *end)

    def forward(
        self, z: Float[Tensor, "batch latent"], label: Tensor | None = None
    ) -> Float[Tensor, "batch channel height width"]:
        h = self.start(self.latent(z, label))
        return self.grow(h.view(len(z), self.height, self.width, -1).permute(0, 3, 1, 2))


class Features(nn.Module):
    """Picture -> sum over the last map's places."""

    def __init__(self, config: settings.CriticSettings, shape: tuple[int, ...]):
        super().__init__()
        channels, height, width = shape
        count, h, _ = halvings(height, width)
        widths = [channels, *(config.width * min(WIDEST, 2**k) for k in range(count))]
        blocks: list[nn.Module] = [DownBlock(i, o, first=k == 0) for k, (i, o) in enumerate(pairwise(widths))]
        at = count - attended(h, count)
        blocks.insert(at, SelfAttention(widths[at]))
        self.shrink = nn.Sequential(*blocks, DownBlock(widths[-1], widths[-1], halve=False))
        self.size = widths[-1]

    def forward(self, x: Float[Tensor, "batch channel height width"]) -> Float[Tensor, "batch features"]:
        return torch.sum(F.relu(self.shrink(x)), (2, 3))


def build(config: Settings, spec: Spec) -> GAN:
    def generator() -> nn.Module:
        return Generator(config.generator, spec.shape, len(spec.classes))

    def features(shape: tuple[int, ...]) -> tuple[nn.Module, int]:
        net = Features(config.critic, shape)
        return net, net.size

    return GAN(
        generator,
        features,
        generator=config.generator,
        critic=config.critic,
        rules=config,
        spec=spec,
        spectral_verdict=True,
    )
