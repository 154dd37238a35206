"""A run judged by what it has not seen: who copies is convicted, figures carry how they were made."""

import json

import numpy as np
import pytest

import ganvas as package
from ganvas.core.errors import UserError
from ganvas.core.files import read_json
from ganvas.core.run import Run
from ganvas.report import evaluated, page
from ganvas.studies import seen
from ganvas.studies.evaluation import evaluate
from ganvas.studies.likelihoods import Draws, judged

TRAINED, KEPT = 150, 60
EXACT = {"shift": 0, "noise": 0.0}


def train(folder, name, recipe, data, **settings):
    told = package.train(str(data), recipe, out=folder / name, steps=1, settings=settings)
    return told.path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Pictures of independent pixels in two classes, dark and light, their own test part held out."""
    folder = tmp_path_factory.mktemp("evaluation")
    rng = np.random.default_rng(0)
    label = np.arange(TRAINED + KEPT) % 2
    pixels = (rng.integers(0, 128, (len(label), 8, 8)) + 127 * label[:, None, None]).astype(np.uint8)
    parts = {"x_train": pixels[:TRAINED], "x_test": pixels[TRAINED:]}
    np.savez(folder / "squares.npz", **parts, y_train=label[:TRAINED], y_test=label[TRAINED:])
    np.savetxt(folder / "rows.csv", rng.normal(size=(400, 3)), delimiter=",")
    return folder


@pytest.fixture(scope="module")
def copier(folder):
    run = train(folder, "copier", "template", folder / "squares.npz", **EXACT)
    return run, evaluate(run, features="pixels", samples=TRAINED, baselines=True)


@pytest.fixture(scope="module")
def honest(folder):
    """It has the very law of the data, from histograms."""
    run = train(folder, "honest", "random", folder / "squares.npz")
    return run, evaluate(run, features="pixels", samples=200)


def test_a_copier_is_convicted_and_its_sources_are_shown(copier):
    run, found = copier
    assert found["copying"]["convicted"]
    assert found["copying"]["verdict"].startswith("It copies training items.")
    assert found["memorisation"]["value"] > 0.8
    assert found["copying"]["spaces"]["pixels"]["distance_ratio"] < 0.1
    low, high = (found["support"]["samples"][key] for key in ("low", "high"))
    assert low < TRAINED < high
    html = page.write(run).read_text()
    assert "Does it copy?" in html
    assert found["copying"]["verdict"] in html
    assert (run / found["copying"]["pictures"][0]).is_file()


def test_who_has_learnt_the_law_is_acquitted(honest):
    found = honest[1]
    assert not found["copying"]["convicted"]
    assert found["copying"]["verdict"].startswith("No copying was found.")
    assert found["memorisation"]["interval"][0] < 0.05
    assert found["copying"]["spaces"]["pixels"]["p"] > 0.01


def test_the_floor_and_the_baselines_stand_in_one_table_made_in_one_way(copier):
    found = copier[1]
    rows = [found, found["floor"], *found["baselines"].values()]
    assert set(found["baselines"]) <= {"random", "template", "parametric"}
    assert {"random", "template"} <= set(found["baselines"])
    assert len({row["kd"]["protocol"] for row in rows}) == 1
    table = evaluated.table(found)
    assert table.heads[:2] == ["this model", "real"]
    assert [name for name, *_ in table.rows][:2] == ["kernel distance", "precision"]


def test_figures_made_otherwise_do_not_stand_beside(copier):
    found = json.loads(json.dumps(copier[1]))
    found["floor"]["kd"]["protocol"] = "another"
    table = evaluated.table(found)
    assert table.rows[0][2][1] == ("–", "")
    assert "kernel distance of real was found in another way and cannot stand beside." in table.notes


def test_every_figure_has_its_interval_its_count_and_a_protocol_that_is_written_down(copier):
    found = copier[1]
    figures = {name: found[name] for name in ("kd", "precision", "recall", "density", "coverage")}
    assert all(f["interval"][0] <= f["value"] <= f["interval"][1] for f in figures.values())
    assert all(f["count"] == TRAINED for f in figures.values())
    facts = found["protocols"][found["kd"]["protocol"]]
    assert (facts["samples"], facts["references"], facts["k"]) == (TRAINED, KEPT, 5)
    assert set(found["classes"]) == {"0", "1"}
    assert found["classes"]["1"]["kd"]["protocol"] != found["kd"]["protocol"]


def test_the_law_itself_is_as_good_as_real_items_and_no_distance_where_items_are_too_few(honest):
    found = honest[1]
    assert "fd" not in found  # 60 items in 64 dimensions
    assert found["kd"]["interval"][0] < 0 < found["kd"]["interval"][1]


def test_a_likelihood_stands_beside_and_is_kept(honest):
    run, found = honest
    assert found["nll_nats"]["count"] == KEPT
    assert judged(Run.open(run), Draws(100)) == found["likelihood"]
    again = judged(Run.open(run), Draws(7))  # another number of draws is judged anew
    assert read_json(run / "evaluation.json")["likelihood"] == again
    assert read_json(run / "evaluation.json")["kd"] == found["kd"]


def test_of_many_items_a_few_are_bounded_closely_and_all_roughly():
    assert Draws.for_most(1_999, 100) == Draws(100)
    assert Draws.for_most(10_000, 100) == Draws(100, rough=5, every=10)


def test_the_same_again_is_the_same_and_features_are_not_made_twice(copier, monkeypatch):
    run, found = copier
    said = []
    before = {key: value for key, value in found.items() if key not in ("seconds", "baselines", "protocols")}
    monkeypatch.setattr(seen, "AT_ONCE", 0)  # nothing could be made
    again = evaluate(run, features="pixels", samples=TRAINED, said=said.append)
    assert {key: again[key] for key in before} == before
    assert said[1:] == []


def test_other_counts_than_before_are_said_to_be_incomparable(copier):
    said = []
    evaluate(copier[0], features="pixels", samples=100, said=said.append)
    assert said[-1].endswith("for they were made differently: samples 100 and 150.")


def test_points_are_judged_as_they_are(folder):
    found = evaluate(train(folder, "points", "points", folder / "rows.csv"), samples=60)
    assert found["fd"]["value"] > 0
    assert found["protocols"][found["fd"]["protocol"]]["features"] == "values"


def test_where_modes_are_known_they_are_counted(folder, monkeypatch):
    monkeypatch.setattr("ganvas.studies.evaluation.USUAL", 500)
    found = evaluate(train(folder, "ring", "points", "ring"), samples=300)
    assert found["floor"]["modes"]["value"] == 8
    assert found["floor"]["high_quality"]["value"] == pytest.approx(0.989, abs=0.03)
    assert set(found) >= {"modes", "high_quality", "reverse_kl"}


def test_what_cannot_be_judged_is_refused(folder, copier, pictures, tmp_path):
    nothing = train(tmp_path, "nothing", "random", pictures, **{"image.held_out": 0.0})
    few = train(tmp_path, "few", "random", pictures)
    (tmp_path / "begun").mkdir()
    (tmp_path / "begun" / "recipe.json").write_text("{}")
    (tmp_path / "wrong.onnx").write_text("no network")
    for run, how, says in (
        (nothing, {}, "nothing was held out of the data of .*nothing, .*--data HELDOUT"),
        (few, {}, "held-out items are too few to judge by, where at least 10 are needed"),
        (tmp_path / "begun", {}, "holds no model yet"),
        (tmp_path / "nowhere", {}, "there is no run"),
        (copier[0], {"samples": 3}, "number of samples is from 10 to 1,000,000, not 3"),
        (copier[0], {"features": "inception"}, "there are no features 'inception'"),
        (copier[0], {"features": str(tmp_path / "wrong.onnx")}, "cannot be read as an ONNX network"),
        (copier[0], {"features": str(tmp_path / "gone.pt")}, "no features file .*gone.pt"),
        (copier[0], {"data": pictures}, r"has the classes dark, light, but the model knows 0, 1"),
    ):
        with pytest.raises(UserError, match=says):
            evaluate(run, **{"features": "pixels"} | how)


def test_other_held_out_pictures_can_be_given(folder, honest):
    said = []
    found = evaluate(honest[0], features="pixels", samples=50, data=folder / "squares.npz", said=said.append)
    assert "150 of the 210 pictures given were trained on, and are left out." in said
    facts = found["protocols"][found["kd"]["protocol"]]
    assert facts["references"] == KEPT
    assert facts["reference"].endswith("given, of 210")
    assert "likelihood" not in found


def test_the_command_prints_json_and_refuses_in_a_sentence(ganvas, folder, honest):
    answer = ganvas("evaluate", honest[0], "--features", "pixels", "--samples", "40", "--json")
    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout)["kd"]["count"] == 40
    refused = ganvas("evaluate", honest[0], "--features", "nothing")
    assert refused.returncode == 2
    assert refused.stderr.startswith("ganvas: there are no features 'nothing'")
