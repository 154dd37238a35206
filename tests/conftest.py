"""Small data, a cache of the tests' own, and the command line as a user runs it."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "benchmarks"))

Ganvas = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GANVAS_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("OMP_NUM_THREADS", "1")  # of the processes that tests start
        torch.set_num_threads(1)  # for their bits are compared with ours
        yield


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty pictures of 16 x 16 in a folder, of two classes."""
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    for k in range(40):
        place = folder / ("dark", "light")[k % 2]
        place.mkdir(exist_ok=True)
        pixels = rng.integers(0, 128, (16, 16, 3), np.uint8) + np.uint8(127 * (k % 2))
        Image.fromarray(pixels).save(place / f"{k}.png")
    return folder


@pytest.fixture
def ganvas(tmp_path: Path) -> Ganvas:
    """Runs the command line in an empty folder."""

    def run(*args: str | Path, **env: str) -> "subprocess.CompletedProcess[str]":
        line = [sys.executable, "-m", "ganvas", *map(str, args)]
        return subprocess.run(
            line, cwd=tmp_path, env=os.environ | env, capture_output=True, text=True, timeout=120, check=False
        )

    return run
