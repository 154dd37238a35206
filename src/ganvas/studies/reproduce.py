"""Published tables, theirs beside ours: each row is a run of its own, which goes on where it stopped."""

import platform
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ganvas import watched
from ganvas.core.errors import UserError
from ganvas.core.run import Run
from ganvas.core.settings import override
from ganvas.data.load import load
from ganvas.recipes import base as recipes
from ganvas.report.page import write
from ganvas.studies import stacked
from ganvas.studies.tables.base import Question, Row, Table
from ganvas.studies.tables.captions import CAPTIONS
from ganvas.studies.tables.likelihoods import FASHION_BITS, MNIST_NLL
from ganvas.studies.tables.mixtures import GRID, RING
from ganvas.studies.tables.oracle import ORACLE, ORACLE_40
from ganvas.studies.tables.shakespeare import SHAKESPEARE
from ganvas.studies.tables.stacked import STACKED_MNIST
from ganvas.terminal import counting, said

TABLES = {
    "mnist-nll": MNIST_NLL,
    "fashion-bits": FASHION_BITS,
    "ring": RING,
    "grid": GRID,
    "stacked-mnist": STACKED_MNIST,
    "oracle": ORACLE,
    "oracle-40": ORACLE_40,
    "captions": CAPTIONS,
    "shakespeare": SHAKESPEARE,
}


def reproduce(
    name: str,
    data: str | None,
    out: Path,
    *,
    rows: tuple[str, ...] = (),
    budget: str | None = None,
    samples: int | None = None,
    seed: int = 0,
    seeds: int | None = None,
) -> list[dict[str, Any]]:
    """Train and judge these rows of a table, all if none is named; what is there is not done again.

    `seed`: the first of `seeds`. The figures of each run, row by row, with those of other rows that have been
    trained in `out` before. UserError says what cannot work.
    """
    table = find(name)
    if unknown := set(rows) - {row.name for row in table.rows}:
        names = ", ".join(row.name for row in table.rows)
        raise UserError(f"{name} has no row {sorted(unknown)[0]!r}; there are {names}")
    if seeds is not None and seeds < 1:
        raise UserError(f"--seeds is 1 or more, not {seeds}")
    if data is None and table.data:
        raise UserError(f"say where the data are: --data with {table.data}")
    given, count = data or "", table.seeds if seeds is None else seeds
    source = table.prepared(given, out)
    found = []
    for row in table.rows:
        paths = {k: table.place(out, row, k) for k in range(seed, seed + count)}
        if rows and row.name not in rows and not all(map(_finished, paths.values())):
            continue
        _together(row, table, source, paths, budget)
        for number in paths:
            run = _trained(row, table, source, out, budget, number)
            question = Question(samples or table.samples, number, out, given)
            with counting() as of:
                figures = table.judge(run, question, of(f"judging {row.name}"))
            took = run.progress()
            found.append(
                {"row": row.name, "recipe": row.recipe, "published": row.published, "step": took["step"]}
                | figures
                | {"training_seconds": _seconds(row, table, out, number)}
                | {"seed": number, "machine": machine(run)}
            )
    return found


def find(name: str) -> Table:
    if name not in TABLES:
        raise UserError(f"there is no table {name!r}; there are {', '.join(TABLES)}")
    return TABLES[name]


def _finished(path: Path) -> bool:
    return (path / "recipe.json").is_file() and Run.open(path).progress()["finished"]


def _trained(row: Row, table: Table, data: str, out: Path, budget: str | None, seed: int) -> Run:
    """The row's run, begun, gone on with, or as it is where it is finished; UserError if it is stopped."""
    path = table.place(out, row, seed)
    if _finished(path):
        return Run.open(path)
    if (path / "recipe.json").is_file():
        run = watched.train(None, None, out=path, resume=True)
    else:
        how: dict[str, Any] = {
            "budget": budget or row.budget,
            "seed": seed,
            "settings": _settings(row, table),
        }
        if row.after:
            how["init_from"] = _trained(table.row(row.after), table, data, out, budget, seed)
        run = watched.train(data, row.recipe, out=path, **how)
    if not run.progress()["finished"]:
        raise UserError(_stopped(row, f"seed {seed}"))
    return run


def _seconds(row: Row, table: Table, out: Path, seed: int) -> int:
    """Of training, that of the row which it starts from with it."""
    own = round(Run.open(table.place(out, row, seed)).progress()["seconds"])
    return own + (_seconds(table.row(row.after), table, out, seed) if row.after else 0)


def _together(row: Row, table: Table, data: str, paths: dict[int, Path], budget: str | None) -> None:
    """Train side by side the seeds that were not begun, where networks can be stacked, and those that were
    begun so: it takes less time."""
    for seeds in sorted({tuple(stacked.unfinished(path)) for path in paths.values()} - {()}):
        begun = [next(iter(paths.values())).with_name(f"seed-{seed}") for seed in seeds]
        _stack(row, seeds, lambda watch, begun=begun: stacked.resume(begun, watch=watch))
    fresh = [seed for seed, path in paths.items() if not path.exists()]
    if len(fresh) < 2 or budget or row.budget:
        return
    how: dict[str, Any] = {"out": paths.__getitem__, "settings": _settings(row, table)}
    recipe = override(recipes.find(row.recipe), how["settings"])
    if stacked.stackable(recipe, load(data, recipes.data_settings(recipe)).spec):
        _stack(row, fresh, lambda watch: stacked.train(data, row.recipe, fresh, watch=watch, **how))


def _stack(row: Row, seeds: Sequence[int], trained: Callable[[stacked.Watch], list[Run]]) -> None:
    numbers = ", ".join(map(str, seeds))
    said(f"{row.name}: seeds {numbers} are trained side by side; what is shown is of the first.")
    with stacked.shown(seeds[0]) as watch:
        runs = trained(watch)
    for run in runs:
        if not run.progress()["finished"]:
            raise UserError(_stopped(row, f"seeds {numbers}"))
        write(run.path)


def _stopped(row: Row, seeds: str) -> str:
    return f"stopped in the row {row.name}, {seeds}, and saved; the same command goes on from there"


def _settings(row: Row, table: Table) -> dict[str, Any]:
    return dict(table.common) | dict(row.settings)


def machine(run: Run) -> str:
    """Where it was trained, in words."""
    place = run.record["environment"]
    threads = f"{place['threads']} thread{'s' * (place['threads'] > 1)}"
    return f"{threads}, {place['device']}, {platform.machine()}"


def markdown(name: str, found: list[dict[str, Any]]) -> str:
    """The table as it goes into docs/results/."""
    table = find(name)
    return table.text(table, found)
