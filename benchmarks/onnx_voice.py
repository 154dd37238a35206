"""A voice that says a sentence whole: ONNX Runtime beside torch, sides in turn.

    ganvas export asterisk --to onnx --out voice-onnx
    python benchmarks/onnx_voice.py asterisk voice-onnx

On one thread, in processor time, from text to samples. Printed are median milliseconds, their share of the
sentence's length, and the median of the ratios within a round.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from ganvas.export import runtime
from ganvas.model import load

TEXT = "Conference call number five, please hold the line, somebody will be with you in a moment."


def spent(say: Callable[..., Any], text: str) -> tuple[float, int]:
    """Seconds of the processor, and samples."""
    began = time.process_time()
    sound = say(text, seed=0)
    return time.process_time() - began, len(sound)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run")
    parser.add_argument("exported", type=Path)
    parser.add_argument("--text", default=TEXT)
    parser.add_argument("--rounds", type=int, default=15)
    ask = parser.parse_args()
    torch.set_num_threads(1)
    model: Any = load(ask.run, "cpu")
    exported: Any = runtime.opened(ask.exported / "model.onnx", 1)
    taken: dict[str, list[float]] = {"torch": [], "onnx": []}
    lasting = dict.fromkeys(taken, 0.0)
    for turn in range(ask.rounds + 2):
        for name, say in (("torch", model.say), ("onnx", exported.say)):
            seconds, samples = spent(say, ask.text)
            lasting[name] = samples / exported.spec.rate
            if turn > 1:  # the first two warm up
                taken[name].append(seconds)
    ratios = [peer / own for peer, own in zip(taken["torch"], taken["onnx"], strict=True)]
    found: dict[str, Any] = {}
    for name, values in taken.items():
        middle = statistics.median(values)
        found[name] = {
            "milliseconds": round(1e3 * middle, 1),
            "seconds of sound": round(lasting[name], 2),
            "real-time factor": round(middle / lasting[name], 4),
        }
    print(json.dumps(found | {"times torch": round(statistics.median(ratios), 2)}))


if __name__ == "__main__":
    main()
