"""Text to a few numbers and back."""

from typing import ClassVar

from ganvas.core.loop import Training
from ganvas.core.turns import Objective
from ganvas.data.spec import Spec
from ganvas.data.text import ItemSettings
from ganvas.models import textvae


class Recipe(textvae.Settings):
    """A few numbers for each sentence, from which it comes back: to go from one to another, to find alike."""

    kind: ClassVar[str] = "text"
    paper: ClassVar[str] = "Bowman et al. 2016, Li et al. 2019, Li et al. 2020 (Optimus)"
    cost: ClassVar[str] = "not yet measured"

    text: ItemSettings = ItemSettings()
    """How text is prepared."""
    training: Training = Training(steps=20_000, batch=64, warmup=200, clip=10.0, decay=0.5)
    """How long and in what portions."""

    def build(self, spec: Spec) -> Objective:
        return textvae.build(self, spec)
