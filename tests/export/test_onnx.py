"""ONNX files do what their models do, say what they are, and run where there is no torch."""

import json
import subprocess
import sys
from typing import Any

import made
import numpy as np
import pytest
import torch

from ganvas.core.errors import UserError
from ganvas.export import graph, latents, noise, onnx, parity, runtime
from ganvas.model import load
from ganvas.recipes.base import find

TINY = {
    "points": (made.PLANE, {"generator__width": 8}),
    "vae": (made.GREY, {"width": 4, "latent": 4}),
}
LONG = {
    "gan": (made.COLOUR, {"generator__width": 8}),
    "dcgan": (made.COLOUR, {"generator__width": 4, "generator__count": 2}),
    "wgan": (made.COLOUR, {"generator__width": 4}),
    "sagan": (made.COLOUR, {"generator__width": 4}),
    "r3gan": (made.COLOUR, {"generator__width": 4}),
    "vaegan": (made.COLOUR, {"encoder__width": 4, "decoder__width": 4}),
    "hvae": (made.COLOUR, {"width": 4, "hidden": 8, "vectors": 1, "maps": 2, "top": 2}),
    "flow": (made.COLOUR, {"flow__steps": 1, "flow__scales": 2, "flow__width": 4}),
    "parametric": (made.COLOUR, {"latent": 8}),
    "vqvae": (made.COLOUR, {"width": 4, "codes": 8, "dim": 4, "prior__width": 8, "prior__heads": 2}),
}
WITHOUT_TORCH = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"torch", "safetensors", "onnx", "onnxscript", "jinja2", "tensorboard"}:
            raise ImportError(f"{name} is not installed")
sys.meta_path.insert(0, Absent())
from ganvas.cli import main
main()
assert "torch" not in sys.modules
"""


@pytest.fixture(scope="module")
def vae(tmp_path_factory):
    """A run and its export."""
    place = tmp_path_factory.mktemp("onnx")
    spec, changes = TINY["vae"]
    run = made.run(place / "run", "vae", spec, **changes)
    return run, onnx.export(run, place / "out", precision="int8")


def same(run, out):
    """The mean error of each graph, whose largest the export checks; the same latents beside torch's."""
    found = onnx.export(run, out)
    model, theirs = load(run.path, "cpu"), runtime.OnnxModel(out / "model.onnx")
    assert all(part["mean"] <= part["bound"] / 100 for part in found.parity.values())
    z, label = theirs.latents(5, seed=1)
    ours = model.decode(z, label=label).astype(float)
    assert np.abs(ours - theirs.decode(z, label=label)).max() <= (1 if model.spec.kind == "image" else 1e-3)
    return found


def test_points_are_those_of_the_model(tmp_path):
    spec, changes = TINY["points"]
    found = same(made.run(tmp_path / "run", "points", spec, **changes), tmp_path / "out")
    assert set(found.files) == {"model.onnx", "parity.json"}


@pytest.mark.long
@pytest.mark.parametrize("recipe", LONG)
def test_every_recipe_that_can(tmp_path, recipe):
    spec, changes = LONG[recipe]
    run = made.run(tmp_path / "run", recipe, spec, **changes)
    found = same(run, tmp_path / "out")
    encodes = hasattr(load(run.path, "cpu").objective, "encode") and recipe != "vqvae"
    assert ("encoder" in found.parity) == encodes, found.left_out


def test_encoder_and_decoder_of_a_vae(vae):
    run, found = vae
    assert all(found.parity[part]["largest"] < 1e-4 for part in ("decoder", "encoder"))
    decoder = runtime.OnnxModel(found.folder / "model.onnx")
    encoder = runtime.OnnxModel(found.folder / "encoder.onnx")
    pictures = decoder.sample(7, seed=2)
    assert pictures.shape == (7, 8, 8, 1)
    z = encoder.encode(pictures)
    model = load(run.path, "cpu")
    lost = found.parity["encoder"]["int8"]["largest"]
    np.testing.assert_allclose(z, model.encode(pictures), atol=2 * lost)
    with pytest.raises(UserError, match=r"the decoder of a model is in model\.onnx"):
        encoder.decode(z)


def test_what_int8_costs_is_stated(vae):
    _, found = vae
    stated = json.loads((found.folder / "parity.json").read_text())
    lost = stated["decoder"]["int8"]
    assert lost["bytes"] < lost["bytes_fp32"]
    assert 0 < lost["mean"] < lost["largest"] < 0.5
    assert 0 <= lost["fd"] < lost["fd_of_fp32"] + 0.1


def test_the_metadata_tell_what_it_is_and_no_folder_of_this_machine(vae):
    run, found = vae
    facts = runtime.OnnxModel(found.folder / "model.onnx").facts
    assert (facts["recipe"], facts["latent"], facts["step"]) == ("vae", 4, 100)
    assert facts["data"] == {"name": "photos", "fingerprint": "f" * 32, "items": 1234, "held_out": 137}
    assert facts["settings"] == run.record["settings"]
    assert "/home" not in json.dumps(facts)


def test_a_loop_chooses_as_the_walk_from_place_to_place_does(tmp_path):
    """And truncation, which is no matter of z, is refused."""
    spec, changes = LONG["vqvae"]
    run = made.run(tmp_path / "run", "vqvae", spec, **changes)
    found = same(run, tmp_path / "out")
    assert found.parity["decoder"]["inputs_apart"] <= parity.SPARE
    model = runtime.OnnxModel(tmp_path / "out" / "model.onnx")
    assert len(np.unique(model.sample(9, seed=1), axis=0)) > 1
    with pytest.raises(UserError, match="truncation is no matter of z"):
        model.sample(2, truncation=0.5)


def test_items_beyond_the_spare_ones_are_refused(monkeypatch):
    expected = np.zeros((100, 2))
    made = [expected.copy() for _ in range(2)]
    for k, some in enumerate(made):
        some[: parity.SPARE + k] = 1.0
    monkeypatch.setattr(parity, "_run", lambda model, feed: feed["x"])
    monkeypatch.setattr(
        parity, "_apart", lambda model, a, b: {"largest": float(np.abs(a - b).max(initial=0))}
    )
    model: Any = None
    figures = parity.checked(model, {"x": made[0]}, expected, "model.onnx", parity.SPARE)
    assert figures["inputs_apart"] == parity.SPARE
    assert figures["largest"] == 0
    with pytest.raises(UserError, match="differs from the model"):
        parity.checked(model, {"x": made[1]}, expected, "model.onnx", parity.SPARE)


def test_a_graph_that_differs_is_refused_and_nothing_is_left(tmp_path, monkeypatch):
    spec, changes = TINY["points"]
    run = made.run(tmp_path / "run", "points", spec, **changes)
    monkeypatch.setattr(parity, "BOUND", 0.0)
    with pytest.raises(UserError, match=r"differs from the model by up to .* and was thrown away"):
        onnx.export(run, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.mark.parametrize("recipe", ["pixel", "random"])
def test_what_has_no_latents_is_refused_in_a_sentence(tmp_path, recipe):
    run = made.run(tmp_path / "run", recipe, made.GREY)
    with pytest.raises(UserError, match="makes its items of no latents, step by step, so there is no graph"):
        onnx.export(run, tmp_path / "out")


def test_it_samples_where_torch_is_not_installed(vae, tmp_path):
    _, found = vae
    line = ["sample", str(found.folder / "model.onnx"), "-n", "5", "--seed", "3", "--json"]
    for out in ("five.png", "five.npy", "each/"):
        arguments = [sys.executable, "-c", WITHOUT_TORCH, *line, "-o", out]
        answer = subprocess.run(arguments, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert answer.returncode == 0, answer.stderr
        assert json.loads(answer.stdout)["samples"] == 5
    expected = runtime.OnnxModel(found.folder / "model.onnx").sample(5, seed=3)
    assert np.array_equal(np.load(tmp_path / "five.npy"), expected)


def test_latents_go_from_a_run_to_its_export(vae, tmp_path, ganvas):
    run, found = vae
    model = found.folder / "model.onnx"
    made = ganvas("sample", run.path, "-n", "4", "--keep-latents", "z.npz", "-o", "ours.npy")
    assert made.returncode == 0, made.stderr
    assert np.array_equal(np.load(tmp_path / "ours.npy"), load(run.path, "cpu").sample(4, seed=0))
    assert ganvas("sample", model, "--latents", "z.npz", "-o", "theirs.npy").returncode == 0
    ours, theirs = (np.load(tmp_path / f"{who}.npy").astype(int) for who in ("ours", "theirs"))
    assert np.abs(ours - theirs).max() <= found.parity["decoder"]["int8"]["largest_level"] + 3


def test_the_first_of_many_are_the_same_as_few():
    assert np.array_equal(noise.normal(7, (64, 5))[:8], noise.normal(7, (8, 5)))


def test_draws_follow_their_law():
    from scipy.stats import kstest, truncnorm

    z = noise.normal(0, (200, 500)).ravel()
    assert kstest(z, "norm").pvalue > 1e-3
    cut = noise.normal(0, (200, 500), 0.5).ravel() / 0.5
    assert kstest(cut, truncnorm(-2, 2).cdf).pvalue > 1e-3
    assert np.bincount(noise.whole(0, 10_000, 10)).min() > 900


def test_draws_are_splitmix64_as_published():
    """The first numbers from state 1234567, as in the authors' reference implementation."""
    state = np.uint64(1234567) + np.arange(1, 4, dtype=np.uint64) * np.uint64(noise.WEYL)
    assert noise._mixed(state).tolist() == [6457827717110365317, 3203168211198807973, 9817491932198370423]


def test_the_law_of_z_is_seen():
    torch.manual_seed(0)
    gan = find("points").build(made.PLANE).eval()
    assert latents.law_of(gan, made.PLANE) == {"z": "normal", "truncation": "cut"}
    plain = gan.sample
    gan.sample = lambda n, **how: plain(n, **how).abs()
    assert latents.law_of(gan, made.PLANE)["z"] == "bank"


def test_the_z_of_a_sample_that_was_chosen_among_many_is_found():
    gan = find("points").build(made.PLANE).eval()

    def chosen(n, generator=None, truncation=1.0):
        z = torch.randn(4 * n, gan.latent, generator=generator)
        items = gan.decode(z)
        return items[items[:, 0].argsort()[:n]]

    gan.sample = chosen
    z, _ = latents.drawn(gan, 8)
    found, sampled = gan.decode(torch.from_numpy(z)), chosen(8, torch.Generator().manual_seed(0))
    torch.testing.assert_close(found, sampled, rtol=1e-5, atol=1e-6)  # rounded otherwise among 32


def test_weights_alone_are_folded():
    class Layer(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.eye(3) + 0.1)

        def forward(self, x):
            return x @ torch.linalg.inv(self.weight)

    layer = Layer()
    x = torch.randn(3, 3)
    program = torch.export.export(layer, (x,)).module()
    assert graph.folded(program)
    assert not any("inv" in str(node.target) for node in program.graph.nodes)
    assert torch.allclose(program(x), layer(x))


def test_a_file_that_is_none_of_ours_is_refused(tmp_path):
    for text, said in (("", "cannot be read as an ONNX network"), (None, "there is no file")):
        path = tmp_path / "other.onnx"
        path.unlink(missing_ok=True)
        if text is not None:
            path.write_text(text)
        with pytest.raises(UserError, match=said):
            runtime.OnnxModel(path)
