"""Baseline: training pictures, perturbed."""

from typing import ClassVar

from ganvas.core.loop import Training
from ganvas.core.turns import Objective
from ganvas.data.image import ImageSettings
from ganvas.data.spec import Spec
from ganvas.models import template


class Recipe(template.Settings):
    """A baseline that memorises: training pictures, moved by a pixel and with a little noise."""

    kind: ClassVar[str] = "image"
    forms: ClassVar[dict[str, str]] = {"text": "ngram"}
    paper: ClassVar[str] = "Parzen 1962"
    cost: ClassVar[str] = "seconds"

    image: ImageSettings = ImageSettings()
    """How pictures are prepared."""
    training: Training = Training(steps=1, snapshots=1)
    """One step, in which nothing moves."""

    def build(self, spec: Spec) -> Objective:
        return template.build(self, spec)
