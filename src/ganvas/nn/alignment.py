"""Which frames of a sound belong to which symbol of its text."""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

Scores = Float[Tensor, "batch symbol frame"]


@torch.no_grad()
def best_path(
    scores: Scores, symbols: Int[Tensor, " batch"], frames: Int[Tensor, " batch"]
) -> Int[Tensor, "batch symbol"]:
    """Frames of each symbol on the monotonic path of the highest score, at least one for each symbol:
    monotonic alignment search (Kim et al. 2020, Glow-TTS, alg. 1).

    `scores`: log-probabilities of each frame, were it of each symbol. Texts and sounds have lengths of their
    own; ValueError where a sound has fewer frames than its text has symbols.
    """
    if (frames < symbols).any():
        raise ValueError("a sound has fewer frames than its text has symbols")
    device, scores = scores.device, scores.detach().double().cpu()
    count, texts, length = scores.shape
    symbols, frames = symbols.cpu(), frames.cpu()
    value = torch.full((count, texts), -torch.inf, dtype=torch.float64)
    value[:, 0] = scores[:, 0, 0]
    moved = torch.zeros(count, length, texts, dtype=torch.bool)
    before = torch.full((count, 1), -torch.inf, dtype=torch.float64)
    for t in range(1, length):
        fresh = torch.cat([before, value[:, :-1]], 1)
        moved[:, t] = fresh > value
        value = torch.maximum(value, fresh) + scores[:, :, t]
    durations = torch.zeros(count, texts, dtype=torch.long)
    rows, at = torch.arange(count), symbols - 1
    for t in range(length - 1, -1, -1):
        within = t < frames
        durations[rows, at] += within
        at = at - (moved[rows, t, at] & within).long()
    return durations.to(device)


def spread(
    x: Float[Tensor, "batch symbol channel"], durations: Int[Tensor, "batch symbol"], frames: int = 0
) -> Float[Tensor, "batch frame channel"]:
    """Each symbol as often as it has frames; then zeros, up to the longest sound's frames, or to so many."""
    rows = [row.repeat_interleave(times, 0) for row, times in zip(x, durations.to(x.device), strict=True)]
    filled = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
    return F.pad(filled, (0, 0, 0, max(0, frames - filled.shape[1])))
