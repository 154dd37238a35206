"""The oracle: its law is the one that is written down, its checks hold, and the table says what was found."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ganvas.core.errors import UserError
from ganvas.data.load import load
from ganvas.data.text import ItemSettings
from ganvas.models import duel
from ganvas.studies import beyond, oracle
from ganvas.studies.reproduce import TABLES, markdown, reproduce
from ganvas.studies.tables import oracle as table

RNG = np.random.default_rng(3)


def weights(tokens=50, width=6):
    return {k: RNG.standard_normal(size) for k, size in oracle.shapes(tokens, width).items()}


def by_hand(w, x):
    """Nats a token of one sequence, in double precision, as Hochreiter & Schmidhuber have it."""
    sigmoid = lambda a: 1 / (1 + np.exp(-a))  # noqa: E731
    h = c = np.zeros(w["wi"].shape[0])
    token, total = oracle.START, 0.0
    for after in x:
        e = w["embedding"][token]
        i, f, o = (sigmoid(e @ w[f"w{g}"] + h @ w[f"u{g}"] + w[f"b{g}"]) for g in ("i", "f", "og"))
        c = f * c + i * np.tanh(e @ w["wc"] + h @ w["uc"] + w["bc"])
        h = o * np.tanh(c)
        logits = h @ w["wo"] + w["bo"]
        total -= logits[after] - np.log(np.exp(logits).sum())
        token = after
    return total / len(x)


def test_the_forward_pass_equals_one_in_numpy():
    w, x = weights(), RNG.integers(50, size=(8, 12))
    found = oracle.Oracle(w).nll(torch.from_numpy(x))
    np.testing.assert_allclose(found.numpy(), [by_hand(w, row) for row in x], rtol=1e-5)


def test_a_temperature_divides_logits():
    law, x = oracle.Oracle(weights()), torch.from_numpy(RNG.integers(50, size=(3, 5)))
    one, hot, even = oracle.nll(law.network, oracle.START, x, (1.0, 2.0, 1e6))
    torch.testing.assert_close(one, law.nll(x))
    assert not torch.allclose(one, hot)
    torch.testing.assert_close(even, torch.full_like(even, np.log(50)), rtol=1e-4, atol=0)


def test_samples_come_from_the_law():
    law = oracle.Oracle(weights(4, 6))
    made = law.sample(20_000, 3, torch.Generator().manual_seed(0))
    every = torch.cartesian_prod(*[torch.arange(4)] * 3)
    p = (-3 * law.nll(every)).exp()
    assert p.sum().item() == pytest.approx(1, abs=1e-5)
    share = torch.bincount((made * torch.tensor([16, 4, 1])).sum(1), minlength=64) / 20_000
    assert ((share - p).abs() < 5 * (p * (1 - p) / 20_000).sqrt() + 1e-4).all()


def test_an_oracle_of_the_same_law_has_the_checks_of_the_published_one():
    law, found = oracle.drawn(), {}
    found["entropy"] = law.nll(law.sample(400, 20, torch.Generator().manual_seed(0)))
    found["uniform"] = law.nll(torch.randint(5_000, (400, 20), generator=torch.Generator().manual_seed(1)))
    means = {k: v.mean().item() for k, v in found.items()}
    errors = {k: (v.std() / 20).item() for k, v in found.items()}
    assert abs(means["entropy"] - 5.75) < 0.1 + 3 * errors["entropy"]
    assert abs(means["uniform"] - 11.4) < 0.1 + 3 * errors["uniform"]


def saved(tmp_path, **changes):
    w = {k: v.astype(np.float32) for k, v in weights().items()} | changes
    np.savez(tmp_path / "oracle.npz", **{k: v for k, v in w.items() if v is not None})
    return str(tmp_path / "oracle.npz"), w


def test_an_oracle_is_read_from_a_file(tmp_path):
    path, w = saved(tmp_path)
    x = torch.from_numpy(RNG.integers(50, size=(3, 5)))
    assert torch.equal(oracle.read(path).nll(x), oracle.Oracle(w).nll(x))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"wi": None}, r"holds no oracle \('wi' is missing\); an .npz with embedding, wi,"),
        ({"bo": np.zeros(3, np.float32)}, r"bo is \(3,\), not \(50,\)"),
        ({"uc": np.full((6, 6), np.nan, np.float32)}, "weights that are no number"),
        ({"wo": np.array([{}], object)}, "holds no oracle"),
    ],
)
def test_what_is_no_oracle_is_refused(tmp_path, changes, sentence):
    path, _ = saved(tmp_path, **changes)
    with pytest.raises(UserError, match=sentence):
        oracle.read(path)


@pytest.mark.parametrize("name", ["none.npz", "text.npz"])
def test_what_is_no_file_of_arrays_is_refused(tmp_path, name):
    (tmp_path / "text.npz").write_text("no arrays")
    with pytest.raises(UserError, match="holds no oracle"):
        reproduce("oracle", str(tmp_path / name), tmp_path / "out")


def test_both_parts_are_full_and_hold_what_the_oracle_says(tmp_path, monkeypatch):
    monkeypatch.setattr(table, "TRAINING", 60)
    monkeypatch.setattr(table, "truth", lambda data: oracle.Oracle(weights(50, 6)))
    path = table.prepared(20, "", tmp_path)
    data = load(path, ItemSettings(unit="numbers", vocabulary=300, context=21, held_out=0.5))
    assert [len(part.documents()) for part in (data, data.held_out)] == [60, 60]
    assert (data.spec.shortest, data.spec.longest) == (21, 21)
    assert Path(path).read_text().count("\n") == 120


CURVE = [[t, 6 + 2 * t, 9 - 2 * t] for t in (0.5, 0.75, 1.0, 1.25)]


def test_a_gap_is_taken_at_equal_quality():
    assert beyond.gap([1.0, 7.8, 7.0], CURVE) == pytest.approx(0.2)
    assert beyond.gap([1.0, 7.5, 7.0], CURVE) == pytest.approx(0.5)
    assert beyond.gap([1.0, 5.0, 7.0], CURVE) is None
    assert beyond.equal([1.0, 7.64, 7.0], CURVE) == pytest.approx(0.82)


def test_an_interval_is_students():
    found = beyond.mean([1.0, 2.0, 3.0, 4.0])
    assert found.value == 2.5
    assert found.margin == pytest.approx(3.182446 * np.std([1, 2, 3, 4], ddof=1) / 2, rel=1e-4)
    assert beyond.mean([1.0, 2.0, 3.0, 4.0], looks=5).margin > found.margin
    assert beyond.mean([1.0]).told == "1.000"


def moved(by, forth=0.0):
    """Curves of five seeds, each somewhat elsewhere, that lie beyond `CURVE` by so much."""
    chance = np.random.default_rng(0).normal(0, 0.01, 5)
    return {k: [[t, a - forth, b - by + chance[k]] for t, a, b in CURVE] for k in range(5)}


def test_the_verdict_says_which_temperature_it_equals_and_whether_it_lies_beyond():
    theirs = dict.fromkeys(range(5), CURVE)
    (said,) = beyond.verdicts("seqgan", "likelihood alone", moved(-0.5, forth=0.36), theirs)
    assert "seqgan equals likelihood alone at temperature 0.820 ± 0.000" in said
    assert "nats more" in said
    assert "Nowhere does it lie beyond that curve, outside the intervals (5 seeds)" in said
    (said,) = beyond.verdicts("relgan", "likelihood alone", moved(0.3), theirs)
    assert "nats fewer" in said
    assert "It lies beyond that curve, outside the intervals, at 4 of 4 temperatures" in said
    (said,) = beyond.verdicts("relgan", "x", {0: moved(0.3)[0]}, {0: CURVE})
    assert "With one seed nothing can be said" in said


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """The whole way, in little."""
    folder = tmp_path_factory.mktemp("oracle")
    tiny = {"training.batch": 8, "training.snapshots": 0, "critic.width": 8, "training.log_every": 5}
    one = TABLES["oracle"]
    rows = tuple(replace(row, settings={**row.settings, "training.steps": 4}) for row in one.rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(table, "TRAINING", 60)
        patch.setattr(duel, "WATCHED", 4)
        patch.setitem(TABLES, "oracle", replace(one, common={**one.common, **tiny}, rows=rows))
        yield folder, reproduce("oracle", None, folder, samples=20, seeds=2)


def test_the_table_has_both_likelihoods_the_curves_and_a_verdict(found):
    text = markdown("oracle", found[1])
    assert "| likelihood (`seqgan`) | 9.038 |" in text
    assert "| seqgan (`seqgan`) | 8.736 |" in text
    assert "| relgan (`relgan`) | 6.680 |" in text
    assert "| the oracle itself | 5.75 |" in text
    assert "seqgan, before" in text
    assert text.count("likelihood alone") >= 2
    for row in found[1]:
        assert [t for t, *_ in row["curve"]] == list(table.TEMPERATURES)
        assert 8 < row["curve"][table.OWN][2] < 9  # hardly trained: log 5000 is 8.52


def test_a_judgement_is_kept_with_its_run(found):
    folder, before = found
    files = {f: f.stat().st_mtime_ns for f in folder.rglob("*") if f.is_file()}
    assert reproduce("oracle", None, folder, samples=20, seeds=2) == before
    assert files == {f: f.stat().st_mtime_ns for f in folder.rglob("*") if f.is_file()}
