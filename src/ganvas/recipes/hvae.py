"""Hierarchical variational autoencoders."""

from typing import ClassVar

from ganvas.core.loop import Training
from ganvas.core.turns import Objective
from ganvas.data.image import ImageSettings
from ganvas.data.spec import Spec
from ganvas.models import hvae


class Recipe(hvae.Settings):
    """The variational autoencoder with the best likelihood: latents in groups, from vague to fine."""

    kind: ClassVar[str] = "image"
    paper: ClassVar[str] = "Sønderby et al. 2016, Vahdat & Kautz 2020, Child 2021"
    cost: ClassVar[str] = "on two cores 20 minutes at 32 px"

    image: ImageSettings = ImageSettings()
    """How pictures are prepared."""
    training: Training = Training(spike=4.0)
    """How long and in what portions."""

    def build(self, spec: Spec) -> Objective:
        return hvae.build(self, spec)
