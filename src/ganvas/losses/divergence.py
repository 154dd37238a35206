"""Divergences and log-densities of normal laws, in nats; variances come as their logarithms."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

Latent = Float[Tensor, "*batch latent"]


def kl_to_standard(mean: Latent, log_var: Latent) -> Latent:
    """KL(N(mean, var) || N(0, 1)) of each dimension (Kingma & Welling 2014, app. B)."""
    return (mean.square() + log_var.exp() - log_var - 1) / 2


def kl_between(mean: Latent, log_var: Latent, other: Latent, other_log_var: Latent) -> Latent:
    """KL(N(mean, var) || N(other, other_var)) of each dimension."""
    ratio = log_var - other_log_var
    return (ratio.exp() + (mean - other).square() * (-other_log_var).exp() - ratio - 1) / 2


def log_normal(x: Latent, mean: Latent | float = 0.0, log_var: Latent | float = 0.0) -> Latent:
    """log N(x; mean, var) of each dimension."""
    log_var = torch.as_tensor(log_var, dtype=x.dtype, device=x.device)
    return -((x - mean).square() * (-log_var).exp() + log_var + math.log(2 * math.pi)) / 2


def log_mean_exp(values: Tensor) -> Tensor:
    """log of the mean over the first axis, of what is given as logarithms."""
    return values.logsumexp(0) - math.log(len(values))


def log_mixture(
    z: Latent, mean: Float[Tensor, "m latent"], log_var: Float[Tensor, "m latent"]
) -> Float[Tensor, " *batch"]:
    """log density at z of m normal laws, evenly mixed: as one product of matrices."""
    precision = (-log_var).exp()
    crossed = z @ (mean * precision).T - z.square() @ precision.T / 2
    alone = (mean.square() * precision + log_var + math.log(2 * math.pi)).sum(1) / 2
    return (crossed - alone).logsumexp(-1) - math.log(len(mean))
