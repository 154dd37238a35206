"""A GAN for points: rows of numbers (rings, grids, tables)."""

from functools import partial
from itertools import pairwise

from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from ganvas.data.spec import Spec
from ganvas.losses.adversarial import GameName
from ganvas.models import settings
from ganvas.models.adversarial import GAN
from ganvas.nn.conditioning import LabelledLatent
from ganvas.nn.waves import Waves
from ganvas.remedies.penalties import PenaltySettings


class GeneratorSettings(settings.GeneratorSettings):
    """Dense layers with ReLU."""

    width: int = Field(default=128, ge=1, le=4096)
    """Units in a layer."""
    depth: int = Field(default=3, ge=1, le=16)
    """Hidden layers."""


class CriticSettings(settings.CriticSettings):
    """The generator's mirror."""

    width: int = Field(default=128, ge=1, le=4096)
    """Units in a layer."""
    depth: int = Field(default=3, ge=1, le=16)
    """Hidden layers."""
    waves: int = Field(default=64, ge=0, le=1024)
    """Fourier features of what it sees, so that it can tell fine detail. 0: none."""
    finest: float = Field(default=4.0, gt=0)
    """The highest frequency among them, in waves for each standard deviation of the data."""


class RefereeSettings(settings.RefereeSettings):
    """The critic's like, with an eye for finer detail than a game can be played about."""

    width: int = Field(default=128, ge=1, le=4096)
    """Units in a layer."""
    depth: int = Field(default=3, ge=1, le=16)
    """Hidden layers."""
    waves: int = Field(default=64, ge=0, le=1024)
    """Fourier features of what it sees."""
    finest: float = Field(default=16.0, gt=0)
    """The highest frequency among them, in waves for each standard deviation of the data."""


class Settings(settings.Rules):
    """Relativistic pairing with R1 and R2, which covers modes without tricks (Huang et al. 2024)."""

    generator: GeneratorSettings = GeneratorSettings(lr=1e-3, beta1=0.0, beta2=0.99, latent=2)
    """Dense layers with ReLU."""
    critic: CriticSettings = CriticSettings(lr=1e-3, beta1=0.0, beta2=0.99)
    """The generator's mirror."""
    game: GameName = "relativistic"
    """What the players minimise."""
    penalty: PenaltySettings = PenaltySettings(r1=0.2, r2=0.2, settle=0.02)
    """What keeps the critic smooth."""
    reject: bool = True
    """Throw away samples of a kind that there is too much of, by a calibrated verdict (Azadi 2019)."""
    referee: RefereeSettings = RefereeSettings(  # pyright: ignore[reportIncompatibleVariableOverride]
        lr=1e-3, beta1=0.9, beta2=0.99, share=0.15
    )
    """Whose verdict that is, if not the critic's."""


def dense(i: int, width: int, depth: int, slope: float = 0.2) -> list[nn.Module]:
    """Hidden layers, each with its activation."""
    sizes = [i] + [width] * depth
    layers: list[nn.Module] = []
    for a, b in pairwise(sizes):
        layer = nn.Linear(a, b)
        nn.init.kaiming_normal_(layer.weight, slope)
        nn.init.zeros_(layer.bias)
        layers += [layer, nn.LeakyReLU(slope)]
    return layers


class Generator(nn.Module):
    def __init__(self, config: GeneratorSettings, shape: tuple[int, ...], classes: int = 0):
        super().__init__()
        self.latent = LabelledLatent(config.latent, classes, 16)
        hidden = dense(self.latent.width, config.width, config.depth)
        self.net = nn.Sequential(*hidden, nn.Linear(config.width, shape[0]))

    def forward(
        self, z: Float[Tensor, "batch latent"], label: Tensor | None = None
    ) -> Float[Tensor, "batch d"]:
        return self.net(self.latent(z, label))


def build(config: Settings, spec: Spec) -> GAN:
    def features(judge: CriticSettings | RefereeSettings, shape: tuple[int, ...]) -> tuple[nn.Module, int]:
        waves = Waves(shape[0], judge.waves, finest=judge.finest)
        return nn.Sequential(waves, *dense(waves.width, judge.width, judge.depth)), judge.width

    return GAN(
        lambda: Generator(config.generator, spec.shape, len(spec.classes)),
        partial(features, config.critic),
        make_referee=partial(features, config.referee),
        generator=config.generator,
        critic=config.critic,
        rules=config,
        spec=spec,
    )
