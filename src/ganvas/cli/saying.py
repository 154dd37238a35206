"""Speech of a trained voice."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from ganvas.cli.shared import Json, emit, written


@dataclass(frozen=True)
class Say:
    """Say a text: sentence by sentence, into a sound file; by the voice that ganvas brings, or by yours.

    ganvas say "Good morning."

    ganvas say runs/my-voice "Good morning." -o morning.wav

    ganvas say runs/my-voice chapter.txt -o chapter.mp3

    echo "And this?" | ganvas say runs/my-voice - --speed 1.2

    ganvas say --phonemes "Dr. Smith read 3 books."
    """

    voice: Annotated[Positional[str], arg(metavar="[VOICE]")]
    """A run's folder, or hf:USER/NAME; left out, the voice that ganvas brings."""
    text: Annotated[Positional[str | None], written("TEXT|FILE|-")] = None
    """What to say, a .txt file of it, or - for standard input."""
    out: Annotated[Path, arg(aliases=["-o"])] = Path("said.wav")
    """A .wav, .flac, .ogg or .mp3 file."""
    speed: float = 1.0
    """Times as fast as learnt."""
    variation: float = 0.2
    """How much of the sound is left to chance; 0: always the same."""
    rhythm: float = 0.0
    """How much of the timing is left to chance."""
    pause: float = 0.25
    """Seconds between sentences."""
    speaker: Annotated[str | None, written("NAME")] = None
    """Who speaks, where a voice has several."""
    seed: int = 0
    """Another seed says it a little otherwise."""
    play: bool = False
    """Play it aloud as well, by a program of this machine."""
    phonemes: bool = False
    """Print how the text would be pronounced, and say nothing."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:1, …"""
    as_json: Json = False

    def __call__(self) -> None:
        from ganvas.commands.saying import pronounce, say

        result = pronounce(self) if self.phonemes else say(self)
        if self.as_json:
            emit(result)
