"""Laws of pixels: they are laws (they sum to 1), and what they draw follows them."""

import math

import pytest
import torch

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
    entropy = torch.nn.functional.binary_cross_entropy_with_logits(given, (x + 1) / 2, reduction="none")
    torch.testing.assert_close(law.log_prob(given, x), -entropy.flatten(1).sum(1), rtol=1e-12, atol=0)


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
