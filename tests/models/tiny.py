"""Worlds so small that all of them can be counted."""

import itertools

import torch

LEVELS = torch.arange(256, dtype=torch.float64) / 127.5 - 1
"""All values of a pixel."""


def states(places):
    """All black and white pictures, (2^places, places)."""
    return torch.tensor(list(itertools.product([-1.0, 1.0], repeat=places)), dtype=torch.float64)


def counted(pictures):
    """How often each of `states` is among these."""
    places = pictures[0].numel()
    bits = (pictures.flatten(1) > 0).long()
    return torch.bincount((bits * 2 ** torch.arange(places - 1, -1, -1)).sum(1), minlength=2**places)


def fits(counts, p):
    """Pearson's chi-squared test at 1e-4; states expected fewer than 10 times are taken together."""
    from scipy.stats import chi2

    n = counts.sum()
    rare = p * n < 10
    expected = torch.cat([p[~rare], p[rare].sum()[None]]) * n
    seen = torch.cat([counts[~rare], counts[rare].sum()[None]])
    kept = expected > 0
    statistic = ((seen - expected).square() / expected)[kept].sum().item()
    return statistic < chi2.ppf(1 - 1e-4, int(kept.sum()) - 1)


def bars(n):
    """4 x 4, upright or level, each row or column black or white: 30 pictures, two of them twice as often."""
    lines = (torch.rand(n, 1, 4, 1) < 0.5).float().expand(-1, -1, -1, 4) * 2 - 1
    turned = torch.rand(n, 1, 1, 1) < 0.5
    return torch.where(turned, lines.mT, lines)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)
