"""The hierarchical VAE: bounds against exact linear-Gaussian likelihoods, divergences against torch's."""

from dataclasses import dataclass

import pytest
import torch
from torch import nn
from torch.distributions import MultivariateNormal, Normal, kl_divergence

from ganvas.core.settings import override
from ganvas.core.turns import Player, play, players_of
from ganvas.data.spec import Spec
from ganvas.metrics.likelihood import elbo, importance_bound
from ganvas.models import hvae
from ganvas.nn.ladder import Sizes, law_of, rungs_of
from ganvas.recipes.base import adam, find

NOISE = 0.5
GREY = Spec(kind="image", shape=(1, 8, 8))
COLOUR = Spec(kind="image", shape=(3, 8, 8), classes=("a", "b"))
TINY = {"width": 4, "hidden": 8, "vectors": 2, "top": 3, "maps": 2, "components": 2}


def build(spec=GREY, noise=0.3, **settings):
    """In double precision, and with weights large enough to matter."""
    torch.manual_seed(0)
    model = hvae.build(override(hvae.Settings(), TINY | settings), spec).double()
    for p in model.parameters():
        p.data.add_(noise * torch.randn_like(p))
    return model.eval()


def pictures(n=5, spec=GREY):
    return torch.rand(n, *spec.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64) * 2 - 1


@dataclass(frozen=True)
class Fixed:
    """N(mean, NOISE^2), without levels."""

    def log_prob(self, params, x):
        draws = params.unflatten(0, (-1, len(x)))
        return Normal(draws, NOISE).log_prob(x).flatten(2).sum(2).flatten()


class Exact(nn.Module):
    """The true posterior of two groups of one number each: the first given x, the second given both.

    params = a n + b, so that n given x is normal, with covariance s. The maps h that the second group is
    given are c + v times the first one's noise, whence it is read.
    """

    def __init__(self, decoder, error):
        super().__init__()
        heard = []

        def run(n):
            def choose(group, h, prior):
                heard.append(h.flatten(1)[0])
                return n[None, group, None, None, None]

            return decoder.descend(1, None, choose).flatten()

        zero = torch.zeros(2, dtype=torch.float64)
        self.a, self.b = torch.autograd.functional.jacobian(run, zero), run(zero).detach()
        heard.clear()
        run(zero), run(torch.ones(2, dtype=torch.float64))
        self.c, self.v = heard[1].detach(), (heard[3] - heard[1]).detach()
        self.s = torch.linalg.inv(torch.eye(2, dtype=torch.float64) + self.a.T @ self.a / NOISE**2)
        self.error = error * self.s[0, 0].sqrt()
        self.posteriors = [self.first, self.second]

    def forward(self, x):
        return [(x.flatten(1) - self.b) @ self.a @ self.s / NOISE**2] * 2

    def first(self, seen, h):
        mean = seen[:, :1].repeat(len(h) // len(seen), 1) + self.error
        return self.law(mean, self.s[0, 0])

    def second(self, seen, h):
        s, m = self.s, seen.repeat(len(h) // len(seen), 1)
        above = (h.flatten(1) - self.c) @ self.v / self.v.square().sum()
        mean = m[:, 1] + s[1, 0] / s[0, 0] * (above - m[:, 0])
        return self.law(mean[:, None], s[1, 1] - s[1, 0] ** 2 / s[0, 0])

    def law(self, mean, var):
        return mean[..., None, None], var.log().expand(len(mean), 1, 1, 1)


@pytest.fixture
def linear():
    """Two groups of one number, all linear, variances fixed: the model, pictures, their exact log-density."""

    def make(error=0.0):
        model = build(vectors=2, top=1, groups=0, depth=0)
        model.law = Fixed()
        model.decoder.end[0] = nn.Identity()
        model.decoder.end[1] = nn.Conv2d(4, 4, 3, 1, 1).double()
        for group in model.decoder.rungs[0]:
            group.prior[0] = nn.Identity()
            group.prior[1].weight.data[1] = 0  # the log-variance's
        model.encoder = exact = Exact(model.decoder, error)
        covariance = exact.a @ exact.a.T + NOISE**2 * torch.eye(64, dtype=torch.float64)
        law = MultivariateNormal(exact.b, covariance)
        x = law.sample((20,))
        return model, x.view(-1, *GREY.shape), law.log_prob(x)

    return make


def test_with_the_true_posterior_every_draw_of_both_groups_weighs_the_exact_likelihood(linear):
    model, x, exact = linear()
    assert (
        abs(model.encoder.s[0, 1]) > 0.1 * model.encoder.s.diagonal().min()
    )  # the groups depend on each other
    torch.testing.assert_close(model.log_weights(x, None, 7), exact.expand(7, -1), rtol=1e-10, atol=1e-10)


def test_the_elbo_lacks_the_divergence_from_the_true_posterior(linear):
    """1/2, where the mean of one group is wrong by its standard deviation."""
    model, x, exact = linear(error=1.0)
    torch.manual_seed(2)
    gap = exact - elbo(model, x, None, 400)
    assert abs(gap.mean() - 0.5) < 4 / (400 * len(x)) ** 0.5


def test_the_bound_grows_with_the_draws_towards_the_exact_likelihood(linear):
    model, x, exact = linear(error=1.0)
    torch.manual_seed(3)
    x, exact = x.repeat(10, 1, 1, 1), exact.repeat(10)
    gaps = [(exact - importance_bound(model, x, None, k)).mean().item() for k in (1, 8, 128)]
    assert gaps[0] > gaps[1] > gaps[2]
    assert abs(gaps[2]) < 0.06 * gaps[0]


@pytest.mark.parametrize("posterior", ["residual", "plain"])
@torch.no_grad()
def test_the_divergence_of_the_noise_is_that_of_the_latents(posterior):
    model = build(posterior=posterior, fine=1)
    priors, posteriors = [], []
    for rung in model.decoder.rungs:
        for group in rung:
            group.prior.register_forward_hook(lambda _, __, out: priors.append(law_of(out)))
    for q in model.encoder.posteriors:
        q.register_forward_hook(lambda _, __, out: posteriors.append(out))
    found = model.kl(model.infer(pictures()))
    for kl, (m, v), (mean, log_var) in zip(found, priors, posteriors, strict=True):
        prior, q = Normal(m, (v / 2).exp()), Normal(mean, (log_var / 2).exp())
        if posterior == "residual":
            q = Normal(m + prior.scale * mean, prior.scale * q.scale)
        expected = kl_divergence(q, prior).flatten(1).sum(1)
        torch.testing.assert_close(kl, expected, rtol=1e-10, atol=1e-10)
    assert len(found) == len(model.decoder.sizes) == 3
    assert found.mean() > 0.1


@torch.no_grad()
def test_the_mean_weight_is_the_bound_in_the_figures():
    model = build(spec=COLOUR, noise=0.1)
    x, label = pictures(6, COLOUR), torch.arange(6) % 2
    draws = model.log_weights(x, label, 200).mean(1)
    figures = [model.loss(x, label)[1] for _ in range(100)]
    bounds = torch.stack([f["bound"] for f in figures])
    error = (draws.var() / 200 + bounds.var() / 100).sqrt()
    assert abs(draws.mean() - bounds.mean()) < 4 * error
    first = figures[0]
    torch.testing.assert_close(first["bound"], -first["reconstruction"] - first["kl"])
    groups = [value for key, value in first.items() if key.startswith("kl/")]
    torch.testing.assert_close(torch.stack(groups).sum(), first["kl"])


@pytest.mark.parametrize("settings", [{}, {"posterior": "plain"}, {"fine": 2, "vectors": 3, "depth": 2}])
@torch.no_grad()
def test_the_noise_that_was_drawn_decodes_to_the_law_that_was_judged(settings):
    model = build(spec=COLOUR, **settings)
    x, label = pictures(4, COLOUR), torch.tensor([0, 1, 1, 0])
    found = model.infer(x, label, k=3)
    assert found.noise.shape == (12, model.latent) == found.mean.shape == found.log_var.shape
    torch.testing.assert_close(model.decoder(found.noise, label.repeat(3)), found.params)


@torch.no_grad()
def test_an_encoding_is_the_means_given_the_means_above():
    model = build(spec=COLOUR)
    x, label = pictures(4, COLOUR), torch.tensor([0, 1, 1, 0])
    z = model.encode(x, label)
    found = model.infer(x, label, spread=0.0)
    assert z.shape == (4, model.latent)
    assert torch.equal(z, found.mean)
    assert torch.equal(z, model.encode(x, label))
    torch.testing.assert_close(model.decode(z, label, batch=3), model.law.mean(found.params).float())


@torch.no_grad()
def test_a_picture_halves_until_only_a_vector_is_left():
    """28 x 28: a vector, then maps of 7 x 7 and of 14 x 14."""
    model = hvae.build(hvae.Settings(width=4, hidden=8, fine=1), Spec(kind="image", shape=(1, 28, 28)))
    sizes = [(r.channels, r.height, r.width, r.groups, r.latents) for r in rungs_of((1, 28, 28), SIZES)]
    assert sizes == [(8, 1, 1, 4, 16), (8, 7, 7, 1, 4), (4, 14, 14, 1, 4)]
    assert model.decoder.sizes == [16] * 4 + [7 * 7 * 4, 14 * 14 * 4]
    assert [maps.shape[1:] for maps in model.encoder(torch.zeros(2, 1, 28, 28))][3:] == [
        (8, 1, 1),
        (8, 7, 7),
        (4, 14, 14),
    ]


SIZES = Sizes(4, 8, (4, 1, 1), (16, 4))


VARIANTS = {
    "residual": {},
    "plain": {"posterior": "plain"},
    "bernoulli": {"observation": "bernoulli"},
    "gaussian": {"observation": "gaussian"},
    "fine": {"fine": 1, "depth": 2},
    "against collapse": {"warmup": 0.5, "free_bits": 0.1},
}


def learn(settings, spec, steps):
    model = settings.build(spec)
    players = players_of(model, lambda name, p: Player(p, adam(settings)(name, p)))
    torch.manual_seed(0)
    x = (torch.rand(8, *spec.shape) + 9 * torch.rand(spec.shape).round()) / 5 - 1  # one pattern, and noise
    batch = {"image": x.clamp(max=1)}
    if spec.classes:
        batch["label"] = torch.arange(8) % len(spec.classes)
    return model, [play(model, players, [batch], k) for k in range(steps)]


@pytest.mark.parametrize("name", VARIANTS)
def test_every_kind_learns_and_samples(name):
    settings = override(find("hvae"), TINY | VARIANTS[name])
    model, stats = learn(settings, GREY, 40)
    assert stats[-1]["bound"] > stats[0]["bound"] + 5
    items = model.eval().sample(5, generator=torch.Generator().manual_seed(0))
    assert items.shape == (5, 1, 8, 8)
    assert items.abs().max() <= 1
    assert model.log_weights(items, None, 3).shape == (3, 5)
    again = model.sample(5, generator=torch.Generator().manual_seed(0))
    assert torch.equal(items, again)


@torch.no_grad()
def test_all_that_is_judged_is_fp32_also_in_bf16():
    model = build(COLOUR).float()
    with torch.autocast("cpu", torch.bfloat16):
        inferred = model.infer(pictures(2, COLOUR).float(), torch.tensor([0, 1]))
    assert {t.dtype for t in inferred} == {torch.float32}


def test_labels_change_what_is_made():
    model, _ = learn(override(find("hvae"), TINY), COLOUR, 3)
    made = [model.eval().sample(2, generator=torch.Generator().manual_seed(0), label=k) for k in (0, 1)]
    assert not torch.equal(*made)
    with pytest.raises(ValueError, match="give one for each item"):
        model.decode(torch.zeros(1, model.latent))
