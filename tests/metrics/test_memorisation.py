"""Copiers are convicted, others acquitted, and the test errs as often as it says."""

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist

from ganvas.data.load import load
from ganvas.metrics.memorisation import copying, nearest, support
from ganvas.models.template import moved

rng = np.random.default_rng(0)
MIX = rng.normal(size=(16, 16))


def draw(n):
    return rng.normal(size=(n, 16)) @ MIX


def some_of(items, n):
    return items[rng.integers(len(items), size=n)]


def test_neighbours_are_scipys():
    x, among = draw(50), draw(80)
    found, distance = nearest(x, among, 7), cdist(x, among)
    assert np.array_equal(found.which, distance.argsort(1)[:, :7])
    assert found.distance == pytest.approx(np.sort(distance, 1)[:, :7], rel=1e-4)
    itself = nearest(among, among, 1, same=True)
    assert itself.distance[:, 0] == pytest.approx(np.sort(cdist(among, among), 1)[:, 1], rel=1e-4)
    assert nearest(among, among, 1).distance.max() == 0


@pytest.mark.parametrize(("trained", "kept"), [(1_000, 200), (90, 10)])
@pytest.mark.parametrize("noise", [0, 0.3])
def test_a_copier_is_convicted(trained, kept, noise):
    training = draw(trained)
    found = copying(some_of(training, 400) + noise * draw(400), training, draw(kept))
    assert found.convicts()
    assert found.p <= 0.002
    assert found.distance_ratio < 0.9
    assert found.copies > 0.8
    assert len(found.flagged) == round(found.copies * 400)


def test_a_source_is_the_item_that_was_copied():
    training = draw(300)
    which = rng.integers(300, size=100)
    found = copying(training[which] + 0.1 * draw(100), training, draw(50))
    assert np.array_equal(found.source, which)


def test_each_source_is_shown_once_before_any_is_shown_twice():
    """Where half of the samples are the same item, the others are to be seen, too."""
    training = draw(300)
    which = np.concatenate([np.zeros(50, int), rng.permutation(299)[:50] + 1])
    found = copying(training[which] + 0.1 * draw(100), training, draw(50))
    assert sorted(found.source[found.clearest(51)]) == sorted({*which})
    assert sorted(found.clearest(100)) == [*range(100)]


def test_one_in_five_copied_is_enough_and_is_how_many_are_found():
    training, samples = draw(1_000), draw(500)
    samples[:100] = some_of(training, 100)
    found = copying(samples, training, draw(500))
    assert found.convicts()
    value, low, high = found.excess
    assert low < 0.2 < high
    assert value == pytest.approx(0.2, abs=0.03)
    assert set(found.suspects[:100]) == set(range(100))


def test_pictures_moved_by_up_to_a_pixel_are_found_by_where_they_lie_on_the_whole():
    """One by one hardly any is nearer to a training picture, as distances go, than held-out ones are."""
    data = load("fashion")
    order = np.random.default_rng(0).permutation(len(data))[:1_600]
    pictures = data.fetch(order)["image"].numpy().astype(np.float32)
    training, held_out, fresh = np.split(pictures, [1_000, 1_200])
    draw = np.random.default_rng(1)
    some = torch.from_numpy(training[draw.integers(1_000, size=400)])
    moves = torch.from_numpy(draw.integers(-1, 2, (2, 400)))
    flat = [x.reshape(len(x), -1) for x in (moved(some, moves).numpy(), fresh, training, held_out)]
    assert copying(flat[0], *flat[2:]).convicts()
    assert not copying(flat[1], *flat[2:]).convicts()


@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_independent_samples_are_acquitted_though_they_be_blurred(scale):
    """Samples near the mean lie closer to everything, and to training items as to held-out ones."""
    found = copying(scale * draw(500), draw(1_000), draw(300))
    assert not found.convicts()
    assert found.distance_ratio == pytest.approx(1, abs=0.05)
    assert found.copies < 0.05
    assert (found.nearness < 0.8) == (scale == 0.5)


def test_the_test_errs_as_often_as_it_says():
    """p <= .1 in a tenth of the innocent: 120 trials, within four standard errors."""
    ps = [copying(0.7 * draw(60), draw(90), draw(30), seed=seed).p for seed in range(120)]
    assert abs(np.mean(np.array(ps) <= 0.1) - 0.1) < 4 * np.sqrt(0.1 * 0.9 / 120)


def test_the_birthday_estimate_finds_how_many_there_are():
    of_samples, of_real = support(some_of(draw(50), 500), draw(500))
    assert of_samples.low < 50 < of_samples.high
    assert of_samples.duplicates == 1
    assert of_real.duplicates == pytest.approx(0.01, abs=0.01)
    collapsed, _ = support(np.repeat(draw(1), 400, 0), draw(400))
    assert collapsed.support == pytest.approx(1)


def test_without_doubles_there_is_a_lower_bound_only():
    found, _ = support(draw(100) * 100, draw(100))
    assert (found.duplicates, found.pairs, found.high) == (0, 0, None)
    assert found.low == pytest.approx(100 * 99 / 6)
