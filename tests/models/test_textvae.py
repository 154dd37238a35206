"""The autoencoder of text: its loss is the bound that is written down, and its z is used."""

import math

import numpy as np
import pytest
import torch

import ganvas
from ganvas.core.errors import UserError
from ganvas.core.loop import Observer
from ganvas.data.load import load
from ganvas.data.spec import Spec
from ganvas.data.text import ItemSettings
from ganvas.data.vocabulary import Vocabulary
from ganvas.losses.divergence import kl_to_standard
from ganvas.model import Model
from ganvas.models import textvae
from ganvas.models.lm import NetworkSettings

END = 256
NET = {"width": 16, "depth": 2, "heads": 2}


def build(context=12, **settings):
    """A tiny model whose weights are large enough to matter."""
    torch.manual_seed(0)
    spec = Spec(kind="text", shape=(context,), vocabulary=Vocabulary(ends=True), longest=9)
    nets = {name: NetworkSettings(**NET) for name in ("encoder", "decoder")}
    model = textvae.build(textvae.Settings(latent=5, **nets, **settings), spec)
    for p in model.parameters():
        p.data.add_(0.2 * torch.randn_like(p))
    return model.eval()


def items(*texts, model=None):
    return (model or build()).padded([torch.tensor([*text.encode()]) for text in texts])


def by_hand(model, tokens, z):
    """log P of one item and its end, given z, token by token, without padding."""
    whole, total = [END, *tokens.encode(), END], 0.0
    given = model.decoder.given(z[None])
    for k in range(1, len(whole)):
        law = model.decoder(torch.tensor([whole[:k]]), given)[0, -1].log_softmax(0)
        total += law[whole[k]].item()
    return total


@torch.no_grad()
def test_loss_is_the_bound_by_hand_and_before_that_an_autoencoders():
    model = build(warmup=0.0, free_bits=0.0, pretraining=0.5)
    x = items("abc", "de fg hi", model=model)
    mean, log_var = model.posterior(x)
    kl = kl_to_standard(mean, log_var).sum(1)
    for progress, drawn in ((0.2, False), (0.7, True)):
        model.progress = progress
        torch.manual_seed(3)
        (turn,) = model.turns({"text": x}, 0)
        torch.manual_seed(3)
        z = mean + (log_var / 2).exp() * torch.randn(1, *mean.shape)[0] * drawn
        nats = -np.mean([by_hand(model, t, z[k]) for k, t in enumerate(("abc", "de fg hi"))])
        loss = nats + drawn * kl.mean().item()
        assert turn.losses["encoder"].item() == pytest.approx(loss, rel=1e-5)
        assert turn.losses["encoder"] is turn.losses["decoder"]
        assert turn.stats["reconstruction"].item() == pytest.approx(nats, rel=1e-5)
        assert turn.stats["kl"].item() == pytest.approx(kl.mean().item(), rel=1e-5)


@torch.no_grad()
def test_the_price_of_the_kl_rises_and_some_is_free():
    model, found = build(warmup=0.5, free_bits=0.3, pretraining=0.2), {}
    x = items("abc", "de fg hi", model=model)
    kl = kl_to_standard(*model.posterior(x)).mean(0)
    for progress in (0.2, 0.4, 0.6, 1.0):
        model.progress = progress
        torch.manual_seed(3)
        (turn,) = model.turns({"text": x}, 0)
        found[progress] = (turn.losses["encoder"] - turn.stats["reconstruction"]).item()
    paid = kl.clamp(min=0.3).sum().item()
    for progress, share in ((0.2, 0.0), (0.4, 0.5), (0.6, 1.0), (1.0, 1.0)):
        assert found[progress] == pytest.approx(share * paid, abs=1e-4)


@torch.no_grad()
def test_place_by_place_the_logits_are_those_of_the_whole():
    model = build()
    x, given = torch.randint(256, (3, 12)), model.decoder.given(torch.randn(3, 5))
    cache = model.decoder.decoder.cache(3)
    places = [model.decoder(x[:, k : k + 1], given, cache) for k in range(12)]
    assert (torch.cat(places, 1) - model.decoder(x, given)).abs().max() < 1e-4


@torch.no_grad()
def test_what_stands_beside_an_item_in_a_batch_does_not_matter():
    model = build()
    alone, both = items("abc", model=model), items("abc", "de fg hijk", model=model)
    assert torch.allclose(model.encode(alone), model.encode(both)[:1], atol=1e-5)
    z = torch.randn(2, 1, 5)
    one, two = model.log_likelihood(alone, z), model.log_likelihood(both, z.expand(2, 2, 5))
    assert torch.allclose(one[:, 0], two[:, 0], atol=1e-4)


@torch.no_grad()
def test_the_encoder_sees_the_whole_text_and_in_its_order():
    model = build()
    z = model.encode(items("abc", "xbc", "abx", "cba", model=model))
    assert torch.cdist(z, z).add(torch.eye(4)).min() > 1e-4


@torch.no_grad()
def test_importance_weights_are_densities_and_more_of_them_tighten_the_bound():
    model = build()
    x = items("abc", model=model)
    mean, log_var = model.posterior(x)
    torch.manual_seed(1)
    found = model.log_weights(x, None, 3)[:, 0]
    torch.manual_seed(1)
    z = mean + (log_var / 2).exp() * torch.randn(3, 1, 5)
    normal = torch.distributions.Normal
    for k in range(3):
        density = normal(0, 1).log_prob(z[k]) - normal(mean, (log_var / 2).exp()).log_prob(z[k])
        assert found[k].item() == pytest.approx(
            by_hand(model, "abc", z[k, 0]) + density.sum().item(), rel=1e-4
        )
    one = Model(model, model.spec, {"recipe": "textvae"})
    few, many = (one.log_prob(np.array(["abc"] * 60, object), samples=k).mean() for k in (1, 100))
    assert few < many
    assert one.score("abc") == pytest.approx(many, abs=0.5)
    assert not one.exact


@torch.no_grad()
def test_what_is_decoded_is_the_most_probable_token_by_token():
    model = build()
    z = torch.randn(3, 5)
    made, given = model.decode(z), model.decoder.given(z)
    for row in range(3):
        seen = [END]
        for token in made[row].tolist():
            law = model.decoder(torch.tensor([seen]), given[:, row : row + 1])[0, -1]
            assert token == (END if END in seen[1:] else int(law.argmax()))
            seen.append(token)


@torch.no_grad()
def test_samples_come_from_the_law_of_z_and_tokens():
    model = build(context=8)
    made = model.sample(4_000, generator=torch.Generator().manual_seed(0))
    z = torch.randn(4_000, 5, generator=torch.Generator().manual_seed(1))
    law = model.decoder(torch.full((4_000, 1), END), model.decoder.given(z))[:, 0].softmax(1)
    p, share = law.mean(0), torch.bincount(made[:, 0], minlength=257) / 4_000
    assert (share - p).abs().max() < 6 * (p.max() / 4_000).sqrt()


def test_an_item_is_a_window_and_longer_ones_are_cut(tmp_path):
    lines = [f"item {k} {'x' * (k % 20)}" for k in range(300)]
    (tmp_path / "a.txt").write_text("\n".join(lines))
    data = load(str(tmp_path / "a.txt"), ItemSettings(context=16))
    x = data.ready(data.fetch(np.arange(len(data))))["text"]
    assert x.shape[1] == 17
    seen = {data.vocabulary.text(row[1:]) for row in x.numpy()}
    real = {data.vocabulary.text(tokens)[:16] for tokens in data.documents()}
    assert seen == real
    assert any("items are longer than 16 tokens" in note for note in data.notes)
    spec = data.spec
    again = spec.prepare(spec.restore([row[1:] for row in x.numpy()]))
    assert all((again[k] == x[k].numpy()).all() for k in range(len(x)))
    short = data.ready(data.fetch(np.array([k for k, t in enumerate(data.documents()) if len(t) < 9][:3])))
    assert short["text"].shape[1] < 12


def test_running_text_and_chats_are_refused(tmp_path):
    (tmp_path / "a.txt").write_text("One text.\n\nOf two parts.\n" * 30)
    with pytest.raises(UserError, match=r"is one running text, and this recipe learns items; if each line"):
        load(str(tmp_path / "a.txt"), ItemSettings(context=16))
    turns = '{"role": "user", "content": "%d"}, {"role": "assistant", "content": "b"}'
    rows = "".join(f'{{"messages": [{turns % k}]}}\n' for k in range(30))
    (tmp_path / "a.jsonl").write_text(rows)
    with pytest.raises(UserError, match=r"holds chats, and this recipe learns items of plain text; try lm"):
        load(str(tmp_path / "a.jsonl"), ItemSettings(context=16))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """On sentences of two words, each one of eight."""
    folder = tmp_path_factory.mktemp("textvae")
    words = ["ox", "emu", "cat", "bee", "hen", "fox", "owl", "asp"]
    lines = [f"{a} {b}{'!' * k}" for a in words for b in words for k in range(3)]
    (folder / "lines.txt").write_text("\n".join(lines))
    net = NET | {"width": 32, "depth": 1, "lr": 1e-2}
    how = {f"{name}.{key}": value for name in ("encoder", "decoder") for key, value in net.items()}
    how |= {"text.context": 12, "latent": 8, "free_bits": 0.5, "training.precision": "fp32"}
    how |= {"training.batch": 48, "training.warmup": 5, "training.average": 0.0, "training.snapshots": 2}
    quiet = Observer(said=str)
    return ganvas.train(
        folder / "lines.txt", "textvae", out=folder / "run", steps=400, settings=how, observer=quiet
    )


def test_z_is_used_and_text_comes_back(trained):
    model = ganvas.load(trained.path, "cpu")
    data = load(trained.record["data"]["source"], ItemSettings(context=12))
    last = model.objective.figures(data.ready(data.fetch(np.arange(len(data)))))
    assert last["kl/held_out"] > 3
    assert last["active_units/held_out"] >= 6
    assert last["shuffled_gap/held_out"] > 1.5
    texts = np.array(["cat hen", "owl fox!", "bee ox!!"], object)
    z = model.encode(texts)
    assert z.shape == (3, 8)
    back = model.decode(z)
    assert sum(a[:3] == b[:3] for a, b in zip(texts, back, strict=True)) >= 2
    walk = model.interpolate("cat hen", "owl fox!", 5)
    assert (walk[0], walk[-1], len(walk)) == (back[0], back[1], 5)
    assert model.score("cat hen") > model.score("hxt cen") + 5
    with pytest.raises(UserError, match="a model of the recipe textvae has no way to write"):
        model.write("cat")


def test_what_it_has_understood_is_shown_as_text_and_judged(trained):
    from ganvas.report import page
    from ganvas.report.explore import explore
    from ganvas.studies.evaluation import evaluate

    found = explore(trained.path)
    assert [*found] == ["interpolation", "neighbours", "reconstruction"]
    assert "→" in (trained.path / "explore/interpolation.txt").read_text()
    assert 0 <= found["reconstruction"]["exact"] <= found["reconstruction"]["words_kept"] <= 1
    with pytest.raises(UserError, match=r"plane is of pictures; of text there are interpolation, neighbours"):
        explore(trained.path, ["plane"])
    result = evaluate(trained, samples=10, device="cpu")
    protocol = result["protocols"][result["bits_per_byte"]["protocol"]]
    assert protocol["figure"] == "bound of 100 importance samples"
    assert result["kl_nats"]["value"] > 3
    assert result["shuffled_nats"]["interval"][0] > 0
    assert 0 < result["mutual_information"]["value"] <= math.log(result["kl_nats"]["count"]) + 0.5
    text = page.write(trained.path).read_text()
    for words in ("What it finds alike", "From one text to another", "active units", "ganvas explore"):
        assert words in text
    assert "ganvas write" not in text
