"""Baseline: independent pixels."""

from typing import ClassVar

from ganvas.core.loop import Training
from ganvas.core.turns import Objective
from ganvas.data.image import ImageSettings
from ganvas.data.spec import Spec
from ganvas.models import marginals


class Recipe(marginals.Settings):
    """A baseline: every pixel by itself, from its own histogram; whatever has learnt anything beats it."""

    kind: ClassVar[str] = "image"
    forms: ClassVar[dict[str, str]] = {"text": "unigram"}
    paper: ClassVar[str] = "none: counts"
    cost: ClassVar[str] = "seconds"

    image: ImageSettings = ImageSettings()
    """How pictures are prepared."""
    training: Training = Training(steps=1, snapshots=1)
    """One step, in which nothing moves."""

    def build(self, spec: Spec) -> Objective:
        return marginals.build(self, spec)
