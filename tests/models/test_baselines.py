"""The baselines against the same laws by numpy, scipy and scikit-learn."""

import math
import sys

import numpy as np
import pytest
import torch
from scipy.special import logsumexp
from scipy.stats import multivariate_normal
from sklearn.decomposition import PCA
from sklearn.neighbors import KernelDensity
from tiny import LEVELS, counted, fits, seeded, states

import ganvas
from ganvas.core.errors import UserError
from ganvas.core.settings import override
from ganvas.data.spec import Spec
from ganvas.models.template import likeliest, parzen, squared_distances
from ganvas.recipes.base import find

RNG = np.random.default_rng(0)
PAIR = torch.cartesian_prod(LEVELS, LEVELS).view(-1, 1, 1, 2)
"""All pictures of two pixels."""
CORRELATED = RNG.normal(size=(300, 3)) @ RNG.normal(size=(3, 12)) * 12 + RNG.normal(size=(300, 12)) * 4 + 128
BUILDS = {
    "random": {},
    "template": {"shift": 1},
    "parametric": {"latent": 8},
    "parametric mixture": {"latent": 8, "components": 2},
}


class Data:
    """Pictures of these levels, (n, channel, height, width)."""

    def __init__(self, levels, label=None):
        self.image = torch.as_tensor(np.clip(np.round(levels), 0, 255).astype(np.uint8))
        self.label = label

    def __len__(self):
        return len(self.image)

    def fetch(self, index):
        batch = {"image": self.image[index]}
        return batch if self.label is None else batch | {"label": self.label[index]}

    def ready(self, batch):
        return batch | {"image": batch["image"] / 127.5 - 1}


def learnt(recipe, data, classes=0, **changes):
    spec = Spec(kind="image", shape=tuple(data.image.shape[1:]), classes=tuple("abcdef"[:classes]))
    model = override(find(recipe), changes).build(spec)
    torch.manual_seed(0)
    model.prepare(data)
    return model


def seen(levels):
    return torch.as_tensor(levels, dtype=torch.float64) / 127.5 - 1


def in_levels(x):
    return (np.asarray(x, np.float64) + 1) * 127.5


def pairs(n=200):
    """Two correlated pixels, away from the ends of the scale, in two heaps."""
    heap = RNG.choice([90, 160], (n, 1)) + RNG.normal(size=(n, 1)) * 9
    return Data((heap + RNG.normal(size=(n, 2)) * 5).reshape(n, 1, 1, 2))


def test_random_holds_each_value_as_frequent_as_it_was():
    data = Data(RNG.integers(0, 6, (50, 1, 1, 2)))
    found = learnt("random", data, smoothing=0.7).log_prob(PAIR).exp().double().view(256, 256)
    first, second = ((np.bincount(p, minlength=256) + 0.7 / 256) / 50.7 for p in data.image.flatten(1).T)
    np.testing.assert_allclose(found, np.outer(first, second), rtol=1e-5)
    assert math.isclose(found.sum(), 1, rel_tol=1e-5)


def test_random_in_black_and_white_draws_from_the_law_it_states():
    data = Data(RNG.integers(0, 256, (40, 1, 2, 2)))
    model = learnt("random", data, observation="bernoulli", smoothing=1.0)
    every = states(4)
    white = (data.image.double().flatten(1).mean(0) / 255 * 40 + 0.5) / 41
    expected = torch.where(every > 0, white, 1 - white).prod(1)
    found = model.log_prob(every.view(-1, 1, 2, 2)).exp().double()
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=0)
    made = model.sample(20_000, generator=seeded())
    assert fits(counted(made), expected)


def test_random_draws_every_level_as_often_as_it_was():
    data = Data(RNG.choice([3, 4, 200], (1000, 1, 1, 1), p=[0.2, 0.3, 0.5]))
    model = learnt("random", data, smoothing=1e-6)
    made = ((model.sample(20_000, generator=seeded()) + 1) * 127.5).round().flatten().long()
    assert fits(torch.bincount(made, minlength=256), data.image.flatten().bincount(minlength=256) / 1000)


@pytest.mark.parametrize("recipe", ["random", "template", "parametric"])
def test_each_class_has_a_law_and_a_class_without_pictures_that_of_all(recipe):
    label = torch.arange(60) % 2
    levels = RNG.integers(0, 100, (60, 1, 2, 2)) + 150 * label.numpy().reshape(60, 1, 1, 1)
    changes = {"parametric": {"latent": 4}, "template": {"shift": 0, "noise": 0}}.get(recipe, {})
    model = learnt(recipe, Data(levels, label), 3, **changes)
    x = seen(levels)
    dark, light, all_of_them = (model.log_prob(x, torch.full((60,), k)) for k in range(3))
    assert (dark > all_of_them)[label == 0].all()
    assert (light > all_of_them)[label == 1].all()
    mixture = torch.stack([dark, light, all_of_them]).double().logsumexp(0) - math.log(3)
    torch.testing.assert_close(model.log_prob(x).double(), mixture, rtol=1e-5, atol=1e-4)
    made = [in_levels(model.sample(200, generator=seeded(), label=k)).mean() for k in range(3)]
    np.testing.assert_allclose(made, [50, 200, 125], atol=15)


@pytest.mark.parametrize(
    ("recipe", "changes"),
    [("template", {}), ("parametric", {"latent": 2}), ("parametric", {"latent": 1, "components": 3})],
)
def test_what_is_a_bound_sums_to_a_little_less_than_one(recipe, changes):
    model = learnt(recipe, pairs(), **changes)
    total = model.log_prob(PAIR).double().exp().sum()
    assert 0.95 < total <= 1
    assert not model.exact


def test_parametric_has_the_covariance_of_scikit_learns_ppca():
    """And, in the mean over the noise that makes levels continuous, its likelihood."""
    data = Data(CORRELATED.reshape(-1, 3, 2, 2))
    model = learnt("parametric", data, latent=4)
    x = data.image.flatten(1).numpy().astype(np.float64)
    (mean, covariance), *more = laws(model)
    assert not more
    expected = PCA(4).fit(x)
    exact = expected.get_covariance() + np.eye(12) / 12
    np.testing.assert_allclose(covariance, exact, rtol=0, atol=np.abs(exact).max() * 2 / len(x))
    np.testing.assert_allclose(mean, expected.mean_, atol=1e-4)
    noisy = x[:20] + RNG.random((4000, 20, 12)) - 0.5
    by_chance = multivariate_normal(mean, covariance).logpdf(noisy)
    margin = 4 * by_chance.std(0) / 4000**0.5
    found = model.log_prob(seen(x[:20]).view(-1, 3, 2, 2)).numpy()
    assert (np.abs(found - by_chance.mean(0)) < margin).all()
    assert margin.max() < 0.05
    ours = expected.score_samples(x)  # without the noise; 1/12 is little beside their variances
    assert abs(model.log_prob(seen(x).view(-1, 3, 2, 2)).numpy().mean() - ours.mean()) < 0.1


def laws(model, k=0):
    """Mean and covariance in levels of each component of class k, from the buffers as the docstring says."""
    buffers = {name: value.double().numpy() for name, value in model.named_buffers()}
    u, s, r = buffers["basis"], buffers["scale"], buffers["rest"]
    across = r * (np.eye(model.dims) - u.T @ u)
    return [
        (buffers["mean"] + (s * c) @ u, u.T * s @ f @ f.T * s @ u + across)
        for c, f in zip(buffers["centre"][k], buffers["factor"][k], strict=True)
    ]


@pytest.mark.parametrize("covariance", ["full", "tied", "diag", "spherical"])
def test_parametric_mixtures_are_bounded_as_stated(covariance):
    data = Data(CORRELATED.reshape(-1, 3, 2, 2))
    model = learnt("parametric", data, latent=3, components=3, covariance=covariance)
    x = data.image.flatten(1).numpy().astype(np.float64)[:30]
    each = [multivariate_normal(m, c).logpdf(x) - np.trace(np.linalg.inv(c)) / 24 for m, c in laws(model)]
    expected = logsumexp(np.stack(each), axis=0, b=model.weight[0].double().numpy()[:, None])
    np.testing.assert_allclose(model.log_prob(seen(x).view(-1, 3, 2, 2)), expected, rtol=1e-6)
    assert math.isclose(model.weight.sum(), 1, rel_tol=1e-6)


def test_parametric_samples_vary_as_the_principal_components_do():
    data = Data(CORRELATED.reshape(-1, 3, 2, 2))
    model = learnt("parametric", data, latent=3)
    made = in_levels(model.sample(20_000, generator=seeded())).reshape(20_000, -1)
    values = np.linalg.eigvalsh(np.cov(made.T))[::-1]
    expected = PCA(3).fit(data.image.flatten(1).numpy()).explained_variance_
    np.testing.assert_allclose(values[:3], expected, rtol=0.05)
    assert values[3] < 1e-3 * values[2]


def test_parametric_decodes_what_it_encodes_but_for_what_lies_across():
    data = Data(CORRELATED.reshape(-1, 3, 2, 2))
    model = learnt("parametric", data, latent=3)
    z = torch.randn(9, 3, generator=seeded())
    torch.testing.assert_close(model.encode(model.decode(z)), z, rtol=0, atol=1e-4)
    whole = learnt("parametric", data, latent=12)
    x = seen(data.image).float()
    torch.testing.assert_close(whole.decode(whole.encode(x)), x, rtol=0, atol=1e-5)


def test_templates_density_is_scikit_learns_but_for_the_levels():
    data = Data(RNG.integers(0, 256, (70, 1, 2, 3)))
    model = learnt("template", data)
    x = RNG.integers(0, 256, (20, 6))
    h = model.bandwidth.item()
    expected = KernelDensity(bandwidth=h).fit(data.image.flatten(1).numpy()).score_samples(x)
    found = model.log_prob(seen(x).view(-1, 1, 2, 3)).numpy()
    np.testing.assert_allclose(found, expected - 6 / (24 * h**2), rtol=1e-12)


def test_templates_bandwidth_is_the_likeliest():
    templates = pairs().image
    distance = squared_distances(pairs(50).image.double().flatten(1), templates)
    best = likeliest(distance, 2)
    near = [parzen(distance, best * scale, 2).mean() for scale in (0.97, 1.0, 1.03)]
    assert near[1] > max(near[0], near[2])


def test_template_makes_training_pictures_moved_and_noisy():
    data = Data(RNG.integers(0, 256, (30, 2, 5, 4)))
    train = data.image.numpy()
    same = learnt("template", data, shift=0, noise=0).sample(50, generator=seeded())
    assert {p.tobytes() for p in in_levels(same).round().astype(np.uint8)} <= {p.tobytes() for p in train}
    padded = np.pad(train, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge")
    every = np.stack([padded[:, :, r : r + 5, c : c + 4] for r in range(3) for c in range(3)])
    model = learnt("template", data, shift=1, noise=0.05)
    made = in_levels(model.sample(400, generator=seeded()))
    apart = np.abs(made[:, None] - every.reshape(-1, 2, 5, 4)).max((2, 3, 4))
    assert (apart.min(1) < 6 * 0.05 * 127.5).all()
    assert len(set(apart.argmin(1) // 30)) == 9
    assert len(set(apart.argmin(1) % 30)) == 30


@pytest.mark.parametrize("name", BUILDS)
def test_trained_resumed_and_sampled_like_any_other(name, pictures, tmp_path):
    recipe = name.split()[0]
    settings = BUILDS[name] | {"training.snapshots": 0}
    run = ganvas.train(pictures, recipe, out=tmp_path / "run", seed=3, settings=settings)
    assert run.progress()["finished"]
    weights = (run.model / "model.safetensors").read_bytes()
    model = ganvas.load(run.path)
    made = model.sample(6, seed=1, label="light")
    assert made.shape == (6, 16, 16, 3)
    assert made.mean() > 127
    assert model.exact == (recipe == "random")
    assert np.isfinite(model.log_prob(made, label="light")).all()
    ganvas.train(out=run.path, resume=True)
    assert (run.model / "model.safetensors").read_bytes() == weights
    for path in sorted(run.checkpoints.rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    ganvas.train(out=run.path, resume=True)  # from the start: the same is found again
    assert (run.model / "model.safetensors").read_bytes() == weights
    assert np.array_equal(ganvas.load(run.path).sample(6, seed=1, label="light"), made)


def test_without_scikit_learn_parametric_says_what_to_install(pictures, tmp_path, monkeypatch):
    for module in ("decomposition", "mixture"):
        monkeypatch.setitem(sys.modules, f"sklearn.{module}", None)
    with pytest.raises(UserError, match=r"pip install 'ganvas\[baselines\]', then go on with --resume"):
        ganvas.train(pictures, "parametric", out=tmp_path / "run")
    monkeypatch.undo()
    run = ganvas.train(out=tmp_path / "run", resume=True)
    assert run.progress()["finished"]


def test_too_large_a_baseline_is_refused_before_memory_is_asked_for():
    spec = Spec(kind="image", shape=(3, 256, 256), classes=tuple(map(str, range(100))))
    with pytest.raises(
        UserError, match=r"histograms of 100 classes .* would take 19 GiB: take --image.labels"
    ):
        find("random").build(spec)
    with pytest.raises(UserError, match=r"Covariances of 100 components .* take a smaller --latent"):
        override(find("parametric"), {"latent": 4096}).build(spec)
    with pytest.raises(
        UserError, match=r"Bernoulli pixels are black or white .* take --observation histogram"
    ):
        override(find("random"), {"observation": "bernoulli"}).build(spec)
