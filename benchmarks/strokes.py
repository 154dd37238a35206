"""Whether new sounds begin and fade as real strokes do: their power in parts of 1/18 s.

    python benchmarks/strokes.py runs/drums --count 64

Beside new sounds stand as many that were held out of the run's data. Printed are the medians of the power in
each part, in decibels, and the share that is loudest in one of the first two parts.
"""

import argparse
from pathlib import Path

import numpy as np

import ganvas
from ganvas.core.run import Run
from ganvas.data.load import load
from ganvas.recipes.base import data_settings, find

PARTS = 18
"""A second."""
SILENCE = 1e-9


def power(sounds: np.ndarray, rate: int) -> np.ndarray:
    """(sound, part), in decibels."""
    size = rate // PARTS
    parts = sounds[:, : sounds.shape[1] // size * size].reshape(len(sounds), -1, size)
    return 10 * np.log10((parts.astype(float) ** 2).mean(2) + SILENCE)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("run", type=Path)
    parser.add_argument("--count", type=int, default=64)
    parser.add_argument("--seed", type=int, default=2)
    ask = parser.parse_args()
    model, record = ganvas.load(ask.run), Run.open(ask.run).record
    recipe = type(find(record["recipe"])).model_validate(record["settings"])
    held_out = load(record["data"]["source"], data_settings(recipe)).held_out
    real = held_out.ready(held_out.fetch(np.arange(ask.count)))["sound"].numpy()
    for name, sounds in (("new", model.sample(ask.count, seed=ask.seed)), ("held out", real)):
        found = power(sounds, model.spec.rate)
        early = (found.argmax(1) < 2).mean()
        print(f"{name}: {np.median(found, 0).round().astype(int).tolist()} dB, {early:.1%} loudest at first")


if __name__ == "__main__":
    main()
