"""Layers against what they are defined by."""

import pytest
import torch
from torch import nn

from ganvas.core.errors import UserError
from ganvas.nn.attention import SelfAttention
from ganvas.nn.conditioning import Critic, LabelledLatent
from ganvas.nn.grid import halvings
from ganvas.nn.mixture import Mixture
from ganvas.nn.norm import BatchNorm
from ganvas.nn.residual import FixupBlock
from ganvas.nn.spectral import spectral_norm
from ganvas.nn.waves import Waves


@pytest.mark.parametrize(
    "layer", [nn.Linear(6, 9), nn.Conv2d(3, 5, 3), nn.ConvTranspose2d(4, 3, 4), nn.Embedding(7, 5)]
)
def test_spectral_norm_divides_by_the_largest_singular_value(layer):
    weight = layer.weight.detach().clone()
    axis = 1 if isinstance(layer, nn.ConvTranspose2d) else 0
    largest = torch.linalg.svdvals(weight.movedim(axis, 0).flatten(1))[0]
    spectral_norm(layer)
    for _ in range(300):
        _ = layer.weight
    torch.testing.assert_close(layer.weight, weight / largest, rtol=1e-4, atol=1e-6)


def test_spectral_norm_is_itself_after_saving_and_loading():
    torch.manual_seed(0)
    one, two = spectral_norm(nn.Linear(4, 4)), spectral_norm(nn.Linear(4, 4))
    two.load_state_dict(one.state_dict())
    assert torch.equal(one.weight, two.weight)
    before = one.eval().weight.clone()
    assert torch.equal(one.weight, before)


def test_batch_norm_alone_is_torchs():
    x = torch.randn(8, 3, 5, 5)
    ours, theirs = BatchNorm(3), nn.BatchNorm2d(3)
    assert torch.equal(ours(x), theirs(x))
    assert torch.equal(ours.running_var, theirs.running_var)
    assert torch.equal(ours.eval()(x), theirs.eval()(x))


def test_attention_begins_as_the_identity_and_can_be_differentiated_twice():
    x = torch.randn(2, 16, 8, 8, requires_grad=True)
    layer = SelfAttention(16)
    torch.testing.assert_close(layer(x), x)
    nn.init.ones_(layer.gamma)
    (slope,) = torch.autograd.grad(layer(x).square().sum(), x, create_graph=True)
    slope.square().sum().backward()
    assert layer.query.parametrizations.weight.original.grad.abs().sum() > 0


def test_attention_is_the_formula():
    x = torch.randn(2, 8, 4, 4)
    layer = SelfAttention(8).eval()
    nn.init.ones_(layer.gamma)
    pooled = nn.functional.max_pool2d(x, 2)
    f, g, h = layer.query(x).flatten(2), layer.key(pooled).flatten(2), layer.value(pooled).flatten(2)
    weights = torch.einsum("bcn,bcm->bnm", f, g).softmax(2)
    y = x + layer.out(torch.einsum("bnm,bcm->bcn", weights, h).view(2, 4, 4, 4))
    torch.testing.assert_close(layer(x), y)


def test_a_fixup_block_begins_as_the_identity():
    x = torch.randn(2, 16, 8, 8)
    assert torch.equal(FixupBlock(16, blocks=4)(x), x)


def test_channels_last_is_kept():
    x = torch.randn(2, 16, 8, 8).to(memory_format=torch.channels_last)
    for layer in (SelfAttention(16), FixupBlock(16, blocks=4), BatchNorm(16)):
        y = layer.to(memory_format=torch.channels_last)(x)
        assert y.is_contiguous(memory_format=torch.channels_last), type(layer)


def test_projection_critic_adds_the_labels_product():
    critic = Critic(nn.Identity(), 4, classes=3)
    h = torch.randn(2, 4)
    label = torch.tensor([0, 2])
    added = critic(h, label) - critic(h)
    torch.testing.assert_close(added, (critic.embed.weight[label] * h).sum(1) / 2)
    torch.testing.assert_close(critic(h, label[:, None].expand(2, 5)), critic(h, label))


def test_a_labelled_generator_asks_for_labels():
    with pytest.raises(ValueError, match="label"):
        LabelledLatent(4, 3)(torch.randn(2, 4))


def test_generators_take_turns():
    members = [nn.Linear(2, 2) for _ in range(3)]
    z = torch.randn(8, 2)
    mixture = Mixture([Unlabelled(m) for m in members])
    expected = torch.stack([members[i % 3](z[i]) for i in range(8)])
    torch.testing.assert_close(mixture(z), expected)
    assert mixture.maker(4, z.device).tolist() == [0, 1, 2, 0]


class Unlabelled(nn.Module):
    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, z, label=None):
        return self.net(z)


def test_halvings():
    assert halvings(64, 64) == (4, 4, 4)
    assert halvings(28, 28) == (2, 7, 7)
    assert halvings(64, 96) == (4, 4, 6)
    with pytest.raises(UserError, match="31 x 31"):
        halvings(31, 31)


def test_waves_have_the_frequencies_asked_for():
    waves = Waves(3, 5, coarsest=0.5, finest=8.0)
    torch.testing.assert_close(waves.directions.norm(dim=1) / 2 / torch.pi, torch.tensor([0.5, 1, 2, 4, 8]))
    x = torch.randn(4, 3)
    y = waves(x)
    assert y.shape == (4, waves.width) == (4, 13)
    torch.testing.assert_close(y[:, 3:8].square() + y[:, 8:].square(), torch.ones(4, 5))
    assert torch.equal(Waves(3, 0)(x), x)
