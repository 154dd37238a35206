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
    from ganvas.core.files import beside
    from ganvas.data import audio
    from ganvas.models.manners import WHOLE
    from ganvas.terminal import growing, said

    voice, words = _asked(ask)
    if ask.out.suffix.lower() not in audio.WRITTEN:
        kinds = ", ".join(audio.WRITTEN)
        raise UserError(
            f"speech cannot be written as {ask.out.suffix or 'a file without a suffix'}; try {kinds}"
        )
    if ask.out.is_dir():
        raise UserError(f"{ask.out} is a folder; name a file")
    player = _player() if ask.play else None
    text = _text(words)
    model = opened(voice, ask.device)
    if not model.spec.symbols:
        raise UserError(f"{voice} is no voice: it has learnt no text to say")
    how = {"speed": ask.speed, "variation": ask.variation, "rhythm": ask.rhythm, "pause": ask.pause}
    rate, samples, first = model.spec.rate, 0, 0.0
    began = time.monotonic()
    pieces = model.stream(text, seed=ask.seed, speaker=ask.speaker, first=WHOLE, **how)
    with (
        beside(ask.out) as draft,
        audio.writing(rate, draft, ask.out.suffix) as put,
        growing("s of speech") as grown,
    ):
        for piece in pieces:
            first = first or time.monotonic() - began
            put(piece)
            samples += len(piece)
            grown(samples / rate)
    spent, seconds = time.monotonic() - began, samples / rate
    for note in model.unsaid(text):
        said(note)
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
    from ganvas.brought import VOICE, VOICES

    if ask.text is not None:
        if (
            not Path(ask.voice).exists()
            and not ask.voice.startswith("hf:")
            and not (VOICES / ask.voice).is_dir()
        ):
            raise UserError(
                f"there is no run at {ask.voice}, and ganvas brings no voice of that name, but {VOICE}; a "
                "text of several words goes in quotes"
            )
        return ask.voice, ask.text
    if Path(ask.voice).is_dir() or ask.voice.startswith("hf:"):
        raise UserError('say what to say: ganvas say RUN "some text", a file, or - for standard input')
    return VOICE, ask.voice


def _text(given: str) -> str:
    """As given, or what a file or standard input has."""
    from ganvas.data.decoding import decoded

    if given == "-":
        raw = getattr(sys.stdin, "buffer", None)
        return decoded(raw.read(), "standard input")[0] if raw else sys.stdin.read()
    place = Path(given)
    if len(given) < 256 and "/" in given and place.is_dir():
        raise UserError(f"{given} is a folder; name a .txt file, or write what to say")
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
