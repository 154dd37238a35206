"""VQ-VAE: its gradients, its codebook and its prior, each against a computation of its own."""

import itertools
import math

import pytest
import torch
from tiny import fits, seeded, states

from ganvas.core.device import autocast
from ganvas.core.errors import UserError
from ganvas.core.settings import override
from ganvas.core.turns import Player, play, players_of
from ganvas.data.spec import Spec
from ganvas.models import vqvae
from ganvas.models.vqvae import flat, unrolled
from ganvas.nn.causal import Causal
from ganvas.nn.codebook import Codebook
from ganvas.recipes.base import adam, find

GREY = Spec(kind="image", shape=(1, 8, 8))
CLASSES = Spec(kind="image", shape=(1, 8, 8), classes=("a", "b"))
TINY = {"width": 4, "depth": 1, "codes": 5, "dim": 3, "components": 2} | {
    "prior.width": 8, "prior.depth": 2, "prior.heads": 2
}  # fmt: skip


def build(spec=GREY, noise=0.3, **settings):
    """In double precision, and with weights large enough to matter."""
    torch.manual_seed(0)
    model = vqvae.build(override(vqvae.Settings(), TINY | settings), spec).double()
    for p in model.parameters():
        p.data.add_(noise * torch.randn_like(p))
    return model.eval()


def pictures(n=6, spec=GREY):
    return torch.rand(n, *spec.shape, generator=seeded(1), dtype=torch.float64) * 2 - 1


def sequences(codes, places):
    return torch.tensor(list(itertools.product(range(codes), repeat=places)))


def test_gradients_pass_straight_through_the_codes(monkeypatch):
    """d loss / d z is d(-log p) / d(the codes' vectors), and the commitment's 2 beta (z - codes' vectors)."""
    model, x = build(), pictures()
    z = model.see(x).detach().requires_grad_()
    monkeypatch.setattr(model, "see", lambda x: z)
    turn = next(model.turns({"image": x}, 0))
    (found,) = torch.autograd.grad(turn.losses["encoder"], z)
    vectors = model.codebook.vectors[model.codebook.nearest(flat(z.detach()))]
    quantised = model.lay(vectors).detach().requires_grad_()
    (straight,) = torch.autograd.grad(-model.law.log_prob(model.decoder(quantised), x).mean(), quantised)
    expected = straight + 2 * 0.25 * (z - quantised) / len(x)
    torch.testing.assert_close(found, expected.detach(), rtol=1e-10, atol=1e-10)
    assert straight.abs().max() > 1e-3


def test_each_player_minimises_its_own():
    model, x = build(), pictures()
    (turn,) = list(model.turns({"image": x}, 0))
    assert turn.losses["encoder"] is turn.losses["decoder"]
    figures = turn.stats
    expected = figures["reconstruction"] + 0.25 * figures["commitment"]
    torch.testing.assert_close(turn.losses["encoder"].detach(), expected)
    torch.testing.assert_close(turn.losses["prior"].detach(), figures["kl"])
    others = [*model.encoder.parameters(), *model.decoder.parameters()]
    assert not any(
        g is not None for g in torch.autograd.grad(turn.losses["prior"], others, allow_unused=True)
    )


def test_a_code_is_the_nearest_vector():
    book = Codebook(7, 3, 0.9, 0.0).double()
    z = torch.randn(50, 3, dtype=torch.float64, generator=seeded())
    assert torch.equal(book.nearest(z), torch.cdist(z, book.vectors).argmin(1))


def test_the_codebook_follows_as_in_the_paper():
    """N_i <- g N_i + (1 - g) n_i, m_i <- g m_i + (1 - g) sum z, e_i = m_i / N_i (app. A.1), one by one."""
    torch.manual_seed(0)
    book = Codebook(4, 2, 0.9, 0.0).double()
    n, m = [1.0] * 4, book.total.tolist()
    for _ in range(3):
        z = torch.randn(11, 2, dtype=torch.float64)
        codes = book.nearest(z)
        book.follow(z, codes)
        for i in range(4):
            mine = [v for v, c in zip(z.tolist(), codes.tolist(), strict=True) if c == i]
            n[i] = 0.9 * n[i] + 0.1 * len(mine)
            m[i] = [0.9 * m[i][k] + 0.1 * sum(v[k] for v in mine) for k in range(2)]
    expected = torch.tensor(m, dtype=torch.float64) / torch.tensor(n, dtype=torch.float64)[:, None]
    torch.testing.assert_close(book.vectors, expected, rtol=1e-12, atol=1e-12)
    p = [v / sum(n) for v in n]
    perplexity = math.exp(-sum(v * math.log(v) for v in p))
    assert abs(book.perplexity().item() - perplexity) < 1e-12


def test_parts_of_a_batch_move_the_codes_as_far_as_the_whole():
    torch.manual_seed(0)
    whole, parted = (Codebook(4, 2, 0.9, 0.0).double() for _ in range(2))
    parted.load_state_dict(whole.state_dict())
    z = torch.randn(10, 2, dtype=torch.float64)
    codes = whole.nearest(z)
    whole.follow(torch.cat([z, z]), torch.cat([codes, codes]))
    for _ in range(2):
        parted.follow(z, codes, share=0.5)
    torch.testing.assert_close(parted.total, whole.total, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(parted.usage, whole.usage, rtol=1e-12, atol=1e-12)


def test_a_dead_code_starts_anew_at_a_vector_of_the_batch():
    torch.manual_seed(0)
    book = Codebook(3, 2, 0.5, 0.1).double()
    book.total[2] = 1e3  # nothing is near it
    z = torch.randn(30, 2, dtype=torch.float64)
    for _ in range(10):
        book.follow(z, book.nearest(z))
        if book.vectors[2].abs().max() < 100:
            break
    assert (book.vectors[2] - z).abs().sum(1).min() < 1e-12
    assert book.usage[2] > 0.3 * book.usage.mean()
    assert (book.nearest(z) == 2).any()


def test_the_codes_begin_at_vectors_of_pictures():
    book = Codebook(4, 2, 0.9, 0.0).double()
    z = torch.randn(30, 2, dtype=torch.float64, generator=seeded())
    book.begin(z)
    assert all((v == z).all(1).any() for v in book.vectors)


@pytest.mark.parametrize("classes", [0, 2])
@torch.no_grad()
def test_the_probabilities_of_all_sequences_of_codes_sum_to_one(classes):
    torch.manual_seed(0)
    prior = Causal(3, 4, 8, 2, 2, classes).double()
    for p in prior.parameters():
        p.add_(0.5 * torch.randn_like(p))
    every = sequences(3, 4)
    for k in range(classes or 1):
        label = torch.full((81,), k) if classes else None
        log_prob = prior.log_prob(every, label)
        assert log_prob.std() > 0.5  # not uniform, so that the sum says something
        assert abs(log_prob.exp().sum().item() - 1) < 1e-12


@torch.no_grad()
def test_the_prior_says_the_same_place_by_place():
    torch.manual_seed(0)
    prior = Causal(5, 6, 8, 2, 2, 2).double()
    codes, label = torch.randint(5, (3, 6)), torch.tensor([0, 1, 1])
    steps = []

    def choose(place, log_p):
        steps.append(log_p)
        return codes[:, place]

    assert torch.equal(prior.unroll(3, label, choose), codes)
    torch.testing.assert_close(torch.stack(steps, 1), prior(codes, label), rtol=1e-12, atol=1e-12)
    with pytest.raises(ValueError, match="give one for each item"):
        prior(codes)


@torch.no_grad()
def test_codes_are_drawn_as_often_as_the_prior_says():
    torch.manual_seed(1)
    prior = Causal(3, 3, 8, 1, 2).double()
    for p in prior.parameters():
        p.add_(0.5 * torch.randn_like(p))
    drawn = unrolled(prior, torch.randn(10_000, 3, generator=seeded()), None, 1.0)
    counts = torch.bincount((drawn * torch.tensor([9, 3, 1])).sum(1), minlength=27)
    assert fits(counts, prior.log_prob(sequences(3, 3)).exp())


@torch.no_grad()
def test_the_bound_lies_below_the_exact_likelihood_of_every_tiny_picture():
    """P(x) summed over all codes; over all pictures that makes one, and the bound less."""
    spec = Spec(kind="image", shape=(1, 2, 4))
    model = build(spec, halvings=1, codes=3, observation="bernoulli")
    x = states(8).view(-1, 1, 2, 4)
    every = sequences(3, 2)
    fit = torch.stack([model.law.log_prob(p[None], x) for p in model.params(every)])
    exact = (fit + model.prior.log_prob(every)[:, None]).logsumexp(0)
    bound = model.log_weights(x, None, 2)
    assert abs(exact.exp().sum().item() - 1) < 1e-12
    assert torch.equal(bound[0], bound[1])
    assert (bound[0] < exact).all()
    assert len(set(model.codes(x).flatten().tolist())) > 1


@torch.no_grad()
def test_an_encoding_decodes_to_the_same_codes():
    model = build(CLASSES)
    x, label = pictures(6, CLASSES), torch.arange(6) % 2
    z = model.encode(x, label)
    assert z.shape == (6, model.latent)
    assert torch.equal(unrolled(model.prior, z, label, 1.0), model.codes(x))
    expected = model.law.mean(model.params(model.codes(x)))
    torch.testing.assert_close(model.decode(z, label, batch=4), expected)


@pytest.mark.parametrize(
    ("observation", "precision"),
    [("logistic", "fp32"), ("logistic", "bf16"), ("bernoulli", "fp32"), ("gaussian", "fp32")],
)
def test_every_kind_learns_and_samples(observation, precision):
    settings = override(find("vqvae"), TINY | {"observation": observation, "restart": 0.1})
    torch.manual_seed(0)
    model = settings.build(GREY)
    players = players_of(model, lambda name, p: Player(p, adam(settings)(name, p)))
    batch = {"image": ((torch.rand(8, 1, 8, 8) + 9 * torch.rand(1, 8, 8).round()) / 5 - 1).clamp(max=1)}
    stats = [play(model, players, [batch], k, autocast(precision, torch.device("cpu"))) for k in range(40)]
    assert stats[-1]["bound"] > stats[0]["bound"] + 5
    items = model.eval().sample(5, generator=seeded())
    assert items.shape == (5, 1, 8, 8)
    assert items.abs().max() <= 1
    assert torch.equal(items, model.sample(5, generator=seeded()))
    assert not torch.equal(items, model.sample(5, generator=seeded(1)))


def test_labels_change_what_is_made():
    model = build(CLASSES)
    made = [model.sample(8, generator=seeded(), label=k) for k in (0, 1)]
    assert not torch.equal(*made)


def test_what_cannot_work_is_refused():
    with pytest.raises(UserError, match="cannot be cut into squares of 16 pixels"):
        build(halvings=4)
    with pytest.raises(UserError, match="3 heads cannot share a width of 8"):
        build(**{"prior.heads": 3})
    with pytest.raises(UserError, match="in colour"):
        build(Spec(kind="image", shape=(3, 8, 8)), observation="bernoulli")
