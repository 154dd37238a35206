"""The distance taken on the way: right, without effect on the training, and the nearest model is kept."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from scipy.stats import energy_distance

import ganvas
from ganvas.core.run import QUALITY, Run
from ganvas.report import page, quality

SMALL = {
    "generator.width": 8,
    "critic.width": 8,
    "critic.waves": 4,
    "training.batch": 64,
    "training.log_every": 5,
}


def train(out, steps=400, **settings):
    return ganvas.train("ring", "points", out=out, steps=steps, settings=SMALL | settings)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return train(tmp_path_factory.mktemp("quality") / "run")


def test_the_distance_in_one_dimension_is_scipys():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=300), rng.normal(0.7, 1.3, size=200)
    found, _ = quality.energy([torch.tensor(x)[:, None]], [torch.tensor(y)[:, None]])
    # scipy has the root of the biased figure: its means count each item's distance to itself
    across = np.abs(x[:, None] - y).mean()
    within = sum(np.abs(a[:, None] - a).sum() / (len(a) * (len(a) - 1)) for a in (x, y))
    biased = sum(np.abs(a[:, None] - a).mean() for a in (x, y))
    assert energy_distance(x, y) ** 2 == pytest.approx(2 * across - biased, rel=1e-9)
    assert found == pytest.approx((2 * across - within) / (2 * across), rel=1e-6)


def test_the_distance_of_items_from_one_distribution_is_nothing_but_its_error():
    rng = torch.Generator().manual_seed(0)
    drawn = [
        quality.energy([torch.randn(256, 5, generator=rng)], [torch.randn(256, 5, generator=rng)])
        for _ in range(40)
    ]
    values, errors = (np.array(column) for column in zip(*drawn, strict=True))
    assert abs(values.mean()) < 4 * values.std() / 40**0.5
    assert values.std() == pytest.approx(np.sqrt((errors**2).mean()), rel=0.6)


def test_scales_hold_all_of_a_picture():
    x = torch.rand(3, 1, 32, 32)
    *details, rest = quality.scales(x)
    shape = (3, 1, 4, 4)
    found = rest.reshape(shape)
    for detail in reversed(details):
        side = round(detail.shape[1] ** 0.5)
        found = torch.nn.functional.interpolate(found, (side, side), mode="bilinear", align_corners=False)
        found = found + detail.reshape(3, 1, side, side)
    assert torch.allclose(found, x, atol=1e-6)


def test_the_training_is_the_same_with_and_without_it(run, tmp_path):
    other = train(tmp_path / "other", **{"training.looks": 0})
    assert (run.model / "model.safetensors").read_bytes() == (other.model / "model.safetensors").read_bytes()
    assert not quality.best(other).path.exists()
    assert not (other.path / QUALITY).exists()


def test_the_nearest_model_is_kept_as_a_run_that_can_be_used(run):
    lines = run.lines(QUALITY)
    nearest = min(lines, key=lambda line: line["quality/distance"])
    kept = ganvas.load(run.path / "best")
    assert kept.config["step"] == nearest["step"]
    assert kept.config["quality"]["distance"] == nearest["quality/distance"]
    assert kept.sample(10, seed=0).shape == (10, 2)
    assert lines[-1]["step"] == 400


def test_a_resumed_run_goes_on_with_what_it_knew(run, tmp_path):
    class Stop:
        def __init__(self):
            self.trainer = None

        def started(self, trainer):
            self.trainer = trainer

        def logged(self, moment):
            if moment.step == 200:
                self.trainer.stopping = True

    stop = Stop()
    from ganvas.core.loop import Observer

    observer = Observer(started=stop.started, logged=stop.logged, said=lambda _: None)
    out = tmp_path / "run"
    ganvas.train("ring", "points", out=out, steps=400, settings=SMALL, observer=observer)
    assert Run(out).lines(QUALITY)[-1]["step"] <= 200
    ganvas.train(out=out, resume=True)
    for name in (QUALITY, "best/model/config.json"):
        assert (out / name).read_text() == (run.path / name).read_text()
    one, other = (load_file(p / "best/model/model.safetensors") for p in (out, run.path))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_an_end_worse_than_the_best_is_said_and_one_by_chance_is_not(tmp_path):
    run = Run(tmp_path)
    for step, distance in ((100, 0.5), (200, 0.1), (300, 0.11)):
        run.log({"step": step, "quality/distance": distance, "quality/error": 0.01}, QUALITY)
    assert quality.sentence(run) is None
    run.log({"step": 400, "quality/distance": 0.2, "quality/error": 0.01}, QUALITY)
    assert "At step 200" in (quality.sentence(run) or "")


def test_the_report_shows_it(run):
    assert "How near samples are to real items" in page.write(run.path).read_text(encoding="utf-8")
    assert "quality/error" not in json.dumps(run.lines())
