"""What is said in recordings: texts beside them, or a list of names and texts, whatever its form."""

import csv
import gzip
import io
import re
import zlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from ganvas.core.errors import UserError
from ganvas.data.decoding import decoded
from ganvas.data.recordings import PACKED, Recordings

BESIDE = (".txt", ".lab")
"""Of files that hold what is said in the recording of the same name."""
SEPARATORS = ("|", "\t", ",", ":", " ")
"""Between a name and a text; that one is taken by which most names are names of recordings."""
TABULAR = SEPARATORS[:3]
COLUMNS = {
    "key": (
        "path",
        "file",
        "file_name",
        "filename",
        "audio",
        "audio_file",
        "wav",
        "sound",
        "clip",
        "id",
        "name",
    ),
    "text": ("text", "normalized_text", "sentence", "transcript", "transcription", "raw_text"),
    "speaker": ("speaker", "speaker_id", "speaker_name", "client_id"),
    "language": ("language", "lang", "locale"),
}
"""Headings of a table, in lower case, for each thing in it; the first that is there counts."""
ENOUGH = 0.5
"""Share of the lines, or of the recordings, that fit together in a file of transcripts."""
FEW = 0.1
"""Different values a row, up to which a column holds speakers and not texts."""
DESCRIPTION = re.compile(r"\[[^]]*]|<[^>]*>|\([^)]*\)")
"""In lists of prompts (`key: text`): what is heard, and is no text."""


@dataclass(frozen=True)
class Row:
    """One transcript."""

    key: str
    """The recording, as the list names it."""
    text: str
    speaker: str = ""
    language: str = ""


@dataclass
class Transcripts:
    """Those of a set of recordings."""

    rows: dict[str, Row] = field(default_factory=dict)
    """By the name of the recording."""
    lost: list[str] = field(default_factory=list)
    """Keys that are the name of no recording."""
    wordless: list[str] = field(default_factory=list)
    """Recordings whose transcript has no words."""
    foreign: list[str] = field(default_factory=list)
    """Recordings of another language than is wanted."""


def find(recordings: Recordings) -> Transcripts:
    """Every transcript that fits one of the recordings; none at all, if there are none."""
    found, names = Transcripts(), _names(recordings.sounds)
    tables: dict[str, bytes] = {}
    for name, read in recordings.texts.items():
        path = PurePosixPath(name)
        stems = (str(path.with_suffix("")), path.stem) if path.suffix.lower() in BESIDE else ()
        sound = next((s for stem in stems if (s := _resolved(stem, "", names))), None)
        if sound:
            _put(found, sound, Row(path.stem, tidy(decoded(read(), name)[0])))
        else:
            tables[name] = read()
    for name, raw in tables.items():
        _add(found, name, raw, names, len(recordings.sounds))
    return found


def rows(name: str, raw: bytes, names: dict[str, list[str]] | None = None) -> list[Row]:
    """The rows of a file of transcripts; without `names` of recordings its form is told by its lines."""
    try:
        text = decoded(gzip.decompress(raw) if name.lower().endswith(PACKED) else raw, name)[0]
    except (UserError, OSError, EOFError, zlib.error):  # no text, or damaged: it may be anything
        return []
    if headed := _headed(text):
        return headed
    lines = [line for line in text.split("\n") if line.strip() and line[0] not in ";#"]
    parent = str(PurePosixPath(name).parent)

    def fitting(separator: str) -> int:
        keys = [line.partition(separator) for line in lines]
        if names is None:
            return sum(bool(rest.strip()) for _, _, rest in keys)
        return sum(bool(rest.strip() and _resolved(key, parent, names)) for key, _, rest in keys)

    separator = max(SEPARATORS, key=fitting)
    if not fitting(separator):
        return []
    if separator in TABULAR:
        return [*_cells(lines, separator)]
    pairs = [line.partition(separator) for line in lines]
    said = DESCRIPTION if separator == ":" else re.compile("$^")
    return [Row(key.strip(), tidy(said.sub("", rest))) for key, _, rest in pairs if rest.strip()]


def tidy(text: str) -> str:
    """Of one line, without the dots of a sentence that began elsewhere."""
    return re.sub(r"^(\.{2,}|…)\s*", "", " ".join(text.split()))


def _add(found: Transcripts, name: str, raw: bytes, names: dict[str, list[str]], sounds: int) -> None:
    """What a file holds, if it holds transcripts of these recordings."""
    parent = str(PurePosixPath(name).parent)
    pairs = [(row, _resolved(row.key, parent, names)) for row in rows(name, raw, names)]
    fitting = len({sound for _, sound in pairs if sound})
    if not fitting or fitting < ENOUGH * min(len({row.key for row, _ in pairs}), sounds):
        return
    for row, sound in pairs:
        if sound is None:
            found.lost.append(row.key)
        else:
            _put(found, sound, row)


def _put(found: Transcripts, sound: str, row: Row) -> None:
    if sound in found.rows or sound in found.wordless:
        return
    if any(letter.isalnum() for letter in row.text):
        found.rows[sound] = row
    else:
        found.wordless.append(sound)


def _headed(text: str) -> list[Row]:
    """The rows of a table whose first line names its columns."""
    head = text.partition("\n")[0]
    separator = max(TABULAR, key=head.count)
    table = _table(text.split("\n"), separator)
    heads = [cell.strip().lower() for cell in next(table, [])]
    places = {
        what: next((heads.index(name) for name in known if name in heads), None)
        for what, known in COLUMNS.items()
    }
    if places["key"] is None or places["text"] is None:
        return []
    wanted = {what: place for what, place in places.items() if place is not None}
    found = []
    for cells in table:
        if len(cells) > max(places["key"], places["text"]):
            values = {what: cells[p].strip() for what, p in wanted.items() if p < len(cells)}
            found.append(Row(**(values | {"text": tidy(values["text"])})))
    return found


def _table(lines: Sequence[str], separator: str) -> Iterator[list[str]]:
    """Cells, quoted or not; where bars stand between them, quotes belong to the text (LJSpeech)."""
    csv.field_size_limit(1 << 30)
    quoting = csv.QUOTE_NONE if separator == "|" else csv.QUOTE_MINIMAL
    return csv.reader(io.StringIO("\n".join(lines)), delimiter=separator, quoting=quoting)


def _cells(lines: Sequence[str], separator: str) -> Iterator[Row]:
    """Rows without a head: key and text; or key, text and text in words (LJSpeech), or one is a speaker."""
    table = [[cell.strip() for cell in cells] for cells in _table(lines, separator) if len(cells) > 1]
    width = min((len(cells) for cells in table), default=0)
    speaker = None
    if width > 2:
        different = {k: len({cells[k] for cells in table}) for k in (1, 2)}
        fewest = min(different, key=lambda k: different[k])
        speaker = fewest if different[fewest] <= max(1, FEW * len(table)) else None
    for cells in table:
        rest = [cell for k, cell in enumerate(cells[1:], 1) if k != speaker]
        text = tidy(next((cell for cell in reversed(rest[:2]) if cell), ""))
        yield Row(cells[0], text, cells[speaker] if speaker else "")


def _names(sounds: Mapping[str, object]) -> dict[str, list[str]]:
    """Recordings by every tail of their path, with and without suffix."""
    found: dict[str, list[str]] = defaultdict(list)
    for name in sounds:
        path = PurePosixPath(name)
        for whole in (path, path.with_suffix("")):
            for k in range(len(whole.parts)):
                found["/".join(whole.parts[k:])].append(name)
    return found


def _resolved(key: str, parent: str, names: dict[str, list[str]]) -> str | None:
    """The recording that is meant, if there is just one."""
    key = key.strip().replace("\\", "/").removeprefix("./")
    for tried in (key, f"{parent}/{key}"):
        found = names.get(tried, [])
        exact = [name for name in found if tried in (name, str(PurePosixPath(name).with_suffix("")))]
        if len(found) == 1 or len(exact) == 1:
            return (exact or found)[0]
    return None
