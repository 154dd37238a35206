"""How probable a model holds held-out items: exactly, or by a bound; always said which, with an interval."""

import math
from collections.abc import Callable, Iterable
from typing import NamedTuple, Protocol

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ganvas.losses.divergence import kl_to_standard, log_mixture, log_normal

Items = Float[Tensor, "batch ..."]
Labels = Int[Tensor, " batch"] | None
PerItem = Float[Tensor, " batch"]
Z95 = 1.96
AT_ONCE = 2_000
"""Draws, of all items together: 10,000 leave a CPU's caches, and a hierarchical VAE takes thrice as long."""


class Exact(Protocol):
    """A model that can say log P(x)."""

    def log_prob(self, x: Items, label: Labels = None) -> PerItem: ...


class Bounded(Protocol):
    """A model that can say log p(x, z) - log q(z | x) at k draws of z from q."""

    def log_weights(self, x: Items, label: Labels, k: int) -> Float[Tensor, "k batch"]: ...


class Likelihood(NamedTuple):
    """Of held-out items; lower is better."""

    nll_nats: float
    """Mean of -log P(x), or of a bound on it from above."""
    low: float
    """95 % interval of the mean over items (normal)."""
    high: float
    bits_per_dim: float
    items: int
    protocol: str
    """What kind of figure this is."""


@torch.no_grad()
def importance_bound(
    model: Bounded, x: Items, label: Labels, samples: int, at_once: int = AT_ONCE
) -> PerItem:
    """log (1/k) sum_k p(x, z_k) / q(z_k | x) <= log P(x) (Burda et al. 2016, eq. 8), however large k.

    Draws of all items, `at_once` at a time, are summed as they come, so that memory does not grow with k.
    """
    total = torch.full((len(x),), -math.inf, device=x.device)
    left = samples
    while left > 0:
        k = min(max(1, at_once // len(x)), left)
        total = torch.logaddexp(total, model.log_weights(x, label, k).logsumexp(0))
        left -= k
    return total - math.log(samples)


@torch.no_grad()
def elbo(model: Bounded, x: Items, label: Labels, samples: int = 1) -> PerItem:
    """E_q log p(x, z) / q(z | x) by so many draws (Kingma & Welling 2014, eq. 2)."""
    return model.log_weights(x, label, samples).mean(0)


def likelihood(
    batches: Iterable[tuple[Items, Labels]],
    log_prob: Callable[[Items, Labels], PerItem],
    protocol: str,
    closer: Callable[[Items, Labels], PerItem] | None = None,
    every: int = 1,
) -> Likelihood:
    """The mean over all items, with its interval.

    With `closer`, a dearer and better bound, of every so many-th item alone: the mean of `log_prob` over all
    plus the mean difference of the two over those (a difference estimator in two phases: Cochran 1977,
    ch. 12). It has the expectation of `closer` over all items, in less time.
    """
    values, gains, dims, seen = [], [], 1, 0
    for x, label in batches:
        values.append(log_prob(x, label).double().cpu())
        dims = x[0].numel()
        if closer is not None:
            part = slice(-seen % every, None, every)
            if len(x[part]):
                better = closer(x[part], None if label is None else label[part]).double().cpu()
                gains.append(better - values[-1][part])
        seen += len(x)
    nll = -torch.cat(values)
    gain = -torch.cat(gains) if gains else torch.zeros(1, dtype=nll.dtype)
    mean = (nll.mean() + gain.mean()).item()
    variance = _variance(nll, gain, nll[::every]) if gains else nll.var() / len(nll)
    margin = Z95 * math.sqrt(variance) if len(nll) > 1 else math.nan
    bits = mean / dims / math.log(2)
    return Likelihood(mean, mean - margin, mean + margin, bits, len(nll), protocol)


def _variance(all_: PerItem, gain: PerItem, same: PerItem) -> Tensor:
    """Of mean(all) + mean(gain), the gain being known of some of all only, whose values are `same`."""
    together = torch.cov(torch.stack([gain, same]))[0, 1]
    return all_.var() / len(all_) + gain.var() / len(gain) + 2 * together / len(all_)


class Latents(NamedTuple):
    """What z carries."""

    kl: Float[Tensor, " latent"]
    """Nats of each dimension, mean over items."""
    active: int
    """Dimensions whose mean moves with x: Var_x(E_q z) > .01 (Burda et al. 2016, sec. 5.2)."""
    mutual_information: float
    """Nats between x and z under q: E KL(q(z | x) || q(z)) (Hoffman & Johnson 2016)."""


@torch.no_grad()
def latents(mean: Float[Tensor, "n latent"], log_var: Float[Tensor, "n latent"], seed: int = 0) -> Latents:
    """Of the posteriors of n items under the prior N(0, 1).

    q(z) is taken for the even mixture of these n, so that no more than log n nats can be found.
    """
    generator = torch.Generator().manual_seed(seed)
    z = mean + (log_var / 2).exp() * torch.randn(mean.shape, generator=generator)
    information = (log_normal(z, mean, log_var).sum(1) - log_mixture(z, mean, log_var)).mean()
    active = int((mean.var(0) > 0.01).sum())
    return Latents(kl_to_standard(mean, log_var).mean(0), active, information.item())
