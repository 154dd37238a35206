"""Autoregressive pictures."""

from typing import ClassVar

from ganvas.core.loop import Training
from ganvas.core.turns import Objective
from ganvas.data.image import ImageSettings
from ganvas.data.spec import Spec
from ganvas.models import pixel


class Recipe(pixel.Settings):
    """Pictures drawn pixel by pixel, and exactly how probable a picture is."""

    kind: ClassVar[str] = "image"
    paper: ClassVar[str] = "van den Oord et al. 2016; Salimans et al. 2017 (PixelCNN++)"
    cost: ClassVar[str] = "on two cores an hour at 28 px"

    image: ImageSettings = ImageSettings()
    """How pictures are prepared."""
    training: Training = Training(warmup=100, snapshots=12)
    """How long and in what portions."""

    def build(self, spec: Spec) -> Objective:
        return pixel.build(self, spec)
