"""Penalties against closed forms."""

import torch
from torch import nn

from ganvas.remedies.penalties import (
    PenaltySettings,
    between,
    clip_weights,
    distance_from_one,
    squared_gradient,
    weight_decay,
)


def test_a_linear_critics_penalty_is_its_squared_weight():
    critic = nn.Linear(5, 1).double()
    x = torch.randn(7, 5, dtype=torch.float64, requires_grad=True)
    penalty = squared_gradient(critic(x)[:, 0], x).mean()
    torch.testing.assert_close(penalty, critic.weight.square().sum(), rtol=1e-12, atol=0)
    penalty.backward()
    torch.testing.assert_close(critic.weight.grad, 2 * critic.weight.detach(), rtol=1e-12, atol=0)


def test_a_quadratic_critics_penalty():
    a = torch.randn(4, 4, requires_grad=True)
    x = torch.randn(9, 4, requires_grad=True)
    logits = torch.einsum("bi,ij,bj->b", x, a, x) / 2
    slope = x.detach() @ (a + a.T).detach() / 2
    torch.testing.assert_close(squared_gradient(logits, x), slope.square().sum(1))


def test_two_sided_gradient_penalty():
    squared = torch.tensor([0.25, 1.0, 9.0])
    torch.testing.assert_close(distance_from_one(squared), torch.tensor((0.25 + 0 + 4) / 3))


def test_a_flat_critic_has_a_finite_slope():
    w = torch.zeros(3, requires_grad=True)
    x = torch.randn(2, 3, requires_grad=True)
    distance_from_one(squared_gradient(x @ w, x)).backward()
    assert w.grad.isfinite().all()


def test_interpolates_lie_on_the_lines():
    real, fake = torch.randn(6, 3, 4, 4), torch.randn(6, 3, 4, 4)
    share = ((between(real, fake) - fake) / (real - fake)).flatten(1)
    torch.testing.assert_close(share, share[:, :1].expand_as(share), rtol=0, atol=1e-3)
    assert ((share > 0) & (share < 1)).all()


def test_penalty_in_bf16_points_the_way_of_fp32():
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(3, 32, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(32, 32, 4, 2, 1), nn.Flatten()
    )
    x = torch.randn(16, 3, 16, 16, requires_grad=True)

    def slope(enabled):
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            loss = squared_gradient(net(x).float().square().sum(1), x).mean()
        grads = torch.autograd.grad(loss, [p for p in net.parameters() if p.ndim > 1])
        return torch.cat([g.flatten() for g in grads])

    assert torch.cosine_similarity(slope(False), slope(True), dim=0) > 0.999


def test_weight_decay_and_clipping():
    w = nn.Parameter(torch.tensor([3.0, -4.0]))
    assert weight_decay([w], l1=1.0, l2=0.0) == 7
    assert weight_decay([w], l1=0.0, l2=1.0) == 25
    clip_weights([w], 0.01)
    torch.testing.assert_close(w.data, torch.tensor([0.01, -0.01]))


def test_lazy_penalties_are_due_at_every_so_many_steps():
    lazy = PenaltySettings(r1=1.0, every=4)
    assert [lazy.due(step) for step in range(5)] == [True, False, False, False, True]
    assert not PenaltySettings().due(0)


def test_r1_and_r2_shrink_by_the_same_factor_at_every_step():
    shrinking = PenaltySettings(r1=1.0, settle=0.01, until=0.1)
    assert [round(shrinking.share(done), 6) for done in (0, 0.05, 0.1, 1)] == [1, 0.1, 0.01, 0.01]
    assert PenaltySettings(r1=1.0).share(1) == 1
