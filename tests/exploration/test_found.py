"""Directions, inversions, orders and maps where the answer is known."""

import math

import pytest
import torch
import torch.nn.functional as F
from scipy.ndimage import gaussian_filter
from toys import Bayesian, Encoding, Linear, made, scene, untrained

from ganvas.core.errors import UserError
from ganvas.exploration import directions, views
from ganvas.exploration.directions import activations, both, ganspace, layers, sefa
from ganvas.exploration.inversion import invert, levels, pyramid
from ganvas.exploration.saliency import BLUR, blurred, saliency, stretched
from ganvas.exploration.scene import Pictures


@pytest.fixture(autouse=True)
def _double():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def close(a, b, tolerance):
    torch.testing.assert_close(a.double(), b.double(), rtol=tolerance, atol=tolerance)


def test_sefa_is_the_eigenvectors_of_the_first_weights_square():
    weight = torch.randn(30, 6)
    found = sefa(weight, 4)
    values, vectors = torch.linalg.eigh(weight.T @ weight)
    close(found.weights, values.flip(0)[:4].sqrt(), 1e-6)
    close((found.vectors.double() @ vectors.flip(1)[:, :4]).abs(), torch.eye(4), 1e-6)
    assert (found.vectors.gather(1, found.vectors.abs().argmax(1, keepdim=True)) > 0).all()


def test_ganspace_finds_the_principal_axes_of_a_linear_generator():
    """Of W = U S V^T and z of unit covariance they are the columns of V, and carry S^2."""
    z = torch.randn(300, 6)
    z = z - z.mean(0)
    z = z @ torch.linalg.inv(torch.linalg.cholesky(z.T @ z / 300)).T
    stretch = torch.tensor([5.0, 4.0, 3.0, 2.0, 1.0, 0.5])
    u, v = (torch.linalg.qr(torch.randn(n, 6))[0] for n in (20, 6))
    found = ganspace(z @ (u * stretch @ v.T).T, z, 3)
    close((found.vectors.double() @ v[:, :3]).abs(), torch.eye(3), 1e-6)
    close(found.weights, stretch[:3].square() / stretch.square().sum(), 1e-6)


def test_both_kinds_find_the_same_in_a_linear_generator(monkeypatch):
    monkeypatch.setattr(directions, "SAMPLES", 300)
    model = Linear(3)
    model.first.weight.copy_(torch.linalg.qr(torch.randn(16, 3))[0] * torch.tensor([4.0, 2.0, 1.0]))
    by_activations, by_weights = both(scene(model), 3)
    close(
        (by_activations.vectors.double() @ by_weights.vectors.double().T).abs().diagonal(),
        torch.ones(3),
        0.05,
    )


def test_activations_are_what_the_next_layer_sees_without_the_classes_means():
    generator, spec = untrained("dcgan", classes=("a", "b"), **{"generator.width": 4, "generator.latent": 5})
    shown = scene(generator, spec=spec)
    first, second = layers(shown)
    assert first is generator.generator.start
    assert second is generator.generator.grow[0]
    z, label = torch.randn(6, 5), shown.labels(6)
    net = generator.generator
    h = (
        F.linear(torch.cat([z, net.latent.embed(label)], 1), first.weight)
        .view(6, 4, 4, -1)
        .permute(0, 3, 1, 2)
    )
    seen = net.norm(h).flatten(1)
    for c in (0, 1):
        seen[label == c] -= seen[label == c].mean(0)
    close(activations(shown, second, z, label), seen, 1e-5)  # they are kept in single precision


def test_where_no_layer_sees_all_of_z_directions_are_refused():
    flow, spec = untrained("flow", shape=(1, 8, 8), **{"flow.width": 4, "flow.steps": 1})
    with pytest.raises(UserError, match="do not see all of z"):
        layers(scene(flow, spec=spec))


def test_the_z_of_a_linear_generators_picture_is_found():
    generator = Linear(3)
    z, pictures = made(generator, 4)
    found = invert(scene(generator), pictures.x)
    close(found.z, z, 0.01)
    close(found.found, pictures.x, 0.01)
    assert found.error.max() < 0.5
    assert (levels(pictures.x, found.nearest) > found.error).all()


def test_pyramids_are_as_far_apart_as_the_pictures_halves_and_quarters():
    x, y = torch.randn(2, 3, 2, 16, 16)
    views = [(F.avg_pool2d(x, k) - F.avg_pool2d(y, k)).square().flatten(1).mean(1) for k in (1, 2, 4)]
    close((pyramid(x) - pyramid(y)).square().sum(1), sum(views), 1e-12)


def test_black_and_white_are_255_levels_apart():
    black = -torch.ones(1, 3, 4, 4)
    close(levels(black, -black), torch.tensor([255.0]), 1e-12)
    half = black.clone()
    half[..., :2] = 1
    close(levels(black, half), torch.tensor([255 / math.sqrt(2)]), 1e-12)


def test_a_linear_critic_looks_where_its_weights_are():
    weight = torch.randn(3, 8, 8)
    maps = saliency(lambda x, label: (x * weight).sum((1, 2, 3)), torch.randn(5, 3, 8, 8), None)
    close(maps, weight.abs().amax(0).expand(5, 1, 8, 8), 1e-12)


def test_the_blur_is_scipys_and_the_stretched_map_goes_from_0_to_1():
    maps = torch.rand(2, 1, 40, 40)
    expected = gaussian_filter(maps.numpy(), BLUR * 40, axes=(2, 3), mode="nearest", truncate=2)
    close(blurred(maps), torch.from_numpy(expected), 1e-12)
    assert stretched(maps).aminmax() == (0.0, 1.0)
    assert stretched(torch.ones(1, 1, 4, 4)).isfinite().all()


def test_traversal_goes_by_the_kl_and_changes_one_number_at_a_time():
    model = Bayesian(4)
    z, pictures = made(model, 50, torch.tensor([0.1, 1.0, 0.5, 2.0]))
    shown = scene(model, pictures)
    found = views.traversal(shown)
    kl = (z.square().mean(0) + model.log_var.exp() - 1 - model.log_var) / 2
    order = kl.argsort(descending=True)
    assert found.figures["dimensions"] == (order + 1).tolist()
    close(torch.tensor(found.figures["kl_nats"]), kl[order], 1e-9)
    spread = (z.var(0, correction=0) + model.log_var.exp()).sqrt()
    for row, d in zip(found.groups[0], order.tolist(), strict=True):
        seen = model.encode(row.items).view(2, views.STEPS, 4)
        t = torch.linspace(-3, 3, views.STEPS)
        close(seen[..., d], (z[:, d].mean() + t * spread[d]).expand(2, -1), 1e-9)
        others = [k for k in range(4) if k != d]
        close(seen[..., others], seen[:, :1, others].expand(-1, views.STEPS, -1), 1e-9)


def test_without_a_law_of_z_traversal_goes_by_what_a_change_does():
    model = Encoding(4)
    z, pictures = made(model, 50, torch.tensor([0.1, 1.0, 0.5, 2.0]))
    found = views.traversal(scene(model, pictures))
    change = model.first.weight.square().mean(0).sqrt() * z.std(0, correction=0) * 127.5
    order = change.argsort(descending=True)
    assert found.figures["dimensions"] == (order + 1).tolist()
    close(torch.tensor(found.figures["effect_levels"]), change[order], 1e-9)


def test_a_model_that_loses_nothing_reconstructs_without_error():
    model = Encoding(4)
    _, pictures = made(model, 12)
    found = views.reconstruction(scene(model, pictures))
    assert found.figures["error_levels"] < 1e-9
    assert [len(row.items) for group in found.groups for row in group] == [10, 10, 2, 2]


def test_the_plane_is_what_the_model_makes_of_the_grid():
    model = Linear(2).float()
    rows = views.plane(scene(model)).groups[0]
    assert len(rows) == views.SIDE
    top_left, low_right = rows[0].items[0], rows[-1].items[-1]
    assert torch.equal(top_left, -low_right)  # the grid is even, and W linear
    close(rows[0].items[0] + rows[0].items[-1], rows[0].items[1] + rows[0].items[-2], 1e-6)


def test_of_several_generators_the_first_makes_them_all():
    several, spec = untrained("gan", **{"generator.count": 3, "generator.width": 8, "generator.latent": 2})
    z = torch.randn(7, 2)
    close(scene(several, spec=spec).decode(z), several.generator[0](z), 1e-6)


def test_ends_are_held_out_pictures_encoded_each_of_its_class():
    model = Encoding(3)
    z, pictures = made(model, 20)
    label = torch.arange(20) % 2
    shown = scene(model, Pictures(pictures.x, label))
    found = shown.starts(torch.tensor([1, 0, 1]), 3, shown.generator("test"))
    which = (found[:, None] - z).norm(dim=2).argmin(1)
    close(found, z[which], 1e-9)
    assert label[which].tolist() == [1, 0, 1]
    assert len(which.unique()) == 3
