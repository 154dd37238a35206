"""The log-linear model: exact, masked, convex with no hidden layer, and sampled from its own conditionals."""

import math
from contextlib import nullcontext

import pytest
import torch
from tiny import LEVELS, bars, counted, fits, seeded, states

from ganvas.core.errors import UserError
from ganvas.core.turns import Player, play, players_of
from ganvas.data.spec import Spec
from ganvas.losses.levels import Levels
from ganvas.models import loglinear

DEPTHS = [{"depth": 0}, {"depth": 1}, {"depth": 2, "direct": False}, {"depth": 2, "activation": "tanh"}]


def build(shape=(1, 3, 3), observation="bernoulli", classes=0, double=True, shaken=0.5, **network):
    """A tiny model whose weights are large enough to matter."""
    torch.manual_seed(0)
    spec = Spec(kind="image", shape=shape, classes=tuple("abcdefghij"[:classes]))
    net = loglinear.NetworkSettings(**{"hidden": 20} | network)
    model = loglinear.build(loglinear.Settings(network=net, observation=observation, features=5), spec)
    if double:
        model.double()
    for p in model.parameters():
        p.data.add_(shaken * torch.randn_like(p))
    return model


@pytest.mark.parametrize("classes", [0, 2])
@pytest.mark.parametrize("network", DEPTHS)
@torch.no_grad()
def test_the_probabilities_of_all_tiny_binary_pictures_sum_to_one(network, classes):
    model = build(classes=classes, **network)
    x = states(9).view(512, 1, 3, 3)
    for label in range(classes or 1):
        y = torch.full((512,), label) if classes else None
        log_prob = model.log_prob(x, y)
        assert log_prob.std() > 0.5  # not uniform, so that the sum says something
        assert abs(log_prob.exp().sum().item() - 1) < 1e-12


@pytest.mark.parametrize("shape", [(1, 1, 2), (2, 1, 1)])
@torch.no_grad()
def test_the_probabilities_of_all_grey_pairs_sum_to_one(shape):
    model = build(shape, "levels", depth=1)
    x = torch.cartesian_prod(LEVELS, LEVELS).view(-1, *shape)
    assert abs(model.log_prob(x).exp().sum().item() - 1) < 1e-10


@pytest.mark.parametrize(("channels", "observation"), [(1, "bernoulli"), (3, "levels")])
@pytest.mark.parametrize("network", DEPTHS)
def test_every_value_sees_those_before_it_only_and_all_of_them(network, channels, observation):
    """Raster order, channels inside a place."""
    model = build((channels, 3, 4), observation, **network | {"hidden": 200})
    x = torch.rand(1, channels, 3, 4, dtype=torch.float64).mul(2).sub(1).requires_grad_()
    params = model.params(x)[0].unflatten(0, (channels, -1))
    for value in range(channels * 12):
        place, c = divmod(value, channels)
        i, j = divmod(place, 4)
        (slope,) = torch.autograd.grad(params[c, :, i, j].sum(), x, retain_graph=True)
        seen = slope[0].permute(1, 2, 0).flatten().abs() > 0
        assert not seen[value:].any()
        if network.get("direct", True):
            assert seen[:value].all()


def test_a_single_layer_is_logistic_regression_on_the_pixels_before():
    model = build()
    w, b = model.network.out.weight, model.network.out.bias
    x = states(9)[[3, 77, 400]]
    expected = torch.zeros(3, dtype=torch.float64)
    for i in range(9):
        odds = b[i] + sum(w[i, j] * x[:, j] for j in range(i))
        expected += -torch.log1p(torch.exp(-x[:, i] * odds))
    torch.testing.assert_close(model.log_prob(x.view(3, 1, 3, 3)), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("network", DEPTHS)
@torch.no_grad()
def test_sampling_step_by_step_is_the_pass_forward(network):
    model = build((3, 4, 5), "levels", classes=2, shaken=0.2, **network)
    label = torch.tensor([0, 1, 1])
    steps = []

    def pick(theta):
        steps.append(theta)
        return model.law.draw(theta[:, :, None, None], seeded(len(steps))).flatten()

    x = model.network.generate(3, label, pick)
    torch.testing.assert_close(model.network(x, label), torch.stack(steps, 1), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("network", DEPTHS)
@torch.no_grad()
def test_samples_are_as_frequent_as_the_model_says(network):
    model = build((1, 2, 3), **network)
    p = model.log_prob(states(6).view(-1, 1, 2, 3)).exp()
    assert fits(counted(model.sample(20_000, generator=seeded(), batch=20_000)), p)


@torch.no_grad()
def test_grey_levels_are_as_frequent_as_the_model_says():
    model = build((1, 1, 1), "levels")
    p = model.log_prob(LEVELS.view(-1, 1, 1, 1)).exp()
    drawn = model.sample(50_000, generator=seeded(), batch=50_000)
    assert fits(torch.bincount(((drawn.flatten() + 1) * 127.5).round().long(), minlength=256), p)
    mean = model.law.mean(model.params(torch.zeros(1, 1, 1, 1, dtype=torch.float64)))
    torch.testing.assert_close(mean.flatten(), (p * LEVELS).sum()[None], rtol=1e-10, atol=1e-12)


def test_learning_by_one_layer_matches_the_features_means():
    """Of an exponential family: the slope is the data's mean of phi less the model's (here, of one pixel)."""
    law = Levels(features=5)
    theta = torch.randn(1, 7, 1, 1, dtype=torch.float64, requires_grad=True)
    x = LEVELS[torch.tensor([0, 0, 3, 200, 255])].view(-1, 1, 1, 1)
    law.log_prob(theta.expand(5, -1, -1, -1), x).mean().backward()
    v = (torch.arange(256, dtype=torch.float64) + 0.5) / 256
    phi = torch.stack(
        [torch.cos(math.pi * v * k) for k in range(1, 6)] + [(v < 1 / 256) * 1.0, (v > 255 / 256) * 1.0]
    )
    p = law.log_prob(theta.detach().expand(256, -1, -1, -1), LEVELS.view(-1, 1, 1, 1)).exp()
    of_data = phi[:, [0, 0, 3, 200, 255]].mean(1)
    torch.testing.assert_close(theta.grad.flatten(), of_data - phi @ p, rtol=1e-10, atol=1e-12)


def test_the_problem_of_one_layer_is_convex():
    """The loss halfway between two models is no more than the mean of theirs."""
    one, two, middle = (build(observation="levels", shaken=s) for s in (1.0, 2.0, 0.0))
    two.network.out.weight.data.neg_()
    parts = (m.network.parameters() for m in (one, two, middle))
    for a, b, c in zip(*parts, strict=True):
        c.data.copy_((a.data + b.data) / 2)
    x = LEVELS[torch.randint(256, (50, 1, 3, 3), generator=seeded())]
    loss = [-m.log_prob(x).mean().item() for m in (one, two, middle)]
    assert loss[2] <= (loss[0] + loss[1]) / 2


@pytest.mark.parametrize("precision", [nullcontext, lambda: torch.autocast("cpu", torch.bfloat16)])
@pytest.mark.parametrize(("depth", "slack"), [(0, 1.8), (1, 0.3)])
def test_it_learns_a_tiny_world(depth, slack, precision):
    """With hidden units to near its entropy; one layer cannot know bars of two kinds, but gains on chance."""
    torch.manual_seed(0)
    net = loglinear.NetworkSettings(depth=depth, hidden=200)
    spec = Spec(kind="image", shape=(1, 4, 4))
    model = loglinear.build(loglinear.Settings(network=net, observation="bernoulli"), spec)
    players = players_of(model, lambda _, params: Player(params, torch.optim.Adam(params, 2e-2)))
    for step in range(300):
        stats = play(model, players, [{"image": bars(128)}], step, precision)
    assert stats.keys() >= {"network", "log_prob", "bits_per_dim", "network/grad_norm"}
    torch.testing.assert_close(stats["bits_per_dim"], -stats["log_prob"] / 16 / math.log(2))
    entropy = (28 * math.log(32) + 4 * math.log(16)) / 32
    with torch.no_grad():
        nll = -model.log_prob(bars(4096)).mean().item()
    assert entropy - 0.05 < nll < entropy + slack


@pytest.mark.parametrize("observation", ["bernoulli", "levels"])
@torch.no_grad()
def test_samples_depend_on_the_seed_the_label_and_the_temperature(observation):
    model = build((1, 4, 6), observation, classes=3, double=False, depth=1)
    one, two = (model.sample(10, generator=seeded(1), batch=b) for b in (4, 4))
    assert torch.equal(one, two)
    assert one.shape == (10, 1, 4, 6)
    assert one.abs().max() <= 1
    assert not torch.equal(one, model.sample(10, generator=seeded(2), batch=4))
    a, b = (model.sample(10, generator=seeded(1), label=k) for k in (0, 1))
    assert not torch.equal(a, b)
    label = torch.zeros(200, dtype=torch.long)
    warm, cold = (model.sample(200, generator=seeded(), label=0, truncation=t) for t in (1.0, 0.2))
    assert model.log_prob(cold, label).mean() > model.log_prob(warm, label).mean() + 1
    with pytest.raises(ValueError, match="truncation"):
        model.sample(1, truncation=1.5)
    with pytest.raises(ValueError, match="label"):
        model.log_prob(one)


def test_what_cannot_be_is_refused_with_what_to_do():
    with pytest.raises(UserError, match="levels"):
        build((3, 8, 8), "bernoulli")
    with pytest.raises(UserError, match="recipe pixel"):
        build((3, 64, 64), "levels")
