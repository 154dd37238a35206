"""Stacked MNIST: three digits as the channels of a picture, a thousand modes (Lin et al. 2018, sec. 4.2)."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Int, UInt8

from ganvas.core.files import beside, read_json, write_json
from ganvas.core.run import Run
from ganvas.model import load
from ganvas.studies.tables.base import Figures, Progress, Question, Row, Table, by_row
from ganvas.studies.tables.digits import CLASSES, SIDE, Digits, classifier, read, told

TRAINING = 128_000
MODES = CLASSES**3
FILE = "modes.json"
SAMPLED_AT_ONCE = 1_000
Stacked = UInt8[np.ndarray, "n 28 28 3"]


def prepared(data: str, folder: Path) -> str:
    """128,000 stacks of digits drawn at random from all 70,000, as PacGAN has them; kept in a file."""
    path = folder / "stacked-mnist.npy"
    if not path.is_file():
        x, _, test_x, _ = read(data)
        digits = np.concatenate([x, test_x])
        index = np.random.default_rng(0).integers(len(digits), size=(TRAINING, 3))
        with beside(path) as draft, draft.open("wb") as file:
            np.save(file, np.stack([digits[index[:, k]] for k in range(3)], -1))
    return str(path)


def judge(run: Run, question: Question, progress: Progress) -> Figures:
    """Modes found and KL(samples || uniform), by a network that reads each channel; kept with the run."""
    key = {"samples": question.samples, "seed": question.seed, "step": run.progress()["step"]}
    try:
        known = read_json(run.path / FILE)
    except (OSError, ValueError):
        known = {}
    if key.items() <= known.items():
        return known
    network, share = classifier(question.data, question.folder / "digits.safetensors", progress)
    model, modes = load(run.path), []
    for part, start in enumerate(range(0, question.samples, SAMPLED_AT_ONCE)):
        count = min(SAMPLED_AT_ONCE, question.samples - start)
        made = middle(model.sample(count, seed=question.seed * 1_000 + part))
        modes.append(mode_of(made, lambda digits: told(network, digits)))
        progress(start + count, question.samples)
    found = coverage(np.concatenate(modes)) | key | {"classifier": share}
    write_json(run.path / FILE, found)
    return found


def middle(pictures: UInt8[np.ndarray, "n height width 3"]) -> Stacked:
    """Without the margin that a network's size asked for."""
    margin = [(side - SIDE) // 2 for side in pictures.shape[1:3]]
    return pictures[:, margin[0] : margin[0] + SIDE, margin[1] : margin[1] + SIDE]


def mode_of(pictures: Stacked, classes: Callable[[Digits], Int[np.ndarray, " n"]]) -> Int[np.ndarray, " n"]:
    """The number that the three digits make."""
    digits = [classes(np.ascontiguousarray(pictures[..., k])) for k in range(3)]
    return digits[0] * CLASSES**2 + digits[1] * CLASSES + digits[2]


def coverage(modes: Int[np.ndarray, " n"]) -> Figures:
    """Modes with at least one sample, and the KL of their histogram from the uniform one, in nats."""
    share = np.bincount(modes, minlength=MODES) / len(modes)
    kl = sum(p * math.log(p * MODES) for p in share if p > 0)
    return {"modes": int((share > 0).sum()), "of": MODES, "reverse_kl": float(kl)}


def text(table: Table, found: Sequence[Figures]) -> str:
    """Theirs beside ours, with what a perfect sampler would get."""
    samples = found[0]["samples"] if found else table.samples
    lines = [
        f"# {table.title}",
        "",
        f"{table.protocol}. Mean over seeds, and smallest to largest.",
        "",
        "| model | published | modes of 1,000 | KL, nats | seeds | steps | training |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, runs in by_row(found).items():
        modes, kl = ([run[key] for run in runs] for key in ("modes", "reverse_kl"))
        minutes = np.mean([run["training_seconds"] for run in runs]) / 60
        cells = [
            f"{name} (`{runs[0]['recipe']}`)",
            runs[0]["published"] or "–",
            f"{np.mean(modes):.1f} ({min(modes)} to {max(modes)})",
            f"{np.mean(kl):.3f} ({min(kl):.3f} to {max(kl):.3f})",
            str(len(runs)),
            f"{runs[0]['step']:,}",
            f"{minutes:.0f} min, {runs[0]['machine']}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    perfect = f"| a perfect sampler | | 1,000 | {(MODES - 1) / (2 * samples):.3f} | | | |"
    shares = [run["classifier"] for run in found]
    right = f"{min(shares):.2%}" if shares else "–"
    return "\n".join(
        [
            *lines,
            perfect,
            "",
            f"Digits are read by a network that is right about {right} of the test digits.",
            "",
        ]
    )


STACKED_MNIST = Table(
    title="Stacked MNIST, a thousand modes",
    protocol="28 x 28 x 3, 128,000 stacks of MNIST's digits, 26,000 samples (Lin et al. 2018, sec. 4.2)",
    data="a folder of MNIST's four idx files",
    common={"training.snapshots": 12},
    rows=(
        Row("ours", "dcgan", {}, "2h", "DCGAN 78.9, 4.50; PacDCGAN2 1000, .06"),
        Row(
            "small critic",
            "dcgan",
            {"critic.width": 16},
            "2h",
            "D = G/4: DCGAN 78.5, 5.21; Unrolled-10 327, 4.66; Pac4 667, 1.81",
        ),
    ),
    judge=judge,
    text=text,
    samples=26_000,
    prepared=prepared,
)
