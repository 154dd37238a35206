"""Wasserstein GANs."""

from typing import ClassVar

from ganvas.core.loop import Training
from ganvas.core.turns import Objective
from ganvas.data.image import ImageSettings
from ganvas.data.spec import Spec
from ganvas.models import wgan


class Recipe(wgan.Settings):
    """Pictures by a critic that estimates a distance: a loss that can be read."""

    kind: ClassVar[str] = "image"
    paper: ClassVar[str] = "Arjovsky et al. 2017; gradient penalty: Gulrajani et al. 2017"
    cost: ClassVar[str] = "as dcgan"

    image: ImageSettings = ImageSettings()
    """How pictures are prepared."""
    training: Training = Training(steps=6_000)
    """How long and in what portions."""

    def build(self, spec: Spec) -> Objective:
        return wgan.build(self, spec)
