"""Baseline of text: tokens by how frequent they are."""

from typing import ClassVar

from ganvas.core.loop import Training
from ganvas.core.turns import Objective
from ganvas.data.spec import Spec
from ganvas.data.text import TextSettings
from ganvas.models import ngram


class Recipe(ngram.Settings):
    """A baseline: each token by itself, as often as it comes; of text `random` is this, too."""

    kind: ClassVar[str] = "text"
    paper: ClassVar[str] = "none: counts"
    cost: ClassVar[str] = "seconds"

    order: int | None = 1
    """Tokens of the longest n-gram."""
    text: TextSettings = TextSettings()
    """How text is prepared."""
    training: Training = Training(steps=1, snapshots=1)
    """One step, in which nothing moves."""

    def build(self, spec: Spec) -> Objective:
        return ngram.build(self, spec)
