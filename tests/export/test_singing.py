"""Pulses of an exported voice."""

import numpy as np
import torch

from ganvas.export import spoken
from ganvas.nn import pitch


def test_pulses_are_those_of_torch():
    hertz = np.array([[0, 100, 110.5, 0, 0, 250, 499, 60, 0]])
    expected = pitch.pulses(torch.from_numpy(hertz), 16_000, 256).numpy()
    np.testing.assert_allclose(spoken.pulses(hertz, 16_000, 256, pitch.LOWEST), expected, atol=1e-4)
