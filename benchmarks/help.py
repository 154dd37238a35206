"""How long `ganvas --help` takes: it must be there at once, so nothing heavy is imported for it."""

import statistics
import subprocess
import sys
import time

LINES = (["--help"], ["train", "--help"], ["recipes", "--data"], ["train", "dcgan", "--help"], ["recipes"])
TIMES = 10


def seconds(arguments: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "ganvas", *arguments], check=True, capture_output=True)
    return time.perf_counter() - began


def main() -> None:
    found = {" ".join(line): [] for line in LINES}
    for _ in range(TIMES):  # in turn, so that a busy moment hits all alike
        for line in LINES:
            found[" ".join(line)].append(seconds(line))
    print("| command | median s | fastest s |\n|---|---|---|")
    for line, times in found.items():
        print(f"| `ganvas {line}` | {statistics.median(times):.2f} | {min(times):.2f} |")


if __name__ == "__main__":
    main()
