"""A folder in the shape of a hub repository."""

import sys
from pathlib import Path

import made
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from ganvas.core.errors import UserError
from ganvas.core.files import write_json
from ganvas.core.transfer import inherit
from ganvas.export import hub
from ganvas.export.targets import export
from ganvas.model import load

JUDGED = {
    "run": "/home/me/runs/photos",
    "step": 100,
    "fd": {"value": 12.345, "interval": [11.5, 13.2], "count": 500, "protocol": "abcd1234"},
    "coverage": {"value": 0.81, "interval": [0.78, 0.84], "count": 500, "protocol": "abcd1234"},
    "floor": {"fd": {"value": 1.32, "interval": [1.2, 1.4], "count": 500, "protocol": "abcd1234"}},
    "protocols": {"abcd1234": {"features": "pixels", "samples": 500, "k": 5}},
    "copying": {"verdict": "No sign of copying."},
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    found = made.run(tmp_path_factory.mktemp("hub") / "cats", "gan", made.COLOUR, generator__width=8)
    write_json(found.path / "evaluation.json", JUDGED)
    return found


@pytest.fixture(scope="module")
def folder(run):
    out = run.path.with_name("out")
    hub.export(run, out, licence="cc-by-4.0")
    return out


def test_what_a_repository_holds(folder):
    names = {path.name for path in folder.iterdir()}
    assert names == {
        "README.md", "config.json", "evaluation.json", "model.safetensors", "recipe.json", "samples.png"
    }  # fmt: skip


def test_it_is_loaded_as_the_run_is(run, folder):
    assert np.array_equal(load(folder, "cpu").sample(3, seed=1), load(run.path, "cpu").sample(3, seed=1))


def test_the_card_states_figures_with_interval_and_protocol(folder):
    card = (folder / "README.md").read_text()
    head = card.split("---\n")[1]
    assert "license: cc-by-4.0\nlibrary_name: ganvas\npipeline_tag: unconditional-image-generation\n" in head
    expected = ("12.35 [11.5 to 13.2]", "0.81 [0.78 to 0.84]", "1.32 [1.2 to 1.4]", "features pixels")
    expected += ("[abcd1234]", "No sign of copying.", "f" * 32, "1,234", "ganvas.load(", "cat, dog")
    for words in expected:
        assert words in card
    rows = [line for line in card.splitlines() if line.startswith("| Fréchet")]
    assert rows[0].count("|") == 4


def test_no_folder_of_this_machine_goes_out(folder):
    for path in folder.glob("*.*"):
        if path.suffix in (".json", ".md"):
            assert "/home" not in path.read_text(), path


def test_without_figures_or_licence_the_card_says_so(tmp_path):
    run = made.run(tmp_path / "dots", "points", made.PLANE, generator__width=8)
    hub.export(run, tmp_path / "out")
    card = (tmp_path / "out/README.md").read_text()
    assert "It has not been evaluated." in card
    assert "None was stated." in card
    assert "license:" not in card


def test_a_damaged_folder_is_refused_in_a_sentence(folder, tmp_path):
    import shutil

    copy = shutil.copytree(folder, tmp_path / "copy")
    whole = (copy / "model.safetensors").read_bytes()
    (copy / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=r"the model in .*copy cannot be read .*; fetch or export it again"):
        load(copy)


def test_nothing_is_pushed_without_client_or_token(run, tmp_path, monkeypatch):
    with pytest.raises(UserError, match="--push takes USER/NAME, not 'cats'"):
        hub.export(run, tmp_path / "out", push="cats")
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(UserError, match=r"pip install 'ganvas\[hub\]'"):
        hub.export(run, tmp_path / "out", push="me/cats")
    with pytest.raises(UserError, match=r"hf:me/cats needs huggingface_hub"):
        load("hf:me/cats")
    with pytest.raises(UserError, match="hf:cats is no model of the hub"):
        load("hf:cats")
    assert not (tmp_path / "out").exists()


def test_bad_input_is_refused_in_a_sentence(run, tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "there/mine.txt").write_text("mine")
    before = sorted(run.path.rglob("*"))
    for how, said in (
        ({"to": None}, "say what to export to: --to onnx, web or hub, left out"),
        ({"to": "tflite"}, "--to onnx, web or hub, not 'tflite'"),
        ({"to": "onnx", "out": tmp_path / "there"}, "there exists already and is not overwritten"),
        ({"to": "onnx", "precision": "int4"}, "--precision is fp32, fp16 or int8, not 'int4'"),
        ({"to": "web", "licence": "mit"}, "--licence goes with --to hub only"),
        ({"to": "hub", "licence": "my own"}, "--licence is one word as the hub has it"),
    ):
        with pytest.raises(UserError, match=said):
            export(run.path, **how)
    with pytest.raises(UserError, match="there is no run at nothing"):
        export(Path("nothing"), "onnx")
    assert sorted(run.path.rglob("*")) == before
    assert (tmp_path / "there/mine.txt").read_text() == "mine"


def test_the_command_line_refuses_with_exit_code_2(ganvas):
    answer = ganvas("sample", "model.onnx")
    assert answer.returncode == 2
    said = "ganvas: there is no file model.onnx; `ganvas export RUN --to onnx` makes one"
    assert answer.stderr.strip() == said


def test_an_extra_that_is_missing_is_named(run, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(UserError, match=r"onnxscript is needed .*: pip install 'ganvas\[export\]'"):
        export(run.path, "onnx", tmp_path / "out")


def test_a_run_without_a_model_yet_is_refused(tmp_path):
    young = made.run(tmp_path / "young", "points", made.PLANE, generator__width=8)
    (young.model / "config.json").unlink()
    with pytest.raises(UserError, match="holds no model yet"):
        export(young.path, "onnx", tmp_path / "out")


def test_a_small_copy_has_half_the_bits_nobody_that_only_training_needs(tmp_path):
    run = made.run(tmp_path / "voice", "voice", made.SPEECH, **made.VOICE)
    found = export(run.path, "hub", tmp_path / "small", precision="fp16")
    kept = load_file(tmp_path / "small" / "model.safetensors")
    assert not any(name.startswith("critic.") for name in kept)
    assert all(value.dtype == torch.float16 for value in kept.values() if value.is_floating_point())
    assert found["files"]["model.safetensors"] < (run.model / "model.safetensors").stat().st_size / 2
    for name, value in load_file(run.model / "model.safetensors").items():
        if name in kept:
            torch.testing.assert_close(kept[name].to(value.dtype), value, rtol=1e-3, atol=1e-6)
    assert np.isfinite(load(tmp_path / "small", "cpu").say("Good morning.", speaker="ann")).all()
    heard = inherit(
        load(run.path, "cpu").objective.requires_grad_(), load(tmp_path / "small", "cpu").objective
    )
    assert {one.network: bool(one.taken) for one in heard} == {
        "encoder": True, "decoder": True, "critic": False, "prior": True
    }  # fmt: skip
