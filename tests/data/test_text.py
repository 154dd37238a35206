"""Text comes out as the same characters, whatever it is in, some of them held out, or is refused."""

import json
import shutil
import zipfile

import numpy as np
import pytest
import torch

from ganvas.core.errors import UserError
from ganvas.data.load import kind_of, load
from ganvas.data.survey import survey
from ganvas.data.text import TextSettings, windows
from ganvas.data.vocabulary import Vocabulary, learn

rng = np.random.default_rng(0)
ANY = bytes(rng.integers(256, size=5_000, dtype=np.uint8))
STRANGE = "Zoë\u0301 山中\u00a0🧪\x00\x1f\r\n\t" + "".join(map(chr, range(0x250))) + "x" * 999
LINES = [f"line {k} says {'la ' * (k % 5)}".strip() for k in range(200)]
SMALL = TextSettings(context=16)


def written(folder, name, text):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


def test_raw_bytes_come_back_whatever_they_are():
    words = Vocabulary()
    assert words.size == 256
    assert words.decode(words.encode(ANY.decode("utf-8", "surrogateescape")).tolist()) == ANY


@pytest.mark.parametrize("ends", [False, True])
def test_joined_pairs_come_back_whatever_the_text_and_are_fewer(ends):
    text = "\n".join(LINES)
    words = learn([text], 400, ends)
    assert words.size <= 400
    for one in (text, STRANGE, "", ANY.decode("latin-1")):
        assert words.decode(words.encode(one).tolist()) == one.encode()
    assert len(words.encode(text)) < len(text) / 2
    assert Vocabulary.model_validate(json.loads(words.model_dump_json())).pieces == words.pieces


def test_without_the_package_bytes_work_and_pairs_say_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "tokenizers", None)
    path = written(tmp_path, "a.txt", "To be, or not to be.\n\n" * 50)
    assert load(path, SMALL).spec.vocabulary.size == 256
    with pytest.raises(UserError, match=r"needs the package `tokenizers`: pip install 'ganvas\[text\]'"):
        load(path, TextSettings(context=16, vocabulary=300))


@pytest.mark.parametrize(
    ("raw", "encoding"),
    [("utf-8-sig", "utf-8"), ("utf-16", "utf-16"), ("utf-32", "utf-32"), ("cp1251", "cp1251")],
)
def test_encodings_are_found_out_and_said(tmp_path, raw, encoding):
    text = "Мы должны быть готовы ко всему, что может случиться с нами.\n\nИ это всё.\n" * 20
    data = load(written(tmp_path, "a.txt", text.encode(raw)), SMALL)
    assert (data.bytes() + data.held_out.bytes()).decode() == text
    said = any(f"is read as {encoding}" in note for note in data.notes)
    assert said == (encoding != "utf-8")


def test_running_text_is_cut_at_nine_tenths(tmp_path):
    text = "".join(rng.choice(list("ab cdé\n"), 5_000)) + "\n\nend"
    data = load(written(tmp_path, "a.txt", text), SMALL)
    at = int(0.9 * len(text))
    assert data.bytes().decode() == text[:at]
    assert data.held_out.bytes().decode() == text[at:]
    batch = data.fetch(np.array([0, len(data) - 1]))
    drawn = torch.cat([data.ready(batch)["text"] for _ in range(50)]).numpy()
    assert drawn.shape[1] == 17
    assert all(bytes(row.astype(np.uint8)) in text[:at].encode() for row in drawn)


def test_lines_without_a_blank_one_are_items_and_copies_are_on_one_side(tmp_path):
    path = written(tmp_path, "a.txt", "\n".join(LINES * 2))
    data = load(path, SMALL)
    both = [[data.vocabulary.text(t) for t in part.documents()] for part in (data, data.held_out)]
    assert sorted(both[0] + both[1]) == sorted(LINES * 2)
    assert not set(both[0]) & set(both[1])
    assert 0.02 < len(both[1]) / 400 < 0.25
    assert any("is taken for an item" in note for note in data.notes)
    assert load(path, TextSettings(context=16, unit="running")).running


def test_every_item_that_fits_into_a_window_is_whole_in_one():
    lengths = rng.integers(1, 30, 300)
    starts = np.concatenate([[0], np.cumsum(lengths + 1)])
    count, context = int(starts[-1]) + 1, 20
    first = windows(starts[:-1], count, context)
    for start, length in zip(starts[:-1], lengths, strict=True):
        whole = (first <= start) & (start + length + 1 <= first + context)
        assert whole.any() or length + 1 > context
    covered = np.zeros(count, bool)
    for place in first:
        covered[place : place + context + 1] = True
    assert covered.all()


def test_rows_columns_and_folders_hold_items(tmp_path):
    rows = [{"text": line, "body": line.upper()} for line in LINES]
    path = written(tmp_path, "a.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    assert load(path, SMALL).documents()[0].size
    table = written(
        tmp_path, "a.csv", "id,body\n" + "".join(f'{k},"{x}, {x}"\n' for k, x in enumerate(LINES))
    )
    data = load(table, TextSettings(context=16, column="body"))
    both = {data.vocabulary.text(tokens) for part in (data, data.held_out) for tokens in part.documents()}
    assert both == {f"{line}, {line}" for line in LINES}
    assert (kind_of(table), kind_of(table, ["text.column"])) == ("points", "text")
    (tmp_path / "folder/deep").mkdir(parents=True)
    for k in range(30):
        written(tmp_path / "folder/deep", f"{k}.txt", f"Document {k}.\n\nIts second paragraph.")
    assert kind_of(str(tmp_path / "folder")) == "text"
    found = survey(str(tmp_path / "folder"), SMALL)
    assert (found.count, found.training + found.held_out) == (30, 30)
    assert found.text.scripts == {"Latin": 30 * 26}


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz"])
def test_an_archive_holds_what_its_folder_holds(tmp_path, name):
    folder = tmp_path / "folder"
    folder.mkdir()
    for k in range(30):
        written(folder, f"{k}.txt", f"Document {k}.\n\nIts second paragraph.")
    kind = "zip" if name.endswith("zip") else "gztar"
    path = shutil.make_archive(str(tmp_path / "a"), kind, tmp_path, "folder")
    assert path == str(tmp_path / name)
    assert kind_of(path) == "text"
    packed, plain = load(path, SMALL), load(str(folder), SMALL)
    pairs = zip(packed.documents(), plain.documents(), strict=True)
    assert all(np.array_equal(a, b) for a, b in pairs)


def test_a_damaged_archive_and_one_without_text_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.txt", "a line\n" * 200)
    raw = bytearray((tmp_path / "a.zip").read_bytes())
    raw[40] ^= 255  # in the packed text
    (tmp_path / "a.zip").write_bytes(raw)
    with pytest.raises(UserError, match=r"a\.zip cannot be unpacked: .*CRC.*; pack it again"):
        load(str(tmp_path / "a.zip"), SMALL)
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("a.exe", "MZ")
    with pytest.raises(UserError, match=r"There is no text in .*b\.zip; expected .txt"):
        load(str(tmp_path / "b.zip"), SMALL)


def test_labels_stand_before_items_and_are_no_text(tmp_path):
    rows = [{"text": line, "by": k % 3} for k, line in enumerate(LINES)]
    path = written(tmp_path, "a.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    table = written(tmp_path, "a.csv", "text,by\n" + "".join(f'"{r["text"]}",{r["by"]}\n' for r in rows))
    labelled = TextSettings(context=16, column="text", label="by")
    plain = load(path, SMALL)
    for place in (path, table):
        data = load(place, labelled)
        words, documents = data.vocabulary, data.documents()
        assert words.labels == ("0", "1", "2")
        assert (words.size, words.plain, words.end) == (256 + 3 + 1, 256, 259)
        for tokens in documents:
            k = LINES.index(words.text(tokens))
            assert tokens[0] == words.label(k % 3) == 256 + k % 3
        assert data.bytes() == plain.bytes()
        assert words.lengths.tolist() == [1] * 256 + [0] * 3 + [1]
    with pytest.raises(UserError, match="no “author” that is text, only text, by"):
        load(path, TextSettings(context=16, label="author"))
    with pytest.raises(UserError, match=r"no column 'author'; it has text, by"):
        load(table, TextSettings(context=16, column="text", label="author"))
    with pytest.raises(UserError, match=r"--text\.label goes with \.csv and \.jsonl"):
        load(written(tmp_path, "a.txt", "\n".join(LINES)), labelled)
    alone = written(tmp_path, "b.jsonl", "".join(json.dumps({"text": x, "by": x}) + "\n" for x in LINES))
    with pytest.raises(UserError, match="200 different labels, and a model learns 100 at most"):
        load(alone, TextSettings(context=16, label="by"))


def test_a_survey_counts(tmp_path):
    path = written(tmp_path, "a.jsonl", "".join(json.dumps({"text": x}) + "\n" for x in [*LINES, *LINES[:5]]))
    found = survey(path, SMALL)
    assert (found.count, found.duplicates) == (205, 5)
    assert found.text.characters == sum(map(len, [*LINES, *LINES[:5]]))
    assert found.text.tokens == found.text.characters + 205 + 2
    assert found.text.longest_lines[0][0] == max(map(len, LINES))
    assert found.settings == {"text.context": 16}


def test_prepared_text_is_taken_from_the_cache_and_anew_when_it_changes(tmp_path):
    path = written(tmp_path, "a.txt", "one text\n\n" * 100)
    first, again = load(path, SMALL), load(path, SMALL)
    assert first.fingerprint == again.fingerprint
    assert np.array_equal(first.part.tokens, again.part.tokens)
    written(tmp_path, "a.txt", "another text\n\n" * 100)
    assert load(path, SMALL).fingerprint != first.fingerprint


CHAT = {"messages": [{"role": "user", "content": "Hi"}]}
BAD = {
    "empty file": ("a.txt", "", r"a.txt holds no text: nothing in it but blanks"),
    "blank": ("a.txt", " \n\n ", r"nothing in it but blanks"),
    "zeros in it": ("a.txt", bytes(range(256)) * 4, r"is not text: there are zero bytes"),
    "noise": (
        "a.txt",
        bytes(rng.integers(1, 32, 999, dtype=np.uint8)),
        r"is not text: \d+% of it are control",
    ),
    "UTF-16 that is none": (
        "a.txt",
        b"\xff\xfe" + b"\x00\xd8" * 50,
        r"begins as UTF-16 does, but is none at",
    ),
    "fewer tokens than the context": (
        "a.txt",
        "To be.",
        r"5 tokens to train on, and a window takes 17; give",
    ),
    "a chat": ("a.jsonl", json.dumps(CHAT), r"line 1: no reply, which is a turn of the assistant"),
    "no JSON": ("a.jsonl", "text\n" * 9, r"9 of 9 rows cannot be read, more than a tenth .*line 1: no JSON"),
    "other names": ("a.jsonl", '{"body": "x"}\n' * 9, r"line 1: no “text” that is text, only body"),
    "no column": (
        "a.csv",
        "id,body\n1,x\n",
        r"has the columns id, body; say which holds text: --text.column",
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_text_is_refused(tmp_path, what):
    name, content, sentence = BAD[what]
    with pytest.raises(UserError, match=sentence):
        load(written(tmp_path, name, content), SMALL)


def test_one_endless_line_is_running_text(tmp_path):
    data = load(written(tmp_path, "a.txt", "word " * 50_000), SMALL)
    assert data.running
    assert data.bytes() + data.held_out.bytes() == b"word " * 50_000


def test_a_column_misspelt_is_proposed(tmp_path):
    path = written(tmp_path, "a.csv", "id,body\n1,x\n")
    with pytest.raises(UserError, match=r"no column 'bdy'; did you mean 'body'\?"):
        load(path, TextSettings(column="bdy"))


def test_the_shipped_texts_are_there():
    poems, kjv = load("poems"), load("kjv")
    assert (len(poems.documents()) + len(poems.held_out.documents()), kjv.running) == (8_000, True)
    lines = poems.vocabulary.text(poems.documents()[0]).split("\n")
    assert {len(line) for line in lines} <= {12, 16}
    assert kjv.bytes().startswith(b"Matthew 1\n\n1 The book of the generation")
