"""Does `ganvas evaluate` convict who copies, and nobody else? Size and power of the test, and trained models.

    python benchmarks/memorisation.py drawn --trials 200         # seconds a hundred trials
    python benchmarks/memorisation.py trained --budget 5m --seeds 5 --out runs/memorisation

drawn: shipped `fashion`, shuffled anew in each trial into training, held-out and fresh pictures, as pixels.
Fresh ones are the perfect model, and must be acquitted; a share of them is replaced by training pictures, as
they are or with noise (standard deviation as a share of the pixels' own), and must be found.
trained: the same recipe for the same time on 100 pictures without augmentation, which it learns by heart; on
these with the augmentation that the recipe takes for so few; and on all 10,000.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from patients import BARE

from ganvas.data.load import load
from ganvas.metrics.extractors import pixels
from ganvas.metrics.memorisation import copying

TRAINED, KEPT, SAMPLES = 1_000, 200, 400
SHARES = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
NOISES = (0.0, 0.25, 0.5)
FEW = 100
SIDES: dict[str, tuple[str | None, dict[str, Any]]] = {
    "by-heart": (None, BARE),
    "few": (None, {}),
    "all": ("fashion", {}),
}
"""Data, of which None are a hundred pictures, and settings."""


def everything() -> np.ndarray:
    """All 12,000 pictures of `fashion`, uint8."""
    data: Any = load("fashion")
    return np.concatenate([d.fetch(np.arange(len(d)))["image"].numpy() for d in (data, data.held_out)])


def trial(x: np.ndarray, share: float, noise: float, seed: int) -> tuple[bool, float]:
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(x))
    training, held_out, samples = np.split(x[order[: TRAINED + KEPT + SAMPLES]], [TRAINED, TRAINED + KEPT])
    count = round(share * SAMPLES)
    copied = training[rng.integers(TRAINED, size=count)]
    samples = np.concatenate([copied + noise * x.std() * rng.normal(size=copied.shape), samples[count:]])
    found = copying(samples.astype(np.float32), training, held_out, seed)
    return found.convicts(), found.p


def drawn(trials: int) -> None:
    x = pixels().extract(everything())
    verdicts, ps = zip(*(trial(x, 0.0, 0.0, seed) for seed in range(trials)), strict=True)
    below = {f"p <= {level}": float(np.mean(np.array(ps) <= level)) for level in (0.01, 0.05, 0.1)}
    print(json.dumps({"innocent, convicted": float(np.mean(verdicts)), "trials": trials} | below), flush=True)
    print("| copies | " + " | ".join(f"noise {noise}" for noise in NOISES) + " |")
    print("|---" * (len(NOISES) + 1) + "|")
    each = max(1, trials // 10)
    for share in SHARES:
        cells = []
        for noise in NOISES:
            convicted = [trial(x, share, noise, 10_000 + seed)[0] for seed in range(each)]
            cells.append(f"{np.mean(convicted):.0%}")
        print(f"| {share:.0%} | {' | '.join(cells)} |", flush=True)


def trained(ask: argparse.Namespace) -> None:
    import ganvas

    x = everything()
    ask.out.mkdir(parents=True, exist_ok=True)
    for seed in range(ask.first, ask.first + ask.seeds):
        order = np.random.default_rng(seed).permutation(len(x))
        few = ask.out / f"few-{seed}.npz"
        np.savez(few, x_train=x[order[:FEW], 0], x_test=x[order[FEW : FEW + 1_000], 0])
        for name in ask.sides:
            data, settings = SIDES[name]
            path = ask.out / f"{name}-{seed}"
            if not path.exists():
                how: dict[str, Any] = {"budget": ask.budget, "seed": seed, "settings": settings}
                ganvas.train(data or str(few), ask.recipe, out=path, **how)
            found = ganvas.evaluate(path, features=ask.features, samples=1_000, seed=seed)
            line = {"side": name, "seed": seed, "memorisation": found["memorisation"]["value"]}
            line |= {"convicted": found["copying"]["convicted"], "verdict": found["copying"]["verdict"]}
            print(json.dumps(line), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["drawn", "trained"])
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--budget", default="5m")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first", type=int, default=0, help="the first of these seeds")
    parser.add_argument("--sides", nargs="+", choices=SIDES, default=[*SIDES])
    parser.add_argument("--recipe", default="dcgan")
    parser.add_argument("--features", default=None)
    parser.add_argument("--out", type=Path, default=Path("runs/memorisation"))
    ask = parser.parse_args()
    if ask.what == "drawn":
        drawn(ask.trials)
    else:
        trained(ask)


if __name__ == "__main__":
    main()
