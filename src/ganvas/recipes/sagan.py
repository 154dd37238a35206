"""Self-attention."""

from typing import ClassVar

from ganvas.core.loop import Training
from ganvas.core.turns import Objective
from ganvas.data.image import ImageSettings
from ganvas.data.spec import Spec
from ganvas.models import sagan


class Recipe(sagan.Settings):
    """Pictures whose far parts must agree: residual networks with self-attention."""

    kind: ClassVar[str] = "image"
    paper: ClassVar[str] = "Zhang et al. 2019"
    cost: ClassVar[str] = "for a GPU, or patience"

    image: ImageSettings = ImageSettings()
    """How pictures are prepared."""
    training: Training = Training()
    """How long and in what portions."""

    def build(self, spec: Spec) -> Objective:
        return sagan.build(self, spec)
