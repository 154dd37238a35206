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


class Settings(settings.PictureRules):
    """WGAN-GP, made for little time.

    The paper: learning rates of 1e-4, `--critic.steps 5`, the penalty at every step. For clipping:
    `--penalty.gp 0 --penalty.clip 0.01 --critic.steps 5 --critic.lr 5e-5 --generator.lr 5e-5`.
    """

    generator: GeneratorSettings = GeneratorSettings(lr=8e-4, beta1=0.0, beta2=0.9)
    """Transposed convolutions with batch norm."""
    critic: CriticSettings = CriticSettings(lr=8e-4, beta1=0.0, beta2=0.9)
    """The generator's mirror."""
    game: GameName = "wasserstein"
    """What the players minimise."""
    penalty: PenaltySettings = PenaltySettings(gp=10.0, every=4)
    """What keeps the critic smooth."""


def build(config: Settings, spec: Spec) -> GAN:
    return dcgan.convolutional(config.generator, config.critic, config, spec)
