"""Monotonic alignment search."""

from itertools import combinations, pairwise

import pytest
import torch

from ganvas.nn.alignment import best_path, spread


def by_trying_all(scores: torch.Tensor) -> list[int]:
    """Durations of the best path, one by one."""
    symbols, frames = scores.shape
    found = {}
    for cuts in combinations(range(1, frames), symbols - 1):
        ends = [0, *cuts, frames]
        lengths = [b - a for a, b in pairwise(ends)]
        found[sum(scores[k, ends[k] : ends[k + 1]].sum().item() for k in range(symbols))] = lengths
    return found[max(found)]


def test_the_path_is_the_best_of_all_whatever_the_lengths():
    torch.manual_seed(0)
    scores = torch.randn(6, 4, 9)
    symbols, frames = torch.tensor([4, 3, 2, 1, 4, 4]), torch.tensor([9, 7, 8, 3, 4, 5])
    found = best_path(scores, symbols, frames)
    for k, (n, t) in enumerate(zip(symbols.tolist(), frames.tolist(), strict=True)):
        assert found[k, :n].tolist() == by_trying_all(scores[k, :n, :t].double())
        assert found[k, n:].sum() == 0
    assert found.sum(1).tolist() == frames.tolist()


def test_a_sound_that_is_too_short_for_its_text_is_refused():
    with pytest.raises(ValueError, match="fewer frames"):
        best_path(torch.zeros(1, 4, 3), torch.tensor([4]), torch.tensor([3]))


def test_symbols_are_repeated_as_long_as_they_last():
    x = torch.tensor([[[1.0], [2.0], [3.0]], [[4.0], [5.0], [6.0]]])
    found = spread(x, torch.tensor([[2, 1, 0], [1, 1, 2]]))
    assert found[:, :, 0].tolist() == [[1, 1, 2, 0], [4, 5, 6, 6]]
