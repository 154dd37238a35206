"""DCGAN at 64 px, batch 64: pictures a second of ganvas beside PyTorch's example and torchgan, sides in turn.

    pip install --no-deps torchgan==0.1.0        # left out where it is missing
    python benchmarks/training_speed.py --threads 2

All sides have the same layers (the example's: latent 100, 64 channels, batch norm in both networks), Adam
2e-4 / 0.5, the non-saturating game and the same uint8 pictures in a memory map; each reads them as its users
do. Ours is the whole step of the loop: reading, gradient norms, and averaging the weights too. A window of a
few steps of each side in turn, over and over; printed are medians, and the medians of the ratios within a
round. Processor seconds stand beside wall clock ones, since they say the same on a busy machine.
"""

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from peers import LATENT, WIDTH, Step, plain, torchgan

from ganvas.core.device import quicken
from ganvas.core.loop import Trainer, Training
from ganvas.core.run import Run
from ganvas.core.turns import Batch
from ganvas.data.spec import Spec
from ganvas.models import dcgan
from ganvas.recipes.base import adam
from ganvas.recipes.dcgan import Recipe
from ganvas.remedies.penalties import PenaltySettings

SIZE = 64


class Pictures:
    """The loop's idea of data, over a memory map."""

    fingerprint = "random"

    def __init__(self, images: np.ndarray):
        self.images = images

    def __len__(self) -> int:
        return len(self.images)

    def fetch(self, index: np.ndarray) -> Batch:
        return {"image": torch.from_numpy(self.images[index])}

    def ready(self, batch: Batch) -> Batch:
        return {"image": batch["image"].float().div_(127.5).sub_(1)}


def ours(images: np.ndarray, batch: int, folder: Path, precision: str) -> Step:
    recipe = Recipe(
        generator=dcgan.GeneratorSettings(latent=LATENT, width=WIDTH),
        critic=dcgan.CriticSettings(width=WIDTH, norm="batch"),
        game="nonsaturating",
        penalty=PenaltySettings(),
        training=Training.model_validate({"batch": batch, "precision": precision}),
    )
    objective = recipe.build(Spec(kind="image", shape=(3, SIZE, SIZE)))
    trainer = Trainer(
        objective, Pictures(images), recipe.training, Run(folder), 0, torch.device("cpu"), adam(recipe), {}
    )

    def step() -> None:
        float(trainer.advance()["generator"])

    return step


def settled(quick: bool) -> None:
    """The process-wide switches: ours as the package sets them, torch's defaults for the others."""
    if quick:
        quicken(torch.device("cpu"))
    else:
        torch.set_flush_denormal(False)
        torch.set_float32_matmul_precision("highest")


def window(step: Step, steps: int) -> tuple[float, float]:
    """Wall clock and processor seconds of a few steps, after one that warms up."""
    step()
    wall, processor = time.perf_counter(), time.process_time()
    for _ in range(steps):
        step()
    return time.perf_counter() - wall, time.process_time() - processor


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--steps", type=int, default=8, help="in a window")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "pictures.npy"
        np.save(path, np.random.default_rng(0).integers(256, size=(4096, 3, SIZE, SIZE), dtype=np.uint8))
        images = np.load(path, mmap_mode="r")
        sides: dict[str, Step | None] = {
            "pytorch example": plain(images, args.batch),
            "torchgan 0.1.0": torchgan(images, args.batch),
            "ganvas": ours(images, args.batch, Path(name), "auto"),
            "ganvas, fp32": ours(images, args.batch, Path(name), "fp32"),
        }
        result = measure({k: s for k, s in sides.items() if s}, args.steps, args.rounds, args.batch)
    print(json.dumps(vars(args) | {"sides": result}) if args.json else table(result))


def measure(sides: dict[str, Step], steps: int, rounds: int, batch: int) -> dict[str, dict[str, float]]:
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, step in sides.items():
            settled(name.startswith("ganvas"))
            seconds[name].append(window(step, steps))
    result = {}
    for name, taken in seconds.items():
        figures = {"pictures_per_second": steps * batch / statistics.median(wall for wall, _ in taken)}
        for peer in sides:
            if not peer.startswith("ganvas") and peer != name:
                pairs = list(zip(seconds[peer], taken, strict=True))
                figures[f"times {peer}"] = statistics.median(p[0] / own[0] for p, own in pairs)
                figures[f"times {peer}, processor time"] = statistics.median(
                    p[1] / own[1] for p, own in pairs
                )
        result[name] = {k: round(v, 2) for k, v in figures.items()}
    return result


def table(result: dict[str, dict[str, float]]) -> str:
    return "\n".join(
        f"{name:16s} " + "; ".join(f"{k} {v:g}" for k, v in row.items()) for name, row in result.items()
    )


if __name__ == "__main__":
    main()
