"""The language model: its law is the one that is written down, with and without what it keeps of the past."""

import json
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import ganvas
from ganvas.core.errors import UserError
from ganvas.core.loop import Observer
from ganvas.core.settings import override
from ganvas.data.load import load
from ganvas.data.spec import Spec
from ganvas.data.text import TextSettings
from ganvas.data.vocabulary import Vocabulary
from ganvas.export import onnx, runtime
from ganvas.model import Model
from ganvas.models import lm
from ganvas.models.writing import Choice
from ganvas.recipes.base import adam
from ganvas.recipes.lm import Recipe

END = 256
NET = {"width": 16, "depth": 2, "heads": 2}
TINY = {
    "text.context": 16, "training.batch": 4, "training.snapshots": 1, "training.average": 0.05,
    **{f"model.{name}": value for name, value in NET.items()},
}  # fmt: skip


def build(ends=False, context=12, longest=30, **network):
    """A tiny model whose weights are large enough to matter."""
    torch.manual_seed(0)
    spec = Spec(kind="text", shape=(context,), vocabulary=Vocabulary(ends=ends), longest=longest)
    model = lm.build(lm.Settings(model=lm.NetworkSettings(**NET | network)), spec)
    for p in model.parameters():
        p.data.add_(0.2 * torch.randn_like(p))
    return model.eval()


def norm(x, weight):
    return x / (x.square().mean(-1, keepdim=True) + torch.finfo(x.dtype).eps).sqrt() * weight


def by_hand(model, tokens):
    """Logits of one sequence, place by place, as the papers have them, in double precision."""
    net = model.model.double()
    x, heads = net.embedding.weight[tokens], net.heads
    for layer in net.layers:
        q, k, v = (
            part.view(len(tokens), heads, -1)
            for part in (norm(x, layer.norm1.weight) @ layer.attention.enter.weight.T).chunk(3, 1)
        )
        half = q.shape[2] // 2
        y = torch.zeros_like(v)
        for h in range(heads):
            for i in range(len(tokens)):
                scores = []
                for j in range(i + 1):
                    angle = (i - j) * 10_000.0 ** (-torch.arange(half).double() / half)
                    a, b = (t[..., :half] + 1j * t[..., half:] for t in (q[i, h], k[j, h]))
                    scores.append((a * b.conj() * torch.exp(1j * angle)).real.sum() / (2 * half) ** 0.5)
                y[i, h] = torch.stack(scores).softmax(0) @ v[: i + 1, h]
        x = x + y.flatten(1) @ layer.attention.leave.weight.T
        gate, value = (norm(x, layer.norm2.weight) @ layer.dense.enter.weight.T).chunk(2, 1)
        x = x + (gate * gate.sigmoid() * value) @ layer.dense.leave.weight.T
    return norm(x, net.norm.weight) @ net.embedding.weight.T


@torch.no_grad()
def test_logits_and_loss_equal_a_computation_place_by_place():
    model = build()
    tokens = torch.randint(256, (9,))
    own = model.model(tokens[None, :-1])[0]
    (turn,) = model.turns({"text": tokens[None]}, 0)
    logits = by_hand(model, tokens[:-1])
    assert torch.allclose(own.double(), logits, atol=1e-4)
    loss = -logits.log_softmax(1)[range(8), tokens[1:]].mean()
    assert turn.losses["model"].item() == pytest.approx(loss.item(), abs=1e-5)
    assert turn.stats["bits_per_byte/training"].item() == pytest.approx(loss.item() / math.log(2), abs=1e-4)


@torch.no_grad()
@pytest.mark.parametrize("first", [1, 5])
def test_with_keys_and_values_kept_the_logits_are_the_same(first):
    model = build().model
    tokens = torch.randint(256, (3, 12))
    whole, cache = model(tokens), model.cache(3)
    parts = [model(tokens[:, :first], cache)] + [model(tokens[:, k : k + 1], cache) for k in range(first, 9)]
    parts.append(model(tokens[:, 9:], cache))
    assert (torch.cat(parts, 1) - whole).abs().max() < 1e-5
    assert cache.room == 0


@torch.no_grad()
def test_what_is_written_is_the_most_probable_also_beyond_the_window():
    model = build()
    prompt = torch.randint(256, (5,))
    made = [int(t) for t, _ in zip(model.unroll(prompt, 1, Choice(temperature=0)), range(20), strict=False)]
    seen = prompt.tolist()
    for k, token in enumerate(made):
        if len(seen) == 13:
            seen = seen[-6:]
        assert token == int(model.model(torch.tensor([seen]))[0, -1].argmax()), k
        seen.append(token)


@torch.no_grad()
def test_items_in_one_window_do_not_see_each_other():
    model = build(ends=True, context=20)
    a, b = torch.randint(256, (5,)), torch.randint(256, (7,))
    end = torch.tensor([END])
    both = model.model(torch.cat([end, a, end, b])[None])[0]
    assert torch.allclose(both[:6], model.model(torch.cat([end, a])[None])[0], atol=1e-5)
    assert torch.allclose(
        both[6:].softmax(1), model.model(torch.cat([end, b])[None])[0].softmax(1), atol=1e-5
    )


@torch.no_grad()
@pytest.mark.parametrize("ends", [False, True])
def test_log_prob_is_the_sum_over_blocks_one_by_one(ends):
    model = build(ends=ends)
    texts = [torch.randint(256, (n,)) for n in (3, 12, 30, 1)]
    for text, found in zip(texts, model.log_prob(texts), strict=True):
        whole = F.pad(text, (1, 1), value=END) if ends else text
        total = 0.0
        for k in range(1, len(whole)):
            start = (k - 1) // 12 * 12
            total += model.model(whole[None, start:k])[0, -1].log_softmax(0)[whole[k]].item()
        assert found.sum().item() == pytest.approx(total, abs=1e-3)


@torch.no_grad()
def test_a_uniform_model_takes_eight_bits_a_byte():
    model = build()
    model.model.embedding.weight.zero_()
    text = torch.randint(256, (101,))
    bits = -model.log_prob([text])[0].sum().item() / math.log(2)
    assert bits == pytest.approx(8 * 100, rel=1e-7)
    assert model.figures({"text": text[None, :13]})["bits_per_byte/held_out"].item() == pytest.approx(8)


def test_what_may_be_chosen():
    logits = torch.tensor([[0.5, 0.3, 0.15, 0.05]]).log()
    law = lambda **how: Choice(**how).law(logits)[0].tolist()  # noqa: E731
    assert law() == pytest.approx([0.5, 0.3, 0.15, 0.05])
    assert law(temperature=0) == [1, 0, 0, 0]
    assert law(temperature=0.5) == pytest.approx([x**2 / 0.365 for x in (0.5, 0.3, 0.15, 0.05)])
    assert law(top_k=2) == pytest.approx([0.625, 0.375, 0, 0])
    assert law(top_p=0.79) == pytest.approx([0.625, 0.375, 0, 0])
    assert law(top_p=0.81) == pytest.approx([0.5 / 0.95, 0.3 / 0.95, 0.15 / 0.95, 0])
    assert law(min_p=0.31) == pytest.approx([0.625, 0.375, 0, 0])


def test_samples_come_from_the_law():
    model = build(ends=True, longest=4)
    generator = torch.Generator().manual_seed(0)
    made = model.sample(4_000, generator=generator, batch=4_000)
    p = model.model(torch.tensor([[END]]))[0, 0].softmax(0)
    share = torch.bincount(made[:, 0], minlength=257) / 4_000
    assert (share - p).abs().max() < 5 * (p.max() / 4_000).sqrt()
    for row in made[:200].tolist():
        at = row.index(END) if END in row else len(row)
        assert set(row[at:]) <= {END}


def written(**how):
    model = build(ends=how.pop("ends", False), context=24)
    return Model(model, model.spec, {"recipe": "lm"}).write("“Ünseen 山中", **how)


def test_a_text_streams_in_whole_characters_and_is_the_same_for_the_same_seed():
    model = build(context=24)
    one = Model(model, model.spec, {"recipe": "lm"})
    pieces = [*one.stream("山", length=40, seed=3)]
    assert len("".join(pieces)) == 40
    assert one.write("山", length=40, seed=3) == "山" + "".join(pieces)
    assert one.write("山", length=40, seed=4) != one.write("山", length=40, seed=3)
    assert one.write("山" * 500, length=5, seed=3) == one.write("山" * 500, length=5, seed=3)


def test_it_ends_before_a_stop_wherever_pieces_are_cut():
    whole = written(length=60, seed=1)[len("“Ünseen 山中") :]
    for size in (1, 2, 3):
        stop = whole[20 : 20 + size]
        assert written(length=60, seed=1, stop=stop) == "“Ünseen 山中" + whole[: whole.index(stop)]


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        ({"length": 0}, "at least one character"),
        ({"temperature": -1}, "--temperature -1 will not do: it should be greater than or equal to 0"),
        ({"top_p": 0}, "--top_p 0 will not do"),
        ({"tempreature": 1}, "did you mean 'temperature'"),
    ],
)
def test_bad_wishes_are_refused(how, sentence):
    with pytest.raises(UserError, match=sentence):
        written(**how)


def test_heads_that_do_not_divide_the_width_are_refused():
    with pytest.raises(UserError, match=r"3 heads cannot share a width of 16"):
        build(heads=3)


def test_matrices_decay_and_norms_do_not():
    recipe = override(Recipe(), TINY)
    model = recipe.build(Spec(kind="text", shape=(16,), vocabulary=Vocabulary()))
    groups = adam(recipe)("model", [*model.model.parameters()]).param_groups
    assert {(p.ndim, group["weight_decay"]) for group in groups for p in group["params"]} == {
        (2, 0.1),
        (1, 0.0),
    }


@pytest.fixture(scope="module")
def lines(tmp_path_factory):
    path = tmp_path_factory.mktemp("text") / "lines.txt"
    path.write_text("\n".join(f"item {k} of {k * k % 97}" for k in range(300)))
    return path


def test_interrupted_and_resumed_it_has_the_same_bits(lines, tmp_path):
    settings = TINY | {"training.checkpoint_every": 0, "training.log_every": 1, "training.precision": "fp32"}
    whole = ganvas.train(lines, out=tmp_path / "whole", steps=6, settings=settings)

    class Stop(Exception):
        pass

    def stop(moment):
        if moment.step == 4:
            raise Stop

    with pytest.raises(Stop):
        ganvas.train(
            lines, out=tmp_path / "cut", steps=6, settings=settings, observer=Observer(logged=stop, said=str)
        )
    ganvas.train(out=tmp_path / "cut", resume=True, observer=Observer(said=str))
    both = [(tmp_path / name / "model/model.safetensors").read_bytes() for name in ("whole", "cut")]
    assert both[0] == both[1]
    assert json.loads((whole.model / "config.json").read_text())["spec"]["vocabulary"]["ends"]


def test_it_learns(lines, tmp_path):
    how = TINY | {"model.lr": 1e-2, "training.warmup": 5, "training.batch": 8, "training.average": 0.0}
    run = ganvas.train(lines, out=tmp_path / "run", steps=150, settings=how, observer=Observer(said=str))
    model = ganvas.load(run.path, "cpu")
    texts = [load(str(lines), TextSettings(context=16)).held_out]
    words = [model.spec.vocabulary.text(t) for t in texts[0].documents()]
    bits = -model.score(words).sum() / math.log(2) / sum(len(w) + 1 for w in words)
    assert bits < 3.5
    made = model.sample(20, seed=0)
    assert np.mean([text.startswith("item ") for text in made]) > 0.8


@pytest.fixture(scope="module")
def kinds(tmp_path_factory):
    """Numbers in letters, labelled by the letters, and a model of them."""
    folder = tmp_path_factory.mktemp("kinds")
    rows = [
        {"text": f"{kind[0] * (3 + k % 4)}{k % 7}", "kind": kind}
        for k in range(200)
        for kind in ("ant", "bee")
    ]
    (folder / "kinds.jsonl").write_text("\n".join(map(json.dumps, rows)))
    settings = TINY | {"text.label": "kind", "training.batch": 32, "model.lr": 0.02}
    run = ganvas.train(
        folder / "kinds.jsonl", out=folder / "run", steps=150, settings=settings, observer=Observer()
    )
    return run, ganvas.load(folder / "run")


def test_a_label_is_learnt_and_asked_for(kinds):
    _, model = kinds
    assert model.spec.vocabulary.labels == ("ant", "bee")
    for number, kind in enumerate(("ant", "bee")):
        made = model.sample(20, seed=1, label=kind, truncation=0.5)
        assert sum(text.startswith(kind[0]) for text in made) >= 18
        assert np.array_equal(made, model.sample(20, seed=1, label=number, truncation=0.5))
        assert model.write(label=kind, temperature=0).startswith(kind[0])
    right, wrong = (model.score("aaaa0", label=kind) for kind in ("ant", "bee"))
    assert right > wrong + 3
    assert {model.write(seed=seed)[0] for seed in range(9)} == {"a", "b"}
    both = "".join(text[:1] for text in model.sample(60, seed=2))
    assert min(both.count("a"), both.count("b")) > 10
    with pytest.raises(UserError, match=r"no class 'be'; did you mean 'bee'\?"):
        model.write(label="be")


def test_its_graph_takes_labels_too(kinds, tmp_path):
    run, model = kinds
    onnx.export(run, tmp_path / "out")
    theirs = runtime.opened(tmp_path / "out" / "model.onnx")
    for kind in ("ant", "bee"):
        assert theirs.write(label=kind, temperature=0) == model.write(label=kind, temperature=0)
        assert sum(text.startswith(kind[0]) for text in theirs.sample(20, label=kind, truncation=0.5)) >= 18


def test_without_labels_none_can_be_asked_for():
    model = Model(build(ends=True), build(ends=True).spec, {"recipe": "lm"})
    with pytest.raises(UserError, match="was trained without labels"):
        model.write(label="cat")
