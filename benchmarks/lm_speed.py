"""The language model: training beside the plain loop with its network, writing with and without the cache.

    python benchmarks/lm_speed.py --threads 2
    python benchmarks/lm_speed.py --threads 1 --steps 4 --rounds 2      # shorter

Training: tokens a second of the default recipe. The plain side is what a tutorial has: fp32, AdamW as torch
makes it, gradients clipped, one batch after the other; both read random windows of the same bytes. Ours is
the whole step of the loop: reading, gradient norms, and averaging the weights too. A window of a few steps of
each side in turn, over and over; printed are medians, and the medians of the ratios within a round.

Writing: 256 tokens after one, of one text and of 8 at a time, with the keys and values of the past kept, and
by going through the whole past for each token.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from training_speed import settled, window

from ganvas.core.device import quicken
from ganvas.core.loop import Trainer
from ganvas.core.run import Run
from ganvas.core.settings import override
from ganvas.data.text import TextSettings, load
from ganvas.models.lm import LM
from ganvas.models.writing import Choice
from ganvas.recipes.base import adam
from ganvas.recipes.lm import Recipe

WRITTEN = 256


def recipe(precision: str = "auto") -> Recipe:
    return override(Recipe(), {"training.precision": precision, "text.context": WRITTEN})


def ours(folder: Path, precision: str) -> Callable[[], None]:
    chosen, data = recipe(precision), load("kjv", TextSettings(context=WRITTEN))
    objective, cpu = chosen.build(data.spec), torch.device("cpu")
    trainer = Trainer(objective, data, chosen.training, Run(folder), 0, cpu, adam(chosen), {})

    def step() -> None:
        float(trainer.advance()["model"])

    return step


def plain() -> Callable[[], None]:
    chosen, data = recipe(), load("kjv", TextSettings(context=WRITTEN))
    net = chosen.build(data.spec).model
    settings, batch = chosen.model, chosen.training.batch
    tokens = torch.from_numpy(data.part.tokens.astype(np.int64))
    betas = settings.beta1, settings.beta2
    optimiser = torch.optim.AdamW(net.parameters(), settings.lr, betas, weight_decay=settings.weight_decay)

    def step() -> None:
        first = torch.randint(len(tokens) - WRITTEN - 1, (batch,))
        rows = torch.stack([tokens[k : k + WRITTEN + 1] for k in first.tolist()])
        loss = F.cross_entropy(net(rows[:, :-1]).flatten(0, 1), rows[:, 1:].flatten())
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), chosen.training.clip)
        optimiser.step()
        loss.item()

    return step


def training(steps: int, rounds: int) -> dict[str, dict[str, float]]:
    with tempfile.TemporaryDirectory() as folder:
        sides = {
            "plain": plain(),
            "ganvas": ours(Path(folder), "auto"),
            "ganvas, fp32": ours(Path(folder), "fp32"),
        }
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in sides}
        for _ in range(rounds):
            for name, step in sides.items():
                settled(name != "plain")
                taken[name].append(window(step, steps))
    batch, found = recipe().training.batch, {}
    for name, times in taken.items():
        wall = statistics.median(t for t, _ in times)
        row = {"tokens_per_second": steps * batch * WRITTEN / wall}
        for k, unit in enumerate(("", ", processor time")):
            pairs = zip(taken["plain"], times, strict=True)
            row[f"times plain{unit}"] = statistics.median(p[k] / own[k] for p, own in pairs)
        found[name] = {k: round(v, 2) for k, v in row.items()}
    return found


@torch.no_grad()
def writing(rounds: int) -> dict[str, dict[str, float]]:
    quicken(torch.device("cpu"), steady=False)  # as `ganvas.load` has it for text
    data = load("kjv", TextSettings(context=WRITTEN))
    model: LM = recipe().build(data.spec).eval()
    found = {}
    for n in (1, 8):
        cached(model, n)  # warms up
        times: dict[str, list[tuple[float, float]]] = {"cached": [], "uncached": []}
        for _ in range(rounds):
            for name, make in (("cached", cached), ("uncached", uncached)):
                wall, processor = time.perf_counter(), time.process_time()
                make(model, n)
                times[name].append((time.perf_counter() - wall, time.process_time() - processor))
        row = {name: statistics.median(wall for wall, _ in values) for name, values in times.items()}
        for k, unit in enumerate(("", ", processor time")):
            pairs = zip(times["cached"], times["uncached"], strict=True)
            row[f"times uncached{unit}"] = statistics.median(b[k] / a[k] for a, b in pairs)
        found[f"{n} at a time"] = {name: round(value, 3) for name, value in row.items()}
    return found


def cached(model: LM, n: int) -> None:
    tokens = model.unroll(torch.tensor([10]), n, Choice(), torch.Generator().manual_seed(0))
    for _ in zip(range(WRITTEN), tokens, strict=False):
        pass


def uncached(model: LM, n: int) -> None:
    generator, seen = torch.Generator().manual_seed(0), torch.full((n, 1), 10)
    for _ in range(WRITTEN):
        token = Choice().draw(model.model(seen[:, -WRITTEN:])[:, -1], generator)
        seen = torch.cat([seen, token[:, None]], 1)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=10, help="in a window")
    parser.add_argument("--rounds", type=int, default=7)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    found = {"training": training(args.steps, args.rounds), "writing": writing(max(1, args.rounds // 2))}
    print(json.dumps(vars(args) | found, indent=2))


if __name__ == "__main__":
    main()
