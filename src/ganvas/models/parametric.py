"""A normal law of pictures, or a mixture of normal laws: by principal components."""

import math
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from ganvas.core.data import Data
from ganvas.core.errors import UserError
from ganvas.core.settings import Settings as Base
from ganvas.data.spec import Spec
from ganvas.models.baseline import Baseline, Items, Labels, PerItem, items, pictures, refuse_large
from ganvas.models.latent import draw

ROUNDING = 1 / 12
"""Variance of noise as wide as a level, in squared levels."""
WIDEST = 2_048
"""Values of a picture up to which all principal components are found, exactly."""


class Settings(Base):
    """What of the pictures' covariance is kept."""

    latent: int = Field(default=64, ge=1, le=4096)
    """Principal components; what lies beyond them varies alike in every direction. As many as a picture has
    values: a full covariance."""
    components: int = Field(default=1, ge=1, le=256)
    """Normal laws that are mixed; where there are labels, for each class."""
    covariance: Literal["full", "tied", "diag", "spherical"] = "full"
    """Of a mixture's components, as in scikit-learn."""
    pictures: int = Field(default=20_000, ge=2)
    """Training pictures looked at, at most; more are thinned out at random."""


class Parametric(Baseline):
    """Probabilistic principal components (Tipping & Bishop 1999), with a mixture of normal laws among them.

    A picture, in levels, is x = m + U^T (s y) + e. The q rows of U are its first principal components, s^2
    their variances; e is normal, of variance r in every direction across; p(y) = sum_k w_k N(y; mu_k, S_k).
    With one component and no labels p(y) = N(0, 1), and x has PPCA's likeliest covariance (their eq. 7 and
    8). Each S_k is drawn towards the 1 that holds for all pictures together, as if q pictures more had been
    seen.

    There are 256 levels. With u uniform, as wide as a level,

        log P(x) >= E_u log p(x + u) >= log sum_k w_k exp E_u log N_k(x + u)
        E_u log N_k(x + u) = log N_k(x) - tr(precision of N_k) / 24

    by Jensen twice (Theis et al. 2016, sec. 3.1; log-sum-exp is convex). `log_prob` is this bound; with one
    component the second step is an equality. Every variance has u's own, 1/12, in it: none is too small. A
    sample is the mean picture of its y.
    """

    exact = False
    mean: Float[Tensor, " place"]
    basis: Float[Tensor, "latent place"]
    scale: Float[Tensor, " latent"]
    rest: Float[Tensor, ""]
    weight: Float[Tensor, "class component"]
    centre: Float[Tensor, "class component latent"]
    factor: Float[Tensor, "class component latent latent"]

    def __init__(self, config: Settings, spec: Spec):
        super().__init__(spec)
        self.config = config
        self.latent = q = min(config.latent, self.dims)
        each = self.classes, config.components
        refuse_large(
            math.prod(each) * q * q + q * self.dims,
            f"Covariances of {math.prod(each)} components in {q} dimensions",
            "take a smaller --latent or --components",
        )
        self.register_buffer("mean", torch.zeros(self.dims))
        self.register_buffer("basis", torch.eye(q, self.dims))
        self.register_buffer("scale", torch.ones(q))
        self.register_buffer("rest", torch.ones(()))
        self.register_buffer("weight", torch.full(each, 1 / config.components))
        self.register_buffer("centre", torch.zeros(*each, q))
        self.register_buffer("factor", torch.eye(q).repeat(*each, 1, 1))

    def prepare(self, data: Data) -> None:
        parts = [*pictures(data, self.config.pictures)]
        x = torch.cat([x.flatten(1) for x, _ in parts]).numpy()
        label = torch.cat([label for _, label in parts]).numpy()
        y = self._components(x)
        for k in range(self.classes):
            mine = y[label == k] if self.spec.classes else y
            self._mixture(k, mine if len(mine) > 1 else y)

    def _components(self, x: np.ndarray) -> np.ndarray:
        """Principal components, and what the pictures are in these."""
        decomposition, _ = scikit_learn()
        # Half as many as pictures: some are left to tell the variance across.
        count = min(self.latent, max(1, len(x) // 2))
        solver = "covariance_eigh" if self.dims <= WIDEST else "randomized"
        found = decomposition(count, svd_solver=solver, random_state=seed()).fit(x.astype(np.float32))
        beyond = float(found.noise_variance_) + ROUNDING
        across = torch.randn(self.dims, self.latent - count, dtype=torch.float64).numpy()
        basis = np.linalg.qr(np.concatenate([found.components_.T.astype(np.float64), across], 1))[0].T
        scale = np.full(self.latent, beyond)
        scale[:count] = found.explained_variance_.clip(0) + ROUNDING
        for buffer, value in zip(
            (self.mean, self.basis, self.scale, self.rest),
            (found.mean_, basis, np.sqrt(scale), np.asarray(beyond)),
            strict=True,
        ):
            buffer.copy_(torch.from_numpy(value))
        return (x - found.mean_) @ basis.T / np.sqrt(scale)

    def _mixture(self, k: int, y: np.ndarray) -> None:
        """The normal laws of class k."""
        _, mixture = scikit_learn()
        count = min(self.config.components, len(y) // 2)
        found = mixture(count, covariance_type=self.config.covariance, random_state=seed(), max_iter=500)
        found.fit(y)
        one = np.eye(self.latent)
        forms = {
            "full": lambda c: c,
            "tied": lambda c: np.broadcast_to(c, (count, *c.shape)),
            "diag": lambda c: c[:, :, None] * one,
            "spherical": lambda c: c[:, None, None] * one,
        }
        spread = forms[self.config.covariance](found.covariances_)
        spread = spread + one * ROUNDING / self.scale.double().cpu().numpy() ** 2
        seen = (np.asarray(found.weights_) * len(y))[:, None, None]
        spread = (seen * spread + self.latent * one) / (seen + self.latent)
        self.weight[k] = 0
        self.weight[k, :count] = torch.from_numpy(found.weights_)
        self.centre[k, :count] = torch.from_numpy(found.means_)
        self.factor[k, :count] = torch.from_numpy(np.linalg.cholesky(spread))

    def _away(self, x: Items) -> Float[Tensor, "batch place"]:
        """x - m, in levels."""
        return (x.double() + 1).flatten(1) * 127.5 - self.mean.double()

    def given(self, x: Items, label: Labels) -> PerItem:
        away = self._away(x)
        basis, scale, rest = self.basis.double(), self.scale.double(), self.rest.double()
        inside = away @ basis.T
        across = (away - inside @ basis).square().sum(1)
        y, beyond = inside / scale, self.dims - self.latent
        within = torch.empty_like(across)
        for k in label.unique():
            within[label == k] = self._within(int(k), y[label == k], ROUNDING / scale.square())
        normal = (across + beyond * ROUNDING) / rest + beyond * (2 * math.pi * rest).log()
        return within - scale.log().sum() - normal / 2

    def _within(
        self, k: int, y: Float[Tensor, "n latent"], noise: Float[Tensor, " latent"]
    ) -> Float[Tensor, " n"]:
        """log p(y + noise) of class k, bounded as above."""
        factor, centre = self.factor[k].double(), self.centre[k].double()
        apart = (y[:, None] - centre).permute(1, 2, 0)
        distance = torch.linalg.solve_triangular(factor, apart, upper=False).square().sum(1)
        blur = (
            torch.linalg.solve_triangular(factor, noise.sqrt().diag()[None], upper=False).square().sum((1, 2))
        )
        spread = 2 * factor.diagonal(dim1=1, dim2=2).log().sum(1) + self.latent * math.log(2 * math.pi)
        return (self.weight[k].double().log() - (distance.T + blur + spread) / 2).logsumexp(1)

    def make(self, label: Labels, truncation: float, generator: torch.Generator | None) -> Items:
        which = torch.multinomial(self.weight.cpu()[label], 1, generator=generator)[:, 0]
        z = draw(len(label), self.latent, truncation, generator).to(self.factor.device)
        y = torch.empty_like(z)
        for k, c in {*zip(label.tolist(), which.tolist(), strict=True)}:
            mine = ((label == k) & (which == c)).to(z.device)
            y[mine] = self.centre[k, c] + z[mine] @ self.factor[k, c].T
        return self.decode(y)

    @torch.no_grad()
    def encode(self, x: Items, label: Labels | None = None) -> Float[Tensor, "batch latent"]:
        """y: the principal components, each by its standard deviation over all pictures."""
        return (self._away(x) @ self.basis.double().T / self.scale.double()).float()

    @torch.no_grad()
    def decode(self, z: Float[Tensor, "n latent"], label: Labels | None = None, batch: int = 1024) -> Items:
        """The mean picture at each y, whatever the class."""
        parts = [
            items(self.mean + part * self.scale @ self.basis).clamp(-1, 1)
            for part in z.to(self.mean.device).split(batch)
        ]
        return torch.cat(parts).unflatten(1, self.spec.shape)


def scikit_learn():
    """PCA and GaussianMixture, which are needed to learn only."""
    try:
        from sklearn.decomposition import PCA
        from sklearn.mixture import GaussianMixture
    except ImportError:
        raise UserError(
            "this recipe learns by scikit-learn, which is not installed: pip install 'ganvas[baselines]', "
            "then go on with --resume"
        ) from None
    return PCA, GaussianMixture


def seed() -> int:
    """For scikit-learn, from torch's generator."""
    return int(torch.randint(2**31, ()))


def build(config: Settings, spec: Spec) -> Parametric:
    return Parametric(config, spec)
