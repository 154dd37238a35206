"""PyTorch's DCGAN example in the place of a recipe of a study: for as long, judged in the same way.

    python benchmarks/peers_quality.py --data FOLDER --budget 600 --seeds 5 --out peers.jsonl

FOLDER holds Fashion-MNIST's idx files. Its networks at 32 x 32 (64 channels, batches of 64, fp32, eager), as
its users run it, for so many seconds from the first batch; then 5,000 samples beside the first 5,000 test
pictures. Samples are drawn as the example draws its own: by batches, with the norms of the batch.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from peers import LATENT, plain_critic, plain_generator, playing, shape
from quality import fashion, features, quality

BATCH, COUNT = 64, 5_000
TRAINING, TEST = "train-images-idx3-ubyte.gz", "t10k-images-idx3-ubyte.gz"


def trained(images: np.ndarray, budget: float, seed: int) -> tuple[np.ndarray, int]:
    """Samples, uint8 (n, c, h, w), and the steps that it came to."""
    torch.manual_seed(seed)
    generator = plain_generator(*shape(images))
    step = playing(generator, plain_critic(*shape(images)), images, BATCH)
    steps, began = 0, time.monotonic()
    while time.monotonic() - began < budget:
        step()
        steps += 1
    with torch.no_grad():
        parts = [generator(torch.randn(BATCH, LATENT, 1, 1)) for _ in range(-(-COUNT // BATCH))]
    made = torch.cat(parts)[:COUNT].add(1).mul(127.5).round().clamp(0, 255)
    return made.to(torch.uint8).numpy(), steps


def main() -> None:
    shaped = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=shaped)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--budget", type=float, default=600, help="seconds")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("peers.jsonl"))
    ask = parser.parse_args()
    images, real = fashion(ask.data / TRAINING, 60_000), fashion(ask.data / TEST, COUNT)
    done = {json.loads(line)["seed"] for line in ask.out.read_text().splitlines()} if ask.out.exists() else ()
    known = None
    for seed in range(ask.seeds):
        if seed in done:
            continue
        samples, steps = trained(images, ask.budget, seed)
        known = features(real, torch.get_num_threads()) if known is None else known
        found = quality(features(samples, torch.get_num_threads()), known)
        line = {"peer": "pytorch/examples dcgan", "seed": seed, "steps": steps, "budget": ask.budget} | found
        line["threads"] = torch.get_num_threads()
        print(json.dumps(line), flush=True)
        with ask.out.open("a") as file:
            file.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
