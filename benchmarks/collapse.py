"""Posterior collapse, provoked and treated: active units and KL of a VAE, with and without what should help.

    python benchmarks/collapse.py --seeds 3 --steps 2000 --out collapse.jsonl

The decoder is a dense network of many layers, so that early in training nothing of z comes through and the KL
wins. Figures on held-out pictures of shipped `fashion`, black and white by chance: dimensions whose mean
moves with the picture (variance above .01: Burda et al. 2016), nats of KL, mutual information, and the
bound of 100 samples.
"""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

CURES = {
    "nothing": {},
    "warm-up over half": {"warmup": 0.5},
    "free bits 0.1": {"free_bits": 0.1},
    "both": {"warmup": 0.5, "free_bits": 0.1},
}
PROVOKED = {"network": "dense", "latent": 32, "hidden": 200, "observation": "bernoulli"}
PICTURES = 1_000


def one(cure: str, seed: int, steps: int, depth: int, lr: float) -> dict[str, Any]:
    import ganvas
    from ganvas.data.load import load
    from ganvas.metrics.likelihood import importance_bound, latents
    from ganvas.recipes.base import data_settings, find

    settings = PROVOKED | CURES[cure] | {"depth": depth, "encoder.lr": lr, "decoder.lr": lr}
    settings |= {"image.labels": False, "training.snapshots": 0}
    with tempfile.TemporaryDirectory() as folder:
        run = ganvas.train("fashion", "vae", out=f"{folder}/run", steps=steps, seed=seed, settings=settings)
        model: Any = ganvas.load(run.path).objective
        recipe = type(find("vae")).model_validate(run.record["settings"])
    held_out = load("fashion", data_settings(recipe)).held_out
    assert held_out is not None
    x = held_out.ready(held_out.fetch(np.arange(PICTURES)))["image"]
    torch.manual_seed(seed)
    with torch.no_grad():
        x = model.law.observe(x)
        carried = latents(*model.posterior(x))
        bound = importance_bound(model, x, None, 100).mean().item()
    return {
        "cure": cure,
        "seed": seed,
        "steps": steps,
        "depth": depth,
        "active": carried.active,
        "kl": carried.kl.sum().item(),
        "mutual_information": carried.mutual_information,
        "bound": bound,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=2_000)
    parser.add_argument("--depth", type=int, default=8)
    parser.add_argument("--lr", type=float, default=3e-3)
    parser.add_argument("--out", type=Path, default=Path("collapse.jsonl"))
    ask = parser.parse_args()
    found = []
    for cure in CURES:
        for seed in range(ask.seeds):
            found.append(one(cure, seed, ask.steps, ask.depth, ask.lr))
            with ask.out.open("a") as file:
                file.write(json.dumps(found[-1]) + "\n")
    print("| against it | active of 32 | KL, nats | mutual information, nats | bound, nats |")
    print("|---|---|---|---|---|")
    for cure in CURES:
        of = [line for line in found if line["cure"] == cure]
        cells = [
            ", ".join(f"{x[k]:.4g}" for x in of) for k in ("active", "kl", "mutual_information", "bound")
        ]
        print(f"| {cure} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
