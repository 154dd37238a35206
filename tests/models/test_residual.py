"""A critic that chooses among drafts: its law, its sum, what it learns, and what is refused."""

import itertools
import math

import pytest
import torch
import torch.nn.functional as F
from tiny import fits, seeded

import ganvas
from ganvas.core.errors import UserError
from ganvas.core.loop import Observer
from ganvas.data.spec import Spec
from ganvas.data.vocabulary import Vocabulary
from ganvas.models import duel, lm, residual, textvae
from ganvas.models.writing import Choice
from ganvas.studies.card import BEFORE

END, NUMBERS, PLACES = 3, 3, 4
SPEC = Spec(kind="text", shape=(PLACES,), vocabulary=Vocabulary(numbers=NUMBERS, ends=True), longest=PLACES)
NET = {"width": 8, "depth": 1, "heads": 2}
TINY = {"critic.width": 16, "critic.depth": 1, "critic.heads": 2, "training.batch": 8, "drafts": 3}


def build(drafts=2, writer=None, **critic):
    """Over a language model of texts of three numbers, both with weights large enough to matter."""
    torch.manual_seed(0)
    writer = writer or lm.build(lm.Settings(model=lm.NetworkSettings(**NET)), SPEC)
    net = residual.CriticSettings(**NET | {"dropout": 0.0} | critic)
    model = residual.build(residual.Settings(critic=net, drafts=drafts), SPEC, writer)
    for p in model.parameters():
        p.data.add_(0.4 * torch.randn_like(p))
    return model.eval()


def world():
    """All texts that end within the window, and all that fill it: (text, place), ends after the end."""
    rows = torch.tensor([*itertools.product(range(NUMBERS + 1), repeat=PLACES)])
    ended = (rows == END).cumsum(1) - (rows == END).long() > 0
    return rows[~(ended & (rows != END)).any(1)]


@torch.no_grad()
def laws(model, begun=()):
    """W of each text in the world that begins so, and the critic's logits."""
    rows = world()
    rows = rows[(rows[:, : len(begun)] == torch.tensor(begun, dtype=torch.int64)).all(1)]
    whole = F.pad(rows, (1, 0), value=END)
    law = model.writer.model(whole[:, :-1]).log_softmax(2).gather(2, rows[..., None])[..., 0]
    over = (rows == END).cumsum(1) - (rows == END).long() > 0
    p = law.masked_fill(over, 0)[:, len(begun) :].sum(1).exp().double()
    return rows, p, model.verdicts(whole).double()


def of_two(p, c):
    """How probable each is as the one of two drafts that is taken."""
    wins = torch.sigmoid(c[:, None] - c)
    return 2 * p * (wins * p).sum(1)


def counted(made, rows):
    return torch.stack([(made == row).all(1).sum() for row in rows])


def test_of_two_drafts_one_is_taken_as_the_critic_has_it():
    model = build(drafts=2)
    rows, p, c = laws(model)
    assert p.sum().item() == pytest.approx(1, abs=1e-5)
    made = model.sample(8_000, generator=seeded(), length=PLACES)
    law = of_two(p, c)
    assert law.sum().item() == pytest.approx(1, abs=1e-5)
    counts = counted(F.pad(made, (0, PLACES - made.shape[1]), value=END), rows)
    assert counts.sum() == len(made)
    assert fits(counts, law)
    assert not fits(counts, p)  # the critic did say something


def test_of_many_drafts_the_law_is_that_of_the_energy():
    model = build(drafts=200)
    rows, p, c = laws(model)
    law = p * c.exp() / (p * c.exp()).sum()
    made = model.sample(500, generator=seeded(), length=PLACES)
    assert fits(counted(F.pad(made, (0, PLACES - made.shape[1]), value=END), rows), law)


def test_what_goes_on_with_a_text_is_chosen_too():
    model = build(drafts=2)
    rows, p, c = laws(model, begun=(1,))
    steps = itertools.islice(model.unroll(torch.tensor([END, 1]), 4_000, Choice(), seeded()), PLACES - 1)
    made = F.pad(torch.stack([*steps], 1), (1, 0), value=1)
    assert fits(counted(made, rows), of_two(p, c))


def test_its_law_sums_to_one_where_the_sum_is_known():
    model = build()
    rows, p, c = laws(model)
    estimate = model.summed(model._judged(model.drafted(20_000, seeded())))
    exact = (p * c.exp()).sum().log()
    spread = (p * (c - exact).exp().sub(1).square()).sum().sqrt() / math.sqrt(20_000)
    assert abs(estimate - exact) < 5 * spread
    model.log_sum.copy_(exact)
    short = rows[(rows == END).any(1)]
    texts = [row[row != END] for row in short]
    found = torch.stack([block.sum() for block in model.log_prob(texts)])
    law = (p * c.exp() / (p * c.exp()).sum())[(rows == END).any(1)]
    torch.testing.assert_close(found.exp(), law, rtol=1e-4, atol=1e-7)


def test_the_critic_learns_what_the_writer_lacks():
    model = build(width=16)
    rows, p, _ = laws(model)
    truth = torch.randn(len(rows), generator=seeded(1)).mul(1.5).double().exp() * p
    truth /= truth.sum()
    before = (truth * (truth / p).log()).sum()
    optimiser = torch.optim.Adam(model.critic.parameters(), 3e-3)
    for _ in range(600):
        real = rows[torch.multinomial(truth, 256, replacement=True)]
        (turn,) = model.turns({"text": F.pad(real, (1, 0), value=END)}, 0)
        optimiser.zero_grad()
        turn.losses["critic"].backward()
        optimiser.step()
    _, p, c = laws(model)
    law = p * c.exp() / (p * c.exp()).sum()
    assert (truth * (truth / law).log()).sum() < 0.25 * before
    assert all(w.grad is None for w in model.writer.parameters())


def test_whole_texts_of_latents_are_chosen_but_none_is_gone_on_with():
    net = textvae.NetworkSettings(**NET)
    model = build(writer=textvae.build(textvae.Settings(encoder=net, decoder=net, latent=2), SPEC))
    assert model.sample(3, generator=seeded()).shape[0] == 3
    assert not hasattr(model, "unroll")


def test_the_card_knows_how_to_tell_of_what_was_before():
    assert {duel.Duel.was, residual.Residual.was} == BEFORE.keys()
    model = build()
    assert model.before() is model.writer


@pytest.fixture
def lines(tmp_path):
    path = tmp_path / "lines.txt"
    path.write_text("".join(f"{a} {b}\n" for a in ("cat", "dog", "ox") for b in range(60)))
    return path


def train(data, out, **how):
    settings = {"text.unit": "lines", "text.context": 12} | how.pop("settings", {})
    return ganvas.train(data, out=out, settings=settings, observer=Observer(said=lambda _: None), **how)


def test_a_run_is_judged_and_chosen_from(lines, tmp_path):
    writer = train(lines, tmp_path / "ngram", recipe="template")
    run = train(lines, tmp_path / "run", recipe="residual", steps=6, init_from=writer.path, settings=TINY)
    assert run.record["settings"]["writer"]["recipe"] == "ngram"
    model, drafts = ganvas.load(run.path, "cpu"), ganvas.load(writer.path, "cpu")
    assert torch.equal(model.objective.writer.counts, drafts.objective.counts)
    assert all(text.split()[0] in ("cat", "dog", "ox") for text in model.sample(8, seed=1) if text.split())
    assert model.write("cat", seed=2) == model.write("cat", seed=2)
    assert model.write("cat", seed=2).startswith("cat")
    assert not model.exact
    assert {"auc/held_out", "bits_per_byte/held_out"} <= run.lines("held_out.jsonl")[-1].keys()


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        ({}, r"say which by --init-from RUN"),
        ({"init_from": "running"}, r"chooses among items of text, and that run makes running text"),
        ({"init_from": "items", "data": "other"}, r"it has learnt other tokens; give the --data that"),
        ({"init_from": "items", "settings": {"critic.heads": 5}}, r"--critic.heads"),
        ({"init_from": "items", "settings": {"writer.recipe": "lm"}}, r"--writer.recipe is not to be given"),
    ],
)
def test_what_cannot_work_is_refused(lines, tmp_path, how, sentence):
    other = tmp_path / "other.txt"
    other.write_text("\n".join(f"{k} {k + 1}" for k in range(150)))
    for name, unit in (("running", "running"), ("items", "lines")):
        if how.get("init_from") == name:
            train(lines, tmp_path / name, recipe="template", settings={"text.unit": unit})
            how = how | {"init_from": tmp_path / name}
    data, settings = how.pop("data", None), how.pop("settings", {})
    vocabulary = {"text.vocabulary": 300} if data else {}
    with pytest.raises(UserError, match=sentence):
        train(
            other if data else lines, tmp_path / "run", recipe="residual", steps=1,
            settings=settings | vocabulary, **how,
        )  # fmt: skip
    assert not (tmp_path / "run").exists()


def test_a_damaged_run_to_start_from_is_refused_before_anything_is_read(lines, tmp_path):
    writer = train(lines, tmp_path / "ngram", recipe="template")
    (writer.path / "model/config.json").write_text("{")
    with pytest.raises(UserError, match=r"the model in .*ngram/model cannot be read"):
        train(tmp_path / "nowhere.txt", tmp_path / "run", recipe="residual", init_from=writer.path)
