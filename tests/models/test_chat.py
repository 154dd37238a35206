"""A model of chats learns the replies and nothing else, and replies in turn."""

import json
import math

import numpy as np
import pytest
import torch

import ganvas
from ganvas.core.errors import UserError
from ganvas.core.loop import Observer
from ganvas.data.chats import Chat, Turn
from ganvas.data.openings import opening
from ganvas.data.spec import Spec
from ganvas.data.vocabulary import Vocabulary
from ganvas.model import Model
from ganvas.models import lm
from ganvas.models.chatting import replies

WORDS = Vocabulary(ends=True, roles=("system", "user", "assistant"))
SAYS = {"cat": "meow", "dog": "woof", "cow": "moo", "hen": "cluck"}
TINY = {
    "text.context": 64, "training.batch": 8, "training.snapshots": 1, "training.precision": "fp32",
    "model.width": 32, "model.depth": 2, "model.heads": 2, "model.lr": 1e-2, "training.warmup": 5,
    "training.average": 0.0,
}  # fmt: skip


def chat(*said):
    return Chat([Turn(("user", "assistant")[k % 2], text) for k, text in enumerate(said)])


def build(context=64):
    torch.manual_seed(0)
    spec = Spec(kind="text", shape=(context,), vocabulary=WORDS, longest=64)
    net = lm.NetworkSettings(width=16, depth=2, heads=2)
    model = lm.build(lm.Settings(model=net), spec)
    for p in model.parameters():
        p.data.add_(0.2 * torch.randn_like(p))
    return model.eval()


def test_replies_are_found_in_whole_chats_and_in_parts_of_them():
    first, other = WORDS.encode(chat("Hi", "Ho", "He", "Ha!")), WORDS.encode(chat("A", "B"))
    tokens = np.concatenate([[WORDS.end], first, [WORDS.end], other, [WORDS.end]])
    found = replies(torch.from_numpy(tokens)[None], WORDS)[0].numpy()
    assert WORDS.decode(tokens[found].tolist()) == b"Ho\nHa!\nB\n"
    at = int(found.argmax()) + 1  # a window that begins within a reply: whose it is cannot be known
    part = replies(torch.from_numpy(tokens[at:])[None], WORDS)[0].numpy()
    assert WORDS.decode(tokens[at:][part].tolist()) == b"Ha!\nB\n"


@torch.no_grad()
def test_loss_and_likelihood_are_those_of_the_replies_token_by_token():
    model = build()
    tokens = torch.from_numpy(WORDS.encode(chat("Hi", "Ho", "He", "Ha!")))
    whole = torch.cat([torch.tensor([WORDS.end]), tokens, torch.tensor([WORDS.end])])
    law = model.model(whole[None, :-1])[0].log_softmax(1)
    inside = [k for k in range(1, len(whole)) if replies(whole[None], WORDS)[0, k]]
    nats = -sum(law[k - 1, whole[k]].item() for k in inside)
    (turn,) = model.turns({"text": whole[None]}, 0)
    assert turn.losses["model"].item() == pytest.approx(nats / len(inside), rel=1e-5)
    bits = nats / math.log(2) / len("Ho\nHa!\n")
    assert turn.stats["bits_per_byte/training"].item() == pytest.approx(bits, rel=1e-5)
    assert -model.log_prob([tokens])[0].sum().item() == pytest.approx(nats, rel=1e-5)


def test_of_long_chats_the_oldest_turns_are_forgotten_and_never_the_system():
    turns = [Turn("system", "Be kind."), *(Turn(("user", "assistant")[k % 2], "x" * 9) for k in range(9))]
    begun, seen = opening(turns, WORDS, 64)
    assert seen == [turns[0], *turns[-3:]]
    assert len(begun) <= 64 - 64 // 4
    assert begun[0] == WORDS.end
    assert begun[-1] == WORDS.role("assistant")
    begun, seen = opening([Turn("user", "abc" * 99)], WORDS, 64)
    assert len(begun) <= 48
    assert WORDS.decode(begun.tolist()).endswith(b"abcabc\nassistant: ")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    path = tmp_path_factory.mktemp("chats") / "animals.jsonl"
    chance, names = np.random.default_rng(0), [*SAYS]
    with path.open("w") as file:
        for _ in range(400):
            said = []
            for name in chance.choice(names, chance.integers(1, 3)):
                said += [("user", f"{chance.choice(['a', 'the'])} {name}?"), ("assistant", SAYS[name])]
            file.write(json.dumps({"messages": [{"role": r, "content": c} for r, c in said]}) + "\n")
    return path


def test_it_learns_to_reply_and_resumes_with_the_same_bits(data, tmp_path):
    quiet = Observer(said=str)
    how = TINY | {"training.checkpoint_every": 0, "training.log_every": 1}
    run = ganvas.train(data, out=tmp_path / "whole", steps=120, settings=how, observer=quiet)

    class Stop(Exception):
        pass

    def stop(moment):
        if moment.step == 70:
            raise Stop

    watched = Observer(logged=stop, said=str)
    with pytest.raises(Stop):
        ganvas.train(data, out=tmp_path / "cut", steps=120, settings=how, observer=watched)
    ganvas.train(out=tmp_path / "cut", resume=True, observer=quiet)
    both = [(tmp_path / name / "model/model.safetensors").read_bytes() for name in ("whole", "cut")]
    assert both[0] == both[1]
    model = ganvas.load(run.path, "cpu")
    history = [{"role": "user", "content": "the cow?"}]
    for name in ("cat", "hen", "dog"):
        history += [{"role": "assistant", "content": "moo"}, {"role": "user", "content": f"a {name}?"}]
        assert "".join(model.chat(history, temperature=0)) == SAYS[name]
    right, wrong = ({"messages": [*history, {"role": "assistant", "content": x}]} for x in ("woof", "moo"))
    assert model.score(right) > model.score(wrong) + 1
    assert all("\nassistant: " in text for text in model.sample(5, seed=1))


def asked(model, *said, **how):
    messages = [{"role": role, "content": text} for role, text in said]
    return "".join(Model(model, model.spec, {"recipe": "lm"}).chat(messages, **how))


def test_the_same_seed_replies_the_same_and_other_lengths_of_history_differently():
    model = build()
    one = asked(model, ("user", "Hi"), length=30)
    assert one == asked(model, ("user", "Hi"), length=30)
    assert one != asked(model, ("user", "Hi"), length=30, seed=1)
    assert len(one) <= 30


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ([], "there is no message"),
        ([("user", "a"), ("assistant", "b")], "the last one is of the assistant"),
        ([("bot", "a")], "unknown role 'bot'"),
        ([("user", "a"), ("user", "b")], "both of the role user"),
    ],
)
def test_what_cannot_be_replied_to_is_said(said, sentence):
    with pytest.raises(UserError, match=sentence):
        asked(build(), *said)


def test_chats_are_not_written_on_and_plain_text_is_not_asked():
    model = build()
    with pytest.raises(UserError, match="has learnt chats, in which it replies: `ganvas chat`"):
        Model(model, model.spec, {"recipe": "lm"}).write("Once")
    with pytest.raises(UserError, match="has learnt chats, each as"):
        Model(model, model.spec, {"recipe": "lm"}).score("Once")
    spec = model.spec.model_copy(update={"vocabulary": Vocabulary()})
    with pytest.raises(UserError, match="has learnt plain text, which it goes on with: `ganvas write`"):
        Model(model, spec, {"recipe": "lm"}).chat([{"role": "user", "content": "Hi"}])
