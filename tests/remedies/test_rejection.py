"""Samples of which there are too many are thrown away, and only those."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from scipy.optimize import isotonic_regression

import ganvas
from ganvas.begin import Ask, new
from ganvas.core.loop import Observer
from ganvas.data.spec import Spec
from ganvas.models import points
from ganvas.remedies.rejection import LEAST, Rejection, calibrated, chances, divergence, growing

CPU, QUIET = torch.device("cpu"), Observer(said=lambda sentence: None)
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
    rejection.load_state_dict(calibrated([(real, made)]))
    fresh = torch.randn(200_000, generator=rng)
    stays = fresh[torch.rand(len(fresh), generator=rng) < rejection.stays(fresh)]
    for level in (-1.0, 0.0, 1.0, 2.0):
        expected = torch.special.ndtr(torch.tensor(level - 1)).item()
        assert (stays < level).float().mean().item() == pytest.approx(expected, abs=0.025)


def test_where_real_and_made_items_are_alike_nearly_all_stay():
    rng = torch.Generator().manual_seed(0)
    rejection = Rejection()
    alike = torch.randn(2, 20_000, generator=rng)
    rejection.load_state_dict(calibrated([(alike[0], alike[1])]))
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
    more = ("rejection", "referee", "resting")
    own = {k: v for k, v in objective.state_dict().items() if not k.startswith(more)}
    without.load_state_dict(own)
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
    settings = SMALL | {"referee.share": 0.0}
    runs = [
        ganvas.train("ring", out=tmp_path / str(on), steps=30, settings=settings | {"reject": on})
        for on in (True, False)
    ]
    states = [ganvas.load(run.path).objective.state_dict() for run in runs]
    assert all(torch.equal(states[0][name], value) for name, value in states[1].items())


def test_so_many_stay_and_no_more_than_must():
    """In proportion 1 of 146 would stay; as it is, 1 of 20."""
    made = np.array([0.9, 0.08, 0.015, 0.005])
    ratio = np.array([0.0, 0.75, 14.0, 146.0])
    assert (made * ratio).sum() == pytest.approx(1.0)
    chance = chances(ratio, made)
    assert chance == pytest.approx([0, 0.375, 1, 1])
    assert (made * chance).sum() == pytest.approx(LEAST)
    gentle = np.array([0.5, 0.9, 1.5, 2.0])
    assert chances(gentle, made) == pytest.approx(gentle / 2)
    assert chances(np.array([0.0, 0.0, 0.0, 200.0]), made).tolist() == [0, 0, 0, 1]


def test_the_divergence_is_zero_for_one_law_and_log_2_for_two_that_never_meet():
    law, other = np.array([0.25, 0.75, 0.0]), np.array([0.0, 0.0, 1.0])
    assert divergence(law, law) == 0
    assert divergence(law, other) == pytest.approx(np.log(2))


def test_who_tells_most_is_asked():
    rng = torch.Generator().manual_seed(0)
    noise = [torch.randn(5_000, generator=rng) for _ in range(6)]
    blind, sharp, dull = (noise[0], noise[1]), (noise[2] + 3, noise[3]), (noise[4] + 1, noise[5])
    assert int(calibrated([blind, sharp, dull])["critic"]) == 1


def test_the_generator_rests_as_its_average_while_the_referee_learns(tmp_path):
    settings = SMALL | {"training.log_every": 1}
    trainer = new(Ask("ring", "points", tmp_path / "r", 40, None, None, 0, None, settings, None), CPU, QUIET)
    seen = {}

    def logged(moment):
        objective = trainer.objective.state_dict()
        seen[moment.step] = {k: v.clone() for k, v in objective.items()}

    trainer.observer = Observer(said=lambda words: None, logged=logged)
    trainer.fit()
    moving = {
        player: [s for s in range(2, 41) if moved(seen[s - 1], seen[s], player)]
        for player in ("generator", "critic", "referee")
    }
    assert moving["generator"] == [*range(2, 35)]  # in the 34th step it becomes the average
    assert moving["critic"] == [*range(2, 35)]
    assert moving["referee"] == [*range(35, 41)]
    average = trainer.average.state_dict()
    for name, value in seen[40].items():
        if name.startswith("generator"):
            torch.testing.assert_close(average[f"networks.{name}"], value)
    lines = trainer.run.lines()
    assert {"referee", "referee/accuracy"} <= lines[-1].keys()
    assert (lines[0]["learning_rate/referee"], lines[-1]["learning_rate/generator"]) == (0, 0)


def test_it_goes_on_resting_where_a_budget_s_progress_goes_back():
    objective = points.build(points.Settings(), Spec(kind="points", shape=(2,)))
    batch = {"point": torch.randn(8, 2)}
    assert objective.due(0.86)
    objective.look()
    objective.progress = 0.8
    assert not objective.due(0.86)
    assert [[*turn.losses] for turn in objective.turns(batch, 0)] == [["referee"]]
    assert (objective.pace("generator"), objective.pace("referee")) == (0, 1)


def moved(before, after, player):
    return any(not torch.equal(before[k], v) for k, v in after.items() if k.startswith(player))


def test_killed_while_the_referee_learns_it_resumes_to_the_same_bits(tmp_path):
    settings = SMALL | {"training.checkpoint_every": 0, "training.log_every": 1}
    whole = ganvas.train("ring", out=tmp_path / "whole", steps=40, settings=settings)

    def killed(moment):
        if moment.step == 37:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ganvas.train(
            "ring",
            out=tmp_path / "part",
            steps=40,
            settings=settings,
            observer=Observer(said=lambda words: None, logged=killed),
        )
    part = ganvas.train(out=tmp_path / "part", resume=True, observer=QUIET)
    states = [ganvas.load(run.path).objective.state_dict() for run in (whole, part)]
    assert all(torch.equal(states[0][name], value) for name, value in states[1].items())


def test_a_referee_says_log_p_of_real_items_less_that_of_made_ones():
    """Of two Gaussians, where items of both are to be found."""
    torch.manual_seed(0)
    settings = points.Settings()
    objective = points.build(settings, Spec(kind="points", shape=(2,)))
    objective.make = lambda label, n, device: torch.randn(n, 2) * 0.1
    assert objective.referee is not None
    objective.resting.fill_(1)
    adam = torch.optim.Adam(objective.referee.parameters(), 1e-3)
    for _ in range(300):
        (turn,) = objective.turns({"point": torch.randn(256, 2) * 0.05}, 0)
        turn.losses["referee"].backward()
        adam.step()
        adam.zero_grad()
    x = torch.linspace(-0.2, 0.2, 41)
    with torch.no_grad():
        logit = objective.referee(torch.stack([x, torch.zeros(41)], 1))
    exact = 2 * np.log(2) - 1.5 * (x / 0.1) ** 2
    assert (logit - exact).abs()[8:33].max() < 0.4


def test_what_is_shown_at_the_end_is_what_the_model_makes(tmp_path):
    """The samples in the report, and the figures of the last look, are of the calibrated model."""
    seen = {}

    def snapshot(trainer):
        rng = torch.Generator().manual_seed(0)
        seen[trainer.step] = trainer.objective.rejection.works, trainer.objective.sample(50, generator=rng)

    observer = Observer(said=lambda words: None, snapshot=snapshot)
    settings = SMALL | {"training.snapshots": 2}
    run = ganvas.train("ring", out=tmp_path / "r", steps=30, settings=settings, observer=observer)
    assert [works for works, _ in seen.values()] == [False, True]
    rng = torch.Generator().manual_seed(0)
    assert torch.equal(seen[30][1], ganvas.load(run.path).objective.sample(50, generator=rng))
