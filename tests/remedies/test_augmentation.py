"""Augmentation: what is done to pictures, that gradients pass, and that its strength follows the critic."""

import pytest
import torch

from ganvas.remedies.augmentation import Augment, AugmentSettings, affine, cutout, flip
from ganvas.remedies.noise import NoiseSettings, add_noise
from ganvas.remedies.packing import pack, pack_labels

ALL = {"colour": True, "shift": 0.125, "cutout": 0.5, "flip": True, "rotate": 10.0, "zoom": 0.2}


@pytest.mark.parametrize("kind", [*ALL, "all"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_pictures_change_and_gradients_pass(kind, channels):
    torch.manual_seed(0)
    settings = AugmentSettings(**(ALL if kind == "all" else {kind: ALL[kind]}))
    x = torch.randn(8, channels, 16, 16, requires_grad=True)
    y = Augment(settings)(x)
    assert y.shape == x.shape
    assert not torch.equal(x, y)
    y.square().sum().backward()
    assert x.grad.isfinite().all()
    assert x.grad.abs().sum() > 0


def test_a_shift_moves_whole_pixels():
    torch.manual_seed(0)
    x = torch.zeros(64, 1, 16, 16)
    x[:, :, 8, 8] = 1
    y = affine(x, shift=0.125, rotate=0, zoom=0)
    places = y.flatten(1).argmax(1)
    torch.testing.assert_close(y.flatten(1).max(1).values, torch.ones(64))
    rows, columns = places // 16, places % 16
    assert set(rows.tolist()) == set(columns.tolist()) == {6, 7, 8, 9, 10}


def test_a_turn_keeps_distances():
    torch.manual_seed(0)
    side = torch.arange(32) - 15.5
    disc = ((side[:, None] ** 2 + side[None] ** 2) < 100).float().expand(4, 1, 32, 32)
    torch.testing.assert_close(affine(disc, 0, 180, 0).sum((1, 2, 3)), disc.sum((1, 2, 3)), rtol=0.02, atol=0)


def test_cutout_blanks_a_square_of_half_the_side():
    torch.manual_seed(0)
    blank = (cutout(torch.ones(256, 1, 16, 16), 0.5) == 0).sum((1, 2, 3))
    assert blank.max() == 64
    assert blank.min() >= 16


def test_flip_mirrors_about_half():
    torch.manual_seed(0)
    x = torch.arange(4.0).expand(400, 1, 4, 4).contiguous()
    mirrored = flip(x)[:, 0, 0, 0] == 3
    assert 150 < mirrored.sum() < 250


def test_nothing_happens_with_probability_0():
    x = torch.randn(4, 3, 8, 8)
    assert torch.equal(Augment(AugmentSettings(colour=True, p=0.0))(x), x)


def test_adaptive_strength_rises_when_the_critic_is_sure_and_falls_when_not():
    augment = Augment(AugmentSettings(colour=True, adaptive=True, p=0.5, speed=100))
    augment.adapt(torch.ones(10), 10)
    torch.testing.assert_close(augment.p, torch.tensor(0.6))
    augment.adapt(torch.tensor([1.0, -1.0]), 10)
    torch.testing.assert_close(augment.p, torch.tensor(0.5))
    for _ in range(20):
        augment.adapt(torch.ones(10), 10)
    assert augment.p == 1
    assert "p" in augment.state_dict()


def test_several_critics_share_the_kinds_out():
    kinds = AugmentSettings(colour=True, cutout=0.5, adaptive=True).kinds()
    assert [(k.colour, k.cutout, k.adaptive) for k in kinds] == [(True, 0.0, True), (False, 0.5, True)]


def test_a_pack_holds_its_items_side_by_side():
    x = torch.randn(7, 3, 4, 4)
    packed = pack(x, 2)
    assert packed.shape == (3, 6, 4, 4)
    torch.testing.assert_close(packed[1], torch.cat([x[2], x[3]]))
    assert pack(torch.randn(8, 2), 4).shape == (2, 8)
    assert pack_labels(torch.arange(7), 2).tolist() == [[0, 1], [2, 3], [4, 5]]


def test_instance_noise_fades():
    noise = NoiseSettings(std=0.2, until=0.5)
    assert [noise.at(0), noise.at(0.25), noise.at(0.5), noise.at(1)] == [0.2, 0.1, 0, 0]
    x = torch.zeros(10_000)
    assert add_noise(x, 0.0) is x
    torch.testing.assert_close(add_noise(x, 0.2).std(), torch.tensor(0.2), rtol=0.05, atol=0)
