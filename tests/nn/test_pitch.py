"""Pitch is found where it is, pulses have all its harmonics, and a voice sounds at the pitch it is told."""

import math

import pytest
import torch

from ganvas.nn.pitch import pitch, pulses, reach, yin
from ganvas.nn.vocos import Voiced

RATE, HOP = 16_000, 256


def tone(hertz: float, count: int = 60) -> torch.Tensor:
    at = torch.arange(count * HOP) / RATE
    return sum(torch.sin(2 * math.pi * k * hertz * at) / k for k in range(1, 6))[None]  # pyright: ignore


def dull(sound: torch.Tensor) -> torch.Tensor:
    """Below some 1,000 Hz, so that pulses between samples are as good as those on them."""
    kernel = torch.hann_window(33, periodic=False)
    return torch.nn.functional.conv1d(sound[:, None], kernel[None, None] / kernel.sum(), padding="same")[:, 0]


@pytest.mark.parametrize("hertz", [80.0, 131.5, 220.0, 440.0])
def test_the_pitch_of_a_tone_is_found_in_every_frame_around_its_middle(hertz):
    found = pitch(tone(hertz), RATE, HOP)
    assert found.shape == (1, 60)
    torch.testing.assert_close(found[0, 2:-2], torch.full((56,), hertz), rtol=0.005, atol=0)


def test_yin_is_the_papers_sums_written_out():
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(reach(RATE), generator=generator).double()
    frame = tone(150.0)[0, : reach(RATE)].double() + 0.05 * noise
    window, longest = 640, int(RATE / 60)
    d = [float(((frame[:window] - frame[k : k + window]) ** 2).sum()) for k in range(1, longest + 1)]
    normal = [d[k] * (k + 1) / sum(d[: k + 1]) for k in range(longest)]
    k = next(k for k in range(32, longest) if normal[k] < 0.25)
    while normal[k + 1] < normal[k]:
        k += 1
    a, b, c = normal[k - 1 : k + 2]
    assert float(yin(frame, RATE)) == pytest.approx(
        RATE / (k + 1 + 0.5 * (a - c) / (a - 2 * b + c)), rel=1e-9
    )


def test_noise_and_silence_have_no_pitch():
    noise = torch.randn(1, 100 * HOP, generator=torch.Generator().manual_seed(0))
    assert (pitch(noise, RATE, HOP) == 0).float().mean() > 0.95
    assert not pitch(torch.zeros(1, 20 * HOP), RATE, HOP).any()


def test_pulses_have_every_harmonic_alike_and_nothing_between_them():
    sound = pulses(torch.full((1, 80), 200.0), RATE, HOP)[0]
    assert float(sound.square().mean()) == pytest.approx(1, rel=0.05)
    spectrum = torch.fft.rfft(sound[:RATE] * torch.hann_window(RATE)).abs()
    harmonics = spectrum[200:7801:200]
    torch.testing.assert_close(harmonics, harmonics[:1].expand_as(harmonics), rtol=1e-3, atol=0)
    assert spectrum[300:7800:200].max() < 1e-3 * harmonics[0]


def test_pulses_have_the_pitch_that_they_are_told_and_are_silent_without_one():
    told = torch.cat([torch.zeros(20), torch.linspace(100, 300, 60), torch.zeros(20)])[None]
    sound = pulses(told, RATE, HOP)
    assert not sound[0, : 19 * HOP].any()
    assert not sound[0, 81 * HOP :].any()
    inner = slice(23, 77)
    torch.testing.assert_close(pitch(dull(sound), RATE, HOP)[0, inner], told[0, inner], rtol=0.02, atol=0)


def test_a_voice_sounds_at_its_pitch_whatever_the_phase_and_learns_it_through_its_latents():
    torch.manual_seed(0)
    decoder = Voiced(8, 16, 2, 1024, HOP, RATE)
    with torch.no_grad():  # neither hiss nor what else there may be
        decoder.leave.bias.unflatten(0, (5, -1))[1:3] = -20.0
    z = torch.randn(2, 40, 8, requires_grad=True)
    hertz = torch.full((2, 40), 180.0)
    sound, off, mistaken = decoder.learnt(z, hertz)
    heard = pitch(dull(sound.detach()), RATE, HOP)[:, 4:-4]
    torch.testing.assert_close(heard, torch.full_like(heard, 180.0), rtol=0.02, atol=0)
    (off + mistaken).backward()
    assert z.grad is not None
    assert z.grad.abs().min(dim=2).values.max() > 0


def test_what_it_is_excited_by_is_made_for_all_frames_at_once_so_that_pieces_equal_the_whole():
    torch.manual_seed(0)
    decoder = Voiced(8, 16, 2, 1024, HOP, RATE).eval()
    z = torch.randn(1, 90, 8)
    excited, reach_ = decoder.excited(z), decoder.reach
    with torch.no_grad():
        whole = decoder(z)
        part = decoder(
            z[:, 20 - reach_ : 50 + reach_], excited[:, :, (20 - reach_) * HOP : (50 + reach_) * HOP]
        )
    torch.testing.assert_close(
        part[:, reach_ * HOP : -reach_ * HOP], whole[:, 20 * HOP : 50 * HOP], atol=1e-5, rtol=0
    )
