"""A step of the voice while it learns to read, with torch's dropout and with ours, in turn.

    python benchmarks/dropout_speed.py recordings --rounds 6     # a folder with transcripts

Processor seconds of a step on one thread, both sides in one process: windows of a few steps each, over and
over. Printed are medians, and the median of the ratios within a round.
"""

import argparse
import math
import statistics
import tempfile
import time
from pathlib import Path

import torch
import torch.nn.functional as F

from ganvas.begin import facts, trainer_of
from ganvas.core.device import pick, quicken
from ganvas.core.run import Run, environment
from ganvas.data.load import load
from ganvas.nn import decoder, dropout
from ganvas.recipes.base import data_settings, find

SIDES = {"torch": F.dropout, "ours": dropout.dropped}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("data")
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--steps", type=int, default=3)
    ask = parser.parse_args()
    torch.set_num_threads(1)
    where = pick("auto")
    quicken(where)
    recipe = find("voice")
    items = load(ask.data, data_settings(recipe))
    record = {"recipe": "voice", "settings": {}, "seed": 0, "budget": None, "data": facts(ask.data, items)}
    record |= {"environment": environment(where)}
    with tempfile.TemporaryDirectory() as folder:
        trainer = trainer_of(record, recipe, items, Run(Path(folder)), where)
        trainer.step = math.ceil(trainer.objective.starts[1] * trainer.total)
        first = trainer.step
        found: dict[str, list[float]] = {name: [] for name in SIDES}
        for _ in range(ask.rounds):
            for name, how in SIDES.items():
                decoder.dropped = dropout.dropped = how
                trainer.step = first  # the same items
                began = time.process_time()
                for _ in range(ask.steps):
                    trainer.advance()
                found[name].append((time.process_time() - began) / ask.steps)
    for name, values in found.items():
        print(f"{name}: {statistics.median(values[1:]):.3f} s")
    ratios = [a / b for a, b in zip(found["torch"][1:], found["ours"][1:], strict=True)]
    print(f"{statistics.median(ratios):.2f} times as fast ({min(ratios):.2f} to {max(ratios):.2f})")


if __name__ == "__main__":
    main()
