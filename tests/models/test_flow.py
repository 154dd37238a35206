"""The flow: it inverts, its log-determinant is the Jacobian's, and its density is one."""

import math
from contextlib import nullcontext

import numpy as np
import pytest
import torch
from tiny import seeded

from ganvas.core.errors import UserError
from ganvas.core.turns import Player, play, players_of
from ganvas.data.spec import Spec
from ganvas.models import flow
from ganvas.nn.flows import ActNorm, Coupling, Flow, Mix


def build(shape=(1, 8, 8), classes=0, margin=0.05, seed=0, shaken=0.1, **settings):
    """A small model with weights that do something: couplings begin as the identity."""
    torch.manual_seed(seed)
    spec = Spec(kind="image", shape=shape, classes=tuple("abcdefghij"[:classes]))
    net = flow.FlowSettings(**{"width": 16, "steps": 2} | settings)
    model = flow.build(flow.Settings(flow=net, margin=margin), spec)
    for p in model.parameters():
        p.data.add_(shaken * torch.randn_like(p))
    return model


class Data:
    """Enough of a data set for `prepare`."""

    def __init__(self, shape, classes=0):
        rng = np.random.default_rng(0)
        self.image = torch.from_numpy((rng.beta(0.5, 2, (100, *shape)) * 255).astype(np.uint8))
        self.label = torch.arange(100) % classes if classes else None

    def __len__(self):
        return 100

    def fetch(self, index):
        batch = {"image": self.image[index]}
        return batch if self.label is None else batch | {"label": self.label[index]}

    def ready(self, batch):
        return batch | {"image": batch["image"] / 127.5 - 1}


def levels(n, shape, seed=0):
    pixels = torch.randint(256, (n, *shape), generator=torch.Generator().manual_seed(seed))
    return pixels / 127.5 - 1


@pytest.mark.parametrize("margin", [0.0, 0.05])
@pytest.mark.parametrize(("shape", "steps", "classes"), [((3, 16, 8), 4, 2), ((1, 28, 28), 8, 0)])
def test_a_trained_flow_inverts_in_single_precision(shape, steps, classes, margin):
    model = build(shape, classes, margin, steps=steps, width=16, shaken=0.0)
    data = Data(shape, classes)
    model.prepare(data)
    players = players_of(model, lambda _, params: Player(params, torch.optim.Adam(params, 1e-3)))
    for step in range(20):
        play(model, players, [data.ready(data.fetch(np.arange(16) + 16 * (step % 6)))], step)
    with torch.no_grad():
        x = levels(8, shape)
        label = torch.arange(8) % classes if classes else None
        z = model.encode(x, label)
        assert z.shape == (8, model.latent) == (8, math.prod(shape))
        assert (model.decode(z, label, batch=3) - x).abs().max() < 1e-5
        w = torch.randn(8, model.latent, generator=seeded())
        assert (model.flow(model.flow.inverse(w, label), label)[0] - w).abs().max() < 1e-5


@pytest.mark.parametrize("margin", [0.0, 0.05])
@pytest.mark.parametrize(("shape", "scales"), [((1, 4, 4), 2), ((2, 4, 2), 1), ((1, 8, 4), 3)])
def test_its_log_determinant_is_that_of_autograds_jacobian(shape, scales, margin):
    """Of the whole way from levels 0 ... 255 to z."""
    model = build(shape, margin=margin, scales=scales, shaken=0.3).double()
    x = levels(3, shape).double()
    y, log_slope = model.on_line(x, 0.3)
    z, log_det = model.flow(y)
    for k in range(3):
        level = (x[k] + 1) * 127.5 + 0.3

        def to_z(level):
            return model.flow(model.on_line((level[None] - 0.3) / 127.5 - 1, 0.3)[0])[0][0]

        jacobian = torch.autograd.functional.jacobian(to_z, level).view(model.latent, model.latent)
        expected = torch.linalg.slogdet(jacobian).logabsdet
        assert abs((log_det + log_slope)[k].item() - expected.item()) < 1e-8
    normal = torch.distributions.Normal(0.0, 1.0).log_prob(z).sum(1)
    torch.testing.assert_close(model.density(x, 0.3), normal + log_det + log_slope, rtol=1e-12, atol=1e-10)


@pytest.mark.parametrize("layer", [ActNorm(4), Mix(4), Coupling(4, 8)], ids=lambda m: type(m).__name__)
def test_every_layer_inverts_and_knows_its_determinant(layer):
    torch.manual_seed(0)
    layer = layer.double()
    for p in layer.parameters():
        p.data.add_(0.3 * torch.randn_like(p))
    x = torch.randn(1, 4, 2, 3, dtype=torch.float64)
    y, log_det = layer(x)
    torch.testing.assert_close(layer.inverse(y), x, rtol=1e-11, atol=1e-11)
    jacobian = torch.autograd.functional.jacobian(lambda v: layer(v)[0], x).view(24, 24)
    assert abs(torch.linalg.slogdet(jacobian).logabsdet.item() - log_det.item()) < 1e-10
    assert log_det.abs() > 0.01


def test_the_convolution_begins_as_a_rotation():
    mix = Mix(6)
    torch.testing.assert_close(mix.weight() @ mix.weight().T, torch.eye(6), rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_the_density_of_a_tiny_picture_integrates_to_one():
    """Two places, levels 0 ... 256 each, by the midpoint rule; the logit's margin leaves a little outside."""
    model = build((1, 2, 2), margin=1e-4, scales=1, shaken=0.2).double()
    generator = seeded()
    n = 200_000
    v = 256 * torch.rand(n, 1, 2, 2, generator=generator, dtype=torch.float64)
    # Importance sampling from a density that the model's is near: even over (0, 256)^4.
    weight = (model.density(v / 127.5 - 1, 0.0) + 4 * math.log(256)).exp()
    error = weight.std().item() / math.sqrt(n)
    assert error < 0.01
    assert abs(weight.mean().item() - 1) < 4 * error + 0.002


@pytest.mark.parametrize("classes", [0, 2])
def test_activations_start_at_mean_zero_and_variance_one(classes):
    model = build((1, 8, 8), classes, shaken=0.0)
    data = Data((1, 8, 8), classes)
    before = torch.get_rng_state()
    model.prepare(data)
    assert torch.equal(torch.get_rng_state(), before)
    seen = []
    norms = [m for m in model.modules() if isinstance(m, ActNorm)]
    for norm in norms:
        norm.register_forward_hook(lambda m, args, out: seen.append(out[0]))
    batch = data.ready(data.fetch(np.arange(100)))
    model.log_prob(batch["image"], batch.get("label"))
    assert len(seen) == len(norms)
    for y in seen:  # up to the noise of dequantisation
        torch.testing.assert_close(y.mean((0, 2, 3)), torch.zeros(y.shape[1]), rtol=0, atol=0.02)
        torch.testing.assert_close(y.var((0, 2, 3)), torch.ones(y.shape[1]), rtol=0, atol=0.05)
    once = {name: p.clone() for name, p in model.state_dict().items()}
    model.prepare(data)
    assert all(torch.equal(p, once[name]) for name, p in model.state_dict().items())


@pytest.mark.parametrize("precision", [nullcontext, lambda: torch.autocast("cpu", torch.bfloat16)])
def test_it_learns_correlated_pixels_to_near_their_entropy(precision):
    """Gaussian pictures of one common brightness: the entropy is known."""
    torch.manual_seed(0)
    shape = (1, 4, 4)
    model = build(shape, margin=0.0, shaken=0.0, width=32)
    cov = 24.0**2 * torch.full((16, 16), 0.9).fill_diagonal_(1.0).double()
    law = torch.distributions.MultivariateNormal(torch.full((16,), 128.0).double(), cov)

    def batch(n):
        return {"image": (law.sample((n,)).round().clamp(0, 255).view(n, *shape) / 127.5 - 1).float()}

    class Gauss(Data):
        def __init__(self):
            super().__init__(shape)
            self.image = ((batch(100)["image"] + 1) * 127.5).round().byte()

    model.prepare(Gauss())
    players = players_of(model, lambda _, params: Player(params, torch.optim.Adam(params, 3e-3)))
    for step in range(120):
        stats = play(model, players, [batch(64)], step, precision)
    assert stats.keys() >= {"flow", "bound", "bits_per_dim", "flow/grad_norm"}
    with torch.no_grad():
        nll = -model.log_prob(batch(4000)["image"]).mean().item()
    assert law.entropy().item() - 0.3 < nll < law.entropy().item() + 1.0


@torch.no_grad()
def test_more_draws_of_the_noise_tighten_the_bound():
    model = build(shaken=0.2)
    x = levels(64, (1, 8, 8))
    torch.manual_seed(0)
    one = model.log_weights(x, None, 1)
    many = model.log_weights(x, None, 20)
    assert one.shape == (1, 64)
    assert (many.logsumexp(0) - math.log(20)).mean() > one.mean()


@pytest.mark.parametrize("classes", [0, 3])
def test_samples_depend_on_the_seed_and_the_label(classes):
    model = build((1, 8, 8), classes, shaken=0.2)
    one, two = model.sample(10, generator=seeded(1)), model.sample(10, generator=seeded(1))
    assert torch.equal(one, two)
    assert one.shape == (10, 1, 8, 8)
    assert one.abs().max() <= 1
    assert not torch.equal(one, model.sample(10, generator=seeded(2)))
    if classes:
        a, b = (model.sample(10, generator=seeded(1), label=k) for k in (0, 1))
        assert not torch.equal(a, b)
        with pytest.raises(ValueError, match="label"):
            model.log_prob(one)


def test_truncation_is_a_temperature():
    model = build(shaken=0.1)
    z = torch.randn(6, model.latent, generator=seeded(3))
    assert torch.equal(model.sample(6, generator=seeded(3), truncation=0.7), model.decode(0.7 * z))
    with pytest.raises(ValueError, match="truncation"):
        model.sample(1, truncation=0.0)


def test_decoding_keeps_gradients_where_z_asks_for_them():
    model = build()
    z = torch.zeros(2, model.latent, requires_grad=True)
    (slope,) = torch.autograd.grad(model.decode(z).sum(), z)
    assert slope.abs().sum() > 0
    assert not model.decode(z.detach()).requires_grad


def test_odd_pictures_are_refused():
    with pytest.raises(UserError, match="31 x 31"):
        build((1, 31, 31))


def test_scales_are_as_many_as_the_size_allows():
    assert Flow((1, 28, 28), 3, 1, 4).shapes == [(2, 14, 14), (8, 7, 7)]
    assert Flow((3, 32, 32), 3, 1, 4).shapes == [(6, 16, 16), (12, 8, 8), (48, 4, 4)]
