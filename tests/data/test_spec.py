"""Pictures as users know them and as models see them."""

import numpy as np

from ganvas.data.spec import Spec, straight

CLEAR = Spec(kind="image", shape=(4, 1, 3))
SEEN = np.array([[[128, 0, 0]], [[0, 64, 0]], [[0, 0, 0]], [[128, 255, 0]]], np.uint8)[None]
"""Premultiplied: half a red, a dark green, nothing."""
KNOWN = np.array([[[[255, 0, 0, 128], [0, 64, 0, 255], [0, 0, 0, 0]]]], np.uint8)


def test_a_user_gets_colours_that_are_not_darkened_by_transparency():
    assert np.array_equal(CLEAR.restore(SEEN / 127.5 - 1), KNOWN)


def test_a_model_sees_them_premultiplied():
    assert np.array_equal(np.rint((CLEAR.prepare(KNOWN) + 1) * 127.5), SEEN)


def test_over_a_background_both_look_the_same():
    rng = np.random.default_rng(0)
    alpha = rng.integers(0, 256, (5, 1, 8, 8))
    seen = np.concatenate([rng.integers(0, alpha + 1, (5, 3, 8, 8)), alpha], 1).astype(np.uint8)
    known = straight(seen)
    over = known[:, :3] * (known[:, 3:] / 255)
    assert np.abs(over - seen[:, :3]).max() <= 0.5


def test_more_colour_than_the_transparency_allows_is_cut():
    assert straight(np.array([200, 100, 0, 100], np.uint8).reshape(1, 4, 1, 1)).ravel().tolist() == [
        255,
        255,
        0,
        100,
    ]


def test_pictures_without_transparency_stay_as_they_are():
    grey = Spec(kind="image", shape=(1, 2, 2))
    levels = np.array([0, 1, 254, 255], np.uint8).reshape(1, 2, 2, 1)
    assert np.array_equal(grey.restore(grey.prepare(levels)), levels)
