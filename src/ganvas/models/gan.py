"""The first GAN: dense layers (Goodfellow et al. 2014), for pictures of any size and for points."""

import math

from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from ganvas.data.spec import Spec
from ganvas.models import settings
from ganvas.models.adversarial import GAN
from ganvas.nn.conditioning import LabelledLatent


class GeneratorSettings(settings.GeneratorSettings):
    """z -> hidden units -> item."""

    width: int = Field(default=256, ge=1, le=8192)
    """Hidden units."""


class CriticSettings(settings.CriticSettings):
    """Item -> hidden units -> verdict."""

    width: int = Field(default=256, ge=1, le=8192)
    """Hidden units."""


class Settings(settings.PictureRules):
    """The original game, with one hidden layer on each side."""

    generator: GeneratorSettings = GeneratorSettings()
    """z -> hidden units -> item."""
    critic: CriticSettings = CriticSettings()
    """Item -> hidden units -> verdict."""


class Generator(nn.Module):
    """Pictures end in tanh; points do not."""

    def __init__(self, config: settings.GeneratorSettings, shape: tuple[int, ...], classes: int = 0):
        super().__init__()
        self.latent = LabelledLatent(config.latent, classes)
        self.shape = shape
        hidden = [nn.Linear(self.latent.width, config.width), nn.ReLU()]
        self.net = nn.Sequential(*hidden, nn.Linear(config.width, math.prod(shape)))
        self.end = nn.Tanh() if len(shape) == 3 else nn.Identity()

    def forward(
        self, z: Float[Tensor, "batch latent"], label: Tensor | None = None
    ) -> Float[Tensor, "batch ..."]:
        return self.end(self.net(self.latent(z, label))).unflatten(1, self.shape)


def build(config: Settings, spec: Spec) -> GAN:
    def generator() -> nn.Module:
        return Generator(config.generator, spec.shape, len(spec.classes))

    def features(shape: tuple[int, ...]) -> tuple[nn.Module, int]:
        width = config.critic.width
        return nn.Sequential(nn.Flatten(), nn.Linear(math.prod(shape), width), nn.LeakyReLU(0.2)), width

    return GAN(generator, features, generator=config.generator, critic=config.critic, rules=config, spec=spec)
