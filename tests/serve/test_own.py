"""Our own routes give what the model gives."""

import base64
import io
import json

import numpy as np
import torch
from PIL import Image

from ganvas.exploration.paths import spherical
from ganvas.model import load


def pictures(found):
    files = [io.BytesIO(base64.b64decode(item["b64_json"])) for item in found["data"]]
    return np.stack([np.asarray(Image.open(file)) for file in files])


def test_latents_out_and_in_again(client, runs):
    asked = {"model": "cats", "n": 4, "seed": 9, "truncation": 0.7, "latents": True}
    found = client.post("/v1/ganvas/samples", asked)
    expected = load(runs / "cats", "cpu").sample(4, seed=9, truncation=0.7)
    assert np.array_equal(pictures(found), expected)
    z = [item["z"] for item in found["data"]]
    labels = [item["label"] for item in found["data"]]
    again = client.post("/v1/ganvas/decode", {"model": "cats", "z": z, "label": labels})
    assert np.abs(pictures(again).astype(int) - expected).max() <= 1  # z is told with six decimals


def test_points_and_texts_come_too(client, runs):
    found = client.post("/v1/ganvas/samples", {"model": "plane", "n": 3, "seed": 1})
    values = [item["values"] for item in found["data"]]
    np.testing.assert_allclose(values, load(runs / "plane", "cpu").sample(3, seed=1), rtol=1e-6)
    found = client.post("/v1/ganvas/samples", {"model": "lines", "n": 2, "seed": 1})
    assert [item["text"] for item in found["data"]] == [*load(runs / "lines", "cpu").sample(2, seed=1)]


def test_the_way_between_two(client, runs):
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 6)).astype(np.float32)
    asked = {"model": "cats", "a": a.tolist(), "b": b.tolist(), "steps": 5, "label": ["cat", "dog"]}
    found = client.post("/v1/ganvas/interpolate", asked)
    way = spherical(*torch.from_numpy(np.stack([a, b]))[:, None], torch.linspace(0, 1, 5))[0].numpy()
    np.testing.assert_allclose([item["z"] for item in found["data"]], way, atol=1e-5)
    assert [item["label"] for item in found["data"]] == ["cat", "cat", "cat", "dog", "dog"]
    expected = load(runs / "cats", "cpu").decode(way, label=["cat", "cat", "cat", "dog", "dog"])
    assert np.abs(pictures(found).astype(int) - expected).max() <= 1


def test_your_own_pictures_there_and_back(client, runs):
    model = load(runs / "grey", "cpu")
    items = model.sample(2, seed=3)
    sent = []
    for item in items:
        file = io.BytesIO()
        Image.fromarray(item[..., 0]).save(file, "PNG")
        sent.append(base64.b64encode(file.getvalue()).decode())
    found = client.post("/v1/ganvas/encode", {"model": "grey", "images": sent})
    np.testing.assert_allclose([item["z"] for item in found["data"]], model.encode(items), atol=1e-5)
    assert np.abs(pictures(found)[..., None].astype(int) - model.decode(model.encode(items))).max() <= 1


def test_more_like_this_are_near_and_of_the_law(client):
    z = np.random.default_rng(1).standard_normal(6).tolist()
    asked = {"model": "cats", "z": z, "n": 64, "spread": 0.3, "label": 0}
    found = np.array([item["z"] for item in client.post("/v1/ganvas/vary", asked)["data"]])
    noise = (found - np.sqrt(1 - 0.3**2) * np.array(z)) / 0.3
    assert abs(noise.mean()) < 0.2
    assert 0.85 < noise.std() < 1.15


def test_controls_name_every_number_once_and_directions_are_units(client):
    found = client.get("/v1/ganvas/models/cats/controls")
    assert sorted(found["order"]) == list(range(6))
    np.testing.assert_allclose(np.linalg.norm(found["directions"], axis=1), 1, atol=1e-4)


def test_what_is_known_of_a_run(client, runs):
    (runs / "cats/report.html").write_text("<p>report")
    figure = {"value": 1.5, "interval": [1, 2], "protocol": "p"}
    (runs / "cats/evaluation.json").write_text(json.dumps({"fd": figure, "protocols": {"p": {"samples": 5}}}))
    (runs / "cats/diary.jsonl").write_text('{"step": 7, "said": "all is well"}\n')
    about = client.get("/v1/ganvas/models/cats")
    assert (about["recipe"], about["classes"], about["latent"], about["can"]) == (
        "gan", ["cat", "dog"], 6, ["images", "decode"],
    )  # fmt: skip
    assert about["data"]["name"] == "photos"
    assert client.get("/v1/ganvas/models/cats/evaluation")["values"]["fd"] == figure
    assert client.get("/v1/ganvas/models/cats/diary")["data"][0]["said"] == "all is well"
    assert client.get("/v1/ganvas/models/cats/report") == b"<p>report"
    assert client.ask("GET", "/v1/ganvas/models/grey/report")[0] == 404
    assert "/home" not in json.dumps(client.get("/v1/ganvas/models"))
