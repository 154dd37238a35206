"""Means of likelihoods: over all items, and with a dearer bound for some of them."""

import torch

from ganvas.metrics.likelihood import likelihood


def batches(x, of=16):
    return ((part, None) for part in x.split(of))


def rough(x, _=None):
    return -x.square().sum(1)


def close(x, _=None):
    return rough(x) + 1 + x[:, 0].abs()


def test_of_all_items_it_is_their_mean_with_a_normal_interval():
    x = torch.randn(50, 3)
    found = likelihood(batches(x), rough, "exact")
    nll = -rough(x).double()
    assert found.nll_nats == nll.mean().item()
    assert abs(found.high - found.nll_nats - 1.96 * nll.std().item() / 50**0.5) < 1e-9


def test_a_closer_bound_of_every_item_gives_that_bounds_mean_and_interval():
    x = torch.randn(50, 3)
    two, one = likelihood(batches(x), rough, "", close), likelihood(batches(x), close, "")
    for a, b in zip(two[:3], one[:3], strict=True):
        assert abs(a - b) < 1e-5


def test_a_closer_bound_of_some_items_is_asked_for_every_so_many_th_across_batches():
    x, asked = torch.arange(50.0)[:, None], []

    def closer(part, _):
        asked.extend(part[:, 0].tolist())
        return rough(part) + 2

    found = likelihood(batches(x, 16), rough, "", closer, every=7)
    assert asked == list(range(0, 50, 7))
    assert abs(found.nll_nats - (-rough(x).double().mean().item() - 2)) < 1e-9


def test_its_interval_holds_the_better_bounds_expectation_in_95_of_100_samples():
    torch.manual_seed(0)
    truth = 3 - 1 - (2 / torch.pi) ** 0.5  # E x^2 of three numbers, less the gain
    drawn = [likelihood(batches(torch.randn(400, 3), 100), rough, "", close, every=8) for _ in range(400)]
    hits = sum(one.low < truth < one.high for one in drawn)
    assert 366 <= hits <= 392  # 380 +- 3 standard deviations
