"""Log-linear autoregression."""

from typing import ClassVar

from ganvas.core.loop import Training
from ganvas.core.turns import Objective
from ganvas.data.image import ImageSettings
from ganvas.data.spec import Spec
from ganvas.models import loglinear


class Recipe(loglinear.Settings):
    """The simplest exact law of pictures that learns: each pixel from those before, by one layer."""

    kind: ClassVar[str] = "image"
    forms: ClassVar[dict[str, str]] = {"text": "maxent"}
    paper: ClassVar[str] = "Frey et al. 1996; Germain et al. 2015 (MADE)"
    cost: ClassVar[str] = "on two cores 5 minutes at 28 px"

    image: ImageSettings = ImageSettings()
    """How pictures are prepared."""
    training: Training = Training()
    """How long and in what portions."""

    def build(self, spec: Spec) -> Objective:
        return loglinear.build(self, spec)
