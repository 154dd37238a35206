"""Curves at Weights & Biases and MLflow, by their own packages, with no network."""

import importlib.util
import json

import pytest

from ganvas.core.errors import UserError
from ganvas.report import tracking

QUICK = ("--training.batch", "16", "--training.log-every", "1", "--training.looks", "0", "--doctor", "off")


def trained(ganvas, tracker, *more):
    line = ["train", "points", "--data", "ring", "--out", "run", "--steps", "3", "--json", *more]
    done = ganvas(*line, *QUICK, "--track", tracker)
    assert done.returncode == 0, done.stderr
    return done


def test_an_unknown_one_is_refused(tmp_path):
    with pytest.raises(UserError, match="--track is wandb or mlflow, not 'comet'"):
        tracking.check("comet")


def test_a_missing_one_is_one_sentence_that_names_the_extra(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"pip install 'ganvas\[wandb\]'"):
        tracking.check("wandb")


def test_no_key_no_network(monkeypatch, tmp_path):
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    assert not tracking.WandB.logged_in()
    (tmp_path / ".netrc").write_text("machine api.wandb.ai login user password 0\n")
    (tmp_path / ".netrc").chmod(0o600)
    assert tracking.WandB.logged_in()


@pytest.mark.skipif(importlib.util.find_spec("mlflow") is None, reason="mlflow is not installed")
def test_mlflow_has_every_figure_of_the_log_and_a_resumed_run_stays_one(ganvas, tmp_path):
    trained(ganvas, "mlflow")
    number = json.loads((tmp_path / "run/tracking.json").read_text())["mlflow"]
    (tmp_path / "run/checkpoints").rename(tmp_path / "run/away")
    found = [*(tmp_path / "run/mlflow").rglob("metrics/critic")]
    assert [path.parent.parent.name for path in found] == [number]
    steps = {int(line.split()[2]): float(line.split()[1]) for line in found[0].read_text().splitlines()}
    log = [json.loads(line) for line in (tmp_path / "run/log.jsonl").read_text().splitlines()]
    assert steps == {line["step"]: line["critic"] for line in log}
    params = {path.name: path.read_text() for path in found[0].parent.parent.joinpath("params").rglob("*")}
    assert params["recipe"] == "points"
    assert not any(str(tmp_path) in value for value in params.values())
    (tmp_path / "run/away").rename(tmp_path / "run/checkpoints")
    assert ganvas("train", "--out", "run", "--resume").returncode == 0
    assert json.loads((tmp_path / "run/tracking.json").read_text()) == {"mlflow": number}
    assert len([*(tmp_path / "run/mlflow").rglob("metrics/critic")]) == 1
    assert (found[0].parent / "critic.real").is_file()


@pytest.mark.long
@pytest.mark.skipif(importlib.util.find_spec("wandb") is None, reason="wandb is not installed")
def test_wandb_is_kept_here_and_a_resumed_run_stays_one(ganvas, tmp_path, monkeypatch):
    for name in ("WANDB_API_KEY", "WANDB_MODE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    trained(ganvas, "wandb")
    assert ganvas("train", "--out", "run", "--resume").returncode == 0
    number = json.loads((tmp_path / "run/tracking.json").read_text())["wandb"]
    kept = [*(tmp_path / "run/wandb").glob("offline-run-*/*.wandb")]
    assert len(kept) == 2
    assert {path.name for path in kept} == {f"run-{number}.wandb"}
    first = min(kept).read_bytes()
    assert all(word in first for word in (b"items_per_second", b"critic", b"step"))
