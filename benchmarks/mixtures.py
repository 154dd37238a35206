"""The ring and the grid (PacGAN's mixtures) with the default recipe for points, over seeds.

    python benchmarks/mixtures.py --data ring --seeds 10 --out mixtures.jsonl

Each run has one thread; 2,500 samples, as in the protocol. What is in the results already is not run again.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

SAMPLES = 2_500


def one(data: str, seed: int, settings: list[str], steps: int | None) -> dict:
    """Train and judge, in this process."""
    import ganvas
    from ganvas.data.points import MIXTURES
    from ganvas.metrics.points import mixture

    with tempfile.TemporaryDirectory() as folder:
        changes = {"training.snapshots": "0"} | dict(s.split("=", 1) for s in settings)
        run = ganvas.train(data, "points", out=f"{folder}/run", seed=seed, settings=changes, steps=steps)
        made = ganvas.load(run.path).sample(SAMPLES, seed=seed)
        progress = run.progress()
    truth = MIXTURES[data]
    found = mixture(made, truth.modes, truth.sigma)
    head = {"data": data, "seed": seed, "settings": settings, "steps": progress["step"]}
    return head | {"seconds": round(progress["seconds"])} | asdict(found)


def main() -> None:
    shape = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=shape)
    parser.add_argument("--data", choices=("ring", "grid"), default="ring")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--settings", nargs="*", default=[], help="setting=value …")
    parser.add_argument("--out", type=Path, default=Path("mixtures.jsonl"))
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--one", type=int, metavar="SEED", help=argparse.SUPPRESS)
    ask = parser.parse_args()
    if ask.one is not None:
        line = json.dumps(one(ask.data, ask.one, ask.settings, ask.steps))
        print(line, flush=True)
        with ask.out.open("a") as file:
            file.write(line + "\n")
        return
    lines = [json.loads(x) for x in ask.out.read_text().splitlines()] if ask.out.exists() else []
    done = {(x["data"], x["seed"], *x["settings"]) for x in lines}

    def run(seed: int) -> None:
        command = [sys.executable, __file__, "--one", str(seed), "--data", ask.data, "--out", str(ask.out)]
        command += ["--steps", str(ask.steps)] if ask.steps else []
        command += ["--settings", *ask.settings] if ask.settings else []
        subprocess.run(command, check=True, env=os.environ | {"OMP_NUM_THREADS": "1"})

    with ThreadPoolExecutor(ask.workers) as pool:
        list(pool.map(run, [s for s in range(ask.seeds) if (ask.data, s, *ask.settings) not in done]))


if __name__ == "__main__":
    main()
