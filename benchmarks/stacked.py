"""Eight seeds of the 2-d GAN stacked in one go, beside eight single runs: one after another, two at a time.

    OMP_NUM_THREADS=1 taskset -c 0 python benchmarks/stacked.py --steps 300 --rounds 5
    OMP_NUM_THREADS=1 python benchmarks/stacked.py --processes 2      # needs two quiet cores

With `--processes 2` singles run two at a time, each in a process of its own, and so do two stacks of half the
seeds. The sides take turns within a round; the time is that of the steps, after a few that are not counted.
Prints the median of the ratios, and what each side has learnt: modes and share of high quality of each seed.
"""

import argparse
import json
import multiprocessing
import statistics
import tempfile
import time
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

WARM = 5


def timed(stacked: bool, seeds: list[int], steps: int, begin: Barrier, end: Barrier, told: Any) -> None:
    """Train these seeds, stacked or one after another, in this process; steps begin when all are ready."""
    import torch

    from ganvas.begin import Ask, new
    from ganvas.core import memory
    from ganvas.core.device import quicken
    from ganvas.core.loop import Observer
    from ganvas.data.points import MIXTURES
    from ganvas.metrics.points import mixture
    from ganvas.studies.stacked import Together

    where, quiet = torch.device("cpu"), Observer(said=lambda sentence: None)
    quicken(where)
    settings = {"training.snapshots": 0, "training.looks": 0, "training.decay": 0.0, "reject": False}
    with tempfile.TemporaryDirectory() as folder:

        def trainer(seed: int) -> Any:
            path = Path(folder) / str(seed)
            ask = Ask("ring", "points", path, steps + WARM, None, None, seed, None, settings, None)
            one = new(ask, where, quiet)
            one.observer = quiet
            return one

        alone = [trainer(seed) for seed in seeds]
        if stacked:
            memory.keep()
        sides = [Together.of(alone)] if stacked else alone
        for side in sides:
            for _ in range(WARM):
                side.advance()
        begin.wait()
        for side in sides:
            for _ in range(steps):
                side._look(side.advance())
        end.wait()
        if stacked:
            sides[0]._hand_over()
        truth = MIXTURES["ring"]
        for one in alone:
            with one.averaged() as objective:
                made = objective.sample(2_500, generator=torch.Generator().manual_seed(0)).numpy()
            found = mixture(one.data.spec.restore(made), truth.modes, truth.sigma)
            told.put((one.seed, found.modes, round(found.high_quality, 3)))


def seconds(stacked: bool, ask: argparse.Namespace) -> tuple[float, list[Any]]:
    """Of the slowest process; and what came out."""
    context = multiprocessing.get_context("spawn")
    begin, end = context.Barrier(ask.processes + 1), context.Barrier(ask.processes + 1)
    told = context.Queue()
    shares = [list(range(k, ask.seeds, ask.processes)) for k in range(ask.processes)]
    workers = [context.Process(target=timed, args=(stacked, s, ask.steps, begin, end, told)) for s in shares]
    for worker in workers:
        worker.start()
    begin.wait()
    began = time.perf_counter()
    end.wait()
    taken = time.perf_counter() - began
    found = sorted(told.get() for _ in range(ask.seeds))
    for worker in workers:
        worker.join()
    return taken, found


def main() -> None:
    shape = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=shape)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--processes", type=int, default=1)
    ask = parser.parse_args()
    ratios = []
    for k in range(ask.rounds):
        both = {side: seconds(side, ask) for side in ((True, False) if k % 2 else (False, True))}
        ratios.append(both[False][0] / both[True][0])
        line = {"stacked, seconds": both[True][0], "single, seconds": both[False][0], "times": ratios[-1]}
        print(json.dumps({name: round(value, 2) for name, value in line.items()}), flush=True)
        if k == 0:
            said = ("seed", "modes", "high quality")
            for name, side in (("stacked", True), ("single", False)):
                print(json.dumps({name: [dict(zip(said, one, strict=True)) for one in both[side][1]]}))
    about = {"seeds": ask.seeds, "steps": ask.steps, "processes": ask.processes, "rounds": ask.rounds}
    print(json.dumps({"stacked is faster, times": round(statistics.median(ratios), 2)} | about))


if __name__ == "__main__":
    main()
