"""The pitch of a voice, and the sound of vocal folds that have it."""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from ganvas.nn.spectrogram import Waves

LOWEST, HIGHEST = 60.0, 500.0
"""Hz of a voice's pitch."""
APERIODIC = 0.25
"""Of the cumulative mean normalised difference, above which a frame has no pitch; the paper's .15 misses
much of what synthesised voices have."""
SILENT = 1e-7
"""Mean square below which a frame has no pitch."""
SPAN = 0.04
"""Seconds in which a period is looked for."""
Pitch = Float[Tensor, "batch frame"]
"""Hz of each frame, 0 where there is none."""


def reach(rate: int) -> int:
    """Samples that a frame's pitch is found from: a span, and the longest period after it."""
    return round(SPAN * rate) + int(rate / LOWEST)


def yin(frames: Float[Tensor, "*frame sample"], rate: int) -> Float[Tensor, "*frame"]:
    """Hz of each frame of `reach` samples, 0 where there is none (YIN, de Cheveigné & Kawahara 2002)."""
    window, longest = round(SPAN * rate), int(rate / LOWEST)
    size = 1 << (window + longest).bit_length()
    head = torch.fft.rfft(frames[..., :window], size)
    product = torch.fft.irfft(torch.fft.rfft(frames, size) * head.conj(), size)[..., : longest + 1]
    energy = F.pad(frames.square(), (1, 0)).cumsum(-1)
    power = energy[..., window:] - energy[..., :-window]
    difference = (power[..., :1] + power - 2 * product).clamp(min=0)[..., 1:]  # eq. 7
    lags = torch.arange(1, longest + 1, device=frames.device)
    normal = difference * lags / difference.cumsum(-1).clamp(min=1e-12)  # eq. 8; lag k + 1 stands at k
    before, here, after = normal[..., :-2], normal[..., 1:-1], normal[..., 2:]
    dips = (here < APERIODIC) & (here <= before) & (here < after)
    dips &= lags[1:-1] > int(rate / HIGHEST)
    first = dips.to(torch.uint8).argmax(-1, keepdim=True)
    a, b, c = (x.gather(-1, first)[..., 0] for x in (before, here, after))
    bend = a - 2 * b + c
    period = first[..., 0] + 2 + (0.5 * (a - c) / bend).where(bend > 0, 0.0)
    heard = dips.any(-1) & (power[..., 0] / window >= SILENT)
    return (rate / period).where(heard, 0.0)


@torch.no_grad()
def pitch(sound: Waves, rate: int, hop: int) -> Pitch:
    """Of so many whole hops as there are, each frame around the middle of its own."""
    with torch.autocast(sound.device.type, enabled=False):
        size, count = reach(rate), sound.shape[1] // hop
        margin = size // 2
        padded = F.pad(sound.float(), (margin, margin))
        starts = torch.arange(count, device=sound.device) * hop + hop // 2
        return yin(padded[:, starts[:, None] + torch.arange(size, device=sound.device)], rate)


def pulses(pitch: Pitch, rate: int, hop: int, phase: Float[Tensor, "batch 1"] | None = None) -> Waves:
    """All harmonics of the pitch below half the rate, alike, with mean square 1; silent where there is none.

    Between the middles of frames the pitch glides. `phase`: of the first sample, in periods.
    """
    voiced = (pitch > 0).double()
    hertz, gate = _between(pitch.double() * voiced, hop), _between(voiced, hop)
    hertz = torch.where(gate > 0, hertz / gate.clamp(min=1e-9), LOWEST)
    turns = (hertz / rate).cumsum(1) + (0.0 if phase is None else phase)
    count = (rate / 2 / hertz).floor()
    half = math.pi * (turns % 1)
    sine = half.sin()
    peak = sine.abs() < 1e-6
    whole = ((2 * count + 1) * half).sin() / sine.masked_fill(peak, 1.0)  # 1 + 2 sum_k cos 2 pi k turns
    tones = (torch.where(peak, 2 * count + 1, whole) - 1) / (2 * count).sqrt()
    return (gate * tones).float()


def _between(values: Float[Tensor, "batch frame"], hop: int) -> Waves:
    """Of each sample, on straight lines between the middles of frames."""
    return F.interpolate(values[:, None], scale_factor=hop, mode="linear")[:, 0]
