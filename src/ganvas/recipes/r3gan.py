"""R3GAN."""

from typing import ClassVar

from ganvas.core.loop import Training
from ganvas.core.turns import Objective
from ganvas.data.image import ImageSettings
from ganvas.data.spec import Spec
from ganvas.models import r3gan


class Recipe(r3gan.Settings):
    """Pictures, by residual networks without norms, with a guarantee of local convergence."""

    kind: ClassVar[str] = "image"
    paper: ClassVar[str] = "Huang et al. 2024"
    cost: ClassVar[str] = "for a GPU, or patience"

    image: ImageSettings = ImageSettings()
    """How pictures are prepared."""
    training: Training = Training()
    """How long and in what portions."""

    def build(self, spec: Spec) -> Objective:
        return r3gan.build(self, spec)
