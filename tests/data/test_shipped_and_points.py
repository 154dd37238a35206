"""The sets that come with ganvas, points, and the survey."""

import json
import time

import numpy as np
import pytest
from rich.console import Console

from ganvas.core.errors import UserError
from ganvas.data import builtin, points
from ganvas.data.image import ImageSettings, load
from ganvas.data.load import kind_of
from ganvas.data.points import PointsSettings
from ganvas.data.survey import survey
from ganvas.data.survey_text import render


def test_fashion_is_balanced_framed_in_black_and_has_its_own_test_part():
    start = time.perf_counter()
    data = load("fashion")
    assert time.perf_counter() - start < 10  # under 2 s on a machine that does nothing else
    assert data.held_out is not None
    assert (len(data), len(data.held_out), data.shape) == (10_000, 2_000, (1, 32, 32))
    assert data.classes == builtin.GARMENTS
    for part, each in ((data, 1000), (data.held_out, 200)):
        batch = part.fetch(np.arange(len(part)))
        assert np.bincount(batch["label"]).tolist() == [each] * 10
        image = batch["image"][:, 0].numpy().copy()
        image[:, 2:30, 2:30] = 0
        assert not image.any()
    trouser = data.fetch(np.arange(1000, 2000))["image"].float().mean(0)[0]
    assert trouser[:, 15:17].mean() > 3 * trouser[:, :8].mean()  # two legs in the middle, nothing beside


def test_emoji_stand_on_white_or_on_nothing():
    data = load("emoji")
    assert data.shape == (3, 64, 64)
    assert len(data) > 1500
    corners = data.fetch(np.arange(len(data)))["image"][:, :, 0, 0].float()
    assert (corners.min(1).values > 250).float().mean() > 0.95
    four = load("emoji", ImageSettings(channels=4)).fetch(np.arange(100))["image"].int()
    assert (four[:, :3] <= four[:, 3:] + 1).all()  # premultiplied: no colour exceeds its alpha


def test_what_is_shipped_is_small_and_has_notices():
    assert sum(f.stat().st_size for f in builtin.SHIPPED.iterdir()) < 10.1e6
    notice = (builtin.SHIPPED / "NOTICE.txt").read_text()
    assert all(
        word in notice for word in ("Zalando", "Microsoft", "MIT", "skin tone", "King James", "JackeyGao")
    )
    assert all(kind_of(name) == entry.kind for name, entry in builtin.BUILTIN.items())


@pytest.mark.parametrize(("name", "count", "sigma"), [("ring", 8, 0.01), ("grid", 25, 0.05)])
def test_mixtures_are_what_the_protocol_says(name, count, sigma):
    data = points.load(name)
    assert data.held_out is not None
    assert (len(data), len(data.held_out), data.sigma) == (100_000, 10_000, sigma)
    assert data.modes is not None
    assert data.modes.shape == (count, 2)
    values = data.spec.restore(data.fetch(np.arange(len(data)))["point"].numpy())
    distance = np.linalg.norm(values[:, None] - data.modes, axis=2)
    near = distance.min(1)
    assert abs((near < 3 * sigma).mean() - (1 - np.exp(-4.5))) < 0.002
    np.testing.assert_allclose(np.bincount(distance.argmin(1)) / len(values), 1 / count, atol=0.005)
    assert len(set(data.spec.scale)) == 1
    np.testing.assert_allclose(np.sqrt(np.mean(data.values**2)), 1, rtol=1e-4)
    assert points.load(name).fingerprint == data.fingerprint


@pytest.mark.parametrize("header", [True, False])
@pytest.mark.parametrize("separator", [",", ";", "\t", " "])
def test_csv_comes_back_in_its_own_units(tmp_path, header, separator):
    values = np.random.default_rng(0).normal([5, -100], [0.1, 30], (200, 2))
    file = tmp_path / "a.csv"
    lines = [separator.join(["height", "weight"])] * header + [
        separator.join(map(repr, r)) for r in values.tolist()
    ]
    file.write_text("\n".join(lines) + "\n\n")
    data = points.load(str(file), PointsSettings(held_out=0.2))
    assert data.held_out is not None
    assert data.columns == (("height", "weight") if header else ("column 1", "column 2"))
    np.testing.assert_allclose(data.values.mean(0), 0, atol=1e-4)
    np.testing.assert_allclose(data.values.std(0), 1, atol=1e-4)
    back = np.concatenate([data.spec.restore(d.values) for d in (data, data.held_out)])
    np.testing.assert_allclose(np.sort(back, 0), np.sort(values, 0), rtol=1e-5)
    file.write_text("\n".join(lines[:header] + lines[header:][::-1]))
    again = points.load(str(file), PointsSettings(held_out=0.2))
    assert {*map(tuple, again.values.tolist())} == {
        *map(tuple, data.values.tolist())
    }  # order does not matter


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("x,y\n1,2\n3,oops\n", r"row 3, column 2 \(y\): 'oops' is no number"),
        ("1,2\n3,\n", r"row 2, column 2: '' is no number"),
        ("1,2\n3,nan\n", r"row 2, column 2: 'nan' is not finite"),
        ("1,2\n3,1e999\n", r"row 2, column 2: '1e999' is not finite"),
        ("1,2\n3\n", r"row 2 has 1 cells; expected 2"),
        ("1,2\n3,4\n", r"holds 2 rows of numbers; at least 10"),
        ("", r"holds 0 rows"),
        ("1,2\n" * 20, r"No row of .* can be held out"),
    ],
)
def test_csv_refusals_name_the_place(tmp_path, text, sentence):
    file = tmp_path / "a.csv"
    file.write_text(text)
    with pytest.raises(UserError, match=sentence):
        points.load(str(file))


def test_csv_that_is_missing_or_no_text(tmp_path):
    with pytest.raises(UserError, match="nothing at"):
        points.load(str(tmp_path / "a.csv"))
    (tmp_path / "b.csv").write_bytes(b"\xff\xfe\0\x81")
    with pytest.raises(UserError, match="not a text file"):
        points.load(str(tmp_path / "b.csv"))


def test_survey_counts_what_is_there(photos):
    place = photos(30, "set/a")
    photos(20, "set/b", size=(60, 44), seed=1)
    (place / "twin.png").write_bytes((place / "000.png").read_bytes())
    (place / "bad.png").write_bytes(b"no")
    found = survey(str(place.parent))
    assert (found.count, found.training + found.held_out, found.duplicates) == (51, 51, 1)
    assert found.duplicate_groups == [["a/000.png", "a/twin.png"]]
    assert [(b.name, b.reason) for b in found.broken] == [("a/bad.png", "not a picture that can be read")]
    assert found.classes == {"a": 31, "b": 20}
    assert found.width is not None
    assert (found.width.min, found.width.median, found.width.max) == (40, 40, 60)
    assert found.formats == {"PNG": 51}
    assert found.flat == 0
    np.testing.assert_allclose(found.mean, 0.5, atol=0.02)
    assert json.loads(found.model_dump_json())["fingerprint"] == found.fingerprint
    console = Console(width=100, record=True, file=None)
    with console.capture() as shown:
        console.print(render(found))
    assert "a/000.png = a/twin.png" in shown.get()
    assert survey("ring").training == 100_000
