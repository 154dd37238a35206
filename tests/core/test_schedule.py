"""Averages against their closed forms, learning rates, budgets, and the order of items."""

import time
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from ganvas.api import train
from ganvas.core.averaging import Average, exponent
from ganvas.core.errors import UserError
from ganvas.core.loop import Observer
from ganvas.core.randomness import Order, mixed, reseed
from ganvas.core.schedule import Clock, learning_rate, seconds
from ganvas.core.turns import Objective
from ganvas.models.adversarial import GAN


class Counter(Objective):
    """One weight, which is set to the number of the step."""

    def __init__(self) -> None:
        super().__init__()
        self.generator = nn.Linear(1, 1, bias=False).double()


@pytest.mark.parametrize(("width", "gamma"), [(0.05, 16.97), (0.10, 6.94), (0.15, 3.56)])
def test_exponents_are_those_of_the_paper(width, gamma):
    # Karras et al. 2024, section 3.1: gamma of 5, 10 and 15 %, of which the text names 6.94 and 16.97
    assert exponent(width) == pytest.approx(gamma, abs=0.01)


@pytest.mark.parametrize("width", [0.05, 0.15])
def test_the_average_has_the_profile_of_a_power(width):
    """The weights after step t count with the integral of (gamma + 1) x^gamma over [(t-1)/T, t/T]."""
    steps, gamma = 400, exponent(width)
    objective = Counter()
    average = Average(objective, ("generator",), width)
    for step in range(1, steps + 1):
        nn.init.constant_(objective.generator.weight, float(step))
        average.update(objective, step)
    # since the product of (1 - 1/s)^(gamma+1) over s in t+1 … T telescopes to (t/T)^(gamma+1)
    t = np.arange(1, steps + 1, dtype=np.float64)
    weights = (t / steps) ** (gamma + 1) - ((t - 1) / steps) ** (gamma + 1)
    assert average.networks["generator"].weight.item() == pytest.approx((weights * t).sum(), rel=1e-12)
    assert weights.sum() == pytest.approx(1)


def test_no_width_keeps_the_last_weights():
    objective = Counter()
    average = Average(objective, ("generator",), 0.0)
    for step in (1, 2, 3):
        nn.init.constant_(objective.generator.weight, float(step))
        average.update(objective, step)
    assert average.networks["generator"].weight.item() == 3


def test_what_is_shared_is_averaged_once_and_buffers_as_they_ask():
    norm: Any = nn.BatchNorm1d(2)
    first, second = nn.Linear(2, 2), nn.Linear(2, 2)
    second.weight = first.weight
    objective: Any = Counter()
    objective.generator = nn.Sequential(first, norm, second)
    average: Any = Average(objective, ("generator",), 0.05)
    expected = {name: value.clone() for name, value in objective.generator.state_dict().items()}
    for step in range(1, 4):
        keep = (1 - 1 / step) ** (average.gamma + 1)
        with torch.no_grad():
            for value in (*objective.generator.parameters(), norm.running_mean, norm.running_var):
                value.add_(torch.randn(value.shape))
        norm.num_batches_tracked += 1
        average.update(objective, step)
        for name, value in objective.generator.state_dict().items():
            counted = name.endswith("num_batches_tracked")
            expected[name] = value.clone() if counted else expected[name].lerp(value, 1 - keep)
    found = average.networks["generator"].state_dict()
    assert all(torch.equal(found[name], value) for name, value in expected.items())


def test_a_seed_draws_what_torch_draws_from_it():
    reseed(3, "weights")
    drawn = torch.rand(4)
    torch.manual_seed(mixed(3, "weights"))
    assert torch.equal(drawn, torch.rand(4))


def test_samples_are_made_with_averaged_weights_and_training_goes_on_with_its_own():
    objective = Counter()
    own = objective.generator
    average = Average(objective, ("generator",), 0.1)
    with average.worn_by(objective):
        assert objective.generator is average.networks["generator"]
    assert objective.generator is own
    assert list(dict(objective.named_parameters())) == ["generator.weight"]


def test_learning_rate_rises_stays_and_falls_to_nothing():
    rates = np.array([learning_rate(step, 1000, 100, 0.3) for step in range(1001)])
    np.testing.assert_allclose(rates[:100], np.arange(1, 101) / 100)
    np.testing.assert_array_equal(rates[100:701], 1)
    np.testing.assert_allclose(rates[700:], 0.5 + 0.5 * np.cos(np.pi * np.arange(301) / 300), atol=1e-12)
    assert all(learning_rate(step, 100, 0, 0.0) == 1 for step in range(100))


@pytest.mark.parametrize(
    ("text", "value"), [("90s", 90), ("10m", 600), ("1h30m", 5400), ("2.5", 2.5), ("1D", 86400)]
)
def test_budgets_are_read(text, value):
    assert seconds(text) == value


@pytest.mark.parametrize("text", ["soon", "", "10 parsecs", "-5m", "0.5s", "5m10", "1e3", "nan"])
def test_no_other_budget_is_read(text):
    with pytest.raises(UserError, match="a budget is"):
        seconds(text)


@pytest.mark.parametrize("pause", [0.002, 0.02])
def test_a_budget_ends_in_time_and_the_forecast_with_it(pause):
    clock, step, total = Clock(1.5), 0, 20_000
    forecasts = []
    while step < total:
        time.sleep(pause)
        step += 1
        total = clock.fit(step, total)
        forecasts.append(total)
    assert clock.elapsed == pytest.approx(1.5, abs=0.3)
    halfway = forecasts[len(forecasts) // 2]
    assert halfway == pytest.approx(step, rel=0.25)


def test_a_budget_counts_the_sessions_before():
    clock = Clock(100.0, spent=99.9)
    time.sleep(0.15)
    assert clock.fit(50, 1000) == 50


def test_every_epoch_is_another_permutation_of_everything():
    order = Order(101, seed=3)
    epochs = order(0, 303).reshape(3, 101)
    for epoch in epochs:
        np.testing.assert_array_equal(np.sort(epoch), np.arange(101))
    assert not np.array_equal(epochs[0], epochs[1])
    assert not np.array_equal(epochs[0], Order(101, seed=4)(0, 101))


@pytest.mark.parametrize("batch", [1, 7, 64, 250])
@pytest.mark.parametrize("processes", [1, 2, 5])
def test_the_order_is_the_same_in_any_portions(batch, processes):
    whole, orders = Order(30, 0)(0, batch * processes * 3), [Order(30, 0) for _ in range(processes)]
    parts = [
        orders[rank]((step * processes + rank) * batch, batch)
        for step in range(3)
        for rank in range(processes)
    ]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_seeds_differ_wherever_a_key_does():
    keys = [(s, r, t) for s in range(5) for r in range(5) for t in range(20)]
    seeds = {mixed(*k) for k in keys}
    assert len(seeds) == len(keys)
    assert all(0 <= s < 2**63 for s in seeds)
    assert torch.Generator().manual_seed(max(seeds)).initial_seed() == max(seeds)


def test_items_of_a_batch_are_about_as_long_and_all_come_once_an_epoch():
    lengths = np.random.default_rng(0).integers(1, 1000, 256)
    order = Order(256, 5, lengths, batch=8)
    epoch = order(0, 256)
    assert sorted(epoch) == list(range(256))
    assert not np.array_equal(epoch, order(256, 256))
    padded = lengths[epoch].reshape(-1, 8)
    at_random = lengths[Order(256, 5)(0, 256)].reshape(-1, 8)
    assert padded.max(1).sum() * 8 < 1.15 * lengths.sum() < 1.4 * lengths.sum() < at_random.max(1).sum() * 8
    assert np.array_equal(Order(256, 5, lengths, batch=8)(0, 256), epoch)


def test_without_a_budget_what_is_left_is_that_of_the_stage(tmp_path, monkeypatch):
    monkeypatch.setattr(GAN, "starts", (0.0, 0.2, 0.2, 0.5))  # in the place of the property
    moments = []
    how = {"training.log_every": 1, "training.snapshots": 0}
    train("ring", out=tmp_path / "a", steps=10, settings=how, observer=Observer(logged=moments.append))
    assert [m.stage for m in moments] == [(1, 3), *[(2, 3)] * 3, *[(3, 3)] * 6]
    left = [round(m.left * m.items_per_second) for m in moments]
    batch = left[-2]
    assert [n // batch for n in left] == [1, 3, 2, 1, 5, 4, 3, 2, 1, 0]
    moments.clear()
    train("ring", out=tmp_path / "b", budget="1s", settings=how, observer=Observer(logged=moments.append))
    assert {m.stage for m in moments} == {(1, 1)}
