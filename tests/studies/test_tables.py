"""Tables of modes: what is counted is what the papers count, and a run is made and judged as a user would."""

import numpy as np
import pytest

from ganvas.core.errors import UserError
from ganvas.core.files import read_json
from ganvas.data.spec import Spec
from ganvas.recipes.base import find
from ganvas.studies.reproduce import TABLES, markdown, reproduce
from ganvas.studies.tables import stacked
from ganvas.studies.tables.digits import Classifier, told

TINY = {"training.steps": 30, "generator.width": 8, "generator.depth": 2, "critic.width": 8}


def idx(path, array):
    head = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    path.write_bytes(head + array.astype(np.uint8).tobytes())


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """Squares in ten places, which any network tells apart."""
    folder, rng = tmp_path_factory.mktemp("digits"), np.random.default_rng(0)
    for name, count in (("train", 1_000), ("t10k", 200)):
        y = rng.integers(10, size=count)
        x = rng.integers(0, 60, size=(count, 28, 28))
        for k in range(10):
            row, column = divmod(k, 4)
            x[y == k, 3 + 8 * row : 9 + 8 * row, 1 + 7 * column : 7 + 7 * column] += 190
        idx(folder / f"{name}-images-idx3-ubyte", x)
        idx(folder / f"{name}-labels-idx1-ubyte", y)
    return str(folder)


def test_pacgan_has_the_networks_of_its_paper():
    objective = find("pacgan").build(Spec(kind="points", shape=(2,)))
    shapes = [tuple(p.shape) for p in objective.generator.parameters() if p.ndim == 2]
    assert shapes == [(400, 2), (400, 400), (400, 400), (400, 400), (2, 400)]
    judge = [tuple(p.shape) for p in objective.critic.parameters() if p.ndim == 2]
    assert judge == [(1000, 4), (1000, 200), (1000, 200), (1, 200)]


def test_a_perfect_sampler_of_stacks_has_every_mode_and_the_kl_of_counting():
    rng = np.random.default_rng(0)
    found = [stacked.coverage(rng.integers(1000, size=26_000)) for _ in range(20)]
    assert all(one["modes"] == 1000 for one in found)
    assert np.mean([one["reverse_kl"] for one in found]) == pytest.approx(999 / 52_000, rel=0.05)


def test_one_mode_alone_is_as_far_as_can_be():
    found = stacked.coverage(np.full(100, 7))
    assert found["modes"] == 1
    assert found["reverse_kl"] == pytest.approx(np.log(1000))


def test_the_digits_make_a_number_channel_by_channel():
    pictures = np.zeros((2, 28, 28, 3), np.uint8)
    pictures[0, ..., 0], pictures[0, ..., 1], pictures[0, ..., 2] = 4, 0, 9
    assert stacked.mode_of(pictures, lambda x: x[:, 0, 0].astype(int)).tolist() == [409, 0]


def test_a_margin_is_cut_off():
    pictures = np.pad(np.ones((1, 28, 28, 3), np.uint8), ((0, 0), (2, 2), (2, 2), (0, 0)))
    assert stacked.middle(pictures).all()


def test_stacks_are_drawn_from_training_and_test_digits_and_kept(digits, tmp_path):
    path = stacked.prepared(digits, tmp_path)
    array = np.load(path, mmap_mode="r")
    assert array.shape == (128_000, 28, 28, 3)
    before = (tmp_path / "stacked-mnist.npy").stat().st_mtime_ns
    assert stacked.prepared(digits, tmp_path) == path
    assert (tmp_path / "stacked-mnist.npy").stat().st_mtime_ns == before


def test_the_network_learns_to_read_and_is_kept(digits, tmp_path):
    from ganvas.studies.tables.digits import classifier

    steps = []
    path = tmp_path / "digits.safetensors"
    network, share = classifier(digits, path, lambda done, total: steps.append(done))
    again, _ = classifier(digits, path, lambda done, total: steps.append(-1))
    assert share > 0.985
    assert -1 not in steps
    x = np.zeros((5, 28, 28), np.uint8)
    assert (told(network, x) == told(again.eval(), x)).all()
    assert isinstance(again, Classifier)


def test_data_that_are_not_mnist_are_refused(tmp_path):
    with pytest.raises(UserError, match="emoji is not MNIST"):
        stacked.prepared("emoji", tmp_path)


def test_a_row_of_several_seeds_is_trained_judged_and_told(tmp_path, monkeypatch):
    row = next(row for row in TABLES["ring"].rows if row.name == "GAN")
    small = type(row)(row.name, row.recipe, dict(row.settings) | TINY, None, row.published)
    table = TABLES["ring"]
    monkeypatch.setitem(TABLES, "ring", type(table)(**(vars(table) | {"rows": (small,)})))
    found = reproduce("ring", None, tmp_path, seeds=2)
    assert [one["seed"] for one in found] == [0, 1]
    assert {"modes", "high_quality", "reverse_kl"} <= set(found[0])
    assert read_json(tmp_path / "GAN" / "seed-1" / "recipe.json")["seed"] == 1
    text = markdown("ring", found)
    assert "| GAN (`pacgan`) | 6.3, 98.2, .45 |" in text
    assert "| a perfect sampler | | | | 98.9 | 0 | |" in text


def test_seeds_of_small_networks_are_trained_side_by_side(tmp_path, monkeypatch):
    small = {"generator.width": 8, "critic.width": 8, "referee.width": 8}
    row = TABLES["ring"].rows[0]
    row = type(row)(row.name, row.recipe, TINY | small)
    table = type(TABLES["ring"])(**(vars(TABLES["ring"]) | {"rows": (row,)}))
    monkeypatch.setitem(TABLES, "ring", table)
    found = reproduce("ring", None, tmp_path, seeds=3)
    assert [one["seed"] for one in found] == [0, 1, 2]
    runs = [tmp_path / "ours" / f"seed-{seed}" for seed in range(3)]
    assert [read_json(run / "recipe.json")["stacked"] for run in runs] == [[0, 1, 2]] * 3
    assert all((run / "report.html").is_file() for run in runs)
    more = reproduce("ring", None, tmp_path, seeds=4)
    assert more[:3] == found
    assert "stacked" not in read_json(tmp_path / "ours" / "seed-3" / "recipe.json")


def test_no_seeds_and_no_data_are_refused(tmp_path):
    with pytest.raises(UserError, match="--seeds is 1 or more"):
        reproduce("ring", None, tmp_path, seeds=0)
    with pytest.raises(UserError, match="--data with a folder of MNIST's four idx files"):
        reproduce("stacked-mnist", None, tmp_path)
