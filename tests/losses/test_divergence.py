"""Divergences of normal laws against torch.distributions."""

import torch
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal, kl_divergence

from ganvas.losses.divergence import kl_between, kl_to_standard, log_mean_exp, log_mixture, log_normal


def numbers(*shape):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(len(shape)))


MEAN, LOG_VAR = numbers(6, 4), numbers(6, 4, 1)[..., 0]
Q = Normal(MEAN, (LOG_VAR / 2).exp())


def test_kl_to_standard():
    torch.testing.assert_close(kl_to_standard(MEAN, LOG_VAR), kl_divergence(Q, Normal(MEAN * 0, 1.0)))


def test_kl_between():
    other, other_log_var = MEAN.flip(0), LOG_VAR.roll(1, 0)
    expected = kl_divergence(Q, Normal(other, (other_log_var / 2).exp()))
    torch.testing.assert_close(kl_between(MEAN, LOG_VAR, other, other_log_var), expected)


def test_log_normal():
    z = numbers(3, 6, 4)
    torch.testing.assert_close(log_normal(z, MEAN, LOG_VAR), Q.log_prob(z))
    torch.testing.assert_close(log_normal(z), Normal(0.0, 1.0).log_prob(z))


def test_log_mixture():
    z = numbers(3, 5, 4)
    mixture = MixtureSameFamily(Categorical(torch.ones(6, dtype=torch.float64)), Independent(Q, 1))
    torch.testing.assert_close(log_mixture(z, MEAN, LOG_VAR), mixture.log_prob(z))


def test_log_mean_exp_of_what_would_overflow():
    values = torch.tensor([1000.0, 1000.0, -1000.0], dtype=torch.float64)
    torch.testing.assert_close(log_mean_exp(values), 1000 + torch.tensor(2 / 3, dtype=torch.float64).log())
