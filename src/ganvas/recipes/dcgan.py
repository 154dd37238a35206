"""The default for pictures."""

from typing import Any, ClassVar

from ganvas.core.loop import Training
from ganvas.core.turns import Objective
from ganvas.data.image import ImageSettings
from ganvas.data.spec import Spec
from ganvas.models import dcgan

FEW = 5_000
"""Training pictures."""
LARGE = 64
"""Pixels of a side, from which on the networks are deeper and bear smaller steps only: docs/notebook.md."""


class Recipe(dcgan.Settings):
    """Pictures of 16 to 256 pixels, by convolutions; the default."""

    kind: ClassVar[str] = "image"
    paper: ClassVar[str] = "Radford et al. 2016; the game: Huang et al. 2024"
    cost: ClassVar[str] = "on two cores 10 minutes at 32 px, an hour at 64 px"

    image: ImageSettings = ImageSettings()
    """How pictures are prepared."""
    training: Training = Training(steps=6_000, clip=5.0)
    """How long and in what portions."""

    def suited(self, items: int, spec: Spec) -> dict[str, dict[str, Any]]:
        """Changes, each by the start of the names that stand against it where they were asked for.

        Few pictures are augmented before the critic sees them (docs/results/default-recipe.md); large ones
        are learnt in smaller steps.
        """
        few = {"augment.": {"augment.shift": 0.125, "augment.cutout": 0.3, "augment.colour": True}}
        large = {name: {name: 4e-4} for name in ("generator.lr", "critic.lr")}
        return (few if items < FEW else {}) | (large if max(spec.shape[1:]) >= LARGE else {})

    def build(self, spec: Spec) -> Objective:
        return dcgan.build(self, spec)
