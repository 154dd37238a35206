"""Text as ONNX files: what torch writes, and where there is no torch."""

import json

import made
import numpy as np
import pytest
import torch
from without_torch import asked

from ganvas.core.errors import UserError
from ganvas.export import noise, onnx, runtime
from ganvas.export.written import chosen
from ganvas.model import load
from ganvas.models.manners import Taste
from ganvas.models.writing import Choice


@pytest.fixture(scope="module")
def lm(tmp_path_factory):
    place = tmp_path_factory.mktemp("lm")
    run = made.run(place / "run", "lm", made.TEXT, **made.WRITER)
    return run, onnx.export(run, place / "out")


def test_the_graph_is_near_to_the_model(lm):
    _, found = lm
    assert found.parity["writer"]["largest"] <= 1e-4
    assert found.parity["writer"]["inputs"] == 100
    assert json.loads((found.folder / "parity.json").read_text())["precision"] == "fp32"


def test_text_goes_on_as_torch_does_beyond_the_window(lm):
    """The most probable token each time, so that nothing is left to chance."""
    run, found = lm
    theirs, model = runtime.opened(found.folder / "model.onnx"), load(run.path, "cpu")
    ours = model.objective.unroll(torch.arange(60, 70), 1, Choice(temperature=0))
    expected = [int(next(ours)) for _ in range(70)]
    other = theirs._unrolled(np.arange(60, 70)[None], Taste(temperature=0), 0, None)
    assert [int(next(other)[0]) for _ in range(70)] == expected


def test_the_first_of_many_texts_are_the_same_as_few(lm):
    model = runtime.opened(lm[1].folder / "model.onnx")
    assert [*model.sample(6, seed=2)[:2]] == [*model.sample(2, seed=2)]


@pytest.mark.parametrize(
    "taste", [{}, {"temperature": 0.5}, {"top_k": 3}, {"top_p": 0.6}, {"min_p": 0.2, "temperature": 2.0}]
)
def test_what_is_left_of_the_law_is_what_torch_leaves(taste):
    logits = noise.normal(1, (1, 12))
    law = Choice(**taste).law(torch.from_numpy(logits))[0].double().numpy()
    u = (np.arange(4000) + 0.5) / 4000
    counts = np.bincount(chosen(logits.repeat(4000, 0), Taste(**taste), u), minlength=12) / 4000
    np.testing.assert_allclose(counts, law, atol=1e-3)


def test_it_writes_where_torch_is_not_installed(lm, tmp_path):
    writes = lm[1].folder / "model.onnx"
    text = asked(tmp_path, "write", writes, "--prompt", "ab", "--length", "20", "--seed", "4")["text"]
    assert text == "".join(runtime.opened(writes).stream("ab", length=20, seed=4))
    assert asked(tmp_path, "sample", writes, "-n", "3", "-o", "three.txt")["samples"] == 3


def test_wrong_requests_are_answered_in_a_sentence(lm):
    writes = runtime.opened(lm[1].folder / "model.onnx")
    for ask, said in (
        (lambda: writes.chat([{"role": "user", "content": "Hi"}]), "has learnt plain text"),
        (lambda: writes.stream("a", length=0), "at least one character"),
        (lambda: writes.sample(2, label="x"), "trained without labels"),
    ):
        with pytest.raises(UserError, match=said):
            ask()


@pytest.mark.long
def test_an_autoencoder_of_text_there_and_back(tmp_path):
    run = made.run(tmp_path / "run", "textvae", made.TEXT, **made.TEXTVAE)
    found = onnx.export(run, tmp_path / "out")
    assert set(found.parity) == {"writer", "encoder"}, found.left_out
    assert all(part["largest"] <= 1e-4 for part in found.parity.values())
    theirs, model = runtime.opened(tmp_path / "out/model.onnx"), load(run.path, "cpu")
    texts = np.array(["one", "a longer one", ""], object)
    z = model.encode(texts)
    np.testing.assert_allclose(theirs.encode(texts), z, atol=1e-4)
    assert [*theirs.decode(z)] == [*model.decode(z)]
    assert len(theirs.sample(3, seed=0)) == 3
