"""R3GAN: relativistic pairing, R1 and R2 always, residual networks without norms (Huang et al. 2024)."""

from itertools import pairwise

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from ganvas.data.spec import Spec
from ganvas.losses.adversarial import GameName
from ganvas.models import settings
from ganvas.models.adversarial import GAN
from ganvas.nn.conditioning import LabelledLatent
from ganvas.nn.grid import halvings
from ganvas.nn.residual import FixupBlock, scaled_conv
from ganvas.remedies.penalties import PenaltySettings

WIDEST = 4  # the innermost layers have at most 4 x width channels


class GeneratorSettings(settings.GeneratorSettings):
    """A learned map, modulated by z; residual blocks, doubled bilinearly."""

    blocks: int = Field(default=1, ge=1, le=16)
    """Residual blocks at each size (the paper: 2)."""


class CriticSettings(settings.CriticSettings):
    """The generator's mirror."""

    blocks: int = Field(default=1, ge=1, le=16)
    """Residual blocks at each size (the paper: 2)."""


class Settings(settings.PictureRules):
    """A baseline that provably converges locally, without the usual tricks.

    Narrow, with larger learning rates (the paper: 2e-4), for little time.
    """

    generator: GeneratorSettings = GeneratorSettings(lr=8e-4, beta1=0.0, beta2=0.99, latent=64, width=32)
    """A learned map, modulated by z; residual blocks, doubled bilinearly."""
    critic: CriticSettings = CriticSettings(lr=8e-4, beta1=0.0, beta2=0.99, width=32)
    """The generator's mirror."""
    game: GameName = "relativistic"
    """What the players minimise."""
    penalty: PenaltySettings = PenaltySettings(r1=0.1, r2=0.1)
    """What keeps the critic smooth."""


def stage(i: int, o: int, blocks: int, of: int) -> list[nn.Module]:
    """A 1 x 1 convolution where the width changes, then residual blocks."""
    change: list[nn.Module] = [scaled_conv(i, o, 1, 1.0)] if i != o else []
    return [*change, *(FixupBlock(o, of) for _ in range(blocks))]


class Generator(nn.Module):
    """No activation at the end."""

    def __init__(self, config: GeneratorSettings, shape: tuple[int, ...], classes: int = 0):
        super().__init__()
        channels, height, width = shape
        count, h, w = halvings(height, width)
        widths = [config.width * min(WIDEST, 2**k) for k in reversed(range(count + 1))]
        self.latent = LabelledLatent(config.latent, classes)
        self.map = nn.Parameter(torch.randn(widths[0], h, w))
        self.modulate = nn.Linear(self.latent.width, widths[0], bias=False)
        nn.init.normal_(self.modulate.weight, 0, self.latent.width**-0.5)
        of = config.blocks * (count + 1)
        layers = stage(widths[0], widths[0], config.blocks, of)
        for i, o in pairwise(widths):
            doubled = nn.Upsample(scale_factor=2, mode="bilinear")
            layers += [doubled, *stage(i, o, config.blocks, of)]
        self.grow = nn.Sequential(*layers, scaled_conv(widths[-1], channels, 1, 1.0))

    def forward(
        self, z: Float[Tensor, "batch latent"], label: Tensor | None = None
    ) -> Float[Tensor, "batch channel height width"]:
        h = self.map * self.modulate(self.latent(z, label))[:, :, None, None]
        return self.grow(h.contiguous(memory_format=torch.channels_last))


class Features(nn.Sequential):
    """Picture -> vector."""

    def __init__(self, config: CriticSettings, shape: tuple[int, ...]):
        channels, height, width = shape
        count, h, w = halvings(height, width)
        widths = [config.width * min(WIDEST, 2**k) for k in range(count + 1)]
        of = config.blocks * (count + 1)
        layers: list[nn.Module] = [scaled_conv(channels, widths[0], 1, 1.0)]
        layers += stage(widths[0], widths[0], config.blocks, of)
        for i, o in pairwise(widths):
            layers += [nn.AvgPool2d(2), *stage(i, o, config.blocks, of)]
        whole = nn.Conv2d(widths[-1], widths[-1], (h, w), groups=widths[-1], bias=False)
        nn.init.normal_(whole.weight, 0, (h * w) ** -0.5)
        super().__init__(*layers, whole, nn.Flatten())
        self.size = widths[-1]


def build(config: Settings, spec: Spec) -> GAN:
    def generator() -> nn.Module:
        return Generator(config.generator, spec.shape, len(spec.classes))

    def features(shape: tuple[int, ...]) -> tuple[nn.Module, int]:
        net = Features(config.critic, shape)
        return net, net.size

    return GAN(generator, features, generator=config.generator, critic=config.critic, rules=config, spec=spec)
