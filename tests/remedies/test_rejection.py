"""Samples of which there are too many are thrown away, and only those."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from scipy.optimize import isotonic_regression

import ganvas
from ganvas.data.spec import Spec
from ganvas.models import points
from ganvas.remedies.rejection import Rejection, calibrated, growing

SMALL = {"generator.width": 16, "critic.width": 16, "critic.waves": 8, "training.batch": 64}


def test_the_growing_ratio_is_scipys_isotonic_regression():
    rng = np.random.default_rng(0)
    above, below = rng.random(40), rng.random(40) + 0.1
    found = isotonic_regression(above / below, weights=below)
    assert growing(above, below) == pytest.approx(found.x, rel=1e-12)


def test_a_place_without_made_items_has_the_largest_ratio_there_is():
    assert growing(np.array([0.1, 0.4, 0.5]), np.array([0.5, 0.5, 0.0])).tolist() == [0.2, 0.8, 0.8]


def test_what_stays_is_distributed_as_the_real_items_are():
    """Logits N(0, 1) of made items, N(1, 1) of real ones: their ratio exp(x - 1/2) grows."""
    rng = torch.Generator().manual_seed(0)
    real, made = torch.randn(50_000, generator=rng) + 1, torch.randn(50_000, generator=rng)
    rejection = Rejection()
    rejection.load_state_dict(calibrated(real, made))
    fresh = torch.randn(200_000, generator=rng)
    stays = fresh[torch.rand(len(fresh), generator=rng) < rejection.stays(fresh)]
    for level in (-1.0, 0.0, 1.0, 2.0):
        expected = torch.special.ndtr(torch.tensor(level - 1)).item()
        assert (stays < level).float().mean().item() == pytest.approx(expected, abs=0.025)


def test_where_real_and_made_items_are_alike_nearly_all_stay():
    rng = torch.Generator().manual_seed(0)
    rejection = Rejection()
    rejection.load_state_dict(calibrated(*(torch.randn(20_000, generator=rng) for _ in range(2))))
    assert rejection.stays(torch.randn(10_000, generator=rng)).mean() > 0.9


def test_a_critic_that_knows_its_items_by_heart_is_measured_by_held_out_ones():
    objective = points.build(points.Settings(), Spec(kind="points", shape=(2,)))

    class Data:
        def __init__(self, value, held_out=None):
            self.value, self.held_out = value, held_out

        def __len__(self):
            return 100

        def fetch(self, index):
            return {"point": torch.full((len(index), 2), self.value)}

        def ready(self, batch):
            return batch

    objective.judge = lambda x, label=None: x[:, 0]
    found = objective.for_use(Data(1e6, held_out=Data(-1e6)))
    assert (found["rejection.edges"] == -1e6).all()


def test_nothing_is_rejected_before_it_is_calibrated():
    assert not Rejection().works
    objective = points.build(points.Settings(), Spec(kind="points", shape=(2,)))
    without = points.build(points.Settings(reject=False), Spec(kind="points", shape=(2,)))
    without.load_state_dict({k: v for k, v in objective.state_dict().items() if "rejection" not in k})
    drawn = [o.sample(50, generator=torch.Generator().manual_seed(3)) for o in (objective, without)]
    assert torch.equal(*drawn)


def test_a_trained_model_is_calibrated_in_what_is_written_and_not_in_its_training(tmp_path):
    run = ganvas.train("ring", out=tmp_path / "run", steps=30, settings=SMALL)
    model = ganvas.load(run.path)
    rejection = model.objective.rejection
    assert isinstance(rejection, Rejection)
    assert rejection.works
    kept = load_file(next(run.checkpoints.glob("step-*")) / "objective.safetensors")
    assert (kept["rejection.chance"] == 1).all()
    first, again = (model.sample(100, seed=1) for _ in range(2))
    assert np.array_equal(first, again)
    assert len(first) == 100
    logits = model.objective.judge(torch.from_numpy(model.spec.prepare(model.sample(2_000, seed=2))))
    rejection.chance.fill_(1.0)
    raw = model.objective.judge(torch.from_numpy(model.spec.prepare(model.sample(2_000, seed=2))))
    assert logits.mean() > raw.mean()


def test_a_training_is_the_same_with_and_without_rejection(tmp_path):
    runs = [
        ganvas.train("ring", out=tmp_path / str(on), steps=30, settings=SMALL | {"reject": on})
        for on in (True, False)
    ]
    states = [ganvas.load(run.path).objective.state_dict() for run in runs]
    assert all(torch.equal(states[0][name], value) for name, value in states[1].items())
