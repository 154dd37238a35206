"""PacGAN for points, with the networks of its paper (Lin et al. 2018, appendix; VEEGAN's before it)."""

from itertools import pairwise

from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from ganvas.data.spec import Spec
from ganvas.models import settings
from ganvas.models.adversarial import GAN
from ganvas.nn.conditioning import LabelledLatent
from ganvas.nn.norm import BatchNorm


class GeneratorSettings(settings.GeneratorSettings):
    """Dense layers with batch norm and ReLU."""

    width: int = Field(default=400, ge=1, le=4096)
    """Units in a layer."""
    depth: int = Field(default=4, ge=1, le=16)
    """Hidden layers."""


class CriticSettings(settings.CriticSettings):
    """Maxout layers (Goodfellow et al. 2013)."""

    width: int = Field(default=200, ge=1, le=4096)
    """Units in a layer."""
    depth: int = Field(default=3, ge=1, le=16)
    """Hidden layers."""
    pieces: int = Field(default=5, ge=1, le=64)
    """Linear functions of which a unit is the largest."""


class Settings(settings.Rules):
    """The critic judges two items at once; nothing else holds the game together."""

    generator: GeneratorSettings = GeneratorSettings(lr=1e-4, beta1=0.8, latent=2)
    """Dense layers with batch norm and ReLU."""
    critic: CriticSettings = CriticSettings(lr=1e-4, beta1=0.8)
    """Maxout layers."""
    packing: int = Field(default=2, ge=1, le=16)
    """The critic judges so many items at once, which shows it a lack of variety. 1: the plain GAN."""


class Maxout(nn.Module):
    """h_i = max_j (W x + b)_ij (Goodfellow et al. 2013, eq. 1)."""

    def __init__(self, i: int, o: int, pieces: int):
        super().__init__()
        self.linear = nn.Linear(i, o * pieces)
        self.pieces = pieces

    def forward(self, x: Float[Tensor, "batch i"]) -> Float[Tensor, "batch o"]:
        return self.linear(x).unflatten(1, (-1, self.pieces)).amax(2)


class Generator(nn.Module):
    """z -> item."""

    def __init__(self, config: GeneratorSettings, shape: tuple[int, ...], classes: int = 0):
        super().__init__()
        self.latent = LabelledLatent(config.latent, classes, 16)
        layers: list[nn.Module] = []
        width = self.latent.width
        for _ in range(config.depth):
            layers += [nn.Linear(width, config.width), BatchNorm(config.width), nn.ReLU()]
            width = config.width
        self.net = nn.Sequential(*layers, nn.Linear(width, shape[0]))

    def forward(
        self, z: Float[Tensor, "batch latent"], label: Tensor | None = None
    ) -> Float[Tensor, "batch d"]:
        return self.net(self.latent(z, label))


def build(config: Settings, spec: Spec) -> GAN:
    judge = config.critic

    def features(shape: tuple[int, ...]) -> tuple[nn.Module, int]:
        widths = [shape[0]] + [judge.width] * judge.depth
        layers = [Maxout(i, o, judge.pieces) for i, o in pairwise(widths)]
        return nn.Sequential(*layers), judge.width

    return GAN(
        lambda: Generator(config.generator, spec.shape, len(spec.classes)),
        features,
        generator=config.generator,
        critic=judge,
        rules=config,
        spec=spec,
    )
