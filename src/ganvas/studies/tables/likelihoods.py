"""Tables of likelihoods."""

from collections.abc import Sequence

from ganvas.core.run import Run
from ganvas.studies.likelihoods import Draws, judged
from ganvas.studies.tables.base import Figures, Progress, Question, Row, Table

ROUGH, EVERY = 100, 50
"""5,000 samples of 10,000 pictures take a hierarchical VAE a day. So one picture in so many has them and all
have fewer: most of the interval comes from how pictures differ, and it hardly grows."""


def judge(run: Run, question: Question, progress: Progress) -> Figures:
    """Nats and bits of the held-out items."""
    draws = Draws(question.samples, ROUGH, EVERY) if question.samples > ROUGH else Draws(question.samples)
    return judged(run, draws, question.seed, progress)


def text(table: Table, found: Sequence[Figures]) -> str:
    """Theirs beside ours."""
    lines = [
        f"# {table.title}",
        "",
        f"{table.protocol}. Lower is better; ± is the 95 % interval over pictures.",
        "",
        "| model | published, nats | ours, nats | bits/dim | what figure | steps | training | judging |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in found:
        margin = row["high"] - row["nll_nats"]
        cells = [
            f"{row['row']} (`{row['recipe']}`)",
            row["published"] or "–",
            f"**{row['nll_nats']:.2f}** ± {margin:.2f}",
            f"**{row['bits_per_dim']:.4f}**",
            row["protocol"],
            f"{row['step']:,}",
            f"{row['training_seconds'] / 60:.0f} min, {row['machine']}",
            f"{row['seconds'] / 60:.1f} min",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


DENSE = {"network": "dense", "depth": 2, "hidden": 200, "activation": "tanh", "latent": 50} | {
    "encoder.lr": 1e-3,
    "decoder.lr": 1e-3,
    "training.batch": 100,
    "training.decay": 1.0,
}
LADDER = {"hidden": 128, "vectors": 2, "groups": 2, "warmup": 0.05, "free_bits": 1.0} | {
    "encoder.lr": 1.5e-3,
    "decoder.lr": 1.5e-3,
    "training.batch": 128,
    "training.decay": 0.6,
    "training.precision": "auto",
}
BINARY = {"observation": "bernoulli"}
FIFTY = {"samples": 50, "bound": "iwae", "passed": 5, "training.batch": 50, "training.precision": "auto"}
SLOWER = {"encoder.lr": 5e-4, "decoder.lr": 5e-4}
"""For networks that have learnt already."""
IWAE = DENSE | BINARY | FIFTY
PLACES = BINARY | {"training.batch": 32, "training.precision": "auto"}
MNIST_NLL = Table(
    title="MNIST, negative log-likelihood in nats",
    protocol="28 x 28, dynamic binarisation, the 10,000 test pictures, 5,000 importance samples or exact",
    data="a folder of MNIST's four idx files",
    common={"image.size": 28, "image.labels": False, "training.snapshots": 4, "training.precision": "fp32"},
    rows=(
        Row("loglinear", "loglinear", BINARY, "10m"),
        Row("vae", "vae", DENSE | BINARY, "1h", "86.35 (IWAE, table 1: VAE, k = 50)"),
        Row("iwae-50", "vae", IWAE, "3h", "84.78 (IWAE, table 1: IWAE, k = 50)"),
        Row("iwae-50-after-vae", "vae", IWAE | SLOWER, "2h", "84.78 (the same)", after="vae"),
        Row("hvae", "hvae", LADDER | BINARY, "3h"),
        Row("pixel", "pixel", PLACES, "3h"),
    ),
    judge=judge,
    text=text,
)
FASHION_BITS = Table(
    title="Fashion-MNIST, bits a dimension",
    protocol="28 x 28, 256 levels, the 10,000 test pictures, without labels, 100 importance samples or exact",
    data="a folder of Fashion-MNIST's four idx files, or fashion for the subset that ganvas brings",
    common={"image.size": 28, "image.labels": False, "training.snapshots": 4},
    rows=(
        Row("random", "random", budget="1m"),
        Row("parametric", "parametric", {"latent": 784}, "5m"),
        Row("loglinear", "loglinear", {}, "20m"),
        Row("vae", "vae", {}, "20m"),
        Row("hvae", "hvae", {}, "1h"),
        Row("flow", "flow", {}, "1h"),
        Row("pixel", "pixel", {}, "1h"),
    ),
    judge=judge,
    text=text,
    samples=100,
)
