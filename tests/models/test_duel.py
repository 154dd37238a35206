"""Text by likelihood, then by a critic: what is sampled, rewarded, undone and kept."""

import itertools
import json
import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import ganvas
from ganvas.core.errors import UserError
from ganvas.core.loop import Observer
from ganvas.data.spec import Spec
from ganvas.data.vocabulary import Vocabulary
from ganvas.models import duel, relgan, seqgan
from ganvas.models.writing import Choice

END = 3
KINDS = {"seqgan": seqgan, "relgan": relgan}
NET = {"width": 8, "depth": 1, "heads": 2}


def build(kind="seqgan", network="lstm", shortest=0, **settings):
    """Of texts of three numbers and an end, at most four long; its weights are large enough to matter."""
    torch.manual_seed(0)
    words = Vocabulary(numbers=3, ends=True)
    spec = Spec(kind="text", shape=(8,), vocabulary=words, longest=5, shortest=shortest)
    net = duel.NetworkSettings(network=network, **NET)
    model = KINDS[kind].build(KINDS[kind].Settings(model=net, **settings), spec)
    for p in model.parameters():
        p.data.add_(0.4 * torch.randn_like(p))
    model.stage.fill_(duel.ADVERSARIAL)
    model.progress = 0.9
    return model.eval()


def everything(places, numbers=4):
    """All that can be written in so many places: (text, place), with what begins it; ends stay ends."""
    rows = torch.tensor([*itertools.product(range(numbers), repeat=places)])
    ended = (rows == END).cumsum(1) - (rows == END).long() > 0
    rows = rows[~(ended & (rows != END)).any(1)]
    return F.pad(rows, (1, 0), value=END)


def probability(model, rows):
    """Of each, place by place, as far as it is text."""
    law = model.model(rows[:, :-1]).log_softmax(2).gather(2, rows[:, 1:, None])[..., 0]
    return (law * model.real_places(rows)).sum(1).exp()


def counted(made, rows):
    return torch.stack([(made == row).all(1).float().mean() for row in rows])


@torch.no_grad()
@pytest.mark.parametrize("network", ["lstm", "transformer"])
def test_what_is_written_comes_from_the_law(network):
    model, rows = build(network=network), everything(3)
    p = probability(model, rows)
    assert p.sum().item() == pytest.approx(1, abs=1e-5)
    error = (p * (1 - p) / 40_000).sqrt()
    begun, other = torch.full((40_000, 1), END), build("relgan", network=network)
    other.model = model.model
    for made in (model.written(begun, 3), other.noisy(begun, 3)[0]):
        assert ((counted(made, rows) - p).abs() < 5 * error + 1e-4).all()


@torch.no_grad()
def test_an_lstm_goes_on_from_what_it_keeps():
    model = build().model
    tokens = torch.randint(4, (3, 7))
    cache = model.cache(3)
    parts = [model(tokens[:, :2], cache), model(tokens[:, 2:3], cache), model(tokens[:, 3:], cache)]
    torch.testing.assert_close(torch.cat(parts, 1), model(tokens))


@torch.no_grad()
@pytest.mark.parametrize("network", ["lstm", "transformer"])
def test_where_all_have_one_length_all_that_is_written_has_it(network):
    model = build(network=network, shortest=5)
    texts = [torch.tensor(row) for row in itertools.product(range(3), repeat=4)]
    p = torch.stack([part.sum() for part in model.log_prob(texts)]).exp()
    assert p.sum().item() == pytest.approx(1, abs=1e-5)
    made = model.sample(200, generator=torch.Generator().manual_seed(0))
    assert made.shape == (200, 5)
    assert (made[:, :4] < END).all()
    assert (made[:, 4] == END).all()
    assert all(part.sum() < -1e3 for part in model.log_prob([torch.tensor([0, 1, 2])]))


class Verdicts(nn.Module):
    """A critic whose word on a beginning is a fixed number."""

    def __init__(self):
        super().__init__()
        self.table = torch.randn(5, 1000, generator=torch.Generator().manual_seed(1))

    def forward(self, tokens):
        code = torch.zeros(len(tokens), dtype=torch.long)
        found = []
        for k, column in enumerate(tokens[:, 1:].unbind(1)):
            code = code * 4 + column
            found.append(self.table[k, code % 1000])
        return 2 * torch.stack(found, 1)


def test_the_generators_turn_is_the_exact_gradient_in_expectation():
    model, rows = build(discount=1.0), everything(3)
    model.critic = Verdicts()
    params = [*model.model.parameters()]
    written = model.real_places(rows)
    worth = ((2 * model.critic(rows).sigmoid() - 1) * written).sum(1)
    exact = torch.autograd.grad(-(probability(model, rows) * worth).sum(), params)
    found = []
    for _ in range(150):
        turns = model.duel(torch.full((100, 4), END), alone=False)
        next(turns)
        found.append(torch.autograd.grad(next(turns).losses["model"], params))
    for k, one in enumerate(exact):
        each = torch.stack([part[k] for part in found])
        error = each.std(0) / 150**0.5
        assert ((each.mean(0) - one).abs() < 5 * error + 1e-7).all()
    assert max(one.abs().max() for one in exact) > 0.02


@torch.no_grad()
def test_rollouts_are_worth_what_may_come_of_a_beginning():
    model, rows = build(rollouts=4), everything(3)
    model.critic = Verdicts()
    p, written = probability(model, rows), model.real_places(rows)
    whole = model.whole(model.critic(rows), written)
    begun = torch.tensor([[END, 1]])
    same = rows[:, 1] == 1
    expected = (p * whole)[same].sum() / p[same].sum()
    found = torch.stack([model.led_to(begun, 4)[0] for _ in range(600)])
    assert abs(found.mean() - expected) < 5 * found.std() / 600**0.5
    fake = torch.tensor([[END, 1, 0, 2], [END, 2, END, END]])
    values = model.values(fake, model.real_places(fake))
    assert values[0, 2] == 2 * model.critic(fake)[0, 2].sigmoid() - 1
    assert values[1, 1] == 2 * model.critic(fake)[1, 1].sigmoid() - 1
    assert values[1, 2] == 0


def test_choices_are_one_token_and_have_the_gradient_of_a_share_of_each():
    model = build("relgan", hot=0.7, cold=0.7)
    begun = torch.full((50, 1), END)
    made, chances = model.noisy(begun, 4)
    way = model.way(made, chances)
    assert (way == 0).all()
    assert torch.equal(model.critic(made[:, 1:], way), model.critic(made[:, 1:]))
    weight = torch.randn(50, 4, 4)
    shares = F.one_hot(made[:, 1:], 4).float().requires_grad_()
    (pull,) = torch.autograd.grad((shares @ model.critic.embedding.detach()[:, :4] * weight).sum(), shares)
    logits = model.model(made[:, :-1]).detach().requires_grad_()
    soft = ((logits + torch.stack(chances, 1)) / 0.7).softmax(2)
    (by_hand,) = torch.autograd.grad((soft * pull * model.real_places(made)[..., None]).sum(), logits)
    params = [*model.model.parameters()]
    expected = torch.autograd.grad(model.model(made[:, :-1]), params, by_hand)
    found = torch.autograd.grad((way[..., :4] * weight).sum(), params)
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)
    assert max(one.abs().max() for one in found) > 0.1


def test_the_critics_word_reaches_the_generator():
    model = build("relgan")
    *_, turn = model.duel(everything(3)[:20], alone=False)
    gradients = torch.autograd.grad(turn.losses["model"], [*model.model.parameters()])
    assert all(one.abs().max() > 0 for one in gradients)


def test_the_temperature_falls_evenly_in_its_logarithm():
    model, found = build("relgan", hot=1.0, cold=0.01, likelihood=0.5, meeting=0.1), []
    for progress in (0.2, 0.6, 0.8, 1.0):
        model.progress = progress
        found.append(model.temperature)
    assert found == pytest.approx([1.0, 1.0, 0.1, 0.01])


@torch.no_grad()
@pytest.mark.parametrize("network", ["lstm", "transformer"])
def test_likelihood_counts_an_item_and_its_end_and_nothing_after(network):
    model = build(network=network)
    model.stage.fill_(duel.LIKELIHOOD)
    rows = torch.tensor([[END, 0, 1, END, END], [END, 2, 0, 1, 1]])
    (turn,) = model.turns({"text": rows}, 0)
    whole = [[END, 0, 1, END], [END, 2, 0, 1, 1]]
    nats = 0.0
    for row in whole:
        for k in range(1, len(row)):
            nats -= model.model(torch.tensor([row[:k]]))[0, -1].log_softmax(0)[row[k]].item()
    assert turn.losses["model"].item() == pytest.approx(nats / 7, rel=1e-5)
    found = model.log_prob([torch.tensor([0, 1])])[0].sum().item()
    by_hand = sum(
        model.model(torch.tensor([whole[0][:k]]))[0, -1].log_softmax(0)[whole[0][k]].item() for k in (1, 2, 3)
    )
    assert found == pytest.approx(by_hand, rel=1e-5)


@torch.no_grad()
def test_what_is_watched_is_held_out_likelihood_and_the_entropy_of_samples():
    model, rows = build(), everything(6)[1::9][:100]
    model.watched[: len(rows), :7] = rows
    bits, entropy = model.fares().tolist()
    texts = [row[1:][row[1:] != END] for row in rows]
    nats = -sum(part.sum().item() for part in model.log_prob(texts))
    size = sum(2 * len(text) + 1 for text in texts)  # of each number a digit and a blank, of the end one
    assert bits == pytest.approx(nats / math.log(2) / size, rel=1e-4)
    made = model.written(torch.full((4_000, 1), END), 8)
    found = -probability(model, made).log().sum() / model.real_places(made).sum()
    assert entropy == pytest.approx(found.item(), abs=0.1)


def test_before_is_the_generator_of_the_likelihood_stage():
    model = build()
    with torch.no_grad():
        for p in model.first.parameters():
            p.add_(0.3)
    texts = [torch.tensor([0, 1, 2])]
    first, generator = model.before(), torch.Generator()
    own, other = model.log_prob(texts)[0].sum(), first.log_prob(texts)[0].sum()
    assert own != other
    made = first.sample(5, generator=generator.manual_seed(1), choice=Choice(temperature=0.5))
    kept, model.model = model.model, model.first
    assert model.log_prob(texts)[0].sum() == other
    assert (model.sample(5, generator=generator.manual_seed(1), choice=Choice(temperature=0.5)) == made).all()
    model.model = kept
    model.stage.fill_(duel.LIKELIHOOD)
    assert model.before() is model
    assert [*dict(model.named_parameters())].count("first.embedding.weight") == 1
    assert not any(p.requires_grad for p in [*model.first.parameters(), *model.best.parameters()])


LINES = [f"{a} {b}" for a in ("ox", "emu", "cat", "bee", "hen") for b in ("eats", "sits", "naps", "runs")]
TINY = {
    "text.context": 12, "training.batch": 8, "training.snapshots": 2, "training.log_every": 1,
    "training.precision": "fp32", "training.warmup": 0, "model.network": "lstm", "model.width": 16,
    "model.lr": 1e-2, "critic.width": 16,
}  # fmt: skip


@pytest.fixture(scope="module")
def lines(tmp_path_factory):
    path = tmp_path_factory.mktemp("duel") / "lines.txt"
    path.write_text("\n".join(f"{line} {k}" for k in range(9) for line in LINES))
    return path


@pytest.mark.parametrize("kind", ["seqgan", "relgan"])
def test_where_it_does_harm_it_goes_back_says_so_and_ends(lines, tmp_path, kind):
    said = []
    heads = {"critic.heads": 2} if kind == "seqgan" else {}
    how = TINY | heads | {"likelihood": 0.4, "meeting": 0.0, "slower": 1.0, "rise": 0.01, "model.lr": 0.05}
    run = ganvas.train(
        lines, kind, out=tmp_path / "run", steps=120, settings=how, observer=Observer(said=said.append)
    )
    (told,) = [line for line in said if "undone" in line]
    assert "held-out" in told
    assert "bits a byte against" in told
    (line,) = run.lines("diary.jsonl")
    assert told == f"step {line['step']}: {line['said']}"
    took = run.progress()
    assert took["finished"]
    assert 48 < took["step"] < 120
    model = ganvas.load(run.path, "cpu").objective
    for name, value in model.best.state_dict().items():
        torch.testing.assert_close(model.model.state_dict()[name], value, rtol=0, atol=0)
    assert model.over
    bits = [model.marks[k, 0].item() for k in range(3)]
    assert bits[2] > 1.01 * bits[0] >= bits[1]
    assert json.loads((run.path / "recipe.json").read_text())["settings"]["rise"] == 0.01


@pytest.mark.parametrize("kind", ["seqgan", "relgan"])
def test_where_it_does_none_it_comes_to_its_end(lines, tmp_path, kind):
    heads = {"critic.heads": 2} if kind == "seqgan" else {}
    how = TINY | heads | {"likelihood": 0.5, "meeting": 0.1, "rise": 10.0, "fall": 1.0}
    run = ganvas.train(lines, kind, out=tmp_path / "run", steps=40, settings=how, observer=Observer(said=str))
    log = run.lines()
    assert run.progress()["step"] == 40
    moved = {key: [line["step"] for line in log if key in line] for key in ("critic", "watched/entropy")}
    assert moved["critic"] == [*range(21, 41)]
    alone = [line["step"] for line in log if "critic" in line and "model" not in line]
    assert alone == [*range(21, 25)]
    rates = {line["step"]: line["learning_rate/model"] for line in log}
    assert rates[22] == pytest.approx(0.1 * rates[20])
    model = ganvas.load(run.path, "cpu")
    assert int(model.objective.looks) == duel.LOOKS
    assert model.score(["cat eats", "hen naps"]).shape == (2,)
    assert model.write("cat ", seed=0).startswith("cat ")


@pytest.mark.parametrize(("kind", "at"), [("seqgan", 9), ("relgan", 4)])
def test_interrupted_and_resumed_it_has_the_same_bits(lines, tmp_path, kind, at):
    heads = {"critic.heads": 2} if kind == "seqgan" else {}
    how = TINY | heads | {"likelihood": 0.5, "meeting": 0.1, "training.checkpoint_every": 0}

    class Stop(Exception):
        pass

    def stop(moment):
        if moment.step == at and moment.seconds:
            raise Stop

    quiet = Observer(said=str)
    whole = ganvas.train(lines, kind, out=tmp_path / "whole", steps=14, settings=how, observer=quiet)
    with pytest.raises(Stop):
        ganvas.train(
            lines,
            kind,
            out=tmp_path / "cut",
            steps=14,
            settings=how,
            observer=Observer(logged=stop, said=str),
        )
    ganvas.train(out=tmp_path / "cut", resume=True, observer=quiet)
    both = [(tmp_path / name / "model/model.safetensors").read_bytes() for name in ("whole", "cut")]
    assert both[0] == both[1]
    assert whole.progress()["finished"]


def test_with_likelihood_alone_there_is_no_critics_turn(lines, tmp_path):
    how = TINY | {"likelihood": 1.0, "critic.heads": 2}
    run = ganvas.train(
        lines, "seqgan", out=tmp_path / "run", steps=10, settings=how, observer=Observer(said=str)
    )
    assert not any("critic" in line for line in run.lines())
    model = ganvas.load(run.path, "cpu").objective
    text = [torch.tensor([*b"cat"])]
    assert model.log_prob(text)[0].sum() == model.before().log_prob(text)[0].sum()


def test_it_can_begin_from_a_language_model(lines, tmp_path):
    net = {"model.width": 16, "model.depth": 1, "model.heads": 2, "text.context": 12, "training.batch": 8}
    quiet = Observer(said=str)
    lm = ganvas.train(lines, "lm", out=tmp_path / "lm", steps=3, settings=net, observer=quiet)
    said = []
    ganvas.train(
        lines, "relgan", out=tmp_path / "run", steps=3, init_from=lm, observer=Observer(said=said.append),
        settings=net | {"likelihood": 0.0, "training.average": 0.0},
    )  # fmt: skip
    assert any("model starts as its model" in line for line in said)
    assert not any("first starts" in line for line in said)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"model.heads": 3, "model.network": "transformer", "model.width": 16}, r"--model.heads"),
        ({"critic.network": "cnn"}, r"--critic.network cnn will not do"),
        ({"likelihood": 1.5}, r"--likelihood 1.5 will not do"),
        ({"text.unit": "running"}, r"is one running text, and this recipe learns items"),
        ({"text.unit": "numbers"}, r"holds 'ox' in the item 'ox eats 0' …; --text.unit numbers takes whole"),
    ],
)
def test_what_cannot_work_is_refused(lines, tmp_path, settings, sentence):
    with pytest.raises(UserError, match=sentence):
        ganvas.train(lines, "seqgan", out=tmp_path / "run", steps=3, settings=settings)


@torch.no_grad()
def test_what_was_learnt_by_heart_before_the_critic_came_is_forgotten():
    model = build(likelihood=0.5)
    model.stage.fill_(duel.LIKELIHOOD)
    model.watched[:20, :4] = everything(3)[:20].int()
    good = {name: p.clone() for name, p in model.model.named_parameters()}
    assert not model.due(0.02)
    assert model.due(0.1)
    assert model.look() is None
    for p in model.model.parameters():
        p.mul_(6)
    assert model.due(0.49)
    assert model.look() is None
    assert model.due(0.5)
    weights = model.look()
    assert all(torch.equal(weights[f"model.{name}"], p) for name, p in good.items())
    assert "learnt by heart" in model.news[0]
    assert model.marks[0].equal(model.marks[1])
    assert [int(model.stage), int(model.looks)] == [duel.ADVERSARIAL, 0]
    assert not model.due(0.5)


@torch.no_grad()
def test_what_was_best_at_its_end_goes_on_as_it_is():
    model = build(likelihood=0.5)
    model.stage.fill_(duel.LIKELIHOOD)
    model.watched[:20, :4] = everything(3)[:20].int()
    for progress in (0.1, 0.3, 0.5):
        assert model.due(progress)
        for p in model.model.parameters():
            p.mul_(0.99)
        weights = model.look()
    assert all(torch.equal(weights[f"model.{name}"], p) for name, p in model.model.named_parameters())
    assert not model.news
