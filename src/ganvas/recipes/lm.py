"""The default for text."""

from typing import ClassVar

from ganvas.core.loop import Training
from ganvas.core.turns import Objective
from ganvas.data.spec import Spec
from ganvas.data.text import TextSettings
from ganvas.models import lm


class Recipe(lm.Settings):
    """Text of any script, token by token, and exactly how probable a text is; the default."""

    kind: ClassVar[str] = "text"
    paper: ClassVar[str] = (
        "Vaswani et al. 2017, Radford et al. 2019; rotary: Su et al. 2021; SwiGLU: Shazeer 2020"
    )
    cost: ClassVar[str] = "on two cores 10 minutes for a megabyte"

    text: TextSettings = TextSettings()
    """How text is prepared."""
    training: Training = Training(steps=6_000, batch=8, warmup=100, clip=1.0, decay=0.5)
    """How long and in what portions; one item is a window of the context's length."""

    def build(self, spec: Spec) -> Objective:
        return lm.build(self, spec)
