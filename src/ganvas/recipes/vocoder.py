"""The default for sound without text."""

from typing import ClassVar

from ganvas.core.loop import Training
from ganvas.core.turns import Objective
from ganvas.data.sound import SoundSettings
from ganvas.data.spec import Spec
from ganvas.models import vocoder


class Recipe(vocoder.Settings):
    """Sounds, or speech without text: copied through a few numbers a frame, and made anew; the default."""

    kind: ClassVar[str] = "sound"
    paper: ClassVar[str] = "Kingma & Welling 2014; Kong et al. 2020 (HiFi-GAN); Siuzdak 2024 (Vocos)"
    cost: ClassVar[str] = "not yet measured"

    sound: SoundSettings = SoundSettings()
    """How sound is prepared."""
    training: Training = Training(steps=20_000, batch=8, decay=0.3, log_every=50)
    """How long and in what portions; one item is a window."""

    def build(self, spec: Spec) -> Objective:
        return vocoder.build(self, spec)
