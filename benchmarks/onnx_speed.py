"""A generator at batch 1: ONNX Runtime beside eager torch, sides in turn.

    pip install 'ganvas[export]'
    python benchmarks/onnx_speed.py --threads 1
    python benchmarks/onnx_speed.py --threads 2 --size 64 --recipes dcgan r3gan

Both do what `decode` does: z to a picture in [-1, 1]. Torch is as `ganvas.load` leaves it (evaluation mode,
no gradients, the faster matrix product), and once more in channels-last memory. Printed are median
milliseconds, of the processor where one thread is asked for and else of the clock, and the median of the
ratios within a round.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from onnx_parity import untrained

from ganvas.data.spec import Spec
from ganvas.export import onnx, runtime
from ganvas.model import load
from ganvas.recipes.base import find

Side = Callable[[], object]


def sides(run: Any, folder: Path, batch: int, threads: int) -> dict[str, Side]:
    onnx.export(run, folder)
    model, exported = load(run.path, "cpu"), runtime.OnnxModel(folder / "model.onnx", threads)
    given, label = onnx.inputs(model, "decoder", batch)
    last = load(run.path, "cpu")
    objective: Any = model.objective
    other: Any = last.objective.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    feed = onnx.feed(exported, "z", given, label)
    return {
        "torch": lambda: objective.decode(given, label),
        "torch, channels last": lambda: other.decode(given, label),
        "onnx": lambda: exported.raw(feed),
    }


def measured(
    made: dict[str, Side], rounds: int, seconds: float, clock: Callable[[], float]
) -> dict[str, dict[str, float]]:
    """Each side for so long in turn; milliseconds a call."""
    taken: dict[str, list[float]] = {name: [] for name in made}
    for turn in range(rounds + 1):
        for name, side in made.items():
            calls, began = 0, clock()
            while (spent := clock() - began) < seconds:
                side()
                calls += 1
            if turn:  # the first warms up
                taken[name].append(1e3 * spent / calls)
    found = {}
    for name, values in taken.items():
        ratios = [peer / own for peer, own in zip(taken["torch"], values, strict=True)]
        found[name] = {
            "milliseconds": round(statistics.median(values), 3),
            "times torch": round(statistics.median(ratios), 2),
        }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--recipes", nargs="*", default=["gan", "dcgan", "r3gan", "sagan", "vae", "hvae"])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=0.5, help="of each side in a round")
    parser.add_argument("--json", action="store_true")
    ask = parser.parse_args()
    torch.set_num_threads(ask.threads)
    result = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in ask.recipes:
            place = Path(folder) / name
            spec = Spec(kind="image", shape=(3, ask.size, ask.size))
            run = untrained(place, find(name), name, spec)
            made = sides(run, place / "onnx", ask.batch, ask.threads)
            clock = time.process_time if ask.threads == 1 else time.perf_counter
            result[name] = measured(made, ask.rounds, ask.seconds, clock)
            if not ask.json:
                print(name, result[name], flush=True)
    if ask.json:
        print(json.dumps(vars(ask) | {"sides": result}))


if __name__ == "__main__":
    main()
