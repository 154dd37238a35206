"""Every test has a cache of its own, and pictures and sounds that it writes itself."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("GANVAS_CACHE", str(folder))
    return folder


@pytest.fixture
def photos(tmp_path: Path) -> Callable[..., Path]:
    """Write `count` different RGB pictures into a folder below tmp_path."""

    def write(
        count: int = 20, folder: str = "photos", size: tuple[int, int] = (40, 40), seed: int = 0
    ) -> Path:
        place = tmp_path / folder
        place.mkdir(parents=True, exist_ok=True)
        random = np.random.default_rng(seed)
        for i in range(count):
            pixels = random.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
            Image.fromarray(pixels).save(place / f"{i:03}.png")
        return place

    return write


@pytest.fixture
def clips(tmp_path: Path) -> Callable[..., Path]:
    """Write `count` different sounds of some seconds each into a folder below tmp_path."""

    def write(
        count: int = 12,
        folder: str = "clips",
        seconds: float = 0.5,
        rate: int = 8_000,
        channels: int = 1,
        seed: int = 0,
    ) -> Path:
        import soundfile

        place = tmp_path / folder
        place.mkdir(parents=True, exist_ok=True)
        random = np.random.default_rng(seed)
        for i in range(count):
            sound = random.normal(0, 0.1, (round(seconds * (1 + i / count) * rate), channels))
            soundfile.write(place / f"{i:03}.wav", sound, rate)
        return place

    return write
