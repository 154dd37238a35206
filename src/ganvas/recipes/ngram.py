"""Baseline of text: counts of n-grams."""

from typing import ClassVar

from ganvas.core.loop import Training
from ganvas.core.turns import Objective
from ganvas.data.spec import Spec
from ganvas.data.text import TextSettings
from ganvas.models import ngram


class Recipe(ngram.Settings):
    """A baseline: counts of what follows the last few tokens; of text `template` is this, too."""

    kind: ClassVar[str] = "text"
    paper: ClassVar[str] = "Kneser & Ney 1995; Chen & Goodman 1998"
    cost: ClassVar[str] = "seconds"

    text: TextSettings = TextSettings()
    """How text is prepared."""
    training: Training = Training(steps=1, snapshots=1)
    """One step, in which nothing moves."""

    def build(self, spec: Spec) -> Objective:
        return ngram.build(self, spec)
