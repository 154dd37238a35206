"""Log-linear language model."""

from typing import ClassVar

from ganvas.core.loop import Training
from ganvas.core.turns import Objective
from ganvas.data.spec import Spec
from ganvas.data.text import TextSettings
from ganvas.models import maxent


class Recipe(maxent.Settings):
    """The simplest law of text that learns, log-linear in the last tokens; of text `loglinear` is this."""

    kind: ClassVar[str] = "text"
    paper: ClassVar[str] = "Della Pietra et al. 1997; Rosenfeld 1996"
    cost: ClassVar[str] = "not yet measured"

    text: TextSettings = TextSettings()
    """How text is prepared."""
    training: Training = Training(steps=3_000, batch=16, warmup=50, decay=0.5)
    """How long and in what portions; one item is a window of the context's length."""

    def build(self, spec: Spec) -> Objective:
        return maxent.build(self, spec)
