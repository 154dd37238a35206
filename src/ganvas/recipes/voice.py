"""The default for speech."""

from typing import ClassVar

from ganvas.core.loop import Training
from ganvas.core.turns import Objective
from ganvas.data.spec import Spec
from ganvas.data.speech import SpeechSettings
from ganvas.models import voice


class Recipe(voice.Settings):
    """A voice that says any text, learnt from recordings and what was said in them; the default."""

    kind: ClassVar[str] = "speech"
    paper: ClassVar[str] = "Kim et al. 2021 (VITS), with the decoder of Vocos: Siuzdak 2024"
    cost: ClassVar[str] = "2 hours of one core for 10,600 steps, an estimated 4 to 9 for the default"

    speech: SpeechSettings = SpeechSettings()
    """How recordings are prepared."""
    training: Training = Training(steps=30_000, batch=8, decay=0.2, log_every=50, snapshots=40)
    """How long and in what portions; one item is an utterance."""

    def build(self, spec: Spec) -> Objective:
        return voice.build(self, spec)
