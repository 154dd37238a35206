"""Invertible networks."""

from typing import ClassVar

from ganvas.core.loop import Training
from ganvas.core.turns import Objective
from ganvas.data.image import ImageSettings
from ganvas.data.spec import Spec
from ganvas.models import flow


class Recipe(flow.Settings):
    """Pictures to noise and back without loss, and how probable a picture is."""

    kind: ClassVar[str] = "image"
    paper: ClassVar[str] = "Dinh et al. 2017 (RealNVP); Kingma & Dhariwal 2018 (Glow)"
    cost: ClassVar[str] = "on two cores an hour at 28 px"

    image: ImageSettings = ImageSettings()
    """How pictures are prepared."""
    training: Training = Training(warmup=200, spike=4.0)
    """How long and in what portions."""

    def build(self, spec: Spec) -> Objective:
        return flow.build(self, spec)
