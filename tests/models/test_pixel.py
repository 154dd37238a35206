"""The pixel model: exact, causal, and sampled from its own conditionals."""

import math
from contextlib import nullcontext

import pytest
import torch
from tiny import LEVELS, bars, counted, fits, seeded, states

from ganvas.core.errors import UserError
from ganvas.core.turns import Player, play, players_of
from ganvas.data.spec import Spec
from ganvas.models import pixel


def build(shape=(1, 3, 3), observation="bernoulli", classes=0, double=True, seed=0, **network):
    """A tiny model whose weights are large enough to matter."""
    torch.manual_seed(seed)
    spec = Spec(kind="image", shape=shape, classes=tuple("abcdefghij"[:classes]))
    net = pixel.NetworkSettings(**{"width": 8, "layers": 4} | network)
    model = pixel.build(pixel.Settings(network=net, observation=observation, components=2), spec)
    if double:
        model.double()
    for p in model.parameters():
        p.data.add_(0.3 * torch.randn_like(p))
    return model.eval()


@pytest.mark.parametrize("classes", [0, 2])
@torch.no_grad()
def test_the_probabilities_of_all_tiny_binary_pictures_sum_to_one(classes):
    model = build(classes=classes)
    x = states(9).view(512, 1, 3, 3)
    for label in range(classes or 1):
        y = torch.full((512,), label) if classes else None
        log_prob = model.log_prob(x, y)
        assert log_prob.std() > 0.5  # not uniform, so that the sum says something
        assert abs(log_prob.exp().sum().item() - 1) < 1e-12


@torch.no_grad()
def test_the_probabilities_of_all_grey_pairs_sum_to_one():
    model = build(shape=(1, 1, 2), observation="logistic", layers=1, width=4)
    x = torch.cartesian_prod(LEVELS, LEVELS).view(-1, 1, 1, 2)
    assert abs(model.log_prob(x).exp().sum().item() - 1) < 1e-9


@torch.no_grad()
def test_a_places_last_channel_sums_to_one_given_the_others():
    """A colour picture of one place and, for two channels of it, all the third one's levels."""
    model = build(shape=(2, 1, 1), observation="logistic", layers=1, width=4)
    x = torch.cartesian_prod(LEVELS, LEVELS).view(-1, 2, 1, 1)
    assert abs(model.log_prob(x).exp().sum().item() - 1) < 1e-9


@pytest.mark.parametrize(("channels", "observation"), [(1, "bernoulli"), (3, "logistic")])
@pytest.mark.parametrize(("layers", "reach"), [(0, 1), (3, 1), (5, 2)])
def test_every_place_sees_those_before_it_only(channels, observation, layers, reach):
    height, width = 5, 7
    model = build((channels, height, width), observation, layers=layers, reach=reach)
    x = torch.rand(1, channels, height, width, dtype=torch.float64).mul(2).sub(1).requires_grad_()
    params = model.network(x)
    for place in range(height * width):
        i, j = divmod(place, width)
        (slope,) = torch.autograd.grad(params[0, :, i, j].sum(), x, retain_graph=True)
        seen = slope[0].abs().sum(0).flatten() > 0
        assert not seen[place:].any()
        if layers == 5 and reach == 2:  # far enough to leave no place before unseen
            assert seen[:place].all()


@pytest.mark.parametrize("dropout", [0.0, 0.5])
@torch.no_grad()
def test_the_kept_features_of_sampling_are_those_of_a_pass_forward(dropout):
    model = build((3, 6, 5), "logistic", classes=2, layers=5, reach=2, dropout=dropout).train()
    label = torch.tensor([0, 1, 1])
    steps = []

    def pick(params):
        steps.append(params)
        return model.law.draw(params, seeded(len(steps)))

    model.network.eval()
    x = model.network.generate(3, label, pick)
    together = torch.cat(steps, 3).view(3, -1, 6, 5)
    torch.testing.assert_close(model.network(x, label), together, rtol=1e-12, atol=1e-12)


@torch.no_grad()
def test_samples_are_as_frequent_as_the_model_says():
    model = build(shape=(1, 2, 3), seed=3, layers=2)
    n, x = 10_000, states(6)
    p = model.log_prob(x.view(-1, 1, 2, 3)).exp()
    assert fits(counted(model.sample(n, generator=seeded(), batch=5_000)), p)


@torch.no_grad()
def test_grey_levels_are_as_frequent_as_the_model_says():
    model = build(shape=(1, 1, 1), observation="logistic", seed=1, layers=1)
    p = model.log_prob(LEVELS.view(-1, 1, 1, 1)).exp()
    drawn = model.sample(20_000, generator=seeded(), batch=20_000)
    level = ((drawn.flatten() + 1) * 127.5).round().long()
    assert fits(torch.bincount(level, minlength=256), p)


@torch.no_grad()
def test_a_low_temperature_samples_the_likelier():
    model = build(double=False, shape=(1, 4, 4))
    warm, cold = (model.sample(500, generator=seeded(), truncation=t) for t in (1.0, 0.2))
    assert model.log_prob(cold).mean() > model.log_prob(warm).mean() + 1
    with pytest.raises(ValueError, match="truncation"):
        model.sample(1, truncation=1.5)


@pytest.mark.parametrize("observation", ["bernoulli", "logistic"])
def test_samples_depend_on_the_seed_and_the_label(observation):
    model = build((1, 4, 6), observation, classes=3, double=False, dropout=0.3).train()
    one, two = (model.sample(10, generator=seeded(1), batch=b) for b in (4, 4))
    assert torch.equal(one, two)
    assert model.network.training
    assert one.shape == (10, 1, 4, 6)
    assert one.abs().max() <= 1
    assert not torch.equal(one, model.sample(10, generator=seeded(2), batch=4))
    a, b = (model.sample(10, generator=seeded(1), label=k) for k in (0, 1))
    assert not torch.equal(a, b)


@pytest.mark.parametrize("precision", [nullcontext, lambda: torch.autocast("cpu", torch.bfloat16)])
def test_it_learns_a_tiny_world_to_its_entropy(precision):
    """Bars, upright or level, each row or column with probability 1/2: log 2 + 4 log 2 nats, nearly."""
    torch.manual_seed(0)
    spec = Spec(kind="image", shape=(1, 4, 4))
    net = pixel.NetworkSettings(width=16, layers=3)
    model = pixel.build(pixel.Settings(network=net, observation="bernoulli"), spec)
    players = players_of(model, lambda _, params: Player(params, torch.optim.Adam(params, 1e-2)))
    for step in range(120):
        stats = play(model, players, [{"image": bars(128)}], step, precision)
    assert stats.keys() >= {"network", "log_prob", "bits_per_dim", "network/grad_norm"}
    torch.testing.assert_close(stats["bits_per_dim"], -stats["log_prob"] / 16 / math.log(2))
    # All black and all white are both kinds at once, which makes the entropy a little less than 5 log 2.
    entropy = -(28 * math.log(1 / 32) + 4 * math.log(1 / 16)) / 32
    with torch.no_grad():
        nll = -model.log_prob(bars(4096)).mean().item()
    assert entropy - 0.05 < nll < entropy + 0.3


def test_labels_tell_what_the_picture_alone_cannot():
    """Bars whose direction is the label: 4 log 2 nats, and those sampled lie in the direction asked for."""
    torch.manual_seed(0)
    spec = Spec(kind="image", shape=(1, 4, 4), classes=("level", "upright"))
    net = pixel.NetworkSettings(width=16, layers=3)
    model = pixel.build(pixel.Settings(network=net, observation="bernoulli"), spec)
    players = players_of(model, lambda _, params: Player(params, torch.optim.Adam(params, 1e-2)))

    def labelled(n):
        lines = (torch.rand(n, 1, 4, 1) < 0.5).float().expand(-1, -1, -1, 4) * 2 - 1
        label = torch.randint(2, (n,))
        return {"image": torch.where(label[:, None, None, None] == 1, lines.mT, lines), "label": label}

    for step in range(120):
        play(model, players, [labelled(128)], step)
    batch = labelled(1024)
    with torch.no_grad():
        nll = -model.log_prob(batch["image"], batch["label"]).mean().item()
    assert 4 * math.log(2) - 0.05 < nll < 4 * math.log(2) + 0.2
    for label in range(2):
        made = model.sample(200, generator=seeded(), label=label)
        lines = made.mT if label else made
        assert (lines == lines[..., :1]).all(3).all(2).float().mean() > 0.9


def test_bernoulli_pixels_refuse_colour():
    with pytest.raises(UserError, match="logistic"):
        build((3, 8, 8), "bernoulli")


def test_a_labelled_model_asks_for_labels():
    with pytest.raises(ValueError, match="label"):
        build(classes=2).log_prob(states(9).view(-1, 1, 3, 3))
