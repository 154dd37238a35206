"""Whether a GAN that starts from a VAE-GAN's decoder and critic gets further in the same time in all.

    python benchmarks/pretraining.py --data fashion --seconds 60 --seeds 3 --out pretraining.jsonl

Time is that of the processor, with one thread, so that other work on the machine counts little. What a step
of each recipe takes is measured first, in turn; from that come the steps of `dcgan` alone, and of `vaegan`
for a share of the time and `dcgan`, by --init-from, for the rest. Then FD-OpenNSFW and its kin,
1,000 samples beside as many held-out pictures; the same seed on both sides.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

import ganvas
from ganvas.data.image import ImageSettings
from ganvas.data.load import load
from ganvas.metrics.distribution import frechet_distance, kernel_distance, prdc
from ganvas.metrics.features import opennsfw

SAMPLES = 1_000
WIDTH, LATENT = 32, 64
COMMON = {"critic.width": WIDTH, "training.snapshots": 0, "training.checkpoint_every": 1e9}
SETTINGS = {
    "dcgan": COMMON | {"generator.width": WIDTH, "generator.latent": LATENT},
    "vaegan": COMMON | {"decoder.width": WIDTH, "decoder.latent": LATENT},
}


def train(data: str, recipe: str, out: str, steps: int, seed: int, start: str | None = None) -> float:
    """Seconds of the processor."""
    began = time.process_time()
    how = {"steps": steps, "seed": seed, "init_from": start, "settings": SETTINGS[recipe]}
    ganvas.train(data, recipe, out=out, device="cpu", **how)
    return time.process_time() - began


def cost_of_a_step(data: str, times: int = 2) -> dict[str, float]:
    """Of each recipe, in seconds: the first steps and all else are taken off."""
    found: dict[str, list[float]] = {recipe: [] for recipe in SETTINGS}
    for _ in range(times):
        for recipe, seconds in found.items():
            with tempfile.TemporaryDirectory() as folder:
                few, many = (train(data, recipe, f"{folder}/{steps}", steps, 0) for steps in (8, 40))
            seconds.append((many - few) / 32)
    return {recipe: float(np.mean(seconds)) for recipe, seconds in found.items()}


def sides(cost: dict[str, float], seconds: float, share: float) -> dict[str, dict[str, int]]:
    """Steps of each recipe, one after the other."""
    return {
        "dcgan alone": {"dcgan": round(seconds / cost["dcgan"])},
        f"vaegan for {share:.0%}, then dcgan": {
            "vaegan": round(share * seconds / cost["vaegan"]),
            "dcgan": round((1 - share) * seconds / cost["dcgan"]),
        },
    }


def one(data: str, plan: dict[str, int], seed: int, real: np.ndarray) -> dict:
    """Train as planned, and judge."""
    spent, start = 0.0, None
    with tempfile.TemporaryDirectory() as folder:
        for recipe, steps in plan.items():
            spent += train(data, recipe, f"{folder}/{recipe}", steps, seed, start)
            start = f"{folder}/{recipe}"
        made = ganvas.load(f"{folder}/dcgan").sample(SAMPLES, seed=seed).transpose(0, 3, 1, 2)
    b = opennsfw(made)
    figures = {"fd": frechet_distance(real, b), "kd": kernel_distance(real, b), **prdc(real, b)._asdict()}
    return {"seconds": round(spent, 1), **figures}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", default="fashion")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--share", type=float, default=1 / 3, help="of the time for pretraining")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("pretraining.jsonl"))
    ask = parser.parse_args()
    torch.set_num_threads(1)
    held_out = load(ask.data, ImageSettings()).held_out
    if held_out is None:
        raise SystemExit(f"{ask.data} has nothing held out")
    real = opennsfw(held_out.fetch(np.arange(min(SAMPLES, len(held_out))))["image"].numpy())
    cost = cost_of_a_step(ask.data)
    print("seconds a step:", {recipe: round(seconds, 3) for recipe, seconds in cost.items()}, flush=True)
    for seed in range(ask.seeds):
        for side, plan in sides(cost, ask.seconds, ask.share).items():
            line = {"side": side, "seed": seed, "steps": plan} | one(ask.data, plan, seed, real)
            print(json.dumps(line), flush=True)
            with ask.out.open("a") as file:
                file.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
