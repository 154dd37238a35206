"""What every GAN lets a user set, whatever its networks."""

from typing import Literal

from pydantic import Field

from ganvas.core.errors import UserError
from ganvas.core.settings import Settings
from ganvas.losses.adversarial import GameName
from ganvas.remedies.augmentation import AugmentSettings
from ganvas.remedies.noise import NoiseSettings
from ganvas.remedies.penalties import PenaltySettings


class AdamSettings(Settings):
    """How a network learns."""

    lr: float = Field(default=2e-4, gt=0, le=1)
    """Adam's learning rate."""
    beta1: float = Field(default=0.5, ge=0, lt=1)
    """Adam's memory of the gradient."""
    beta2: float = Field(default=0.999, ge=0, lt=1)
    """Adam's memory of the squared gradient."""


class PlayerSettings(AdamSettings):
    """How one player of a game learns."""

    steps: int = Field(default=1, ge=1, le=100)
    """Updates of this player in one step of training."""


class MakerSettings(AdamSettings):
    """The network that makes things."""

    latent: int = Field(default=100, ge=1, le=4096)
    """Numbers in z, the random input."""
    width: int = Field(default=64, ge=1, le=1024)
    """Channels of the layer nearest to the picture; layers further in have more."""


class GeneratorSettings(MakerSettings, PlayerSettings):
    """One that plays, or several of them."""

    count: int = Field(default=1, ge=1, le=64)
    """Several generators share the data out; a classifier that tells them apart keeps them different."""
    diversity: float = Field(default=1.0, ge=0)
    """Several generators: weight of the classifier's cross entropy in their loss."""


class JudgeSettings(PlayerSettings):
    """The network that judges things."""

    width: int = Field(default=64, ge=1, le=1024)
    """Channels of the layer nearest to the picture; layers further in have more."""


class CriticSettings(JudgeSettings):
    """One, or several of them."""

    count: int = Field(default=1, ge=1, le=16)
    """Several critics judge independently."""
    reduce: Literal["mean", "hardest"] = "mean"
    """Several critics: the generator minimises the mean of their losses, or faces the hardest alone."""
    differ: Literal["start", "scale", "augmentation"] = "start"
    """Several critics differ in their first weights only, in the size of what they see, or see one kind of
    augmentation each."""


class RefereeSettings(AdamSettings):
    """A fresh critic that judges samples when the generator rests; the one that plays must stay smooth."""

    share: float = Field(default=0.0, ge=0, lt=1)
    """Share of the training, at its end, in which the generator rests and the referee learns, with no
    penalty, to tell its samples from real items (Azadi et al. 2019, sec. 3.3). 0: the critic that plays is
    asked which samples to throw away."""


class Rules(Settings):
    """The game and what keeps it fair. A model's settings are these, a generator's and a critic's."""

    classifier: AdamSettings = AdamSettings()
    """Several generators: the network that tells them apart."""
    game: GameName = "nonsaturating"
    """What the players minimise."""
    packing: int = Field(default=1, ge=1, le=16)
    """The critic judges so many items at once (PacGAN), which shows it a lack of variety."""
    penalty: PenaltySettings = PenaltySettings()
    """What keeps the critic smooth."""
    noise: NoiseSettings = NoiseSettings()
    """Noise on all that the critic sees, fading out."""
    reject: bool = False
    """Throw away samples of a kind that there is too much of, by a calibrated verdict (Azadi 2019)."""
    referee: RefereeSettings = RefereeSettings()
    """Whose verdict that is, if not the critic's."""


class PictureRules(Rules):
    """What there is for pictures alone, too."""

    augment: AugmentSettings = AugmentSettings()
    """What is done to all pictures before the critic sees them, against too little data."""


def check_heads(player: str, width: int, heads: int) -> None:
    """Refuses heads that cannot share the width out, in pairs, as rotary attention needs it."""
    if width % (2 * heads):
        raise UserError(
            f"{heads} heads cannot share a width of {width} in even parts; take a --{player}.heads twice of "
            f"which divides --{player}.width"
        )
