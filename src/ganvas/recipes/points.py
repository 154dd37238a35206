"""The default for points."""

from typing import ClassVar

from ganvas.core.loop import Training
from ganvas.core.turns import Objective
from ganvas.data.points import PointsSettings
from ganvas.data.spec import Spec
from ganvas.models import points


class Recipe(points.Settings):
    """Rows of numbers: rings, grids, tables of a few columns."""

    kind: ClassVar[str] = "points"
    paper: ClassVar[str] = "Huang et al. 2024 (R3GAN)"
    cost: ClassVar[str] = "five minutes on one core"

    points: PointsSettings = PointsSettings()
    """How rows are prepared."""
    training: Training = Training(steps=12_000, batch=256, precision="fp32")
    """How long and in what portions."""

    def build(self, spec: Spec) -> Objective:
        return points.build(self, spec)
