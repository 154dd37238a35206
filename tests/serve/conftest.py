"""Tiny models, and a server of them."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("fastapi")
sys.path.append(str(Path(__file__).parents[1] / "export"))

import made
from served import CHATS, LINES, NAMES, RUNNING, TINY, Client, serving


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures of two classes, and with an encoder; items, running text and chats; points."""
    place = tmp_path_factory.mktemp("runs")
    made.run(place / "cats", "gan", made.COLOUR, generator__latent=6, generator__width=32)
    made.run(place / "grey", "vae", made.GREY, width=4, latent=4)
    made.run(place / "lines", "lm", LINES, **TINY)
    made.run(place / "book", "lm", RUNNING, **TINY)
    made.run(place / "helper", "lm", CHATS, **TINY)
    made.run(place / "plane", "points", made.PLANE, generator__width=8)
    return place


@pytest.fixture(scope="session")
def client(runs: Path) -> Iterator[Client]:
    with serving([runs / name for name in NAMES]) as client:
        yield client
