"""The doctor beside a training: it changes no bit, is the same after a resume, and says what it saw."""

import json

import numpy as np
import pytest

from ganvas import api, watched
from ganvas.core.errors import UserError
from ganvas.core.loop import Observer
from ganvas.core.run import Run
from ganvas.remedies import doctor
from ganvas.remedies.doctor import CHECKUPS, DIARY, diagnose

TINY = {"training.batch": 8, "training.log_every": 2, "training.snapshots": 0}
WIDTHS = {"generator.width": 4, "critic.width": 4}
RECIPES = {
    "dcgan": WIDTHS
    | {"critic.norm": "spectral", "augment.adaptive": True, "augment.colour": True, "augment.speed": 500},
    "vae": {"width": 4},
    "vaegan": {"encoder.width": 4, "decoder.width": 4, "critic.width": 4},
}


@pytest.fixture
def often(monkeypatch):
    monkeypatch.setattr(doctor, "interval", lambda total, batch, probed: 4)


def trained(folder, data, recipe, mode, steps=12, observer=None, **more):
    settings = TINY | RECIPES.get(recipe, WIDTHS)
    observer = observer or Observer(said=lambda sentence: None)
    settings |= more.pop("settings", {})
    return api.train(
        data, recipe, out=folder, steps=steps, doctor=mode, settings=settings, observer=observer, **more
    )


def tensors(run):
    """The bytes of the model and of the last checkpoint."""
    files = [*run.model.glob("*.safetensors"), *run.path.glob("checkpoints/step-12/*.safetensors")]
    assert len(files) == 5
    return {str(f.relative_to(run.path)): f.read_bytes() for f in files}


@pytest.mark.parametrize("recipe", RECIPES)
def test_watching_changes_no_bit(tmp_path, pictures, often, recipe):
    watched = trained(tmp_path / "watched", pictures, recipe, "watch")
    alone = trained(tmp_path / "alone", pictures, recipe, "off")
    assert len(watched.lines(CHECKUPS)) == 3
    assert not alone.lines(CHECKUPS)
    assert tensors(watched) == tensors(alone)


def test_what_was_seen_before_a_stop_counts_after_it(tmp_path, pictures, often):
    held = []

    def stop(moment):
        held[0].stopping |= moment.step == 6

    whole = trained(tmp_path / "whole", pictures, "dcgan", "watch")
    observer = Observer(started=held.append, logged=stop, said=lambda sentence: None)
    run = trained(tmp_path / "stopped", pictures, "dcgan", "watch", observer=observer)
    assert run.progress()["step"] < 12
    run = trained(tmp_path / "stopped", None, None, "watch", steps=None, resume=True, settings={})
    assert run.progress()["finished"]
    assert run.lines(CHECKUPS) == whole.lines(CHECKUPS)
    assert run.lines(DIARY) == whole.lines(DIARY)
    assert tensors(run) == tensors(whole)


def test_a_run_that_goes_wrong_is_said_written_and_diagnosed(tmp_path, often):
    said = []
    rates = {"generator.lr": 1.0, "critic.lr": 1.0, "training.batch": 32}
    run = trained(
        tmp_path / "sick", "ring", "points", "watch", 40, Observer(said=said.append), settings=rates
    )
    (first, *_) = run.lines(DIARY)
    assert first["found"] == "exploding gradients"
    assert first["since"] <= first["step"] <= 40
    assert first["said"] in said[-1] or any(first["said"] in sentence for sentence in said)
    found = diagnose(Run.open(run.path))
    assert [f["found"] for f in found["findings"]] == [e["found"] for e in run.lines(DIARY) if "found" in e]
    json.dumps(found, allow_nan=False)
    assert "the recipe's own (now 1)" in first["advice"]


def test_a_run_without_check_ups_is_judged_by_its_log(tmp_path, often):
    rates = {"generator.lr": 1.0, "critic.lr": 1.0, "training.batch": 32}
    run = trained(tmp_path / "sick", "ring", "points", "off", 40, settings=rates)
    found = diagnose(run)
    assert not found["probed"]
    assert "exploding gradients" in {f["found"] for f in found["findings"]}


def test_there_is_no_other_doctor(tmp_path):
    with pytest.raises(UserError, match="off, watch or treat"):
        trained(tmp_path / "run", "ring", "points", "cure")


def test_the_command_line_says_it_in_words_and_as_json(ganvas, tmp_path):
    tiny = [f"--{k.replace('_', '-')}={v}" for k, v in (TINY | WIDTHS | {"training.batch": 64}).items()]
    rates = ("--critic.lr", "1", "--generator.lr", "1", "--steps", "120", "--out", "sick")
    trained = ganvas("train", "points", "--data", "ring", *tiny, *rates)
    assert trained.returncode == 0, trained.stderr
    assert "doctor, step" in trained.stderr
    report = (tmp_path / "sick/report.html").read_text()
    assert "exploding gradients" in report
    assert 'class="trouble"' in report
    words, as_json = ganvas("doctor", "sick"), ganvas("doctor", "sick", "--json")
    found = json.loads(as_json.stdout)
    assert (words.returncode, as_json.returncode) == (0, 0)
    assert found["findings"]
    assert all(f["said"] in words.stdout for f in found["findings"])


def test_what_is_no_run_is_refused(ganvas, tmp_path):
    (tmp_path / "empty").mkdir()
    found = ganvas("doctor", "empty")
    assert (found.returncode, found.stdout) == (2, "")
    assert found.stderr.count("\n") == 1


def test_text_that_is_learnt_by_heart_is_found_while_it_trains(tmp_path):
    rng = np.random.default_rng(0)
    lines = ["".join(map(chr, rng.integers(97, 123, 8))) for _ in range(60)]
    (tmp_path / "lines.txt").write_text("\n".join(lines))
    settings = {"text.context": 16, "text.unit": "lines", "text.held_out": 0.5, "training.batch": 32}
    settings |= {"model.width": 32, "model.depth": 1, "model.heads": 1, "model.lr": 0.03}
    settings |= {"training.snapshots": 12, "training.average": 0.05}
    run = watched.train(tmp_path / "lines.txt", "lm", out=tmp_path / "run", steps=400, settings=settings)
    found = [line for line in run.lines(DIARY) if line.get("found") == "overfitting"]
    assert len(found) == 1
    assert found[0]["evidence"]["held_out"] > 1.03 * found[0]["evidence"]["best"]
