"""Published tables, theirs beside ours: each row is a run of its own, which goes on where it stopped."""

import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ganvas import watched
from ganvas.core.errors import UserError
from ganvas.core.run import Run
from ganvas.studies.likelihoods import judged
from ganvas.terminal import counting


@dataclass(frozen=True)
class Row:
    """One model of a table."""

    name: str
    recipe: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    budget: str = "1h"
    published: float | None = None
    source: str = ""


@dataclass(frozen=True)
class Table:
    """A published comparison and its protocol."""

    title: str
    protocol: str
    data: str
    """What must be given as the data."""
    common: Mapping[str, Any]
    """Settings of every row."""
    rows: tuple[Row, ...]
    samples: int = 5_000
    """Draws for each picture, of models that draw."""


DENSE = {"network": "dense", "depth": 2, "hidden": 200, "activation": "tanh", "latent": 50} | {
    "training.batch": 100
}
LADDER = {"hidden": 128, "vectors": 2, "groups": 2, "warmup": 0.05} | {
    "encoder.lr": 2e-3,
    "decoder.lr": 2e-3,
    "training.batch": 128,
    "training.precision": "auto",
}
BINARY = {"observation": "bernoulli"}
MNIST_NLL = Table(
    title="MNIST, negative log-likelihood in nats",
    protocol="28 x 28, dynamic binarisation, the 10,000 test pictures, 5,000 importance samples or exact",
    data="a folder of MNIST's four idx files",
    common={"image.size": 28, "image.labels": False, "training.snapshots": 4, "training.precision": "fp32"},
    rows=(
        Row("loglinear", "loglinear", BINARY, "10m"),
        Row("vae", "vae", DENSE | BINARY, "1h", 86.35, "IWAE, table 1: VAE, k = 50"),
        Row(
            "iwae-50",
            "vae",
            DENSE | BINARY | {"samples": 50, "bound": "iwae"},
            "3h",
            84.78,
            "IWAE, table 1: IWAE, k = 50",
        ),
        Row("hvae", "hvae", LADDER | BINARY, "3h"),
        Row("pixel", "pixel", BINARY, "3h"),
    ),
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
    samples=100,
)
TABLES = {"mnist-nll": MNIST_NLL, "fashion-bits": FASHION_BITS}


def reproduce(
    name: str,
    data: str,
    out: Path,
    *,
    rows: tuple[str, ...] = (),
    budget: str | None = None,
    samples: int | None = None,
    seed: int = 0,
) -> list[dict[str, Any]]:
    """Train and judge these rows of a table, all if none is named; what is there is not done again."""
    table = find(name)
    if unknown := set(rows) - {row.name for row in table.rows}:
        names = ", ".join(row.name for row in table.rows)
        raise UserError(f"{name} has no row {sorted(unknown)[0]!r}; there are {names}")
    found = []
    for row in table.rows:
        if rows and row.name not in rows:
            continue
        run = _trained(row, table, data, out / row.name, budget or row.budget, seed)
        if not run.progress()["finished"]:
            raise UserError(f"stopped in the row {row.name}, and saved; the same command goes on from there")
        with counting() as of:
            figures = judged(run, samples or table.samples, seed, of(f"judging {row.name}"))
        took = run.progress()
        found.append(
            {"row": row.name, "recipe": row.recipe, "published": row.published, "source": row.source}
            | figures
            | {"training_seconds": round(took["seconds"]), "seed": seed, "machine": machine(run)}
        )
    return found


def find(name: str) -> Table:
    if name not in TABLES:
        raise UserError(f"there is no table {name!r}; there are {', '.join(TABLES)}")
    return TABLES[name]


def _trained(row: Row, table: Table, data: str, path: Path, budget: str, seed: int) -> Run:
    """The row's run, begun, gone on with, or as it is where it is finished."""
    if (path / "recipe.json").is_file():
        run = Run.open(path)
        if run.progress()["finished"]:
            return run
        return watched.train(None, None, out=path, resume=True)
    settings = dict(table.common) | dict(row.settings)
    return watched.train(data, row.recipe, out=path, budget=budget, seed=seed, settings=settings)


def machine(run: Run) -> str:
    """Where it was trained, in words."""
    place = run.record["environment"]
    return f"{place['threads']} threads, {place['device']}, {platform.machine()}"


def markdown(name: str, found: list[dict[str, Any]]) -> str:
    """The table as it goes into docs/results/."""
    table = find(name)
    lines = [
        f"# {table.title}",
        "",
        f"{table.protocol}. Lower is better; ± is the 95 % interval over pictures.",
        "",
        "| model | published, nats | ours, nats | bits/dim | what figure | steps | training | judging |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in found:
        published = f"{row['published']} ({row['source']})" if row["published"] else "–"
        margin = row["high"] - row["nll_nats"]
        cells = [
            f"{row['row']} (`{row['recipe']}`)",
            published,
            f"**{row['nll_nats']:.2f}** ± {margin:.2f}",
            f"**{row['bits_per_dim']:.4f}**",
            row["protocol"],
            f"{row['step']:,}",
            f"{row['training_seconds'] / 60:.0f} min, {row['machine']}",
            f"{row['seconds'] / 60:.1f} min",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, ""])
