"""Wasserstein GAN on DCGAN's networks (Arjovsky et al. 2017; penalised, Gulrajani et al. 2017)."""

from pydantic import Field

from ganvas.data.spec import Spec
from ganvas.losses.adversarial import GameName
from ganvas.models import dcgan, settings
from ganvas.models.adversarial import GAN
from ganvas.remedies.penalties import PenaltySettings


class GeneratorSettings(dcgan.GeneratorSettings):
    """Transposed convolutions with batch norm."""

    lr: float = Field(default=1e-4, gt=0, le=1)
    """Adam's learning rate."""
    beta1: float = Field(default=0.0, ge=0, lt=1)
    """Adam's memory of the gradient."""
    beta2: float = Field(default=0.9, ge=0, lt=1)
    """Adam's memory of the squared gradient."""


class CriticSettings(dcgan.CriticSettings):
    """The generator's mirror, without batch norm: the penalty is on each item's own gradient."""

    lr: float = Field(default=1e-4, gt=0, le=1)
    """Adam's learning rate."""
    beta1: float = Field(default=0.0, ge=0, lt=1)
    """Adam's memory of the gradient."""
    beta2: float = Field(default=0.9, ge=0, lt=1)
    """Adam's memory of the squared gradient."""
    steps: int = Field(default=5, ge=1, le=100)
    """Updates of the critic in one step of training."""


class Settings(settings.Rules):
    """WGAN-GP. For clipping: `--penalty.gp 0 --penalty.clip 0.01 --critic.lr 5e-5 --generator.lr 5e-5`."""

    generator: GeneratorSettings = GeneratorSettings()
    """Transposed convolutions with batch norm."""
    critic: CriticSettings = CriticSettings()
    """The generator's mirror."""
    game: GameName = "wasserstein"
    """What the players minimise."""
    penalty: PenaltySettings = PenaltySettings(gp=10.0)
    """What keeps the critic smooth."""


def build(config: Settings, spec: Spec) -> GAN:
    return dcgan.convolutional(config.generator, config.critic, config, spec)
