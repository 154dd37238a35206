"""Variational autoencoders."""

from typing import ClassVar

from ganvas.core.loop import Training
from ganvas.core.turns import Objective
from ganvas.data.image import ImageSettings
from ganvas.data.spec import Spec
from ganvas.models import vae


class Recipe(vae.Settings):
    """Pictures through a few numbers each, and a bound on how probable a picture is."""

    kind: ClassVar[str] = "image"
    paper: ClassVar[str] = "Kingma & Welling 2014"
    cost: ClassVar[str] = "on two cores 5 minutes at 32 px"

    image: ImageSettings = ImageSettings()
    """How pictures are prepared."""
    training: Training = Training()
    """How long and in what portions."""

    def build(self, spec: Spec) -> Objective:
        return vae.build(self, spec)
