"""Policy gradient: in expectation it is the gradient, counted out over all that can be written."""

import itertools

import pytest
import torch

from ganvas.losses import policy

ALL = torch.tensor([*itertools.product(range(3), repeat=3)])
"""All texts of three tokens of three."""


def law(theta):
    """log p(x_t | x_<t) of all texts: logits by place and the token before."""
    before = torch.cat([torch.zeros(len(ALL), 1, dtype=torch.long), ALL[:, :-1]], 1)
    return theta[torch.arange(3), before].log_softmax(2).gather(2, ALL[..., None])[..., 0]


def test_returns_are_discounted_sums_of_what_is_written():
    rewards = torch.tensor([[1.0, 2.0, 4.0], [1.0, 2.0, 4.0]])
    written = torch.tensor([[True, True, True], [True, True, False]])
    assert policy.returns(rewards, written, 0.5).tolist() == [[3.0, 4.0, 4.0], [2.0, 2.0, 0.0]]


def test_a_baseline_is_the_mean_of_the_others():
    values = torch.tensor([[1.0, 7.0], [2.0, 5.0], [6.0, 9.0]])
    written = torch.tensor([[True, True], [True, False], [True, False]])
    found = policy.advantages(values, written)
    assert found.tolist() == [[1 - 4, 7], [2 - 3.5, 0], [6 - 1.5, 0]]


@pytest.mark.parametrize("discount", [1.0, 0.5])
def test_the_gradient_is_the_exact_one_in_expectation(discount):
    generator = torch.Generator().manual_seed(0)
    theta = torch.randn(3, 3, 3, generator=generator, dtype=torch.float64).requires_grad_()
    rewards = torch.randn(27, 3, generator=generator, dtype=torch.float64)
    # rewards of beginnings: the same for all texts that begin so
    for t, size in ((0, 9), (1, 3)):
        rewards[:, t] = rewards[:, t].view(-1, size)[:, :1].expand(-1, size).flatten()
    everywhere = torch.ones(27, 3, dtype=torch.bool)
    weight = policy.returns(rewards, everywhere, discount)
    p = law(theta).sum(1).exp()
    (exact,) = torch.autograd.grad(-(p.detach() * (law(theta) * weight).sum(1)).sum(), theta)
    if discount == 1:  # then it is the gradient of what is expected
        (expected,) = torch.autograd.grad(-(p * rewards.sum(1)).sum(), theta)
        torch.testing.assert_close(exact, expected)
    found = []
    for _ in range(400):
        rows = torch.multinomial(p.detach(), 50, replacement=True, generator=generator)
        values = policy.advantages(weight[rows], everywhere[rows])
        (one,) = torch.autograd.grad(policy.loss(law(theta)[rows], values), theta)
        found.append(one)
    found = torch.stack(found)
    error = found.std(0) / 400**0.5
    assert ((found.mean(0) - exact).abs() < 5 * error + 1e-12).all()
    assert exact.abs().max() > 20 * error.max()
