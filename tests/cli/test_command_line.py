"""The command line as a user meets it."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

TINY = ("--generator.width", "4", "--critic.width", "4", "--training.batch", "8", "--training.snapshots", "1")
HEAVY = ("torch", "PIL", "matplotlib", "tensorboard", "kornia", "numpy", "pydantic")


def children() -> float:
    """Processor seconds of all processes that this one has waited for."""
    used = os.times()
    return used.children_user + used.children_system


def test_help_imports_nothing_heavy_and_answers_at_once():
    words = f"import sys, ganvas.cli; print([m for m in {HEAVY} if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"
    times = []
    for _ in range(5):  # of the processor: other work on the machine is not ours
        began = children()
        subprocess.run([sys.executable, "-m", "ganvas", "--help"], capture_output=True, check=True)
        times.append(children() - began)
    assert min(times) <= 0.5


def test_help_shows_the_usage_and_then_every_setting(ganvas):
    found = ganvas("train", "dcgan", "--help", COLUMNS="200")
    assert found.returncode == 0
    assert found.stdout.startswith("usage: ganvas train")
    table = found.stdout.index("Settings of dcgan")
    assert found.stdout.index("--budget") < table
    assert (
        table < found.stdout.index("--generator.width", table) < found.stdout.index("--training.steps", table)
    )


def test_training_and_sampling_with_json_print_only_json(ganvas, pictures, tmp_path):
    found = ganvas("train", "dcgan", "--data", pictures, *TINY, "--steps", "3", "--json", "--out", "run")
    assert found.returncode == 0, found.stderr
    result = json.loads(found.stdout)
    assert (result["run"], result["step"], result["finished"]) == ("run", 3, True)
    found = ganvas("sample", "run", "-n", "3", "-o", "made/", "--label", "light", "--json")
    assert json.loads(found.stdout)["samples"] == 3, found.stderr
    assert sorted(p.name for p in (tmp_path / "made").iterdir()) == ["0.png", "1.png", "2.png"]
    assert ganvas("sample", "run", "-n", "2", "-o", "more").returncode == 0
    assert sorted(p.name for p in (tmp_path / "more").iterdir()) == ["0.png", "1.png"]
    again = [ganvas("sample", "run", "-n", "2", "-o", f"{k}.npy", "--seed", "5") for k in "ab"]
    assert [a.returncode for a in again] == [0, 0]
    assert (tmp_path / "a.npy").read_bytes() == (tmp_path / "b.npy").read_bytes()


def test_a_budget_is_kept_and_the_learning_rate_comes_down_with_it(ganvas, pictures, tmp_path):
    found = ganvas("train", "dcgan", "--data", pictures, *TINY, "--budget", "5s", "--json", "--out", "run")
    result = json.loads(found.stdout)
    assert result["finished"]
    assert result["seconds"] == pytest.approx(5, abs=1.5)
    lines = [json.loads(line) for line in (tmp_path / "run/log.jsonl").read_text().splitlines()]
    rates = [line["learning_rate/generator"] for line in lines]
    assert rates[-1] < 0.02 * max(rates)


def test_ctrl_c_saves_and_says_how_to_go_on(pictures, tmp_path):
    line = [
        sys.executable,
        "-m",
        "ganvas",
        "train",
        "dcgan",
        "--data",
        str(pictures),
        *TINY,
        "--steps",
        "100000",
    ]
    process = subprocess.Popen(
        [*line, "--out", "run", "--training.log_every", "1"],
        cwd=tmp_path, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    while not (tmp_path / "run/log.jsonl").exists():
        time.sleep(0.05)
        assert process.poll() is None, process.communicate()
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "Stopped after step" in said
    assert "ganvas train --out run --resume" in said
    assert len(list((tmp_path / "run/checkpoints").iterdir())) == 1
    assert (tmp_path / "run/model/model.safetensors").exists()


def test_of_two_processes_one_speaks_and_writes(pictures, tmp_path):
    line = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node",
        "2",
        "-m",
        "ganvas",
    ]
    found = subprocess.run(
        [*line, "train", "dcgan", "--data", str(pictures), *TINY, "--steps", "3", "--json", "--out", "run"],
        cwd=tmp_path, env=os.environ, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout)["step"] == 3
    assert found.stderr.count("The model, its samples") == 1
    assert found.stderr.count("step 3 of 3") == 1
    assert len(list((tmp_path / "run").glob("events.*"))) == 1
    assert json.loads((tmp_path / "run/recipe.json").read_text())["processes"] == 2
    steps = [json.loads(text)["step"] for text in (tmp_path / "run/log.jsonl").read_text().splitlines()]
    assert steps == [1, 3]
