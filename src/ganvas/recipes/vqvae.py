"""Pictures as codes, with a learnt prior over them."""

from typing import ClassVar

from ganvas.core.loop import Training
from ganvas.core.turns import Objective
from ganvas.data.image import ImageSettings
from ganvas.data.spec import Spec
from ganvas.models import vqvae


class Recipe(vqvae.Settings):
    """Pictures as a few codes each, and a transformer that writes such codes: sharp, and varied."""

    kind: ClassVar[str] = "image"
    paper: ClassVar[str] = "van den Oord et al. 2017"
    cost: ClassVar[str] = "on two cores 10 minutes at 32 px"

    image: ImageSettings = ImageSettings()
    """How pictures are prepared."""
    training: Training = Training()
    """How long and in what portions."""

    def build(self, spec: Spec) -> Objective:
        return vqvae.build(self, spec)
