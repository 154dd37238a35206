"""Sets of pictures: where they come from, how they are split, what the cache saves."""

import gzip
import shutil
import struct
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ganvas.data import cache, decode, prepare
from ganvas.data.image import Images, ImageSettings, load


def everything(data: Images) -> dict[bytes, str]:
    """Every picture's pixels, and on which side of the split it is."""
    sides = {"training": data, "held out": data.held_out}
    return {
        p.numpy().tobytes(): s for s, d in sides.items() if d for p in d.fetch(np.arange(len(d)))["image"]
    }


def idx(array: np.ndarray) -> bytes:
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


@pytest.fixture
def decodes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Counts whole pictures decoded, and headers read."""
    counts = [0, 0]

    def counted(number, work):
        def run(*args, **options):
            counts[number] += 1
            return work(*args, **options)

        return run

    monkeypatch.setattr(prepare, "decode", counted(0, decode.decode))
    monkeypatch.setattr(prepare, "header", counted(1, decode.header))
    return counts


def test_a_folder_at_any_depth(photos):
    place = photos(20)
    photos(4, "photos/.hidden", seed=1)
    photos(4, "photos/__MACOSX", seed=2)
    shutil.move(place / "003.png", photos(0, "photos/deep/er") / "x.png")
    (place / "readme.txt").write_text("mine")
    data = load(str(place), ImageSettings(size=32))
    assert data.held_out is not None
    assert len(data) + len(data.held_out) == 20
    assert data.shape == (3, 32, 32)
    assert data.classes == ()
    assert "1 file (.txt) that are no pictures were left aside." in data.notes
    batch = data.fetch(np.array([3, 0, 3]))
    assert batch["image"].dtype == torch.uint8
    assert torch.equal(batch["image"][0], batch["image"][2])


@pytest.mark.parametrize("form", ["zip", "tar", "gztar", "xztar"])
def test_archives_hold_what_the_folder_holds(photos, tmp_path, form):
    place = photos(20)
    archive = shutil.make_archive(str(tmp_path / "packed"), form, place)
    assert everything(load(archive)) == everything(load(str(place)))


def test_npy_and_npz(tmp_path):
    random = np.random.default_rng(0)
    bytes_ = random.integers(0, 256, (30, 16, 16, 3), dtype=np.uint8)
    np.save(tmp_path / "a.npy", bytes_)
    np.save(tmp_path / "first.npy", bytes_.transpose(0, 3, 1, 2))
    np.save(tmp_path / "f.npy", bytes_ / np.float32(255))
    np.save(tmp_path / "u.npy", bytes_.astype(np.uint16) * 257)
    np.savez(tmp_path / "z.npz", images=bytes_, labels=np.arange(30) % 3)
    np.savez(tmp_path / "only.npz", something=bytes_, y=np.arange(30) % 3)
    expected = everything(load(str(tmp_path / "a.npy")))
    assert set(expected) == {p.tobytes() for p in bytes_.transpose(0, 3, 1, 2)}
    for name in ("first.npy", "f.npy", "u.npy", "z.npz", "only.npz"):
        assert everything(load(str(tmp_path / name))) == expected
    labelled = load(str(tmp_path / "only.npz"))
    assert labelled.classes == ("0", "1", "2")
    batch = labelled.fetch(np.arange(len(labelled)))
    rows = {p.tobytes(): i for i, p in enumerate(bytes_.transpose(0, 3, 1, 2))}
    assert [rows[p.numpy().tobytes()] % 3 for p in batch["image"]] == batch["label"].tolist()


def test_idx_files_with_their_own_test_part(tmp_path):
    random = np.random.default_rng(0)
    train, test = (random.integers(0, 256, (n, 28, 28), dtype=np.uint8) for n in (40, 12))
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(train)))
    (tmp_path / "train-labels-idx1-ubyte.gz").write_bytes(
        gzip.compress(idx(np.arange(40, dtype=np.uint8) % 10))
    )
    (tmp_path / "t10k-images-idx3-ubyte").write_bytes(idx(test))
    (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(idx(np.arange(12, dtype=np.uint8) % 10))
    data = load(str(tmp_path))
    assert data.held_out is not None
    assert (len(data), len(data.held_out)) == (40, 12)
    batch = data.fetch(np.arange(40))
    assert batch["label"].tolist() == [i % 10 for i in range(40)]
    padded = np.pad(train, ((0, 0), (2, 2), (2, 2)), constant_values=int(np.median(batch["image"][:, :, 0])))
    np.testing.assert_array_equal(batch["image"][:, 0], padded)
    single = load(str(tmp_path / "train-images-idx3-ubyte.gz"))
    assert single.held_out is not None
    assert len(single) + len(single.held_out) == 40


def test_subfolders_are_labels_only_if_they_can_be(photos):
    photos(12, "set/cats", seed=1)
    place = photos(12, "set/dogs", seed=2).parent
    data = load(str(place))
    assert data.classes == ("cats", "dogs")
    assert sorted(set(data.fetch(np.arange(len(data)))["label"].tolist())) == [0, 1]
    assert load(str(place), ImageSettings(labels=False)).classes == ()
    assert load(str(place.parent / "set")).classes == ("cats", "dogs")
    shutil.copy(place / "cats" / "000.png", place / "stray.png")
    assert load(str(place)).classes == ()
    photos(12, "parts/train", seed=1)
    parts = load(str(photos(12, "parts/test", seed=2).parent))
    assert parts.classes == ()
    assert any("parts of one set" in note for note in parts.notes)


def test_copies_fall_on_one_side_whatever_their_names_and_formats(photos):
    place = photos(30)
    alone = everything(load(str(place)))
    for i in range(30):
        Image.open(place / f"{i:03}.png").save(place / f"z{29 - i}.bmp")
    both = load(str(place))
    sides = [
        {p.numpy().tobytes() for p in d.fetch(np.arange(len(d)))["image"]} for d in (both, both.held_out) if d
    ]
    assert not sides[0] & sides[1]
    assert everything(both) == alone
    assert any("30 pictures are copies" in note for note in both.notes)


def test_the_split_is_stable_when_pictures_are_added(photos):
    place = photos(60)
    before = everything(load(str(place)))
    photos(60, "photos/more", seed=1)
    after = everything(load(str(place)))
    assert before.items() <= after.items()


def test_the_share_held_out_is_near_what_is_asked(tmp_path):
    pictures = np.random.default_rng(0).integers(0, 256, (2000, 8, 8), dtype=np.uint8)
    np.save(tmp_path / "a.npy", pictures)
    data = load(str(tmp_path / "a.npy"), ImageSettings(size=16, held_out=0.25))
    assert data.held_out is not None
    assert abs(len(data.held_out) - 500) < 4 * np.sqrt(2000 * 0.25 * 0.75)
    assert load(str(tmp_path / "a.npy"), ImageSettings(size=16, held_out=0)).held_out is None


def test_a_second_load_opens_nothing(photos, decodes):
    place = photos(20)
    first = load(str(place))
    assert decodes == [20, 20]
    again = load(str(place), ImageSettings(flip=True))
    assert decodes == [20, 20]
    assert first.fingerprint == again.fingerprint
    assert everything(first) == everything(again)


def test_the_fingerprint_is_of_content_not_of_place_or_time(photos, tmp_path, decodes):
    place = photos(20)
    first = load(str(place))
    shutil.copytree(place, tmp_path / "elsewhere")  # new path, new inodes
    (tmp_path / "elsewhere" / "000.png").touch()
    assert load(str(tmp_path / "elsewhere")).fingerprint == first.fingerprint
    assert decodes == [20, 40]  # read to be compared, not decoded again
    Image.new("RGB", (40, 40), "red").save(place / "000.png")
    assert load(str(place)).fingerprint != first.fingerprint
    assert load(str(place), ImageSettings(size=16)).fingerprint != load(str(place)).fingerprint


def test_a_damaged_cache_is_made_anew(photos, own_cache, decodes):
    place = photos(20)
    first = load(str(place))
    expected = everything(first)
    file = own_cache / "images" / first.fingerprint / "pixels.u8"
    file.write_bytes(file.read_bytes()[:-1])
    assert everything(load(str(place))) == expected
    assert decodes == [40, 40]
    assert not list((own_cache / "images").glob(".building*"))


def test_nothing_is_left_of_a_build_that_failed(own_cache):
    def fail() -> None:
        with cache.building("f") as folder:
            (folder / "pixels.u8").write_bytes(b"half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert list((own_cache / "images").iterdir()) == []


def test_of_two_processes_one_result_stays(own_cache):
    with cache.building("f") as slow:
        with cache.building("f") as fast:
            write_set(fast, 1)
        write_set(slow, 2)
    found = cache.read("f")
    assert found is not None
    assert found.pixels[0, 0, 0, 0] == 1
    assert [p.name for p in (own_cache / "images").iterdir()] == ["f"]


def write_set(folder: Path, value: int) -> None:
    (folder / "pixels.u8").write_bytes(bytes([value]))
    (folder / "facts.json").write_text('{"shape": [1, 1, 1, 1]}')
    np.savez(folder / "table.npz", label=np.zeros(1))


def test_progress_ends_at_its_total(photos):
    seen: list[tuple[int, int]] = []
    load(str(photos(15)), None, lambda done, total: seen.append((done, total)))
    assert seen[-1] == (30, 30)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


@pytest.mark.parametrize(("side", "size"), [(12, 16), (20, 16), (28, 32), (40, 32), (50, 64), (200, 64)])
def test_the_size_chosen_is_the_nearest_power(photos, side, size):
    assert load(str(photos(12, size=(side + 3, side)))).shape == (3, size, size)


def test_grey_stays_grey_and_a_mixture_becomes_colour(photos):
    place = photos(0)
    for i in range(20):
        Image.fromarray(np.random.default_rng(i).integers(0, 256, (32, 32), dtype=np.uint8)).save(
            place / f"{i}.png"
        )
    assert load(str(place)).shape == (1, 32, 32)
    Image.new("RGB", (32, 32), "red").save(place / "red.png")
    mixed = load(str(place))
    assert mixed.shape == (3, 32, 32)
    assert "20 grey pictures are converted to colour (--image.channels 1 makes all grey)." in mixed.notes


def test_broken_files_are_named_and_skipped(photos):
    place = photos(40)
    (place / "007.png").write_bytes((place / "007.png").read_bytes()[:900])
    (place / "013.png").write_bytes(b"")
    data = load(str(place))
    assert data.held_out is not None
    assert len(data) + len(data.held_out) == 38
    (note,) = (n for n in data.notes if "broken" in n)
    assert note == "2 broken files are left out (007.png: truncated; 013.png: empty file)."


def test_ready_gives_unit_range_and_mirrors_half(photos):
    data = load(str(photos(20)), ImageSettings(flip=True, size=32))
    batch = data.fetch(np.zeros(400, int))
    torch.manual_seed(0)
    ready = data.ready(batch)["image"]
    plain = batch["image"].float() / 127.5 - 1
    assert ready.dtype == torch.float32
    assert ready.min() >= -1
    assert ready.max() <= 1
    mirrored = torch.tensor([torch.equal(r, p.flip(-1)) for r, p in zip(ready, plain, strict=True)])
    kept = torch.tensor([torch.equal(r, p) for r, p in zip(ready, plain, strict=True)])
    assert (mirrored ^ kept).all()
    assert 150 < mirrored.sum() < 250
    torch.manual_seed(0)
    assert torch.equal(data.ready(batch)["image"], ready)
    assert data.held_out is not None
    aside = data.held_out.fetch(np.zeros(9, int))
    assert torch.equal(data.held_out.ready(aside)["image"], aside["image"].float() / 127.5 - 1)


def test_archives_within_archives_of_one_root_folder_keep_labels(photos, tmp_path):
    photos(10, "root/set/cats", seed=1)
    photos(10, "root/set/dogs", seed=2)
    for suffix, pack in ((".zip", zip_all), (".tar", tar_all)):
        archive = tmp_path / f"a{suffix}"
        pack(tmp_path / "root", archive)
        assert load(str(archive)).classes == ("cats", "dogs")


def zip_all(folder: Path, archive: Path) -> None:
    with zipfile.ZipFile(archive, "w") as file:
        for path in folder.rglob("*.png"):
            file.write(path, path.relative_to(folder))


def tar_all(folder: Path, archive: Path) -> None:
    with tarfile.open(archive, "w") as file:
        file.add(folder, "set-1.0")
