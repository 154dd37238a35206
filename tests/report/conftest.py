"""A run's folder as training leaves it, made up: for the tests of the report, and to look at it by hand."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from ganvas.report.grids import grid

STEPS = 12_000
RECORD = {
    "recipe": "dcgan",
    "settings": {
        "generator": {"latent": 128, "width": 64, "lr": 0.0002, "beta1": 0.5},
        "critic": {"norm": "none", "lr": 0.0002, "augment": {"flip": True, "colour": 0.0}},
        "training": {"steps": STEPS, "batch": 64, "accumulate": 1, "clip": 0.0},
        "game": "non-saturating",
    },
    "seed": 0,
    "budget": None,
    "data": {
        "source": "/home/me/<b>garments</b>.zip",
        "fingerprint": "9f2c" * 16,
        "items": 60_000,
        "held_out": 1_000,
        "spec": {"kind": "image", "shape": [1, 32, 32], "classes": []},
    },
    "processes": 1,
    "environment": {"packages": {"torch": "2.13.0", "numpy": "2.4.6"}, "python": "3.11.7", "device": "cpu"},
    "began": "2026-11-21 10:00:00",
}


def log() -> list[dict[str, float]]:
    rng = np.random.default_rng(0)
    lines = []
    for step in range(20, STEPS + 1, 20):
        t, noise = step / STEPS, rng.normal(size=6)
        lines.append(
            {
                "step": step,
                "time": step * 0.05,
                "items_per_second": 1200 + 60 * noise[0] - (400 if step % 2000 == 0 else 0),
                "critic": 1.1 + 0.3 * math.exp(-9 * t) + 0.08 * noise[1],
                "generator": 1.0 + 0.8 * t + 0.15 * noise[2],
                "critic/real": 0.5 + 0.5 * t + 0.1 * noise[3],
                "critic/fake": -0.5 - 0.4 * t + 0.1 * noise[4],
                "critic/grad_norm": 3 * math.exp(0.4 * noise[5]),
                "generator/grad_norm": 60 * math.exp(-4 * t + 0.4 * noise[1]) + 0.5,
                "penalty/r1": 0.02 * math.exp(0.3 * noise[2]) if step % 40 == 0 else float("nan"),
                "learning_rate/generator": 2e-4 * min(1.0, (1 - t) / 0.3),
                "learning_rate/critic": 2e-4 * min(1.0, (1 - t) / 0.3),
                "weather/<i>rain": 5.0 + noise[0],
            }
        )
    return lines


def make(path: Path, real: np.ndarray | None = None) -> Path:
    """A finished run; `real` are uint8 pictures (n, c, h, w) to show, n >= 128."""
    rng = np.random.default_rng(0)
    real = rng.integers(256, size=(128, 1, 32, 32), dtype=np.uint8) if real is None else real
    (path / "samples").mkdir(parents=True)
    (path / "recipe.json").write_text(json.dumps(RECORD))
    (path / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in log()) + '{"step": 12')
    grid(real[:64]).save(path / "samples" / "real.png")
    noise = rng.integers(256, size=real[64:128].shape)
    for k in range(1, 21):
        share = (1 - k / 20) ** 2
        mixed = (real[64:128] * (1 - share) + noise * share).astype(np.uint8)
        grid(mixed).save(path / "samples" / f"step-{k * STEPS // 20:07d}.png")
    walk = [
        a * (1 - t) + b * t for a, b in zip(real[:6], real[6:12], strict=True) for t in np.linspace(0, 1, 10)
    ]
    grid(np.stack(walk).astype(np.uint8), columns=10).save(path / "samples" / "interpolation.png")
    figures = {
        "fd": {"value": 6.83, "interval": [6.5, 7.2], "count": 5000, "protocol": "FD-OpenNSFW"},
        "coverage": 0.78,
        "precision": {"value": 0.71, "count": 5000},
    }
    (path / "evaluation.json").write_text(json.dumps(figures))
    said = [{"step": 400, "said": "the critic has won: <script>"}, {"step": 900, "said": "it recovered"}]
    (path / "diary.jsonl").write_text("".join(json.dumps(line) + "\n" for line in said))
    return path


@pytest.fixture
def make_run():
    return make
