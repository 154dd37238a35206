"""VAE-GANs."""

from typing import ClassVar

from ganvas.core.loop import Training
from ganvas.core.turns import Objective
from ganvas.data.image import ImageSettings
from ganvas.data.spec import Spec
from ganvas.models import vaegan


class Recipe(vaegan.Settings):
    """Pictures by a generator that an encoder leads back from: sharper than a VAE, with its latents."""

    kind: ClassVar[str] = "image"
    paper: ClassVar[str] = "Larsen et al. 2016; the game: Huang et al. 2024"
    cost: ClassVar[str] = "on two cores 10 minutes at 32 px"

    image: ImageSettings = ImageSettings()
    """How pictures are prepared."""
    training: Training = Training(steps=6_000)
    """How long and in what portions."""

    def build(self, spec: Spec) -> Objective:
        return vaegan.build(self, spec)
