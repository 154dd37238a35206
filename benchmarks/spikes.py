"""Whether a hierarchical VAE survives a learning rate that is too high, with its gradients cut and without.

    OMP_NUM_THREADS=1 python benchmarks/spikes.py MNIST --seeds 2

MNIST in black and white; of each training the bound over the last 20 steps, and whether it was lost: a bound
below that of independent pixels (-207 nats), or no number.
"""

import argparse
import json
import statistics
import tempfile
from pathlib import Path

import torch

import ganvas

INDEPENDENT = -207.0
SMALL = {"hidden": 128, "vectors": 2, "groups": 2, "width": 16, "observation": "bernoulli"} | {
    "image.size": 28,
    "image.labels": False,
    "training.batch": 64,
    "training.decay": 0.0,
    "training.snapshots": 0,
    "training.looks": 0,
    "training.log_every": 1,
    "warmup": 0.05,
}


def bound(data: str, seed: int, steps: int, lr: float, beta2: float, spike: float) -> float:
    """Of the last 20 steps."""
    player = {"lr": lr, "beta2": beta2}
    settings = {f"{name}.{key}": value for name in ("encoder", "decoder") for key, value in player.items()}
    with tempfile.TemporaryDirectory() as folder:
        run = ganvas.train(
            data,
            "hvae",
            out=f"{folder}/run",
            steps=steps,
            seed=seed,
            settings=SMALL | settings | {"training.spike": spike},
        )
        lines = (run.path / "log.jsonl").read_text(encoding="utf-8").splitlines()
    return statistics.mean(json.loads(line)["bound"] for line in lines[-20:])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="a folder of MNIST's four idx files")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--lr", type=float, default=6e-3)
    ask = parser.parse_args()
    torch.set_num_threads(1)
    print("| beta2 | cut to | bound, nats | lost |\n|---|---|---|---|")
    for beta2 in (0.999, 0.99, 0.9):
        for spike in (0.0, 4.0):
            found = [bound(str(ask.data), s, ask.steps, ask.lr, beta2, spike) for s in range(ask.seeds)]
            lost = sum(not value > INDEPENDENT for value in found)
            cut = f"{spike:g} times the usual" if spike else "–"
            values = ", ".join(f"{value:.1f}" for value in found)
            print(f"| {beta2} | {cut} | {values} | {lost} of {len(found)} |", flush=True)


if __name__ == "__main__":
    main()
