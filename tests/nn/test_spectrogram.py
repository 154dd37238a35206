"""Sound to spectra and back."""

import numpy as np
import pytest
import torch

from ganvas.nn.spectrogram import Fourier, Inverse, Mel, bank, overlapped


def test_the_inverse_gives_the_sound_back():
    torch.manual_seed(0)
    sound = torch.randn(2, 256 * 20)
    spectrum = Fourier(1024, 256)(sound)
    assert spectrum.shape == (2, 513, 20)
    back = Inverse(1024, 256)(spectrum.mT)
    inside = slice(1024, -1024)  # at its ends the sound was mirrored
    assert (back - sound)[:, inside].abs().max() < 1e-5


def test_each_frame_is_the_discrete_fourier_transform_of_its_own_samples():
    torch.manual_seed(1)
    sound = torch.randn(1, 256 * 12)
    frame = 5
    start = frame * 256 - (1024 - 256) // 2
    samples = sound[0, start : start + 1024].double().numpy()
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(1024) / 1024)
    expected = np.fft.rfft(samples * window)
    found = Fourier(1024, 256)(sound)[0, :, frame].numpy()
    assert np.abs(found - expected).max() < 1e-4


def test_pieces_are_added_where_they_overlap():
    pieces = torch.tensor([[[1.0, 2, 3, 4], [10, 20, 30, 40], [100, 200, 300, 400]]])
    assert overlapped(pieces, 2).tolist() == [[1, 2, 13, 24, 130, 240, 300, 400]]


def test_bands_have_slaneys_places_and_area_one():
    found = bank(16_000, 1024, 80).double()
    spacing = 8000 / 512
    assert (found.sum(0) * spacing)[30:] == pytest.approx(torch.ones(50).tolist(), abs=0.05)  # wide ones
    # 0 to 1000 Hz are 15 mel, 1000 to 6400 Hz another 27
    top = 15 + 27 * np.log(8) / np.log(6.4)
    middles = torch.arange(513).double() * spacing @ found / found.sum(0)
    assert middles[79] == pytest.approx(1000 * 6.4 ** ((top * 80 / 81 - 15) / 27), rel=0.01)
    assert middles[10] == pytest.approx(top * 11 / 81 * 200 / 3, abs=spacing)


def test_a_tone_is_loudest_in_its_band_and_silence_is_at_the_floor():
    mel = Mel(16_000, 1024, 256, 80)
    t = torch.arange(16_128) / 16_000
    heard = mel(torch.sin(2 * torch.pi * 440 * t)[None])[0, 20]
    middle = (torch.arange(513) * 8000 / 512) @ mel.bank / mel.bank.sum(0)
    assert middle[heard.argmax()] == pytest.approx(440, abs=40)
    assert mel(torch.zeros(1, 5120)).max() == pytest.approx(np.log(1e-5))
