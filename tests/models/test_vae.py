"""Bounds of VAEs against closed forms: the linear-Gaussian one is PPCA (Tipping & Bishop 1999)."""

import math
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from torch.distributions import MultivariateNormal

import ganvas
from ganvas.core.errors import UserError
from ganvas.core.loop import Observer
from ganvas.core.settings import override
from ganvas.data.spec import Spec
from ganvas.losses.divergence import kl_to_standard
from ganvas.metrics.likelihood import elbo, importance_bound, latents, likelihood
from ganvas.models import vae, vaegan
from ganvas.models.latent import by_weight
from ganvas.models.likelihood import charged
from ganvas.models.vae import VAE, Settings
from ganvas.recipes.base import adam, find

SIDE, LATENT, NOISE = 3, 2, 0.5
GREY = Spec(kind="image", shape=(1, 8, 8))
COLOUR = Spec(kind="image", shape=(3, 16, 16), classes=("a", "b"))
VAMP = vae.PriorSettings(kind="vamp", pictures=3)
TINY = {"width": 4, "hidden": 16, "latent": 3}


@dataclass(frozen=True)
class Fixed:
    """N(mean, NOISE^2), without levels."""

    def width(self, channels):
        return channels

    def observe(self, x):
        return x

    def log_prob(self, params, x):
        draws = params.unflatten(0, (-1, len(x)))
        return torch.distributions.Normal(draws, NOISE).log_prob(x).flatten(2).sum(2).flatten()

    def mean(self, params):
        return params


class Decode(nn.Linear):
    def forward(self, z, label=None):
        return super().forward(z).unflatten(1, (1, SIDE, SIDE))


class Encode(nn.Module):
    """The exact posterior, whose covariance is NOISE^2 M^-1 with M = W'W + NOISE^2, diagonal here."""

    def __init__(self, w, mu, error=0.0):
        super().__init__()
        m = (w.T @ w).diagonal() + NOISE**2
        self.w, self.mu, self.m, self.error = w, mu, m, error

    def forward(self, x, label=None):
        mean = (x.flatten(1) - self.mu) @ self.w / self.m + self.error
        log_var = (NOISE**2 / self.m).log().expand_as(mean)
        return torch.cat([mean, log_var], 1)


@pytest.fixture
def ppca():
    """The model, pictures, and their exact log-density."""

    def build(error=0.0):
        generator = torch.Generator().manual_seed(0)
        q, _ = torch.linalg.qr(torch.randn(SIDE**2, LATENT, dtype=torch.float64, generator=generator))
        w = q * torch.tensor([2.0, 1.0], dtype=torch.float64)
        mu = torch.randn(SIDE**2, dtype=torch.float64, generator=generator)
        model = VAE(Settings(network="dense", latent=LATENT), Spec(kind="image", shape=(1, SIDE, SIDE)))
        model.law = Fixed()
        model.decoder = Decode(LATENT, SIDE**2).double()
        model.decoder.weight.data, model.decoder.bias.data = w, mu
        model.encoder = Encode(w, mu, error)
        covariance = w @ w.T + NOISE**2 * torch.eye(SIDE**2, dtype=torch.float64)
        law = MultivariateNormal(mu, covariance)
        torch.manual_seed(1)
        x = law.sample((50,))
        return model, x.view(-1, 1, SIDE, SIDE), law.log_prob(x)

    return build


def test_with_the_true_posterior_every_draw_weighs_the_exact_likelihood(ppca):
    model, x, exact = ppca()
    weights = model.log_weights(x, None, 7)
    torch.testing.assert_close(weights, exact.expand(7, -1), rtol=1e-10, atol=1e-10)


def test_the_loss_is_the_negative_exact_likelihood_there(ppca):
    """Up to chance: log p(x | z) is drawn, the KL is not."""
    model, x, exact = ppca()
    torch.manual_seed(2)
    losses = torch.stack([model.loss(x)[0] for _ in range(400)])
    margin = 4 * losses.std() / 20
    assert abs(losses.mean() + exact.mean()) < margin
    assert model.config.bound == "elbo"


def test_its_gradient_is_that_of_the_exact_likelihood(ppca):
    """With the true posterior the bound touches log p(x), so that they have the same gradient."""
    model, x, _ = ppca()
    w = model.decoder.weight.detach().clone().requires_grad_()
    covariance = w @ w.T + NOISE**2 * torch.eye(SIDE**2, dtype=torch.float64)
    exact = MultivariateNormal(model.decoder.bias.detach(), covariance).log_prob(x.flatten(1)).mean()
    (expected,) = torch.autograd.grad(exact, w)
    torch.manual_seed(3)
    found = [torch.autograd.grad(-model.loss(x)[0], model.decoder.weight)[0] for _ in range(600)]
    mean, error = torch.stack(found).mean(0), torch.stack(found).std(0) / 600**0.5
    assert ((mean - expected).abs() < 4.5 * error).all()
    assert expected.abs().max() > 10 * error.max()


def test_the_bound_grows_with_the_draws_towards_the_exact_likelihood(ppca):
    model, x, exact = ppca(error=0.6)
    torch.manual_seed(4)
    draws = (1, 8, 64, 4096)
    bounds = [importance_bound(model, x, None, k, at_once=64 * len(x)).mean().item() for k in draws]
    gaps = [exact.mean().item() - b for b in bounds]
    assert gaps[0] > gaps[1] > gaps[2] > gaps[3]
    assert abs(gaps[3]) < 0.02 * gaps[0]


def test_the_elbo_lacks_the_divergence_from_the_true_posterior(ppca):
    model, x, exact = ppca(error=0.6)
    torch.manual_seed(5)
    found = elbo(model, x, None, 20_000).mean()
    divergence = (0.6**2 * model.encoder.m / NOISE**2 / 2).sum()
    torch.testing.assert_close(found, exact.mean() - divergence, rtol=0, atol=0.05)


def test_the_gradient_through_draws_taken_by_weight_is_that_through_all(ppca):
    """Of the same five draws: no draw is taken a whole time more or less often than it weighs."""
    found = {}
    for passed in (0, 20_000):
        model, x, _ = ppca(error=0.6)
        model.config = Settings(latent=LATENT, samples=5, bound="iwae").model_copy(update={"passed": passed})
        torch.manual_seed(7)
        loss, figures = model.loss(x[:10])
        grads = torch.autograd.grad(loss, [model.decoder.weight, model.decoder.bias])
        found[passed] = torch.cat([g.flatten() for g in grads]), figures["bound"]
    assert found[0][1] == found[20_000][1]
    torch.testing.assert_close(found[0][0], found[20_000][0], rtol=0, atol=1e-2 * found[0][0].abs().max())


def test_few_draws_suffice_on_average(ppca):
    """Two of five, many times over: the gradient through all five is their mean."""
    model, x, _ = ppca(error=0.6)
    grads = {}
    for passed in (0, 2):
        model.config = Settings(latent=LATENT, samples=5, bound="iwae", passed=passed)
        torch.manual_seed(8)
        found = [torch.autograd.grad(model.loss(x)[0], model.decoder.weight)[0] for _ in range(800)]
        grads[passed] = torch.stack(found)
    mean = {passed: of.mean(0) for passed, of in grads.items()}
    error = sum(of.var(0) / 800 for of in grads.values()) ** 0.5
    assert ((mean[0] - mean[2]).abs() < 4.5 * error).all()
    assert mean[0].abs().max() > 10 * error.max()


def test_in_bf16_few_draws_reach_every_weight():
    model = override(find("vae"), TINY | VARIANTS["few"] | {"network": "dense"}).build(GREY)
    with torch.autocast("cpu", torch.bfloat16):
        loss, _ = model.loss(torch.rand(3, *GREY.shape) * 2 - 1)
    for grad in torch.autograd.grad(loss, [*model.encoder.parameters(), *model.decoder.parameters()]):
        assert grad.abs().sum() > 0


def test_draws_are_taken_as_often_as_they_weigh():
    torch.manual_seed(0)
    weight = torch.rand(6, 500, dtype=torch.float64).softmax(0)
    taken = torch.nn.functional.one_hot(by_weight(weight, 4), 6).sum(0).T  # (6, 500)
    assert ((taken - 4 * weight).abs() < 1).all()
    assert (taken.sum(0) == 4).all()
    always = by_weight(torch.tensor([[0.0], [1.0], [0.0]]), 3)
    assert always.tolist() == [[1]] * 3


def test_draws_in_portions_make_the_same_bound(ppca):
    model, x, _ = ppca(error=0.3)
    torch.manual_seed(6)
    whole = importance_bound(model, x, None, 60, at_once=60 * len(x))
    torch.manual_seed(6)
    parts = importance_bound(model, x, None, 60, at_once=15 * len(x))
    torch.testing.assert_close(whole, parts, rtol=0, atol=1.0)  # other draws, the same bound on average
    assert abs((whole - parts).mean()) < 0.05


def test_a_likelihood_says_its_interval_and_bits():
    values = torch.tensor([-2.0, -4.0])
    found = likelihood([(torch.zeros(2, 1, 2, 2), None)], lambda x, y: values, "exact")
    assert (found.nll_nats, found.items, found.protocol) == (3.0, 2, "exact")
    assert math.isclose(found.bits_per_dim, 3 / 4 / math.log(2))
    assert math.isclose(found.high - found.nll_nats, 1.96 * 2**0.5 / 2**0.5)


def test_latents_that_carry_nothing_are_not_active():
    generator = torch.Generator().manual_seed(0)
    carried = torch.randn(4000, 2, generator=generator) * torch.tensor([0.99, 0.0])
    log_var = torch.tensor([1 - 0.99**2, 1.0]).log().expand(4000, 2)
    found = latents(carried, log_var, seed=1)
    assert found.active == 1
    torch.testing.assert_close(found.kl, kl_to_standard(carried, log_var).mean(0))
    exact = -math.log(1 - 0.99**2) / 2  # of a Gaussian channel: half the log of 1 over what is left
    assert abs(found.mutual_information - exact) < 0.05


def step(model, settings, spec=GREY, steps=1):
    from ganvas.core.turns import Player, play, players_of

    players = players_of(model, lambda name, p: Player(p, adam(settings)(name, p)))
    torch.manual_seed(0)
    x = (torch.rand(8, *spec.shape) + 9 * torch.rand(spec.shape).round()) / 5 - 1  # one pattern, and noise
    batch = {"image": x} | ({"label": torch.arange(8) % len(spec.classes)} if spec.classes else {})
    return [play(model, players, [batch], k) for k in range(steps)]


VARIANTS = {
    "conv": {},
    "dense": {"network": "dense"},
    "bernoulli": {"observation": "bernoulli"},
    "gaussian": {"observation": "gaussian"},
    "iwae": {"samples": 5, "bound": "iwae"},
    "few": {"samples": 5, "bound": "iwae", "passed": 2},
    "vamp": {"prior.kind": "vamp", "prior.pictures": 7},
    "against collapse": {"warmup": 0.5, "free_bits": 0.1},
}


@pytest.mark.parametrize("name", VARIANTS)
def test_every_kind_learns_and_samples(name):
    settings = override(find("vae"), TINY | VARIANTS[name])
    model = settings.build(GREY)
    stats = step(model, settings, steps=120)
    assert stats[-1]["bound"] > stats[0]["bound"] + 10
    items = model.eval().sample(5, generator=torch.Generator().manual_seed(0))
    assert items.shape == (5, 1, 8, 8)
    assert items.abs().max() <= 1
    assert model.log_weights(items, None, 3).shape == (3, 5)
    again = model.sample(5, generator=torch.Generator().manual_seed(0))
    assert torch.equal(items, again)


class Sixteen:
    """Bright at the left."""

    fingerprint = ""

    def __len__(self):
        return 16

    def fetch(self, index):
        return {
            "image": torch.from_numpy(index).view(-1, 1, 1, 1) / 16 * torch.linspace(1, 0, 8).expand(8, 8)
        }

    def ready(self, batch):
        return {"image": batch["image"].float() * 2 - 1}


def test_dense_networks_start_from_the_mean_of_the_data():
    """The encoder sees what differs from it, and the decoder makes it of any z, but for its own noise."""
    model = override(find("vae"), TINY | VARIANTS["dense"] | {"observation": "bernoulli"}).build(GREY)
    before = torch.get_rng_state()
    model.prepare(Sixteen())
    assert torch.equal(before, torch.get_rng_state())
    seen = Sixteen().ready(Sixteen().fetch(np.arange(16)))["image"]
    torch.testing.assert_close(model.encoder.centred(seen).mean(0), torch.zeros(1, 8, 8), rtol=0, atol=1e-6)
    made = model.decode(torch.zeros(1, 3))[0]
    assert (made - seen.mean(0)).abs().max() < 0.5 < (seen.mean(0)).abs().max()


def test_weights_from_before_there_was_a_mean_are_used_without_one():
    model = override(find("vae"), TINY | VARIANTS["dense"]).build(GREY)
    state = {k: v for k, v in model.state_dict().items() if k != "encoder.centred.mean"}
    model.encoder.centred.mean.fill_(0.3)
    model.load_state_dict(state)
    assert not model.encoder.centred.mean.any()


def test_the_mean_is_in_what_is_written_after_samples_were_shown(tmp_path):
    """A part of a state, loaded as if it were all of it, once took the mean for missing."""
    shown = []
    observer = Observer(said=lambda words: None, snapshot=lambda trainer: shown.append(trainer.step))
    settings = TINY | VARIANTS["dense"] | {"training.batch": 16, "training.snapshots": 2}
    run = ganvas.train("fashion", "vae", out=tmp_path / "r", steps=4, settings=settings, observer=observer)
    assert shown[-1] == 4
    kept = load_file(run.checkpoints / "step-4" / "objective.safetensors")["encoder.centred.mean"]
    assert kept.any()
    assert torch.equal(ganvas.load(run.path).objective.encoder.centred.mean, kept)


def test_the_price_of_the_kl_rises_over_the_warm_up():
    config, kl = Settings(warmup=0.5, beta=2.0), torch.tensor([1.0, 2.0])
    assert [charged(kl, config, progress).item() for progress in (0.0, 0.25, 0.5, 1.0)] == [0, 3, 6, 6]


def test_free_bits_cost_nothing():
    kl = torch.tensor([0.2, 0.4, 3.0])
    torch.testing.assert_close(charged(kl, Settings(free_bits=0.5), 1.0), torch.tensor(0.5 + 0.5 + 3.0))


@pytest.mark.parametrize("recipe", ["vae", "hvae"])
def test_the_loss_is_reconstruction_before_the_warm_up_and_the_bound_after(recipe):
    model = override(find(recipe), {"width": 4, "warmup": 0.5}).build(GREY)
    x = torch.rand(3, *GREY.shape) * 2 - 1
    for model.progress, expected in ((0.0, "reconstruction"), (0.5, "bound")):
        loss, figures = model.loss(x)
        torch.testing.assert_close(loss.detach().abs(), figures[expected].abs())


def test_labels_change_what_is_made():
    for recipe in ("vae", "vaegan"):
        settings = find(recipe)
        model = settings.build(COLOUR)
        step(model, settings, COLOUR)
        made = [model.eval().sample(2, generator=torch.Generator().manual_seed(0), label=k) for k in (0, 1)]
        assert not torch.equal(*made)


def test_bernoulli_refuses_colour_and_explains_grey():
    with pytest.raises(UserError, match=r"in colour: take --observation logistic"):
        VAE(Settings(observation="bernoulli"), COLOUR)
    assert "taken for a probability" in VAE(Settings(observation="bernoulli"), GREY).notes[0]
    assert not VAE(Settings(), GREY).notes


def test_vaegan_moves_each_player_by_its_own_loss():
    """The two losses' gradients, by autograd, into encoder and decoder."""
    settings = vaegan.Settings()
    model = vaegan.build(settings, Spec(kind="image", shape=(1, 16, 16)))
    x = torch.rand(4, 1, 16, 16) * 2 - 1
    turns = list(model.turns({"image": x}, 1))
    assert [list(t.losses) for t in turns] == [["critic"], ["encoder", "decoder"]]
    losses = turns[1].losses
    expected = settings.beta * turns[1].stats["kl"] + turns[1].stats["reconstruction"]
    torch.testing.assert_close(losses["encoder"].detach(), expected)
    game = losses["decoder"].detach() - settings.gamma * turns[1].stats["reconstruction"]
    assert game > 0
    gradients = torch.autograd.grad(losses["encoder"], list(model.encoder.parameters()), allow_unused=True)
    assert all(g is not None for g in gradients)


def test_vaegan_s_critic_may_move_more_often():
    settings = vaegan.Settings(critic=vaegan.CriticSettings(steps=3))
    model = vaegan.build(settings, Spec(kind="image", shape=(1, 16, 16)))
    turns = list(model.turns({"image": torch.rand(4, 1, 16, 16)}, 8))
    assert [list(t.losses) for t in turns] == [["critic"]] * 3 + [["encoder", "decoder"]]
    losses = [t.losses["critic"].item() for t in turns[:3]]
    assert len({*losses}) == 3  # each meets samples of its own
    assert all("penalty" in t.stats for t in turns[:3])


def test_vaegan_reconstructs_in_the_chosen_layer():
    shapes = []
    for layer in (1, 2):
        model = vaegan.build(vaegan.Settings(layer=layer), Spec(kind="image", shape=(1, 16, 16)))
        shapes.append(tuple(model.features(torch.zeros(2, 1, 16, 16)).shape))
        assert model.reconstruction(torch.zeros(2, 1, 16, 16), torch.zeros(2, 1, 16, 16)) == 0
    assert shapes == [(2, 64, 8, 8), (2, 128, 4, 4)]


def test_the_prior_is_a_player_of_its_own_where_it_learns():
    assert VAE(Settings(prior=VAMP, **TINY), GREY).averaged == ("encoder", "decoder", "prior")
    with pytest.raises(UserError, match="a vamp prior knows no labels"):
        vae.build(Settings(prior=VAMP), COLOUR)
