"""Recipes, or settings of one, side by side: for equal time or steps, over seeds, against held-out pictures.

    python benchmarks/default_recipe.py --data fashion --budget 3m --seeds 5 --out results.jsonl
    python benchmarks/default_recipe.py --table --out results.jsonl

    python benchmarks/default_recipe.py --budget "600 steps" --out precision.jsonl \\
        --recipes dcgan,training.precision=bf16 dcgan,training.precision=fp32

Each run has one thread, and as many run at a time as there are cores, so that all meet the same conditions.
What is in the results already is not run again. Figures: FD-OpenNSFW and its kin, 1,000 samples, as many
held-out pictures beside them.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

RECIPES = ("dcgan", "r3gan", "sagan", "wgan", "gan")
SAMPLES = 1_000
FIGURES = ("fd", "kd", "precision", "recall", "density", "coverage")


def one(recipe: str, data: str, budget: str, seed: int, settings: list[str]) -> dict:
    """Train and judge, in this process."""
    import ganvas
    from ganvas.core.settings import override
    from ganvas.data.load import load
    from ganvas.metrics.distribution import frechet_distance, kernel_distance, prdc
    from ganvas.metrics.features import opennsfw
    from ganvas.recipes.base import data_settings, find

    changes = {"training.snapshots": "0"} | dict(s.split("=", 1) for s in settings)
    prepared = data_settings(override(find(recipe), changes))
    with tempfile.TemporaryDirectory() as folder:
        length = {"steps": int(budget.split()[0])} if budget.endswith(" steps") else {"budget": budget}
        run = ganvas.train(data, recipe, out=f"{folder}/run", seed=seed, settings=changes, **length)
        made = ganvas.load(run.path).sample(SAMPLES, seed=seed).transpose(0, 3, 1, 2)
        progress = run.progress()
    held_out = load(data, prepared).held_out
    if held_out is None:
        raise SystemExit(f"{data} has nothing held out")
    real = held_out.fetch(np.arange(min(SAMPLES, len(held_out))))["image"].numpy()
    a, b = opennsfw(real), opennsfw(made)
    return {
        "recipe": recipe,
        "settings": settings,
        "data": data,
        "budget": budget,
        "seed": seed,
        "steps": progress["step"],
        "seconds": round(progress["seconds"]),
        "samples": len(made),
        "reference": len(real),
        "fd": frechet_distance(a, b),
        "kd": kernel_distance(a, b),
        **prdc(a, b)._asdict(),
    }


def interval(values: np.ndarray) -> tuple[float, float]:
    """95 % bootstrap interval of the mean."""
    rng = np.random.default_rng(0)
    means = rng.choice(values, (10_000, len(values))).mean(1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


def table(lines: list[dict]) -> None:
    keys = sorted({(x["data"], x["budget"], x["recipe"], *x["settings"]) for x in lines})
    print("| data, time | recipe | seeds | steps | " + " | ".join(FIGURES) + " |")
    print("|---" * (4 + len(FIGURES)) + "|")
    for key in keys:
        of = [x for x in lines if (x["data"], x["budget"], x["recipe"], *x["settings"]) == key]
        cells = []
        for name in FIGURES:
            values = np.array([x[name] for x in of])
            low, high = interval(values)
            cells.append(f"{values.mean():.3g} ({low:.3g} to {high:.3g})")
        steps = int(np.mean([x["steps"] for x in of]))
        print(
            f"| {key[0]}, {key[1]} | {' '.join(key[2:])} | {len(of)} | {steps:,} | "
            + " | ".join(cells)
            + " |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", default="fashion")
    parser.add_argument("--budget", default="3m", help="time, or '600 steps'")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--recipes", nargs="+", default=RECIPES, help="a recipe, or recipe,setting=value,…")
    parser.add_argument("--out", type=Path, default=Path("default-recipe.jsonl"))
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--table", action="store_true", help="print what is there")
    parser.add_argument("--one", type=int, metavar="SEED", help=argparse.SUPPRESS)
    ask = parser.parse_args()
    lines = [json.loads(x) for x in ask.out.read_text().splitlines()] if ask.out.exists() else []
    if ask.table:
        return table(lines)
    if ask.one is not None:
        recipe, *settings = ask.recipes[0].split(",")
        line = one(recipe, ask.data, ask.budget, ask.one, settings)
        with ask.out.open("a") as file:
            file.write(json.dumps(line) + "\n")
        return None
    done = {(x["data"], x["budget"], x["seed"], ",".join([x["recipe"], *x["settings"]])) for x in lines}
    work = [(s, r) for s in range(ask.seeds) for r in ask.recipes if (ask.data, ask.budget, s, r) not in done]

    def run(item: tuple[int, str]) -> None:
        seed, recipe = item
        command = [sys.executable, __file__, "--one", str(seed), "--recipes", recipe, "--data", ask.data]
        command += ["--budget", ask.budget, "--out", str(ask.out)]
        subprocess.run(command, check=True, env=os.environ | {"OMP_NUM_THREADS": "1"})
        print(f"{recipe}, seed {seed}: done", flush=True)

    with ThreadPoolExecutor(ask.workers) as pool:
        list(pool.map(run, work))
    return table([json.loads(x) for x in ask.out.read_text().splitlines()])


if __name__ == "__main__":
    main()
