"""Sounds without text."""

import pytest
import torch

from ganvas.core.errors import UserError
from ganvas.core.settings import override
from ganvas.core.turns import Player, play, players_of
from ganvas.data.spec import Spec
from ganvas.models import vocoder
from ganvas.models.vocoder import log_prob
from ganvas.nn.sequence import Sequence

TINY = {
    "encoder.width": 16,
    "encoder.depth": 1,
    "encoder.latent": 4,
    "decoder.width": 16,
    "decoder.depth": 1,
    "critic.width": 2,
    "segment": 8,
    "prior.width": 12,
    "prior.depth": 2,
    "prior.mixtures": 3,
}


def test_a_frames_law_looks_at_those_before_it_only():
    torch.manual_seed(0)
    law = Sequence(3, 12, 2, 3, 4, 0, 0.0).double()
    z = torch.randn(1, 6, 3).double()
    other = z.clone()
    other[:, 3:] += 1
    before, after = log_prob(law, z), log_prob(law, other)
    assert torch.allclose(before[:, :3], after[:, :3])
    assert (before[:, 3:] - after[:, 3:]).abs().min() > 1e-6


def test_the_law_of_a_frame_integrates_to_one():
    torch.manual_seed(1)
    law = Sequence(1, 12, 1, 3, 3, 0, 0.0).double()
    grid = torch.linspace(-30, 30, 6001).double()
    z = torch.stack([torch.full_like(grid, 0.3), grid], 1)[:, :, None]
    density = log_prob(law, z)[:, 1].exp()
    assert torch.trapezoid(density, grid).item() == pytest.approx(1, abs=1e-3)


def test_frames_drawn_one_by_one_follow_the_law_of_whole_sequences():
    torch.manual_seed(2)
    law = Sequence(2, 12, 2, 3, 1, 0, 0.0).eval()
    with torch.no_grad():
        law.leave.weight.mul_(20)
    z = law.draw(4000, 3, None, 1.0, torch.Generator().manual_seed(0))
    # with one normal law each, -log P(z) averages to the entropy, which the draws' own deviations give
    found = -log_prob(law, z).mean(0)
    log_dev = law(z)[2][:, :, 0]
    entropy = (log_dev + 0.5 * torch.log(torch.tensor(2 * torch.pi * torch.e))).sum(2).mean(0)
    assert torch.allclose(found, entropy, atol=0.05)


def test_each_stage_moves_its_own_players_and_then_new_sounds_are_made():
    torch.manual_seed(3)
    spec = Spec(kind="sound", shape=(8_192,), rate=16_000, classes=("a", "b"))
    model = vocoder.build(override(vocoder.Settings(), TINY), spec)
    players = players_of(model, lambda _, params: Player(params, torch.optim.SGD(params, 0.1)))
    batch = {"sound": torch.randn(3, 8_192) * 0.1, "label": torch.tensor([0, 1, 1])}
    for progress, expected in (
        (0.0, {"encoder", "decoder"}),
        (0.5, {"encoder", "decoder", "critic"}),
        (0.8, {"prior"}),
    ):
        model.progress = progress
        stats = play(model, players, [batch], 0)
        assert {name.removesuffix("/grad_norm") for name in stats if name.endswith("grad_norm")} == expected
    model.eval()
    made = model.sample(3, generator=torch.Generator().manual_seed(0), label=[0, 1, 1])
    again = model.sample(3, generator=torch.Generator().manual_seed(0), label=[0, 1, 1])
    assert made.shape == (3, 8_192)
    assert torch.equal(made, again)


def test_impossible_settings_are_answered_in_a_sentence():
    spec = Spec(kind="sound", shape=(8_192,), rate=16_000)
    with pytest.raises(UserError, match="even parts"):
        vocoder.build(override(vocoder.Settings(), TINY | {"prior.heads": 5}), spec)
    with pytest.raises(UserError, match="follow each other"):
        vocoder.build(override(vocoder.Settings(), TINY | {"sharpen": 0.9}), spec)
