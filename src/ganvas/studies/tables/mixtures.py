"""PacGAN's ring and grid (Lin et al. 2018, sec. 4.1): modes found, high quality, reverse KL."""

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np

from ganvas.core.run import Run
from ganvas.data.points import MIXTURES
from ganvas.metrics.points import mixture, perfect_high_quality
from ganvas.model import load
from ganvas.studies.tables.base import Figures, Progress, Question, Row, Table, by_row, over

PUBLISHED_STEPS = 400_000
REDUCED = 40_000
"""Steps of the paper's rows that are run again here: a tenth of its own."""
PLAIN = {"game": "nonsaturating", "penalty.r1": 0.0, "penalty.r2": 0.0, "reject": False}
"""What makes `points` the plain GAN (Goodfellow et al. 2014), with networks, rates and steps as they are."""


def judge(run: Run, question: Question, progress: Progress) -> Figures:
    """Of samples as `ganvas sample` makes them."""
    truth = MIXTURES[run.record["data"]["source"]]
    made = load(run.path).sample(question.samples, seed=question.seed)
    return asdict(mixture(made, truth.modes, truth.sigma))


def text(table: Table, found: Sequence[Figures]) -> str:
    """Mean and range over seeds."""
    perfect = f"{100 * perfect_high_quality():.1f}"
    lines = [
        f"# {table.title}",
        "",
        f"{table.protocol}. Mean over seeds, and smallest to largest. More than a perfect sampler's high",
        "quality means that modes are too narrow.",
        "",
        "| model | published: modes, high quality %, reverse KL | seeds with all modes | modes | "
        "high quality, % | reverse KL, nats | steps |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, runs in by_row(found).items():
        whole = sum(run["modes"] == run["of"] for run in runs)
        cells = [
            f"{name} (`{runs[0]['recipe']}`)",
            runs[0]["published"] or "–",
            f"{whole} of {len(runs)}",
            _spread(over(runs, "modes"), "{:.1f}"),
            _spread([100 * x for x in over(runs, "high_quality")], "{:.1f}"),
            _spread(over(runs, "reverse_kl"), "{:.3f}"),
            f"{runs[0]['step']:,}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, f"| a perfect sampler | | | | {perfect} | 0 | |", ""])


def _spread(values: Sequence[float], form: str) -> str:
    mean, low, high = (form.format(x) for x in (np.mean(values), min(values), max(values)))
    return mean if low == high else f"{mean} ({low} to {high})"


def _table(name: str, title: str, published: Sequence[str]) -> Table:
    plain, *packed = published
    reduced = {"training.steps": REDUCED}
    rows = (
        Row("ours", "points"),
        Row("GAN with our networks", "points", PLAIN),
        Row("PacGAN2 with our networks", "points", PLAIN | {"packing": 2}),
        Row("GAN", "pacgan", reduced | {"packing": 1}, None, plain),
        *(
            Row(f"PacGAN{k}", "pacgan", reduced | {"packing": k}, None, p)
            for k, p in zip((2, 4), packed, strict=True)
        ),
    )
    return Table(
        title=title,
        protocol=f"PacGAN's protocol for the judging, 2,500 samples. GAN and PacGAN have its networks and "
        f"settings, for {REDUCED:,} of its {PUBLISHED_STEPS:,} steps (reduced), or our networks and settings",
        data="",
        common={"training.snapshots": 8, "training.log_every": 100},
        rows=rows,
        judge=judge,
        text=text,
        samples=2_500,
        seeds=10,
        prepared=lambda data, folder: name,
    )


RING = _table("ring", "Eight modes on a ring", ("6.3, 98.2, .45", "7.9, 95.6, .07", "7.8, 95.9, .07"))
GRID = _table("grid", "25 modes on a grid", ("17.3, 94.8, .70", "23.8, 91.3, .13", "24.8, 93.6, .04"))
