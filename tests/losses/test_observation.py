"""Laws of pixels: they are laws (they sum to 1), and what they draw follows them."""

import math

import pytest
import torch
import torch.nn.functional as F

from ganvas.losses import observation
from ganvas.losses.observation import LEVEL, Bernoulli, Gaussian, Logistic

LEVELS = torch.arange(256, dtype=torch.float64) * LEVEL - 1


def params(law, channels, places=1, spread=2.0, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return spread * torch.randn(1, law.width(channels), 1, places, dtype=torch.float64, generator=generator)


@pytest.mark.parametrize("seed", range(5))
def test_logistic_levels_sum_to_one(seed):
    law = Logistic(3)
    given = params(law, 1, seed=seed).expand(256, -1, -1, -1)
    total = law.log_prob(given, LEVELS.view(256, 1, 1, 1)).exp().sum().item()
    assert math.isclose(total, 1, abs_tol=1e-12)


def test_logistic_pairs_of_coupled_channels_sum_to_one():
    law = Logistic(3)
    first, second = torch.meshgrid(LEVELS, LEVELS, indexing="ij")
    x = torch.stack([first.flatten(), second.flatten()], 1).view(-1, 2, 1, 1)
    total = law.log_prob(params(law, 2).expand(len(x), -1, -1, -1), x).exp().sum().item()
    assert math.isclose(total, 1, abs_tol=1e-12)


def test_logistic_is_finite_however_sharp_and_far():
    law = Logistic(1)
    given = torch.tensor([0.0, 0.9, -50.0]).view(1, 3, 1, 1).expand(256, -1, -1, -1).clone().requires_grad_()
    log_prob = law.log_prob(given, LEVELS.float().view(256, 1, 1, 1))
    log_prob.sum().backward()
    assert log_prob.isfinite().all()
    assert given.grad is not None
    assert given.grad.isfinite().all()


def test_what_logistic_draws_follows_its_law():
    """The chi-square statistic of 20,000 draws over 16 ranges of levels stays below its 99.9 % point."""
    law, n = Logistic(2), 20_000
    given = params(law, 1, spread=0.7)
    drawn = law.draw(given.expand(n, -1, -1, -1), torch.Generator().manual_seed(1)).flatten()
    number = (drawn + 1) / LEVEL
    assert (number - number.round()).abs().max() < 1e-9
    mass = law.log_prob(given.expand(256, -1, -1, -1), LEVELS.view(256, 1, 1, 1)).exp()
    expected = n * mass.view(16, 16).sum(1)
    found = torch.bincount(number.round().long() // 16, minlength=16)
    kept = expected > 5
    chi = ((found - expected).square() / expected)[kept].sum()
    assert chi < 37.7  # 15 degrees of freedom


def test_the_means_are_those_of_the_draws():
    generator = torch.Generator().manual_seed(2)
    for law in (Bernoulli(), Gaussian()):
        given = params(law, 3, spread=0.2)
        given[:, 3:] -= 6  # so narrow a normal law that cutting draws to [-1, 1] moves nothing
        drawn = law.draw(given.expand(40_000, -1, -1, -1), generator)
        error = (drawn.mean(0) - law.mean(given)[0]).abs()
        assert (error < 4 * drawn.std(0) / 200).all()


def test_bernoulli_is_the_binary_cross_entropy():
    law = Bernoulli()
    given = torch.randn(4, 1, 3, 3, dtype=torch.float64)
    x = law.observe(torch.rand(4, 1, 3, 3, dtype=torch.float64) * 2 - 1)
    assert set(x.unique().tolist()) <= {-1.0, 1.0}
    entropy = F.binary_cross_entropy_with_logits(given, (x + 1) / 2, reduction="none")
    torch.testing.assert_close(law.log_prob(given, x), -entropy.flatten(1).sum(1), rtol=1e-12, atol=0)


@pytest.mark.parametrize("at_once", [1, 40, 1_000])
def test_bernoulli_of_several_draws_has_the_gradient_of_the_cross_entropy(monkeypatch, at_once):
    """Whatever the portions: x - sigmoid(logit), times what weighs the picture."""
    monkeypatch.setattr(observation, "CACHED", at_once)
    given = (3 * torch.randn(3 * 4, 1, 3, 3, dtype=torch.float64)).requires_grad_()
    x = torch.rand(4, 1, 3, 3, dtype=torch.float64).round() * 2 - 1
    weight = torch.randn(12, dtype=torch.float64)
    found = Bernoulli().log_prob(given, x)
    white = (x.repeat(3, 1, 1, 1) + 1) / 2
    entropy = F.binary_cross_entropy_with_logits(given, white, reduction="none").flatten(1).sum(1)
    torch.testing.assert_close(found, -entropy, rtol=1e-12, atol=0)
    (grad,) = torch.autograd.grad((weight * found).sum(), given)
    closed = weight[:, None, None, None] * (white - given.sigmoid())
    torch.testing.assert_close(grad, closed, rtol=1e-12, atol=1e-15)


def test_each_grey_is_white_as_often_as_it_says():
    """No share of 40,000 draws is further than 4.5 standard errors from its grey; both ends are certain."""
    torch.manual_seed(0)
    times = 40_000
    seen = Bernoulli().observe(LEVELS.float().repeat(times).view(times, 1, 16, 16))
    white = (seen + 1).sum(0).flatten() / 2
    p = torch.arange(256) / 255
    assert (white[0], white[255]) == (0, times)
    z = (white - times * p)[1:-1] / (times * p * (1 - p))[1:-1].sqrt()
    assert z.abs().max() < 4.5


def test_bernoulli_keeps_logits_as_they_came_and_sums_in_fp32():
    given = torch.randn(2, 1, 28, 28).bfloat16().requires_grad_()
    x = torch.rand(2, 1, 28, 28).round() * 2 - 1
    found = Bernoulli().log_prob(given, x)
    exact = Bernoulli().log_prob(given.detach().double(), x.double())
    torch.testing.assert_close(found.double(), exact, rtol=1e-6, atol=0)
    found.sum().backward()
    assert given.grad is not None
    assert given.grad.dtype == torch.bfloat16


@pytest.mark.parametrize(("mean", "log_scale"), [(1e6, 0.0), (-1e9, -9.0), (0.0, 105.0), (1e6, -105.0)])
def test_a_component_that_is_far_away_leaves_the_others_their_gradients(mean, log_scale):
    near = torch.tensor([0.0, 0.1, -3.0]).view(3, 1, 1)
    far = torch.tensor([0.0, mean, log_scale]).view(3, 1, 1)
    x = torch.zeros(1, 1, 1, 1)
    alone = near[None].clone().requires_grad_()
    both = torch.stack([near[0], far[0], *near[1:], *far[1:]])[None].requires_grad_()
    (expected,) = torch.autograd.grad(Logistic(1).log_prob(alone, x).sum(), alone)
    value = Logistic(2).log_prob(both, x)
    (found,) = torch.autograd.grad(value.sum(), both)
    torch.testing.assert_close(value, Logistic(1).log_prob(alone, x) - math.log(2), atol=1e-4, rtol=0)
    torch.testing.assert_close(found[:, 2:4], expected[:, 1:], atol=1e-4, rtol=1e-4)
    assert found.isfinite().all()


@pytest.mark.parametrize("law", [Bernoulli(), Gaussian(), Logistic(3)], ids=lambda law: type(law).__name__)
@pytest.mark.parametrize("channels", [1, 3])
def test_draws_come_one_after_the_other(law, channels):
    generator = torch.Generator().manual_seed(3)
    given = torch.randn(2 * 5, law.width(channels), 2, 2, generator=generator)
    x = law.observe(torch.rand(5, channels, 2, 2, generator=generator) * 2 - 1)
    apart = torch.cat([law.log_prob(part, x) for part in given.split(5)])
    torch.testing.assert_close(law.log_prob(given, x), apart)


def test_bernoulli_starts_from_the_likeliest_independent_places():
    torch.manual_seed(0)
    law, grey = Bernoulli(), torch.rand(1, 1, 3, 3).expand(5_000, -1, -1, -1) * 1.8 - 0.9
    x = law.observe(grey)
    start = law.start(x)
    mean = (x.mean(0) + 1) / 2
    torch.testing.assert_close(start, mean.logit(), rtol=0, atol=0.01)
    assert law.start(-torch.ones(8, 1, 3, 3)).isfinite().all()


@pytest.mark.parametrize("law", [Gaussian(), Logistic(5)], ids=lambda law: type(law).__name__)
def test_other_laws_start_closer_to_the_pictures_than_from_zeros(law):
    generator = torch.Generator().manual_seed(4)
    grey = (torch.rand(500, 1, 4, 4, generator=generator) * 60 + torch.arange(16).view(4, 4) * 12).round()
    x = grey * LEVEL - 1
    start = law.start(x)
    assert start.shape == (law.width(1), 4, 4)
    begun = law.log_prob(start.expand(500, -1, -1, -1), x).mean()
    assert begun > law.log_prob(torch.zeros(500, law.width(1), 4, 4), x).mean() + 10


def test_bernoulli_sees_a_grey_value_as_often_white_as_it_is_bright():
    torch.manual_seed(0)
    x = torch.full((1, 1, 100, 400), 0.5)
    assert abs(Bernoulli().observe(x).mean().item() - 0.5) < 4 * math.sqrt(0.75 / 40_000)


def test_gaussian_bounds_the_mass_of_a_level_from_below():
    """log of the mass that the density puts on a level is more than the mean of log density + log width."""
    law = Gaussian()
    given = torch.tensor([0.1, -20.0], dtype=torch.float64).view(1, 2, 1, 1)
    level = LEVELS[141]
    normal = torch.distributions.Normal(0.1, (math.exp(-20) + law.FLOOR) ** 0.5)
    mass = normal.cdf(level + LEVEL / 2) - normal.cdf(level - LEVEL / 2)
    torch.manual_seed(0)
    seen = law.observe(level.expand(20_000).view(-1, 1, 1, 1))
    bound = law.log_prob(given.expand(20_000, -1, -1, -1), seen)
    assert bound.mean() < mass.log()
    torch.testing.assert_close(
        bound.exp().mean(), mass, rtol=4 * (bound.exp().std() / 141 / mass).item(), atol=0
    )
