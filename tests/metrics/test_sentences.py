"""What looks at texts, and what is found of two sets of them, against other ways to the same figures."""

import hashlib
import json
import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from scipy.linalg import sqrtm
from torch import nn

from ganvas.core.errors import UserError
from ganvas.metrics import text
from ganvas.metrics.bert import Bert
from ganvas.metrics.distribution import frechet_distance
from ganvas.metrics.embeddings import DIMENSIONS, find, hashed, signs
from ganvas.metrics.mauve import area, clusters, curve, mauve

rng = np.random.default_rng(0)
WORDS = [*"abcdefghijklmnop"]
SETS = [[" ".join(rng.choice(WORDS, n)) for n in rng.integers(3, 12, 300)] for _ in range(2)]


def test_hashed_words_keep_inner_products_of_bags_of_pairs():
    """For random signs s, E (s a)(s b) = a . b: over many texts the mean error vanishes."""
    found = hashed(SETS[0][:60])
    pairs = [[f"{a} {b}" for a, b in zip(["", *t.split()], [*t.split(), ""], strict=True)] for t in SETS[0]]
    known = sorted({p for row in pairs for p in row})
    bags = np.array([[row.count(p) / len(row) ** 0.5 for p in known] for row in pairs[:60]])
    errors = (found @ found.T / DIMENSIONS - bags @ bags.T)[np.triu_indices(60, 1)]
    assert abs(errors.mean()) < 0.01
    assert errors.std() == pytest.approx(1.2 / DIMENSIONS**0.5, rel=0.3)
    assert hashed([""]).tolist() == [signs(" ").astype(float).tolist()]


def test_signs_are_the_bits_of_the_hash():
    bits = f"{int(hashlib.blake2b(b'a man', digest_size=8).hexdigest(), 16):064b}"
    assert signs("a man").tolist() == [1 if bit == "1" else -1 for bit in bits]


def test_frechet_distance_of_texts_as_scipy_has_it():
    a, b = (find("words").embed(texts) for texts in SETS)
    of_a, of_b = np.cov(a.T), np.cov(b.T)
    root = sqrtm(of_a @ of_b).real
    expected = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(of_a + of_b - 2 * root)
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-6)


def test_divergence_curve_of_two_cells_by_hand():
    """p = (1, 0), q = (1/2, 1/2): r = (w + (1 - w)/2, (1 - w)/2)."""
    p, q = np.array([1.0, 0.0]), np.array([0.5, 0.5])
    points = curve(p, q)
    w = 0.5
    r = (w + (1 - w) / 2, (1 - w) / 2)
    x = math.exp(-5 * (0.5 * math.log(0.5 / r[0]) + 0.5 * math.log(0.5 / r[1])))
    y = math.exp(-5 * math.log(1 / r[0]))
    assert points[13].tolist() == pytest.approx([x, y], rel=1e-9)
    assert points[0].tolist() == [1, 0]
    assert points[-1].tolist() == [0, 1]
    below = sum((a[0] - b[0]) * (a[1] + b[1]) / 2 for a, b in pairwise(points))
    assert area(points) == pytest.approx(below, rel=1e-6)


def test_area_is_1_for_equal_laws_and_0_for_laws_that_share_nothing():
    p = np.array([0.2, 0.3, 0.5])
    assert area(curve(p, p)) == pytest.approx(1)
    assert area(curve(np.array([1.0, 0.0]), np.array([0.0, 1.0]))) == pytest.approx(0, abs=0.02)


def test_cells_are_found_and_divergence_is_of_their_shares():
    centres = np.eye(4) * 50
    which = [rng.integers(4, size=40), rng.integers(2, size=40)]
    sets = [centres[k] + rng.normal(size=(40, 4)) for k in which]
    label = clusters(np.concatenate(sets), 4)
    assert len({tuple(sorted(set(label[np.concatenate(which) == k]))) for k in range(4)}) == 4
    found = mauve(*sets)
    laws = [np.bincount(k, minlength=4) / 40 for k in which]
    assert found.cells == 4
    assert found.value == pytest.approx(area(curve(*laws)))
    assert found.low <= found.value <= found.high


def test_intervals_of_distinct_words_hold_as_often_as_they_say():
    law = 1 / np.arange(1, 401)
    law /= law.sum()

    def drawn():
        return [" ".join(map(str, rng.choice(400, 8, p=law))) for _ in range(60)]

    found = [text.distinct_rate(drawn(), 1, 480) for _ in range(200)]
    middle = np.mean([one.value for one in found])
    assert 0.88 < np.mean([one.low <= middle <= one.high for one in found]) <= 0.995


def test_a_bert_is_pytorchs_own_encoder():
    torch.manual_seed(0)
    width, heads, places, words = 16, 4, 12, 30
    layers = [
        nn.TransformerEncoderLayer(width, heads, 32, 0.0, "gelu", 1e-12, batch_first=True).eval()
        for _ in range(2)
    ]
    weights = {
        f"embeddings.{name}_embeddings.weight": torch.randn(n, width)
        for name, n in (("word", words), ("position", places), ("token_type", 2))
    }
    weights |= {
        "embeddings.LayerNorm.weight": torch.rand(width),
        "embeddings.LayerNorm.bias": torch.rand(width),
    }
    names = {
        "attention.output.dense": "self_attn.out_proj",
        "attention.output.LayerNorm": "norm1",
        "intermediate.dense": "linear1",
        "output.dense": "linear2",
        "output.LayerNorm": "norm2",
    }
    for k, layer in enumerate(layers):
        state = layer.state_dict()
        for part in ("weight", "bias"):
            rows = state[f"self_attn.in_proj_{part}"].chunk(3)
            for name, row in zip(("query", "key", "value"), rows, strict=True):
                weights[f"encoder.layer.{k}.attention.self.{name}.{part}"] = row
            for ours, theirs in names.items():
                weights[f"encoder.layer.{k}.{ours}.{part}"] = state[f"{theirs}.{part}"]
    tokens = torch.randint(words, (3, 7))
    real = torch.arange(7) < torch.tensor([7, 4, 2])[:, None]
    x = (
        weights["embeddings.word_embeddings.weight"][tokens]
        + weights["embeddings.position_embeddings.weight"][:7]
    )
    x = x + weights["embeddings.token_type_embeddings.weight"][0]
    x = nn.functional.layer_norm(
        x, (width,), weights["embeddings.LayerNorm.weight"], weights["embeddings.LayerNorm.bias"], 1e-12
    )
    for layer in layers:
        x = layer(x, src_key_padding_mask=~real)
    mean = torch.stack([row[keep].mean(0) for row, keep in zip(x, real, strict=True)])
    bert = Bert(weights, 2, heads, 1e-12, None, "")  # pyright: ignore[reportArgumentType]
    found = bert.pooled(tokens, real.long())
    torch.testing.assert_close(found, nn.functional.normalize(mean, dim=1), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("what", ["pixels", "no/such/folder"])
def test_features_that_are_not_there_are_named(what):
    with pytest.raises(UserError, match="there are words, minilm"):
        find(what)


def test_a_folder_of_another_kind_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"config.json, model.safetensors, tokenizer.json is not there"):
        find(str(tmp_path))
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "gpt2"}))
    (tmp_path / "tokenizer.json").write_text("{}")
    save_file({"a": torch.zeros(1)}, tmp_path / "model.safetensors")
    pytest.importorskip("tokenizers")
    with pytest.raises(UserError, match="is not read as a BERT of sentences"):
        find(str(tmp_path))
