"""What cannot be learned from is refused with a sentence that says what was found and what to do."""

import importlib.util
import zipfile

import numpy as np
import pytest
from PIL import Image

from ganvas.core.errors import UserError
from ganvas.data import load as load_any
from ganvas.data.image import ImageSettings, load
from ganvas.data.points import PointsSettings


def said(path, settings: ImageSettings | None = None) -> str:
    with pytest.raises(UserError) as caught:
        load(str(path), settings)
    sentence = str(caught.value)
    assert sentence[-1] in ".?"
    assert "\n" not in sentence
    return sentence


def test_missing(tmp_path, photos):
    photos(1, "photos")
    assert said(tmp_path / "fotos").endswith(f"did you mean {tmp_path / 'photos'}?")
    assert said("fashon").endswith("did you mean fashion?")
    assert "fashion, emoji, ring, grid" in said(tmp_path / "nowhere" / "zzz")


def test_empty_folder_and_no_picture(tmp_path):
    (tmp_path / "empty").mkdir()
    assert "is an empty folder" in said(tmp_path / "empty")
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text("a")
    (tmp_path / "texts" / "b.md").write_text("b")
    assert "no picture in" in said(tmp_path / "texts")
    assert "only 2 files (.md, .txt)" in said(tmp_path / "texts")
    np.save(tmp_path / "texts" / "pictures.npy", np.zeros(3))
    assert f"give {tmp_path / 'texts' / 'pictures.npy'} itself" in said(tmp_path / "texts")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.txt", "a")
    assert "no picture in" in said(tmp_path / "a.zip")


def test_one_picture_and_other_files(tmp_path, photos):
    assert "is a single picture" in said(photos(1) / "000.png")
    (tmp_path / "a.pdf").write_bytes(b"%PDF")
    assert "none of the files that hold pictures" in said(tmp_path / "a.pdf")
    for name in ("a.zip", "a.tar.gz", "a.npy", "a.npz", "a-idx3-ubyte", "a-idx3-ubyte.gz"):
        (tmp_path / name).write_bytes(b"not at all")
        assert name in said(tmp_path / name)


def test_all_broken_and_too_many_broken(photos):
    place = photos(20)
    for i in range(3):
        (place / f"{i:03}.png").write_bytes(b"no")
    sentence = said(place)
    assert "3 of the 20 pictures in photos are broken (000.png: not a picture" in sentence
    for file in place.iterdir():
        file.write_bytes(b"no")
    assert "None of the 20 pictures in photos can be read" in said(place)


def test_truncated_ones_count_although_their_headers_are_whole(photos):
    place = photos(20)
    for i in range(3):
        (place / f"{i:03}.png").write_bytes((place / f"{i:03}.png").read_bytes()[:1000])
    assert "000.png: truncated" in said(place)


def test_bombs_count_as_broken(photos):
    place = photos(20)
    for i in range(3):
        Image.new("1", (10_000, 10_000)).save(place / f"{i:03}.png")
    assert "000.png: too large (10000x10000)" in said(place)


def test_too_few(photos):
    assert "photos holds 9 pictures that can be read; at least 10" in said(photos(9))


def test_nothing_to_hold_out(photos):
    place = photos(0)
    for i in range(20):
        Image.new("RGB", (32, 32), "red").save(place / f"{i}.png")
    assert "20 pictures are identical" in said(place)


def test_labels_wanted_but_none(photos):
    assert "has no labels" in said(photos(12), ImageSettings(labels=True))


def test_arrays_of_wrong_form(tmp_path):
    def of(array, **more):
        np.savez(tmp_path / "a.npz", images=array, **more)
        return said(tmp_path / "a.npz")

    assert "has shape (20, 8)" in of(np.zeros((20, 8), np.uint8))
    assert "has shape (20, 8, 8, 2)" in of(np.zeros((20, 8, 8, 2), np.uint8))
    assert "values from -1 to 1; expected 0 to 1" in of(np.linspace(-1, 1, 20 * 64).reshape(20, 8, 8))
    assert "nan" in of(np.full((20, 8, 8), np.nan))
    assert "complex" in of(np.zeros((20, 8, 8), complex))
    assert "20 pictures but 19 labels" in of(np.zeros((20, 8, 8), np.uint8), labels=np.arange(19))
    np.savez(tmp_path / "two.npz", a=np.zeros((2, 8, 8)), b=np.zeros((2, 8, 8)))
    assert "expected one array of pictures" in said(tmp_path / "two.npz")
    np.save(tmp_path / "o.npy", np.array([{}]), allow_pickle=True)
    assert "cannot be read as an .npy" in said(tmp_path / "o.npy")
    (tmp_path / "x-idx3-ubyte").write_bytes(bytes([0, 0, 8, 3, 0, 0, 0, 9, 0, 0, 0, 9, 0, 0, 0, 9, 1]))
    assert "it may be cut short" in said(tmp_path / "x-idx3-ubyte")


def test_an_encrypted_or_damaged_member_is_named(photos, tmp_path):
    place = photos(20)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for file in sorted(place.iterdir()):
            archive.write(file, file.name)
    damaged = bytearray((tmp_path / "a.zip").read_bytes())
    damaged[2000] ^= 255  # in the first member's data: its check sum no longer holds
    (tmp_path / "a.zip").write_bytes(damaged)
    assert any("000.png: Bad CRC-32" in note for note in load(str(tmp_path / "a.zip")).notes)


def test_a_cache_that_cannot_be_written(photos, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("GANVAS_CACHE", str(tmp_path / "file" / "cache"))
    assert "GANVAS_CACHE" in said(photos(12))


@pytest.mark.skipif(importlib.util.find_spec("datasets") is not None, reason="the extra is installed")
def test_the_hub_needs_its_extra():
    assert "pip install 'ganvas[hub]'" in said("hf:mnist")


def test_settings_of_another_kind(photos):
    place = photos(12)
    with pytest.raises(UserError, match=r"holds pictures, but the recipe learns points"):
        load_any.load(str(place), PointsSettings())
    assert load_any.kind_of("ring") == "points"
    assert load_any.kind_of(str(place)) == "image"
    assert load_any.kind_of("a/b.CSV") == "points"
    assert len(load_any.load(str(place))) > 0
