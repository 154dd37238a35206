"""Text in the browser beside ONNX Runtime, sides in turn: tokens a second.

    ganvas export runs/poems --to web
    python benchmarks/web_text.py runs/poems/web

Both write the same texts of the same seeds, each until it ends, on one thread. Printed are tokens a second
of the clock and of the processor (of all that the page's process does), medians over the rounds. Chromium is
needed.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "export"))
import chromium  # pyright: ignore[reportMissingImports]

from ganvas.export import runtime

WRITE = """(async () => {
    const began = ganvas.writer.count;
    let text = "";
    for await (const piece of ganvas.writer.stream("", { seed: %dn, length: %d })) text += piece;
    return [ganvas.writer.count - began, text];
})()"""


def spent(page: chromium.Page) -> float:
    """Seconds of the processor that the page's process has taken."""
    own, page.session = page.session, None
    found = page.send("SystemInfo.getProcessInfo")["processInfo"]
    page.session = own
    return sum(process["cpuTime"] for process in found if process["type"] == "renderer")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--length", type=int, default=500)
    ask = parser.parse_args()
    model: Any = runtime.opened(ask.folder / "model.onnx", threads=1)
    rates: dict[str, list[float]] = {}
    alike = 0
    with (
        tempfile.TemporaryDirectory() as profile,
        chromium.served(ask.folder) as address,
        chromium.opened(Path(profile)) as page,
    ):
        page.send("Page.navigate", url=address)
        page.wait("!!globalThis.ganvas", 600)
        page.value("ganvas.settled()")
        for seed in range(ask.rounds + 1):
            clock, processor = time.perf_counter(), spent(page)
            count, text = page.value(WRITE % (seed, ask.length))
            taken = {
                "Chromium, clock": time.perf_counter() - clock,
                "Chromium, processor": spent(page) - processor,
            }
            clock, processor = time.perf_counter(), time.process_time()
            alike += text == "".join(model.stream("", seed=seed, length=ask.length))
            taken["ONNX Runtime, clock"] = time.perf_counter() - clock
            taken["ONNX Runtime, processor"] = time.process_time() - processor
            for side, seconds in taken.items():
                if seed:  # the first warms up
                    rates.setdefault(side, []).append(count / seconds)
    size = sum(path.stat().st_size for path in ask.folder.iterdir())
    found = {side: round(statistics.median(some)) for side, some in rates.items()}
    print(
        json.dumps(
            {"tokens_a_second": found, "texts": ask.rounds + 1, "alike": alike, "bytes": size}, indent=2
        )
    )


if __name__ == "__main__":
    main()
