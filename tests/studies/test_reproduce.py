"""Published tables: rows are trained once, judged as the protocol says, and stand beside theirs."""

import dataclasses
import json

import pytest

from ganvas.core.errors import UserError
from ganvas.core.run import Run
from ganvas.metrics.likelihood import Likelihood
from ganvas.studies.reproduce import TABLES, markdown, reproduce
from ganvas.studies.tables.base import Row

TINY = {"rows": ("random",), "budget": "1s"}


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    folder = tmp_path_factory.mktemp("table")
    return folder, reproduce("fashion-bits", "fashion", folder, **TINY)


def test_a_row_says_what_kind_of_figure_it_has(table):
    (row,) = table[1]
    assert row["protocol"] == "exact"
    assert row["items"] == 2_000
    assert row["low"] < row["nll_nats"] < row["high"]
    assert set(Likelihood._fields) < set(row)


def test_pixels_by_themselves_take_fewer_bits_than_even_levels(table):
    (row,) = table[1]
    assert 2 < row["bits_per_dim"] < 8


def test_what_is_there_is_neither_trained_nor_judged_again(table):
    folder, before = table
    files = {f: f.stat().st_mtime_ns for f in (folder / "random").rglob("*") if f.is_file()}
    assert reproduce("fashion-bits", "fashion", folder, **TINY) == before
    assert files == {f: f.stat().st_mtime_ns for f in (folder / "random").rglob("*") if f.is_file()}


def test_rows_of_before_stand_in_the_table_too(table):
    folder, before = table
    found = reproduce("fashion-bits", "fashion", folder, rows=("loglinear",), budget="1s")
    assert [row["row"] for row in found] == ["random", "loglinear"]
    assert found[:1] == before


def test_a_row_can_start_from_another_whose_time_counts_too(tmp_path, monkeypatch):
    table = TABLES["fashion-bits"]
    rows = Row("first", "loglinear"), Row("then", "loglinear", after="first")
    monkeypatch.setitem(TABLES, "fashion-bits", dataclasses.replace(table, rows=rows))
    (found, *more) = reproduce("fashion-bits", "fashion", tmp_path, rows=("then",), budget="2s")
    assert more == []
    first, then = (Run.open(tmp_path / name) for name in ("first", "then"))
    assert then.record["init_from"]["run"] == str(first.path)
    assert found["training_seconds"] == sum(round(run.progress()["seconds"]) for run in (first, then))


def test_other_samples_are_judged_anew_from_the_same_run(table):
    folder, before = table
    after, *_ = reproduce("fashion-bits", "fashion", folder, samples=7, **TINY)
    assert after["samples"] == 7
    assert after["nll_nats"] == before[0]["nll_nats"]  # exact: no samples are drawn


def test_the_table_stands_in_markdown_with_theirs_beside_ours():
    row = TABLES["mnist-nll"].rows[1]
    found = {"row": row.name, "recipe": row.recipe, "published": row.published}
    found |= Likelihood(87.0, 86.5, 87.5, 0.16, 10, "a bound")._asdict()
    found |= {"step": 12_000, "training_seconds": 120, "machine": "here", "seconds": 60}
    text = markdown("mnist-nll", [found])
    assert (
        "| vae (`vae`) | 86.35 (IWAE, table 1: VAE, k = 50) | **87.00** ± 0.50 | **0.1600** | a bound |"
        in text
    )


def test_unknown_tables_and_rows_are_refused(tmp_path):
    with pytest.raises(UserError, match="no table 'mnist'; there are mnist-nll, fashion-bits"):
        reproduce("mnist", "fashion", tmp_path)
    with pytest.raises(UserError, match="mnist-nll has no row 'vea'; there are loglinear, vae"):
        reproduce("mnist-nll", "fashion", tmp_path, rows=("vea",))


def test_the_command_lists_its_tables(ganvas):
    answer = ganvas("reproduce", "--json")
    assert [row["table"] for row in json.loads(answer.stdout)] == list(TABLES)
