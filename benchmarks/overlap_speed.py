"""BLEU and self-BLEU beside nltk's: the same figures, and how many times faster; sides in turn.

    pip install nltk && python benchmarks/overlap_speed.py captions.txt 300 300

Sentences are lines, words what blanks part. The first N are judged by the M after them, and by themselves.
"""

import sys
import time
from pathlib import Path

from ganvas.metrics.overlap import bleu, self_bleu

GRAMS = (2, 3, 4, 5)


def theirs(samples: list[list[str]], references: list[list[str]], n: int) -> list[float]:
    from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu

    how = {"weights": [1 / n] * n, "smoothing_function": SmoothingFunction().method1}
    return [sentence_bleu(references, text, **how) for text in samples]


def alone(samples: list[list[str]], n: int) -> list[float]:
    return [theirs([text], samples[:k] + samples[k + 1 :], n)[0] for k, text in enumerate(samples)]


if __name__ == "__main__":
    path, count, others = sys.argv[1], *map(int, sys.argv[2:])
    lines = [line.split() for line in Path(path).read_text(encoding="utf-8").splitlines()]
    samples, references = lines[:count], lines[count : count + others]
    pairs = {
        "BLEU": (lambda n: bleu(samples, references, n).tolist(), lambda n: theirs(samples, references, n)),
        "self-BLEU": (lambda n: self_bleu(samples, n).tolist(), lambda n: alone(samples, n)),
    }
    print(f"| {count} sentences, {others} others | ours, s | nltk, s | times | equal | mean |")
    print("|---|---|---|---|---|---|")
    for name, sides in pairs.items():
        for n in GRAMS:
            spent, found = [], []
            for side in sides:
                began = time.perf_counter()
                found.append(side(n))
                spent.append(time.perf_counter() - began)
            equal = "every bit" if found[0] == found[1] else "**NO**"
            print(
                f"| {name}-{n} | {spent[0]:.4f} | {spent[1]:.2f} | {spent[1] / spent[0]:.0f} | {equal} | "
                f"{sum(found[0]) / len(found[0]):.4f} |",
                flush=True,
            )
