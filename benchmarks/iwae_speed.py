"""IWAE 784-200-200-50 with 50 draws: pictures a second, by where gradients pass, sides in turn.

    OMP_NUM_THREADS=1 python benchmarks/iwae_speed.py

Steps as the loop makes them, all included, in seconds of one thread's processor time; memory is kept as in
any training. Printed are the best of so many rounds.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from training_speed import Pictures, settled

from ganvas.core import memory
from ganvas.core.loop import Trainer
from ganvas.core.run import Run
from ganvas.core.settings import override
from ganvas.data.spec import Spec
from ganvas.recipes.base import adam, find

SIDES = {"all 50 draws": 0, "20 by weight": 20, "5 by weight": 5, "1 by weight": 1}
SIZES = {"network": "dense", "depth": 2, "hidden": 200, "activation": "tanh", "latent": 50}
GAME = {"observation": "bernoulli", "bound": "iwae", "samples": 50}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=10)
    ask = parser.parse_args()
    torch.set_num_threads(1)
    settled(True)
    memory.keep()
    images = np.random.default_rng(0).integers(256, size=(10_000, 1, 28, 28), dtype=np.uint8)
    with tempfile.TemporaryDirectory() as folder:
        trainers = {}
        for side, passed in SIDES.items():
            settings = SIZES | GAME | {"passed": passed, "training.batch": ask.batch}
            recipe = override(find("vae"), settings)
            objective = recipe.build(Spec(kind="image", shape=(1, 28, 28)))
            given = Pictures(images), recipe.training, Run(Path(folder)), 0, torch.device("cpu")
            trainers[side] = Trainer(objective, *given, adam(recipe), {})
        seconds = {side: [] for side in SIDES}
        for _ in range(ask.rounds):
            for side, trainer in trainers.items():
                trainer.advance()
                began = time.process_time()
                for _ in range(ask.steps):
                    trainer.advance()
                seconds[side].append((time.process_time() - began) / ask.steps)
    for side, taken in seconds.items():
        print(f"{side:14s} {min(taken) * 1e3:6.1f} ms a step, {ask.batch / min(taken):6,.0f} pictures/s")


if __name__ == "__main__":
    main()
