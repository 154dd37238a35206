"""Held-out text on the way: the model that holds it for most probable is kept, and its user told."""

import json

import numpy as np
import pytest

import ganvas
from ganvas.core.loop import Observer
from ganvas.core.run import HELD_OUT, Run
from ganvas.report.held_out import kept, sentence

SETTINGS = {
    "model.width": 64,
    "model.depth": 1,
    "model.heads": 2,
    "model.dropout": 0,
    "model.lr": 5e-3,
    "text.context": 32,
    "training.batch": 32,
    "training.warmup": 0,
    "training.average": 0,
    "training.decay": 0,
    "training.log_every": 5,
    "training.snapshots": 3,
    "training.precision": "fp32",
}
STEPS = 200
BITS = "bits_per_byte/held_out"


def by_heart(folder, name, observer=None, **more):
    """Forty lines of chance: what can be learnt of them beyond their letters is no use for others."""
    rng = np.random.default_rng(0)
    path = folder / "chance.txt"
    path.write_text("\n".join("".join(rng.choice([*"abcdefgh"], 24)) for _ in range(40)))
    quiet = observer or Observer(said=lambda _: None)
    how = {"settings": SETTINGS | more, "seed": 1, "observer": quiet}
    return ganvas.train(path, "lm", out=folder / name, steps=STEPS, **how)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return by_heart(tmp_path_factory.mktemp("heart"), "run")


def test_the_best_of_the_looks_is_kept_as_a_model_that_writes(run):
    looks = {line["step"]: line[BITS] for line in run.lines(HELD_OUT)}
    best = min(looks, key=looks.__getitem__)
    assert best < STEPS * 0.7
    assert kept(run) == (best, looks[best])
    model = ganvas.load(run.path / "best")
    assert model.config["step"] == best
    assert len(model.sample(2, seed=0)) == 2


def test_what_was_learnt_by_heart_is_told_at_the_end(run, tmp_path):
    step, bits = kept(run)
    assert f"At step {step:,} held-out text took {bits:.2f} bits a byte" in (sentence(run) or "")
    fresh = Run(tmp_path)
    fresh.log({"step": 3, BITS: 2.0}, HELD_OUT)
    assert sentence(fresh) is None


def test_a_run_that_was_stopped_keeps_the_same_model(run, tmp_path):
    def stop(trainer, line):
        trainer.stopping = trainer.step == 40

    by_heart(tmp_path, "cut", Observer(said=lambda _: None, checked=stop))
    ganvas.train(out=tmp_path / "cut", resume=True, observer=Observer(said=lambda _: None))
    cut = Run(tmp_path / "cut")
    assert cut.lines(HELD_OUT) == run.lines(HELD_OUT)
    for file in ("model/model.safetensors", "best/model/model.safetensors", "best/model/config.json"):
        assert (cut.path / file).read_bytes() == (run.path / file).read_bytes()


def test_without_looks_nothing_is_kept_and_the_model_is_the_same(run, tmp_path):
    other = by_heart(tmp_path, "other", **{"training.looks": 0})
    assert not (other.path / "best").exists()
    assert (other.model / "model.safetensors").read_bytes() == (run.model / "model.safetensors").read_bytes()
    assert BITS not in json.dumps(other.lines(HELD_OUT))
