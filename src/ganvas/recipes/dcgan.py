"""The default for pictures."""

from typing import Any, ClassVar

from ganvas.core.loop import Training
from ganvas.core.turns import Objective
from ganvas.data.image import ImageSettings
from ganvas.data.spec import Spec
from ganvas.models import dcgan

FEW = 5_000
"""Training pictures."""


class Recipe(dcgan.Settings):
    """Pictures of 16 to 256 pixels, by convolutions; the default."""

    kind: ClassVar[str] = "image"
    paper: ClassVar[str] = "Radford et al. 2016; the game: Huang et al. 2024"
    cost: ClassVar[str] = "on two cores 10 minutes at 32 px, an hour at 64 px"

    image: ImageSettings = ImageSettings()
    """How pictures are prepared."""
    training: Training = Training(steps=6_000)
    """How long and in what portions."""

    def suited(self, items: int) -> dict[str, Any]:
        """Few pictures are augmented before the critic sees them (docs/results/default-recipe.md)."""
        few = {"augment.shift": 0.125, "augment.cutout": 0.3, "augment.colour": True}
        return few if items < FEW else {}

    def build(self, spec: Spec) -> Objective:
        return dcgan.build(self, spec)
