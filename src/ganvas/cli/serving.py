"""Trained models, for other programs and for people with a browser."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional

from ganvas.cli.shared import written


@dataclass(frozen=True)
class Serve:
    """Serve models over HTTP, and a page for them, until Ctrl-C: clients of OpenAI's API can use it.

    ganvas serve runs/photos runs/poems

    curl http://127.0.0.1:8000/v1/images/generations -H "Content-Type: application/json" -d '{"prompt": ""}'

    Standard output has a line of JSON for each request, without what was asked. See docs/serve.md.
    """

    run: Annotated[Positional[tuple[Path, ...]], written("RUN …")]
    """Folders of runs, asterisk (a voice that ganvas brings), or hf:USER/NAME; each model is named by its
    folder."""
    host: str = "127.0.0.1"
    """Where it listens: this machine only. Another address (0.0.0.0 for all) needs a key."""
    port: int = 8000
    """0: any that is free."""
    api_key: Annotated[str | None, written("KEY")] = None
    """Who asks must send it. Better set GANVAS_API_KEY, which other users of the machine cannot see."""
    queue: int = 64
    """Requests that may wait or be worked on; more are told to come again (429)."""
    batch: int = 64
    """Pictures that are made at once, of whichever requests."""
    timeout: float = 60.0
    """Seconds for an answer to begin, and from one part of it to the next where it is streamed."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:1, …"""

    def __call__(self) -> None:
        from ganvas.commands.serving import serve

        serve(self)
