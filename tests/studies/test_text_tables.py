"""Captions and tinyshakespeare: figures of known texts, and tables that stand with the published rows."""

import numpy as np
import pytest
import torch

from ganvas.core.errors import UserError
from ganvas.data.spec import Spec
from ganvas.data.vocabulary import Vocabulary
from ganvas.model import Model
from ganvas.models import ngram
from ganvas.studies.reproduce import markdown, reproduce
from ganvas.studies.tables.captions import figures
from ganvas.studies.tables.shakespeare import nats

TINY = {"budget": None, "rows": ("n-gram",)}
WORDS = ["a", "man", "dog", "on", "the", "street", "red", "bus", "near", "sits"]


def captions(seed, count):
    rng = np.random.default_rng(seed)
    return [" ".join(rng.choice(WORDS, n)) + " ." for n in rng.integers(4, 9, count)]


class Remembers:
    """P of a token depends on how many stand before it in what is given."""

    def log_prob(self, texts):
        return [-torch.arange(1, len(text)).double() for text in texts]


@pytest.mark.parametrize("count", [65, 100, 97, 200, 209])
def test_with_a_stride_each_token_counts_once_and_sees_49_to_64_others(count):
    model = Model(Remembers(), Spec(kind="text", shape=(64,)), {})  # pyright: ignore[reportArgumentType]
    tokens = np.arange(count)
    cost = [k if k <= 64 else 49 + (k - 65) % 16 for k in range(1, count)]
    assert nats(model, tokens, 64, 16).value == pytest.approx(np.mean(cost))
    cost = [1 + (k - 1) % 64 for k in range(1, count)]
    assert nats(model, tokens, 64, 64).value == pytest.approx(np.mean(cost))


def test_blocks_of_an_exact_law_are_summed_as_they_are():
    rng = np.random.default_rng(0)
    words = Vocabulary(numbers=3)
    law = ngram.build(ngram.Settings(order=2), Spec(kind="text", shape=(64,), vocabulary=words))
    law.fit([rng.integers(3, size=500)])
    tokens = rng.integers(3, size=300)
    whole = -law.log_prob([torch.from_numpy(tokens)])[0].sum().item() / 299
    model = Model(law, law.spec, {})
    assert nats(model, tokens, 64, 16).value == pytest.approx(whole)  # a pair looks back by one token


def test_real_captions_stand_where_captions_stand():
    found = figures(captions(0, 150), captions(1, 300))
    assert found["bleu_2"] > found["bleu_3"] > found["bleu_4"] > found["bleu_5"]
    assert found["self_bleu_2"] < found["bleu_2"]  # fewer references
    assert found["fd_interval"][0] <= found["fd"] <= found["fd_interval"][1]
    worse = figures([" ".join(sorted(text.split())) for text in captions(0, 150)], captions(1, 300))
    assert worse["fd"] > found["fd_interval"][1]
    assert worse["bleu_3"] < found["bleu_3"]


def test_captions_are_reproduced_with_the_row_of_real_text(tmp_path):
    for name, seed in (("train", 0), ("test", 1)):
        (tmp_path / f"coco_captions_{name}.txt").write_text("\n".join(captions(seed, 400)) + "\n")
    found = reproduce("captions", str(tmp_path), tmp_path / "out", samples=100, **TINY)
    assert reproduce("captions", str(tmp_path), tmp_path / "out", samples=100, **TINY) == found
    lines = markdown("captions", found).splitlines()
    assert lines[-3].startswith("| n-gram (`ngram`) | – | 0.")
    assert lines[-2].startswith("| training captions | .740 / .520 / .337 / .218 | 0.")
    assert lines[-1].startswith("| LeakGAN, not run here | .746")


def test_shakespeare_is_reproduced_beside_nanogpt(tmp_path):
    path = tmp_path / "tinyshakespeare.txt"
    path.write_text("\n\n".join(captions(3, 300)))
    found = reproduce("shakespeare", str(tmp_path), tmp_path / "out", **TINY)
    assert found[0]["nats"] < 2
    assert found[0]["own"] < found[0]["nats"]
    assert "| n-gram (`ngram`) | – | **" in markdown("shakespeare", found)


@pytest.mark.parametrize("table", ["captions", "shakespeare"])
def test_a_folder_without_the_files_is_refused(tmp_path, table):
    with pytest.raises(UserError, match="there is no "):
        reproduce(table, str(tmp_path), tmp_path / "out")
