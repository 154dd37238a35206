"""What the commands of `ganvas.cli.saying` do."""

import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganvas.commands.opened import opened
from ganvas.core.errors import UserError

if TYPE_CHECKING:
    from ganvas.cli.saying import Say

PLAYERS = ("pw-play", "paplay", "aplay -q", "afplay", "ffplay -nodisp -autoexit -v error")
"""Programs that play a sound file aloud."""


def say(ask: "Say") -> dict[str, Any]:
    """Say it, into a file; what was said, how long it is and how fast it was made."""
    import numpy as np

    from ganvas.core.files import beside
    from ganvas.data import audio
    from ganvas.terminal import said

    voice, words = _asked(ask)
    if ask.out.suffix.lower() not in audio.WRITTEN:
        kinds = ", ".join(audio.WRITTEN)
        raise UserError(
            f"speech cannot be written as {ask.out.suffix or 'a file without a suffix'}; try {kinds}"
        )
    player = _player() if ask.play else None
    text = _text(words)
    model = opened(voice, ask.device)
    how = {"speed": ask.speed, "variation": ask.variation, "rhythm": ask.rhythm, "pause": ask.pause}
    for note in model.unsaid(text):
        said(note)
    began = time.monotonic()
    pieces, first = [], 0.0
    for piece in model.stream(text, seed=ask.seed, speaker=ask.speaker, **how):
        first = first or time.monotonic() - began
        pieces.append(piece)
    spent, sound = time.monotonic() - began, np.concatenate(pieces)
    rate = model.spec.rate
    with beside(ask.out) as draft:
        audio.write(sound, rate, draft, ask.out.suffix)
    seconds = len(sound) / rate
    said(f"{seconds:.1f} s of speech in {ask.out}, made in {spent:.1f} s.")
    if player:
        subprocess.run([*player, str(ask.out)], check=False)
    return {
        "file": str(ask.out),
        "seconds": seconds,
        "rate": rate,
        "first_sound_seconds": first,
        "real_time_factor": spent / seconds,
        "seed": ask.seed,
    }


def pronounce(ask: "Say") -> dict[str, Any]:
    """How a text is pronounced: by a voice, or by the front end for American English."""
    from ganvas.data.phonemes import Pronunciation, readable, utterances

    how = Pronunciation()
    if ask.text is not None:
        how = opened(ask.voice, ask.device).spec.pronunciation or how
    found = utterances(_text(ask.voice if ask.text is None else ask.text), how)
    if not ask.as_json:
        print(readable(found))
    return {"sentences": [{"text": one.text, "phonemes": "".join(one.symbols)} for one in found]}


def _asked(ask: "Say") -> tuple[str, str]:
    """Who is to say what: of one word alone, the voice that ganvas brings says it."""
    if ask.text is not None:
        return ask.voice, ask.text
    if Path(ask.voice).is_dir() or ask.voice.startswith("hf:"):
        raise UserError('say what to say: ganvas say RUN "some text", a file, or - for standard input')
    from ganvas.model import VOICE

    return VOICE, ask.voice


def _text(given: str) -> str:
    """As given, or what a file or standard input has."""
    from ganvas.data.decoding import decoded

    if given == "-":
        return sys.stdin.read()
    place = Path(given)
    if place.suffix.lower() in (".txt", ".md") or (len(given) < 256 and place.is_file()):
        if not place.is_file():
            raise UserError(f"there is no file {given} to read aloud")
        return decoded(place.read_bytes(), given)[0]
    return given


def _player() -> Sequence[str]:
    commands = [command.split() for command in PLAYERS]
    found = next((command for command in commands if shutil.which(command[0])), None)
    if found is None:
        names = ", ".join(command[0] for command in commands)
        raise UserError(f"none of the programs that play sound is here ({names}); leave --play out")
    return found
