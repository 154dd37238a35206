"""The autoencoder of sound, and the voice that stands on it."""

import pytest
import torch

from ganvas.core.errors import UserError
from ganvas.core.settings import override
from ganvas.core.turns import Player, play, players_of
from ganvas.data.spec import Spec
from ganvas.models import voice, wave
from ganvas.models.manners import WHOLE
from ganvas.models.saying import Manner, pieces, said
from ganvas.nn import vocos
from ganvas.nn.vocos import Decoder

TINY = {
    "encoder.width": 16,
    "encoder.depth": 1,
    "encoder.latent": 4,
    "decoder.width": 16,
    "decoder.depth": 2,
    "critic.width": 2,
    "segment": 8,
    "prior.width": 16,
    "prior.depth": 1,
    "prior.flow": 16,
    "prior.moves": 2,
}


def made(**changes: object) -> voice.Voice:
    torch.manual_seed(0)
    spec = Spec(kind="speech", shape=(32_000,), rate=16_000, symbols=tuple("_abcde"))
    return voice.build(override(voice.Settings(), TINY | changes), spec)


def batch(n: int = 3) -> dict[str, torch.Tensor]:
    length = torch.tensor([16_000, 12_345, 2_000][:n])
    sound = torch.randn(n, 16_000) * 0.1 * (torch.arange(16_000) < length[:, None])
    return {
        "sound": sound,
        "length": length,
        "text": torch.tensor([[1, 2, 3, 4], [5, 1, 2, 0], [3, 0, 0, 0]][:n]),
        "text_length": torch.tensor([4, 3, 1][:n]),
    }


def moved(model: voice.Voice, progress: float) -> set[str]:
    """Which players a step moves."""
    players = players_of(model, lambda name, params: Player(params, torch.optim.SGD(params, 0.1)))
    before = {name: [p.clone() for p in player.params] for name, player in players.items()}
    model.progress = progress
    play(model, players, [batch()], 0)
    return {
        name
        for name, player in players.items()
        if any(not torch.equal(a, b) for a, b in zip(before[name], player.params, strict=True))
    }


def test_each_stage_moves_its_own_players():
    assert moved(made(), 0.0) == {"encoder", "decoder"}
    assert moved(made(), 0.2) == {"encoder", "decoder", "critic"}
    assert moved(made(), 0.5) == {"prior"}
    assert moved(made(), 0.9) == {"encoder", "decoder", "critic", "prior"}


def test_no_stage_comes_twice_when_a_budget_grows():
    model = made()
    assert moved(model, 0.5) == {"prior"}
    assert moved(model, 0.4) == {"prior"}


def test_padding_does_not_change_what_is_foretold():
    model = made().eval()
    one = {k: v[1:2] for k, v in batch().items()}
    longer = one | {"sound": torch.nn.functional.pad(one["sound"], (0, 8_000))}
    found = []
    for given in (one, longer):
        mean, _, shown = model.heard(given)
        nats, timing, read = model.foretold(given, mean, shown)
        found.append(torch.stack([nats[shown].sum(), timing[read].sum()]))
    assert torch.allclose(found[0], found[1], atol=1e-4)


def test_nats_are_those_of_the_best_alignment_under_the_flow():
    model = made().eval()
    one = {k: v[:1] for k, v in batch().items()}
    mean, _, shown = model.heard(one)
    nats = model.foretold(one, mean, shown)[0][shown].mean()
    text, length = voice.with_blanks(one["text"], one["text_length"])
    assert text.tolist() == [[0, 1, 0, 2, 0, 3, 0, 4, 0]]
    at, log_dev, *_ = model.prior.read(text, torch.ones(1, int(length), dtype=torch.bool))
    frames = int(one["length"]) // wave.HOP
    u = model.prior.flow(mean, shown)[0, :frames]
    law = [torch.distributions.Normal(m, d.exp()) for m, d in zip(at[0], log_dev[0], strict=True)]
    table = torch.stack([x.log_prob(u).sum(1) for x in law])  # symbol, frame
    best = torch.full((len(table),), -torch.inf)
    best[0] = table[0, 0]
    for t in range(1, len(u)):
        best = torch.maximum(best, torch.cat([torch.tensor([-torch.inf]), best[:-1]])) + table[:, t]
    assert nats.item() == pytest.approx(-best[-1].item() / frames, rel=1e-4)


def test_a_voice_that_reads_says_how_well_it_foretells_what_was_held_out():
    model, given = made().eval(), batch()
    torch.manual_seed(1)
    copying = model.figures(given)
    assert copying.keys() == {"kl/held_out", "reconstruction/held_out"}
    with torch.no_grad():
        trained = model.reading(given).stats
    model.stage.fill_(2)
    torch.manual_seed(1)
    found = model.figures(given)
    assert found["reconstruction/held_out"] == copying["reconstruction/held_out"]
    for name, value in (("reading", trained["reading/training"]), ("timing", trained["timing"])):
        assert found[f"{name}/held_out"].item() == pytest.approx(value.item(), rel=1e-4)


def test_a_part_of_the_sound_and_its_latents_are_of_the_same_place():
    model = made()
    given = batch()
    frames = given["sound"].unfold(1, wave.HOP, wave.HOP)
    real, z = model.cut(given, frames[:, :, :4])
    assert torch.equal(real.unfold(1, wave.HOP, wave.HOP)[:, :, :4], z)


def test_sound_made_in_pieces_is_the_same_as_in_one():
    torch.manual_seed(4)
    decoder = Decoder(4, 32, 3, 1024, 256).eval()
    with torch.no_grad():
        for p in decoder.parameters():
            p.add_(torch.randn_like(p) * 0.05)
    z = torch.randn(1, 533, 4)
    parts = [*pieces(decoder, z)]
    assert [part.shape[1] // 256 for part in parts] == [16, 64, 256, 197]
    with torch.no_grad():
        whole = decoder(z)
    assert (torch.cat(parts, 1) - whole).abs().max() < 1e-4


def test_places_that_even_a_sentence_out_are_not_heard(monkeypatch: pytest.MonkeyPatch):
    model, text = made().eval(), torch.tensor([1, 2, 3, 4, 5, 1, 2, 3])
    with torch.no_grad():
        for p in model.parameters():
            p.add_(torch.randn_like(p) * 0.05)

    def latents() -> torch.Tensor:
        again = torch.Generator().manual_seed(1)
        return model.latents(text, variation=0.5, rhythm=0.5, generator=again)

    evened = latents()
    [sound] = pieces(model.decoder, evened, WHOLE)
    monkeypatch.setattr(vocos, "EVEN", 1)
    assert evened.shape[1] % 32
    torch.testing.assert_close(evened, latents(), atol=1e-5, rtol=1e-4)
    with torch.no_grad():
        torch.testing.assert_close(sound, model.decoder(evened), atol=1e-5, rtol=1e-4)


def test_faster_speech_is_shorter_and_a_seed_says_it_again():
    model = made().eval()
    text = torch.tensor([1, 2, 3, 4, 5, 1, 2, 3])
    with torch.no_grad():
        model.prior.duration.bias.copy_(torch.tensor([3.0, -1.0]))

    def say(**how: float) -> torch.Tensor:
        again = torch.Generator().manual_seed(1)
        parts = said(model, [text, text], 16_000, Manner(**how), None, again)  # pyright: ignore
        return torch.cat([torch.from_numpy(p) for p in parts])

    assert torch.equal(say(), say())
    slow, fast = (len(say(pause=0, rhythm=0, speed=speed)) for speed in (1, 2))
    assert fast == pytest.approx(slow / 2, rel=0.05)
    assert len(say(pause=0.5, rhythm=0)) == slow + 8_000


def test_impossible_settings_are_answered_in_a_sentence():
    with pytest.raises(UserError, match="even parts"):
        made(**{"prior.heads": 5})
    with pytest.raises(UserError, match="even, not 5"):
        made(**{"encoder.latent": 5})
    with pytest.raises(UserError, match="follow each other"):
        made(**{"sharpen": 0.9})
