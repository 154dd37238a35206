"""Packing, as it was published."""

from typing import ClassVar

from ganvas.core.loop import Training
from ganvas.core.turns import Objective
from ganvas.data.points import PointsSettings
from ganvas.data.spec import Spec
from ganvas.models import pacgan


class Recipe(pacgan.Settings):
    """Rows of numbers, as PacGAN and the plain GAN of its tables: to compare with."""

    kind: ClassVar[str] = "points"
    paper: ClassVar[str] = "Lin et al. 2018 (PacGAN)"
    cost: ClassVar[str] = "its 400,000 steps: an hour of one core"

    points: PointsSettings = PointsSettings()
    """How rows are prepared."""
    training: Training = Training(steps=400_000, batch=100, decay=0.0, average=0.0, precision="fp32")
    """How long and in what portions."""

    def build(self, spec: Spec) -> Objective:
        return pacgan.build(self, spec)
