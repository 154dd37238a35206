"""R3GAN."""

from typing import ClassVar

from ganvas.core.loop import Training
from ganvas.core.turns import Objective
from ganvas.data.image import ImageSettings
from ganvas.data.spec import Spec
from ganvas.models import r3gan


class Recipe(r3gan.Settings):
    """Pictures, with a guarantee of convergence: the best where there is time."""

    kind: ClassVar[str] = "image"
    paper: ClassVar[str] = "Huang et al. 2024"
    cost: ClassVar[str] = "an hour on two cores at 32 px; a GPU at 64"

    image: ImageSettings = ImageSettings()
    """How pictures are prepared."""
    training: Training = Training()
    """How long and in what portions."""

    def build(self, spec: Spec) -> Objective:
        return r3gan.build(self, spec)
