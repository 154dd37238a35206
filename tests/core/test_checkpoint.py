"""What is written is whole or not there."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from ganvas.core import checkpoint
from ganvas.core.errors import UserError
from ganvas.core.files import beside, sweep, write_json
from ganvas.core.run import Run
from ganvas.core.turns import Player


def saved(folder: Path, *steps: int) -> Path:
    for step in steps:
        state = {"objective": {"w": torch.full((3, 5), float(step))}, "figures": {}}
        checkpoint.save(folder, step, state, {"total": 10})
    return folder


def test_what_is_saved_comes_back_and_two_are_kept(tmp_path):
    saved(tmp_path, 1, 2, 10)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["step-10", "step-2"]
    state, figures, said = checkpoint.load(tmp_path) or pytest.fail("there is none")
    assert torch.equal(state["objective"]["w"], torch.full((3, 5), 10.0))
    assert state["figures"] == {}
    assert (figures["step"], figures["total"], said) == (10, 10, [])


def test_there_may_be_none(tmp_path):
    assert checkpoint.load(tmp_path / "nowhere") is None


def cut(path):
    path.write_bytes(path.read_bytes()[:-9])


def flip_a_bit(path):
    data = bytearray(path.read_bytes())
    data[-9] ^= 1
    path.write_bytes(bytes(data))


@pytest.mark.parametrize("damage", [cut, flip_a_bit, os.remove, lambda path: path.write_bytes(b"")])
@pytest.mark.parametrize("name", ["objective.safetensors", "state.json"])
def test_a_damaged_one_gives_way_to_the_one_before(tmp_path, name, damage):
    saved(tmp_path, 3, 7)
    damage(tmp_path / "step-7" / name)
    state, figures, said = checkpoint.load(tmp_path) or pytest.fail("there is none")
    assert figures["step"] == 3
    assert torch.equal(state["objective"]["w"], torch.full((3, 5), 3.0))
    assert len(said) == 1
    assert said[0].startswith("checkpoint step-7 is damaged (")
    assert said[0].endswith("; step-3, the one before it, is used")
    assert "\n" not in said[0]


def test_a_run_that_was_copied_is_as_far_as_it_was(tmp_path):
    """A copy, an archive or a clone gives every file its own time."""
    run = Run(tmp_path)
    for k, step in enumerate((10, 9)):
        checkpoint.save(run.checkpoints, step, {}, {"total": 10, "elapsed": 1.0})
        os.utime(run.checkpoints / f"step-{step}" / "state.json", (k, k))
    assert run.progress() == {"step": 10, "total": 10, "seconds": 1.0, "finished": True}


def test_going_on_from_an_older_checkpoint_drops_the_later_ones_and_what_was_logged_since(tmp_path):
    run = Run(tmp_path)
    for step in (3, 7):
        checkpoint.save(run.checkpoints, step, {}, {"total": 10, "elapsed": 1.0})
        run.log({"step": step})
    run.rewind(3)
    assert [step for step, _ in checkpoint.numbered(run.checkpoints)] == [3]
    assert [line["step"] for line in run.lines()] == [3]
    assert run.progress()["step"] == 3


def test_all_damaged_is_refused(tmp_path):
    saved(tmp_path, 3, 7)
    for step in (3, 7):
        cut(tmp_path / f"step-{step}" / "objective.safetensors")
    with pytest.raises(UserError, match=r"no checkpoint in .* is whole: .*step-7.*step-3.*; start a new run"):
        checkpoint.load(tmp_path)


def test_what_a_kill_left_is_swept_and_nothing_else(tmp_path):
    keep = [".lock", "log.jsonl", ".gitkeep", "model.tmp"]
    for name in (*keep, ".recipe.json.123.tmp", ".tmpAb3xYz"):
        (tmp_path / name).touch()
    (tmp_path / ".step-5.77.tmp").mkdir()
    (tmp_path / ".step-5.77.tmp" / "objective.safetensors").touch()
    sweep(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(keep)


def test_an_optimiser_goes_on_as_if_nothing_had_been():
    def player():
        torch.manual_seed(0)
        net = nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last)
        return {"net": Player(list(net.parameters()), torch.optim.Adam(net.parameters(), 0.1, fused=True))}

    def step(players):
        players["net"].params[0].grad = players["net"].params[0].detach().cos()
        players["net"].params[1].grad = players["net"].params[1].detach().cos()
        players["net"].step()

    whole, broken = player(), player()
    step(whole)
    checkpoint.into_players(broken, {k: v.clone() for k, v in checkpoint.of_players(whole).items()})
    for a, b in zip(whole["net"].params, broken["net"].params, strict=True):
        b.data.copy_(a.data)
        for key, value in whole["net"].optimiser.state[a].items():
            assert broken["net"].optimiser.state[b][key].stride() == value.stride(), key
    step(whole), step(broken)
    assert all(torch.equal(a, b) for a, b in zip(whole["net"].params, broken["net"].params, strict=True))


FILL = """
import sys, torch
from pathlib import Path
from ganvas.core import checkpoint
from ganvas.core.errors import UserError
folder = Path(sys.argv[1])
for step, size in ((1, 10), (2, 1_000_000)):
    try:
        checkpoint.save(folder, step, {"objective": {"w": torch.zeros(size)}}, {})
    except UserError as error:
        print(error)
"""


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="only root may mount a small disk")
def test_a_full_disk_is_said_and_harms_nothing(tmp_path):
    """On a real disk of 1 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    script = 'mount -t tmpfs -o size=1m none "$1" && "$2" -c "$3" "$1" && ls -A "$1"/*'
    line = ["unshare", "-m", "sh", "-c", script, "sh", str(disk), sys.executable, FILL]
    mounted = subprocess.run(line, capture_output=True, text=True, check=False)
    if "mount" in mounted.stderr or "unshare" in mounted.stderr:
        pytest.skip("this container may not mount")
    sentence, *files = mounted.stdout.splitlines()
    assert sentence.startswith(f"the disk is full: {disk}/step-2 could not be written")
    assert files == ["objective.safetensors", "state.json"], mounted.stderr


def test_a_full_device_is_said(tmp_path):
    """Without being root: /dev/full refuses every byte."""

    def write():
        with beside(tmp_path / "grid.png") as draft:
            draft.symlink_to("/dev/full")
            draft.write_text("x")

    with pytest.raises(UserError, match=r"the disk is full: .*grid.png could not be written"):
        write()
    assert list(tmp_path.iterdir()) == []


def test_a_file_stays_as_it_was_until_the_new_one_is_whole(tmp_path):
    path = tmp_path / "recipe.json"
    write_json(path, {"a": 1})
    with pytest.raises(TypeError):
        write_json(path, {"a": object()})
    assert json.loads(path.read_text()) == {"a": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_only_one_process_trains_a_run(tmp_path):
    run = Run.create(tmp_path / "run", {})
    refused = pytest.raises(UserError, match="is being trained by another process")
    with run.held(), refused, Run(run.path).held():
        pass
    with run.held():
        pass


def test_a_log_goes_back_to_the_checkpoint(tmp_path):
    run = Run.create(tmp_path / "run", {})
    for step in (1, 20, 40):
        run.log({"step": step})
    with (run.path / "log.jsonl").open("a") as file:
        file.write('{"step": 6')  # a kill cut it short
    run.rewind(20)
    assert run.lines() == [{"step": 1}, {"step": 20}]
