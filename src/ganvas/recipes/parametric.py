"""Baseline: normal laws."""

from typing import ClassVar

from ganvas.core.loop import Training
from ganvas.core.turns import Objective
from ganvas.data.image import ImageSettings
from ganvas.data.spec import Spec
from ganvas.models import parametric


class Recipe(parametric.Settings):
    """A baseline: a normal law of pictures by principal components, or a mixture of some."""

    kind: ClassVar[str] = "image"
    paper: ClassVar[str] = "Tipping & Bishop 1999"
    cost: ClassVar[str] = "seconds"

    image: ImageSettings = ImageSettings()
    """How pictures are prepared."""
    training: Training = Training(steps=1, snapshots=1)
    """One step, in which nothing moves."""

    def build(self, spec: Spec) -> Objective:
        return parametric.build(self, spec)
