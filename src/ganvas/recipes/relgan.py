"""Gumbel-softmax for text."""

from typing import ClassVar

from ganvas.core.loop import Training
from ganvas.core.turns import Objective
from ganvas.data.spec import Spec
from ganvas.data.text import ItemSettings
from ganvas.models import relgan


class Recipe(relgan.Settings):
    """Sentences by likelihood, then led by a critic's gradient; undone where that does harm."""

    kind: ClassVar[str] = "text"
    paper: ClassVar[str] = "Nie et al. 2019 (RelGAN), Jang et al. 2017"
    cost: ClassVar[str] = "not yet measured"

    text: ItemSettings = ItemSettings()
    """How text is prepared."""
    training: Training = Training(steps=10_000, batch=64, warmup=100, clip=5.0)
    """How long and in what portions."""

    def build(self, spec: Spec) -> Objective:
        return relgan.build(self, spec)
