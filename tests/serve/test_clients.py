"""What OpenAI's own client gets, and what the same seed gives elsewhere."""

import base64
import io
import threading
import urllib.request

import numpy as np
import pytest
from PIL import Image
from served import NAMES

from ganvas.model import load

openai = pytest.importorskip("openai")


@pytest.fixture(scope="module")
def theirs(client):
    with openai.OpenAI(base_url=f"{client.address}/v1", api_key="none", max_retries=0) as found:
        yield found


def picture(entry):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(entry))))


def test_the_client_lists_models(theirs):
    assert [model.id for model in theirs.models.list()] == [*NAMES]
    assert theirs.models.retrieve("grey").owned_by == "ganvas"


def test_the_client_makes_the_pictures_of_a_seed(theirs, runs):
    found = theirs.images.generate(model="cats", prompt="dog", n=3, extra_body={"seed": 5})
    pictures = np.stack([picture(entry.b64_json) for entry in found.data])
    expected = load(runs / "cats", "cpu").sample(3, seed=5, label="dog")
    assert np.array_equal(pictures, expected)


def test_truncation_and_size_and_format(theirs, runs):
    asked = {"seed": 1, "truncation": 0.5}
    found = theirs.images.generate(
        model="grey", prompt="", size="16x16", output_format="webp", extra_body=asked
    )
    item = load(runs / "grey", "cpu").sample(1, seed=1, truncation=0.5)[0, :, :, 0]
    shown = Image.fromarray(item).resize((16, 16), Image.Resampling.BICUBIC)
    assert np.array_equal(picture(found.data[0].b64_json)[..., 0], np.asarray(shown))
    assert (found.size, found.output_format) == ("16x16", "webp")


def test_an_address_of_a_picture_is_that_picture(theirs):
    asked = {"model": "cats", "prompt": "cat", "extra_body": {"seed": 2}}
    url = theirs.images.generate(response_format="url", **asked).data[0].url
    with urllib.request.urlopen(url) as answer:
        assert answer.headers["content-type"] == "image/png"
        found = answer.read()
    assert found == base64.b64decode(theirs.images.generate(**asked).data[0].b64_json)


def test_the_client_gets_a_completion_and_the_same_one_streamed(theirs, runs):
    asked = {"model": "book", "prompt": "In the", "max_tokens": 40, "seed": 3, "temperature": 0.8}
    whole = theirs.completions.create(**asked)
    expected = "".join(load(runs / "book", "cpu").stream("In the", length=400, seed=3, temperature=0.8))
    choice = whole.choices[0]
    assert expected.startswith(choice.text)
    assert choice.finish_reason == "length"
    assert whole.usage.prompt_tokens == 6
    assert 40 <= whole.usage.completion_tokens < 44
    chunks = list(theirs.completions.create(stream=True, stream_options={"include_usage": True}, **asked))
    assert "".join(chunk.choices[0].text for chunk in chunks if chunk.choices) == choice.text
    assert chunks[-2].choices[0].finish_reason == "length"
    assert chunks[-1].usage == whole.usage


def test_the_client_gets_a_reply_and_the_same_one_streamed(theirs, runs):
    messages = [{"role": "developer", "content": "Be brief."}, {"role": "user", "content": "Hello"}]
    asked = {"model": "helper", "messages": messages, "max_completion_tokens": 30, "seed": 4}
    whole = theirs.chat.completions.create(**asked)
    reply = whole.choices[0].message.content
    as_learnt = [{"role": "system", "content": "Be brief."}, messages[1]]
    expected = "".join(load(runs / "helper", "cpu").chat(as_learnt, length=30, seed=4))
    assert reply
    assert expected.startswith(reply)
    chunks = list(theirs.chat.completions.create(stream=True, **asked))
    assert chunks[0].choices[0].delta.role == "assistant"
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == reply
    assert chunks[-1].choices[0].finish_reason == whole.choices[0].finish_reason


def test_choices_have_seeds_of_their_own(theirs):
    asked = {"model": "lines", "prompt": "a", "max_tokens": 20}
    both = theirs.completions.create(n=2, seed=7, **asked)
    second = theirs.completions.create(seed=8, **asked)
    assert both.choices[1].text == second.choices[0].text


def test_requests_at_once_get_what_their_seeds_give_alone(theirs, runs, client):
    model = load(runs / "cats", "cpu")
    found = {}

    def ask(seed):
        answer = theirs.images.generate(model="cats", prompt="", n=1 + seed % 3, extra_body={"seed": seed})
        found[seed] = np.stack([picture(entry.b64_json) for entry in answer.data])

    threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for seed in range(24):
        alone = model.sample(1 + seed % 3, seed=seed)
        assert np.abs(found[seed].astype(int) - alone).max() <= 1  # a batch of another size rounds otherwise
    figures = dict(line.rsplit(" ", 1) for line in client.get("/metrics").decode().splitlines())
    assert float(figures["ganvas_batch_items_count"]) > float(figures['ganvas_batch_items_bucket{le="4.0"}'])


def test_its_errors_are_those_that_the_client_knows(theirs):
    with pytest.raises(openai.NotFoundError) as unknown:
        theirs.completions.create(model="gpt-4", prompt="")
    assert (unknown.value.code, unknown.value.param) == ("model_not_found", "model")
    with pytest.raises(openai.BadRequestError, match="does not make text"):
        theirs.completions.create(model="cats", prompt="")
    with pytest.raises(openai.BadRequestError, match="no class 'cow'"):
        theirs.images.generate(model="cats", prompt="cow")
    with pytest.raises(openai.BadRequestError, match="chat"):
        theirs.chat.completions.create(model="lines", messages=[{"role": "user", "content": "Hello"}])
    with pytest.raises(openai.BadRequestError, match="take turns"):
        theirs.chat.completions.create(model="helper", messages=[{"role": "user", "content": "Hello"}] * 2)
    with pytest.raises(openai.BadRequestError, match="does not make text"):
        theirs.completions.create(model="helper", prompt="Hello")
