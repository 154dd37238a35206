"""Where text comes from: running text, or items, in files of lines, rows or tables, or one file each."""

import csv
import difflib
import io
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ganvas.core.errors import UserError
from ganvas.data import hub
from ganvas.data.archives import Read, is_archive, names, open_archive
from ganvas.data.chats import NAMES, Chat, chat_of, is_chat
from ganvas.data.decoding import decoded
from ganvas.data.sources import missing, stamp_of, walk
from ganvas.data.table import SEPARATORS
from ganvas.data.vocabulary import Labelled

PLAIN, ROWS, TABLES = (".txt", ".text", ".md"), (".jsonl", ".ndjson"), (".csv", ".tsv")
SUFFIXES = (*PLAIN, *ROWS)
"""Of files that hold text and nothing else."""
LINES = 100
"""Lines from which on a file without a blank one is taken for a list of items."""
FEWEST = 20
"""Items, below which they are no set to hold some out of."""
KINDS = 100
"""Labels at most."""
BROKEN_SHARE = 0.1
COLUMN = "text"
Unit = Literal["auto", "running", "lines", "files", "numbers"]


@dataclass
class Corpus:
    """What was read: items (all chats, or none), or one or a few running texts."""

    documents: list[str] = field(default_factory=list)
    running: bool = False
    chats: bool = False
    labels: tuple[str, ...] = ()
    """Of items that are labelled, all of them: which there are."""
    numbers: int = 0
    """Where items are whole numbers: how many there are up to the largest."""
    notes: list[str] = field(default_factory=list)
    encodings: Counter[str] = field(default_factory=Counter)
    """Files of each."""
    broken: list[str] = field(default_factory=list)
    """Rows that could not be read, and why."""
    rows: int = 0
    """All of them."""


@dataclass(frozen=True)
class TextSource:
    """What lies at a path. `stamp` (JSON) changes when the files do, and needs no file to be read."""

    name: str
    stamp: Any
    read: Callable[[], Corpus]


def holds_text(path: str) -> bool:
    """Whether it is a file of text, a folder or an archive with such in it and no picture, or rows of text of
    the hub."""
    from ganvas.data.sources import PICTURES

    if path.startswith("hf:"):
        return hub.holds_text(path, (COLUMN, *NAMES))
    place = Path(path).expanduser()
    if place.is_dir():
        files = map(str, walk(place))
    elif is_archive(place) and place.is_file():
        files = names(place)
    else:
        return place.suffix.lower() in SUFFIXES
    found = False
    for suffix in (Path(file).suffix.lower() for file in files):
        if suffix in PICTURES:
            return False
        found |= suffix in SUFFIXES
    return found


def open_text(
    path: str, unit: Unit = "auto", column: str | None = None, label: str | None = None
) -> TextSource:
    """The text at a path, or under a built-in name."""
    from ganvas.data import builtin

    if path in builtin.TEXTS:
        file = builtin.text_file(path)
        packed = [(file.name.removesuffix(file.suffix), lambda: _unpacked(file))]
        return TextSource(path, [file.name, file.stat().st_size], lambda: _read(packed, unit, column, label))
    if path.startswith("hf:"):
        rows, stamp = hub.rows(path)
        return TextSource(path, stamp, lambda: _read([(path, rows)], unit, column, label))
    place = Path(path).expanduser()
    if not place.exists():
        raise missing(path)
    known = (*SUFFIXES, *(TABLES if column else ()))
    if is_archive(place):
        return TextSource(
            place.name,
            stamp_of([place]),
            lambda: _read(_packed(place, known), unit, column, label),
        )
    if not place.is_dir():
        if place.suffix.lower() not in (*SUFFIXES, *TABLES):
            raise UserError(f"{path} is none of the files that hold text; expected {_expected()}")
        alone = [(str(place), place.read_bytes)]
        return TextSource(place.name, stamp_of([place]), lambda: _read(alone, unit, column, label))
    files = sorted(f for f in walk(place) if f.suffix.lower() in known)
    if not files:
        raise UserError(f"There is no text in {place}; expected {_expected()}")
    named = [(f.relative_to(place).as_posix(), f.read_bytes) for f in files]
    return TextSource(place.absolute().name, stamp_of(files), lambda: _read(named, unit, column, label))


def _packed(place: Path, known: Sequence[str]) -> list[tuple[str, Read]]:
    """The files of text in an archive, sorted by name."""
    archive = open_archive(place)
    try:
        found = {n: read() for n, read in archive.files.items() if Path(n).suffix.lower() in known}
    except Exception as error:  # damaged archives raise anything
        raise UserError(f"{place} cannot be unpacked: {error}; pack it again") from error
    finally:
        archive.close()
    if not found:
        raise UserError(f"There is no text in {place}; expected {_expected()}")
    return [(name, lambda raw=found[name]: raw) for name in sorted(found)]


def _expected() -> str:
    return (
        f"{', '.join(SUFFIXES)} files, a .csv with --text.column, a folder or an archive of such, or a "
        f"built-in set"
    )


def _read(files: list[tuple[str, Read]], unit: Unit, column: str | None, label: str | None) -> Corpus:
    corpus = Corpus()
    alone = len(files) == 1
    for name, read in files:
        text, encoding = decoded(read(), name)
        corpus.encodings[encoding] += 1
        if encoding != "utf-8":
            corpus.notes.append(f"{name} is read as {encoding}.")
        suffix = Path(name).suffix.lower()
        if suffix in ROWS or name.startswith("hf:"):
            corpus.documents += _rows(text, name, column or COLUMN, label, corpus)
        elif suffix in TABLES:
            corpus.documents += _cells(text, name, column, label, corpus)
        else:
            if label is not None:
                raise UserError(f"{name} has no column {label!r}: --text.label goes with .csv and .jsonl")
            corpus.documents += _plain(text, name, unit, alone, corpus)
    return _sorted_out(corpus, " ".join(name for name, _ in files[:1]) if alone else "The files", unit, alone)


def _unpacked(file: Path) -> bytes:
    """Of a built-in text."""
    import gzip
    import lzma

    return {".gz": gzip.decompress, ".xz": lzma.decompress}[file.suffix](file.read_bytes())


def _plain(text: str, name: str, unit: Unit, alone: bool, corpus: Corpus) -> list[str]:
    """A list of items, where that is asked for or no line of many is blank; else the whole."""
    lines = text.strip("\n").split("\n")
    listed = len(lines) >= LINES and all(line.strip() for line in lines)
    if unit in ("lines", "numbers") or (unit == "auto" and alone and listed):
        if unit == "auto":
            corpus.notes.append(
                f"None of the {len(lines):,} lines of {name} is blank, so each is taken for an item "
                f"(--text.unit running takes them for one text)."
            )
        return [line.strip() for line in lines]
    return [text]


def _rows(text: str, name: str, column: str, label: str | None, corpus: Corpus) -> Iterator[str]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        corpus.rows += 1
        try:
            row = json.loads(line)
        except ValueError:
            corpus.broken.append(f"{name}, line {number}: no JSON")
            continue
        if is_chat(row):
            try:
                if label is not None:
                    raise ValueError("a chat, which takes no label")
                yield chat_of(row)
            except ValueError as error:
                corpus.broken.append(f"{name}, line {number}: {error}")
            continue
        row = row if isinstance(row, dict) else {}
        value, kind = row.get(column), None if label is None else row.get(label)
        lacks_kind = label is not None and not isinstance(kind, str | int)
        if lacks_kind or not isinstance(value, str):
            has = f"only {', '.join(map(str, row))}" if row else "no such thing"
            lacking = column if not isinstance(value, str) else label
            corpus.broken.append(f"{name}, line {number}: no “{lacking}” that is text, {has}")
            continue
        yield _labelled(value, kind)


def _cells(text: str, name: str, column: str | None, label: str | None, corpus: Corpus) -> Iterator[str]:
    csv.field_size_limit(1 << 30)
    head = text.partition("\n")[0]
    separator = max(SEPARATORS[:-1], key=head.count)
    rows = csv.reader(io.StringIO(text), delimiter=separator)
    columns = [cell.strip() for cell in next(rows, [])]
    if column is None:
        has = ", ".join(columns)
        raise UserError(f"{name} has the columns {has}; say which holds text: --text.column NAME")
    wanted = [column] if label is None else [column, label]
    for one in wanted:
        if one not in columns:
            near = difflib.get_close_matches(one, columns, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(columns)}"
            raise UserError(f"{name} has no column {one!r}; {hint}")
    places = [columns.index(one) for one in wanted]
    for row in rows:
        if not any(row):
            continue
        corpus.rows += 1
        if max(places) < len(row):
            yield _labelled(*(row[place].replace("\r\n", "\n") for place in places))
        else:
            corpus.broken.append(f"{name}, row {rows.line_num}: {len(row)} cells, not {len(columns)}")


def _labelled(text: str, label: str | int | None = None) -> str:
    return text if label is None else Labelled(text, str(label).strip())


def _sorted_out(corpus: Corpus, name: str, unit: Unit, alone: bool) -> Corpus:
    """Refuse what cannot be used, leave out what is empty, and tell items from running text."""
    if corpus.broken:
        some = "; ".join(corpus.broken[:3]) + " …" * (len(corpus.broken) > 3)
        if len(corpus.broken) > BROKEN_SHARE * corpus.rows:
            raise UserError(
                f"{len(corpus.broken):,} of {corpus.rows:,} rows cannot be read, more than a tenth ({some})"
            )
        corpus.notes.append(f"{len(corpus.broken):,} rows that cannot be read are left out ({some}).")
    full = [text for text in corpus.documents if text.strip()]
    if not full:
        raise UserError(f"{name} {'holds' if alone else 'hold'} no text: nothing in it but blanks")
    if (empty := len(corpus.documents) - len(full)) and len(corpus.documents) > 1:
        corpus.notes.append(f"{empty:,} empty items are left out.")
    corpus.documents = full
    if chats := sum(isinstance(text, Chat) for text in full):
        return _chats(corpus, chats, name, unit, alone)
    corpus.running = unit == "running" or len(full) < FEWEST
    if corpus.running and unit in ("lines", "files", "numbers"):
        raise UserError(
            f"{name} {'holds' if alone else 'hold'} {len(full)} items, and {FEWEST} are needed to hold some "
            f"out; leave --text.unit out to take them for running text"
        )
    if labels := sorted({text.label for text in full if isinstance(text, Labelled)}):
        _label(corpus, labels, name)
    if corpus.running:
        which = "one running text" if len(full) == 1 else f"{len(full)} running texts"
        corpus.notes.append(f"{name} {'is' if alone else 'are'} taken for {which}.")
    if unit == "numbers":
        corpus.numbers = 1 + max(_largest(text, name) for text in full)
    return corpus


def _label(corpus: Corpus, labels: list[str], name: str) -> None:
    """Which there are, if there are not too many, and each item has one."""
    if len(labels) > KINDS:
        raise UserError(
            f"{name} has {len(labels):,} different labels, and a model learns {KINDS:,} at most; does that "
            f"column say of what kind an item is?"
        )
    if corpus.running:
        raise UserError(f"{name} has too few items for labels: {FEWEST} are needed")
    if not all(isinstance(text, Labelled) for text in corpus.documents):
        raise UserError(f"not every item of {name} has a label; leave --text.label out")
    corpus.labels = tuple(labels)
    some = ", ".join(label or "(none)" for label in labels[:6]) + " …" * (len(labels) > 6)
    corpus.notes.append(f"{len(labels):,} labels: {some}.")


def _largest(text: str, name: str) -> int:
    """Of the whole numbers that a text is."""
    words = text.split()
    if other := next((word for word in words if not (word.isascii() and word.isdigit())), None):
        raise UserError(
            f"{name} holds {other[:20]!r} in the item {text[:30]!r} …; --text.unit numbers takes "
            f"whole numbers from 0 on, with blanks between"
        )
    return max(map(int, words))


def _chats(corpus: Corpus, count: int, name: str, unit: Unit, alone: bool) -> Corpus:
    """All are, and each is an item."""
    hold = "holds" if alone else "hold"
    if other := len(corpus.documents) - count:
        raise UserError(f"{name} {hold} {count:,} chats and {other:,} other texts; learn one kind at a time")
    if unit != "auto":
        raise UserError(f"{name} {hold} chats, which are items already; leave --text.unit out")
    corpus.chats = True
    return corpus


def parts(corpus: Corpus, share: float, held_out: Iterable[bool]) -> tuple[list[str], list[str]]:
    """What is trained on, and what is held out: whole items, or the end of each running text."""
    if not corpus.running:
        aside = list(held_out)
        pairs = [*zip(corpus.documents, aside, strict=True)]
        return [text for text, out in pairs if not out], [text for text, out in pairs if out]
    cuts = [(text, int(len(text) * (1 - share))) for text in corpus.documents]
    return (
        ["\n\n".join(text[:at] for text, at in cuts)],
        ["\n\n".join(text[at:] for text, at in cuts)] if share else [],
    )
