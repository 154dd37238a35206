"""What is left out, how often, and that nothing else changes."""

import pytest
import torch

from ganvas.nn.dropout import Dropout, dropped


@pytest.mark.parametrize("share", [0.1, 0.25, 0.9])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_places_are_left_out_by_chance_and_the_mean_stays(share, dtype):
    torch.manual_seed(0)
    x = torch.ones(401, 499, dtype=dtype, requires_grad=True)
    y = dropped(x, share)
    kept = y != 0
    error = (share * (1 - share) / kept.numel()) ** 0.5
    assert abs((~kept).float().mean().item() - share) < 5 * error
    assert y.dtype == dtype
    torch.testing.assert_close(y[kept], torch.full_like(y[kept], 1 / (1 - share)), rtol=1e-2, atol=0)
    y.sum().backward()
    assert torch.equal(x.grad, y.detach())


def test_places_know_nothing_of_each_other():
    torch.manual_seed(0)
    kept = (dropped(torch.ones(1_000, 64), 0.5) != 0).double() - 0.5
    for shift in (1, 2, 3, 4, 8):  # four places come of one number
        product = (kept[:, shift:] * kept[:, :-shift]).mean() / 0.25
        assert abs(product) < 5 / (1_000 * (64 - shift)) ** 0.5


def test_a_seed_gives_the_same_and_another_another():
    made = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        made.append(dropped(torch.ones(100), 0.5))
    assert torch.equal(made[0], made[1])
    assert not torch.equal(made[0], made[2])


def test_in_use_nothing_is_left_out():
    layer, x = Dropout(0.5), torch.randn(5, 7)
    assert layer.eval()(x) is x
    assert torch.equal(Dropout(0.0)(x), x)
    assert not Dropout(1.0)(x).any()
