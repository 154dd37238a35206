"""Whatever way transcripts are laid out, each recording gets its own."""

import gzip

import pytest

from ganvas.data.load import kind_of
from ganvas.data.recordings import open_recordings
from ganvas.data.transcripts import find

TEXTS = {f"clip{k}": f"Sentence {k}, and its “end”; it has: all | the marks." for k in range(6)}
PLAIN = {key: text.replace(" | ", " ") for key, text in TEXTS.items()}
LAYOUTS = {
    "LJSpeech": ("metadata.csv", "".join(f"{k}|raw 4|{t}\n" for k, t in PLAIN.items())),
    "name|text": ("list.txt", "".join(f"wavs/{k}.wav|{t}\n" for k, t in PLAIN.items())),
    "tabs": ("text.tsv", "".join(f"{k}\t{t}\n" for k, t in TEXTS.items())),
    "prompts": ("sounds.txt", "; Sounds\n\n" + "".join(f"{k}: {t}\n" for k, t in TEXTS.items())),
    "words": ("a.trans.txt", "".join(f"{k} {t}\n" for k, t in TEXTS.items())),
    "table": ("all.csv", "path,text\n" + "".join(f'wavs/{k}.wav,"{t}"\n' for k, t in TEXTS.items())),
    "Windows": ("all.csv", "Text,FILE\n" + "".join(f'"{t}",.\\wavs\\{k}.wav\n' for k, t in TEXTS.items())),
}


def found_in(folder):
    return find(open_recordings(str(folder)))


@pytest.fixture
def recordings(tmp_path):
    folder = tmp_path / "voice"
    (folder / "wavs").mkdir(parents=True)
    for key in TEXTS:
        (folder / f"wavs/{key}.wav").write_bytes(b"")
    return folder


@pytest.mark.parametrize("layout", LAYOUTS)
def test_lists(recordings, layout):
    name, content = LAYOUTS[layout]
    (recordings / name).write_text(content)
    found = found_in(recordings).rows
    expected = PLAIN if layout in ("LJSpeech", "name|text") else TEXTS
    assert {key: row.text for key, row in found.items()} == {f"wavs/{k}.wav": t for k, t in expected.items()}


def test_texts_beside_and_in_a_folder_of_their_own(recordings):
    (recordings / "txt").mkdir()
    for k, (key, text) in enumerate(TEXTS.items()):
        (recordings / ("wavs" if k % 2 else "txt") / f"{key}.txt").write_text(f"{text}\n")
    (recordings / "README.txt").write_text("Recorded in a quiet room.")
    found = found_in(recordings)
    assert {row.text for row in found.rows.values()} == {*TEXTS.values()}
    assert not found.lost


def test_a_packed_list_of_prompts_whose_descriptions_are_no_text(recordings):
    lines = [f"wavs/{k}: ...{t} [a click]" for k, t in TEXTS.items()]
    lines[1:3] = ["wavs/clip1: [the sound of rain]", "wavs/clip9: Nobody said this."]
    (recordings / "core.txt.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    found = found_in(recordings)
    assert found.rows["wavs/clip0.wav"].text == TEXTS["clip0"]
    assert found.wordless == ["wavs/clip1.wav"]
    assert found.lost == ["wavs/clip9"]
    assert "wavs/clip2.wav" not in found.rows


def test_speakers_and_languages_are_columns(recordings):
    rows = "".join(f"{k}.wav,{t.split(',')[0]},{'ab'[n % 2]},en\n" for n, (k, t) in enumerate(TEXTS.items()))
    (recordings / "all.csv").write_text(f"file,sentence,speaker_id,locale\n{rows}")
    found = found_in(recordings).rows
    assert [row.speaker for row in found.values()] == [*"ababab"]
    assert {row.language for row in found.values()} == {"en"}


def test_a_column_of_few_values_is_the_speaker(recordings):
    (recordings / "list.txt").write_text("".join(f"{k}|3|{t}\n" for k, t in PLAIN.items()))
    found = found_in(recordings).rows
    assert {(row.speaker, row.text) for row in found.values()} == {("3", text) for text in PLAIN.values()}


def test_texts_that_are_no_transcripts_are_none(recordings):
    (recordings / "README.txt").write_text("A voice.\n\nclip1 was recorded: in the rain.\nOthers: not.\n" * 9)
    (recordings / "licence.csv").write_text("a,b\n1,2\n")
    assert not found_in(recordings).rows


def test_prose_and_numbers_are_no_lists_of_recordings(tmp_path):
    (tmp_path / "novel.txt").write_text(f"{'It was the best of times ' * 20}, and so on.wav\n" * 3)
    (tmp_path / "numbers.csv").write_text("x,y\n" + "0.5,1.5\n" * 20)
    (tmp_path / "broken.txt.gz").write_bytes(b"\x1f\x8b no")
    (tmp_path / "a.wav").write_bytes(b"")
    assert kind_of(str(tmp_path / "novel.txt")) == "text"
    assert kind_of(str(tmp_path / "numbers.csv")) == "points"
    assert not found_in(tmp_path).rows
