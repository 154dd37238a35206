"""Wasserstein GAN on DCGAN's networks (Arjovsky et al. 2017; penalised, Gulrajani et al. 2017)."""

from ganvas.data.spec import Spec
from ganvas.losses.adversarial import GameName
from ganvas.models import dcgan, settings
from ganvas.models.adversarial import GAN
from ganvas.remedies.penalties import PenaltySettings


class GeneratorSettings(dcgan.GeneratorSettings):
    """Transposed convolutions with batch norm."""


class CriticSettings(dcgan.CriticSettings):
    """The generator's mirror, without batch norm: the penalty is on each item's own gradient."""


class Settings(settings.Rules):
    """WGAN-GP. For clipping: `--penalty.gp 0 --penalty.clip 0.01 --critic.lr 5e-5 --generator.lr 5e-5`."""

    generator: GeneratorSettings = GeneratorSettings(lr=1e-4, beta1=0.0, beta2=0.9)
    """Transposed convolutions with batch norm."""
    critic: CriticSettings = CriticSettings(lr=1e-4, beta1=0.0, beta2=0.9, steps=5)
    """The generator's mirror."""
    game: GameName = "wasserstein"
    """What the players minimise."""
    penalty: PenaltySettings = PenaltySettings(gp=10.0)
    """What keeps the critic smooth."""


def build(config: Settings, spec: Spec) -> GAN:
    return dcgan.convolutional(config.generator, config.critic, config, spec)
