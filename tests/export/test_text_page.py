"""The page of a model that writes, in a real browser with the network cut."""

import json
import random
from typing import Any

import chromium
import made
import numpy as np
import pytest
import torch

from ganvas.data.chats import ROLES, asked
from ganvas.data.documents import open_text
from ganvas.data.openings import opening
from ganvas.data.spec import Spec
from ganvas.data.vocabulary import Vocabulary, learn
from ganvas.exploration.paths import spherical
from ganvas.export import noise, runtime, web
from ganvas.export.written import chosen
from ganvas.model import load
from ganvas.models.manners import Taste, letters

pytestmark = pytest.mark.skipif(chromium.found() is None, reason="there is no Chromium here")
CHAT = Spec(kind="text", shape=(64,), vocabulary=Vocabulary(ends=True, roles=ROLES), longest=90)
ODD = "\t\n\r\x1c\x85\xa0\u2028\u3000\ufeff '''sdreve09²٠aZé中文字한😀👩‍👧.,!“”\u0301\U000e0100"
TASTES: tuple[dict[str, Any], ...] = (
    {"temperature": 0},
    {"temperature": 0.5},
    {"top_k": 3},
    {"top_p": 0.6},
    {"min_p": 0.1, "top_k": 20, "top_p": 0.8, "temperature": 1.4},
)
FILL = """(values => Object.entries(values).forEach(([id, value]) => {
    const node = document.getElementById(id);
    node.value = value;
    node.dispatchEvent(new Event("input"));
}))"""


@pytest.fixture(scope="module")
def texts():
    """Of the shipped ones: verses, poems."""
    verses, poems = open_text("kjv").read().documents[0], open_text("poems").read().documents
    return [*(verses[k : k + 30_000] for k in range(0, 300_000, 30_000)), *poems[:1500]]


@pytest.fixture(scope="module")
def words(texts):
    return learn([*texts[:6], *texts[100:700]], 1024, True, labels=("old", "new"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory, words):
    place = tmp_path_factory.mktemp("web")
    spec = Spec(kind="text", shape=(32,), vocabulary=words, longest=60)
    web.export(made.run(place / "run", "lm", spec, **made.WRITER), place / "web")
    return place


@pytest.fixture(scope="module")
def tab(folder):
    with chromium.served(folder) as address, chromium.opened(folder / "profile") as page:
        page.send(
            "Emulation.setDeviceMetricsOverride", width=390, height=800, deviceScaleFactor=1, mobile=True
        )
        yield page, address


def at(tab, name):
    page, address = tab
    if page.value("location.pathname") != f"/{name}/":
        page.send("Page.navigate", url=f"{address}{name}/")
        page.wait(f"location.pathname === '/{name}/' && !!globalThis.ganvas")
        page.value("ganvas.settled()")
    return page


@pytest.fixture
def page(tab):
    return at(tab, "web")


@pytest.fixture
def chat(folder, tab):
    if not (folder / "chat").exists():
        web.export(made.run(folder / "talk", "lm", CHAT, **made.WRITER), folder / "chat")
    return at(tab, "chat")


def click(page, name):
    page.value(f"document.getElementById('{name}').click()")
    page.value("ganvas.settled()")


def text(page, name="made"):
    return page.value(f"document.getElementById('{name}').textContent")


def called(how):
    """As JavaScript names what Python calls so."""
    names = {"top_k": "topK", "top_p": "topP", "min_p": "minP"}
    return json.dumps({names.get(name, name): value for name, value in how.items()})


def test_its_tokens_are_those_of_tokenizers(words, page, texts):
    chance = random.Random(0)
    odd = ["".join(chance.choices(ODD, k=chance.randint(0, 30))) for _ in range(1000)]
    assert len(words.pairs) > 700
    for some in (texts[:10], texts[10:], odd):
        found = page.value(f"{json.dumps(some)}.map(text => ganvas.writer.words.encode(text))")
        assert found == [words.encode(text).tolist() for text in some]


def test_characters_come_when_their_bytes_are_whole(words, page):
    """Joined, for what stands for broken bytes may come a token sooner or later."""
    some = [words.encode(line).tolist() for line in ("春眠不覺曉", "\ufeffé 😀\n", "a b")]
    chance = random.Random(0)
    some += [
        chance.choices([*range(256), *b"\xe4\xbd\xa0\xf0\x9f\x98\x80" * 30, 1025], k=60) for _ in range(200)
    ]
    ask = """(async tokens => {
        let all = "";
        for await (const piece of ganvas.writer.words.letters(tokens)) all += piece;
        return all;
    })"""
    found = page.value(f"Promise.all({some}.map({ask}))")
    assert found == ["".join(letters(words, iter(tokens))) for tokens in some]


@pytest.mark.parametrize(
    "vocabulary",
    [
        Vocabulary(),
        Vocabulary(merges="104:101 256:108", ends=True, labels=("x", "y")),
        Vocabulary(ends=True, roles=ROLES),
        Vocabulary(numbers=12, ends=True),
    ],
)
def test_all_kinds_of_vocabularies_are_known(page, vocabulary):
    ask = """import("/web/tokens.js").then(({ Vocabulary }) => {
        const v = new Vocabulary(%s);
        const pieces = v.pieces.map(piece => [...piece]), closed = pieces.map((_, k) => v.closes(k));
        return { pieces, plain: v.plain, begun: v.begun(), closed, some: v.encode("3 10") };
    })"""
    found = page.value(ask % vocabulary.model_dump_json())
    assert found == {
        "pieces": [[*piece] for piece in vocabulary.pieces],
        "plain": vocabulary.plain,
        "begun": vocabulary.begun(),
        "closed": [vocabulary.closes(k) for k in range(vocabulary.size)],
        "some": vocabulary.encode("3 10").tolist(),
    }


@pytest.mark.parametrize("taste", TASTES)
def test_of_one_law_it_draws_the_same_tokens(page, taste):
    logits, u = 3 * noise.normal(1, (200, 60)), noise.uniform(7, noise.WORDS + 2, np.arange(200))
    ask = """Promise.all(["write", "noise"].map(name => import(`/web/${name}.js`))).then(([write, noise]) => {
        const u = noise.quantiles(7n, 2), { chosen } = write;
        return %s.map((row, k) => chosen(Float32Array.from(row), %s, u(k)));
    })"""
    found = page.value(ask % (logits.tolist(), called(taste)))
    assert found == chosen(logits, Taste(**taste), u).tolist()


def test_the_most_probable_text_is_that_of_torch_beyond_the_window(folder, page):
    page.value(f"{FILL}({json.dumps({'prompt': 'And he 春', 'temperature': 0, 'length': 250, 'label': 1})})")
    click(page, "write")
    expected = load(folder / "run", "cpu").write("And he 春", temperature=0, length=250, label="new")
    assert text(page, "written") == expected
    assert len(expected) > 200


def test_a_seed_writes_what_it_writes_on_the_command_line(folder, page):
    how = {"temperature": 0.9, "top_p": 0.95, "top_k": 200, "min_p": 0.001}
    fields = {name.replace("_", "-"): value for name, value in how.items()}
    page.value(f"{FILL}({json.dumps(fields | {'prompt': 'The', 'seed': 4, 'length': 80, 'label': ''})})")
    click(page, "again")
    theirs: Any = runtime.opened(folder / "web/model.onnx")
    assert text(page, "written") == theirs.write("The", seed=5, length=80, **how)


def test_it_can_be_watched_and_stopped(page):
    page.value(f"{FILL}({json.dumps({'prompt': '', 'temperature': 0, 'length': 100_000})})")
    page.value("document.getElementById('write').click()")
    assert text(page, "write") == "Stop"
    page.wait("document.getElementById('made').textContent.length > 40")
    click(page, "write")
    assert 40 < len(text(page)) < 100_000
    assert text(page, "write") == "Write"


def test_what_a_reply_follows_is_as_in_python(page):
    facts = {"vocabulary": CHAT.vocabulary.model_dump(mode="json"), "context": 64}  # pyright: ignore[reportOptionalMemberAccess]
    ask = "import('/web/write.js').then(({ Writer }) => new Writer(%s, null).opening(%s))"
    chance = random.Random(1)
    for count in (1, 3, 5, 8):
        says = [
            chance.choice(["Hi", "a longer one, é", "x" * 70])[: chance.randint(1, 70)] for _ in range(count)
        ]
        roles = ["user" if (count - k) % 2 else "assistant" for k in range(count)]
        for first in ([], [{"role": "system", "content": "Be kind."}]):
            both = zip(roles, says, strict=True)
            messages = first + [{"role": role, "content": said.strip() or "a"} for role, said in both]
            turns = asked(messages)
            tokens, seen = opening(turns, CHAT.vocabulary, 64)  # pyright: ignore[reportArgumentType]
            found = page.value(ask % (json.dumps(facts), json.dumps(messages)))
            assert found == {"tokens": tokens.tolist(), "forgotten": len(turns) - len(seen)}


@pytest.mark.long
def test_a_chat_remembers_and_goes_on_as_on_the_command_line(folder, chat):
    theirs: Any = runtime.opened(folder / "chat/model.onnx")
    expected = [{"role": "system", "content": "Be kind."}]
    assert chat.value("document.documentElement.scrollWidth") <= 390
    chat.value(f"{FILL}({json.dumps({'system': 'Be kind.', 'seed': 3, 'length': 12, 'temperature': 0.7})})")
    for question in ("Hello", "Is it plugged in?", "And now?"):
        chat.value(f"{FILL}({json.dumps({'prompt': question})})")
        chat.value("document.getElementById('prompt').focus()")
        chat.key("Enter", 13)
        chat.value("ganvas.settled()")
        expected.append({"role": "user", "content": question})
        reply = "".join(theirs.chat(expected, seed=3, length=12, temperature=0.7)).strip()
        expected.append({"role": "assistant", "content": reply or "…"})
    assert chat.value("ganvas.messages()") == expected[1:]
    assert "forgotten" in text(chat, "note")
    click(chat, "again")
    reply = "".join(theirs.chat(expected[:-1], seed=4, length=12, temperature=0.7)).strip()
    assert chat.value("ganvas.messages().at(-1).content") == (reply or "…")
    click(chat, "anew")
    assert chat.value("ganvas.messages()") == []


@pytest.mark.long
def test_enter_that_ends_a_word_of_chinese_sends_nothing(chat):
    chat.value(f"{FILL}({json.dumps({'prompt': 'ni'})})")
    event = "new KeyboardEvent('keydown', { key: 'Enter', isComposing: true })"
    chat.value(f"document.getElementById('prompt').dispatchEvent({event})")
    assert chat.value("[ganvas.messages().length, document.getElementById('prompt').value]") == [0, "ni"]


def test_it_speaks_two_languages(page):
    both = set()
    for _ in range(2):
        both.add((text(page, "write"), text(page, "again")))
        page.value("document.getElementById('language').click()")
    assert both == {("Write", "Again, otherwise"), ("写", "换一种写法")}


def test_it_fits_a_phone_asks_no_other_address_and_says_its_size(folder, tab, page):
    page.value("document.querySelectorAll('details').forEach(part => { part.open = true; })")
    assert page.value("document.documentElement.scrollWidth") <= 390
    assert page.said == []
    assert {url for url in page.requests if not url.startswith((tab[1], "data:", "blob:"))} == set()
    size = sum(path.stat().st_size for path in (folder / "web").iterdir()) / 1e6
    assert abs(float(json.loads((folder / "web/model.json").read_text())["size"]) - size) < 0.1


@pytest.mark.long
def test_an_autoencoder_writes_what_its_z_say_and_what_lies_between(folder, tab):
    run = made.run(folder / "vae", "textvae", made.TEXT, **made.TEXTVAE)
    web.export(run, folder / "latent")
    page = at(tab, "latent")
    theirs: Any = runtime.opened(folder / "latent/model.onnx")
    page.value(f"{FILL}({json.dumps({'seed': 2, 'truncation': 0.7})})")
    click(page, "write")
    rows = "[...document.querySelectorAll('#%s')].map(node => node.textContent)"
    assert page.value(rows % "texts span") == [*theirs.sample(8, seed=2, truncation=0.7)]
    page.value("document.querySelectorAll('#texts button')[0].click()")
    page.value("document.querySelectorAll('#texts button')[11].click()")
    page.value("ganvas.settled()")
    a, b = (torch.from_numpy(row[None]) for row in theirs.latents(8, seed=2, truncation=0.7)[0][[0, 5]])
    way = spherical(a, b, torch.linspace(0, 1, 7))[0].numpy()
    assert page.value(rows % "way li") == [*load(run.path, "cpu").decode(way)]
