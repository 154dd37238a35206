"""Documents as tokens in a mapped file of the cache, training ones and held-out ones."""

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int

from ganvas.core.errors import UserError
from ganvas.data import cache
from ganvas.data.chats import REPLY, ROLES, Chat, spoken
from ganvas.data.documents import Corpus, TextSource, parts
from ganvas.data.vocabulary import BYTES, Labelled, Vocabulary, as_bytes, learn

FORMAT = 1
"""Raise it when preparation changes, so that older caches are not taken for what would be made now."""
RAW_BELOW = 2_000_000
"""Bytes of training text, up to which tokens are bytes: less is too little to learn longer ones from."""
SMALLEST, LARGEST = 512, 32_768
"""Vocabularies that are chosen unasked."""
ROOM = "text"
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Part:
    """Documents in a row. Items begin and end with the token for an end; running text has none."""

    tokens: Int[np.ndarray, " token"]
    starts: Int[np.ndarray, " document"]
    """Where each begins: at its end token, or in running text at 0."""


@dataclass(frozen=True)
class Prepared:
    """A data set as the cache holds it."""

    fingerprint: str
    vocabulary: Vocabulary
    training: Part
    held_out: Part
    facts: dict[str, Any]
    """Of both parts: tokens, bytes, items; running, longest, notes, encodings, broken, survey."""


def prepare(
    source: TextSource,
    wanted: dict[str, Any],
    held_out: float,
    size: int | None,
    progress: Progress | None = None,
) -> Prepared:
    """The text of a source in the cache, put there now if it is not; unchanged files stay closed.

    `wanted`: all settings that matter. `size`: of the vocabulary; None fits it to the text.
    """
    key = cache.digest(ROOM, FORMAT, source.stamp, wanted)
    known = cache.recall(key)
    if known and (prepared := read(known)):
        return prepared
    corpus = source.read()
    digests = [hashlib.sha256(as_bytes(text)).digest() for text in corpus.documents]
    content = hashlib.sha256(b"".join(digests)).hexdigest()
    kind = "chats" if corpus.chats else ["numbers", corpus.numbers] if corpus.numbers else corpus.running
    labels = [text.label for text in corpus.documents if isinstance(text, Labelled)]
    fingerprint = cache.digest(ROOM, FORMAT, content, kind, held_out, size, *([labels] if labels else []))
    prepared = read(fingerprint)
    if prepared is None:
        with cache.building(fingerprint, ROOM, read) as folder:
            _build(folder, corpus, digests, source.name, held_out, size, progress)
        prepared = read(fingerprint)
    if prepared is None:
        raise UserError(f"What was just written to {cache.root()} cannot be read back; is that disk sound?")
    cache.remember(key, fingerprint)
    return prepared


def read(fingerprint: str) -> Prepared | None:
    """The data set of this fingerprint, or None where there is none that is whole."""
    folder = cache.root() / ROOM / fingerprint
    try:
        facts = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
        with np.load(folder / "tables.npz") as file:
            starts = file["training"], file["held_out"]
        tokens = np.memmap(folder / "tokens", facts["dtype"], "r")
        if len(tokens) != sum(facts["tokens"]):
            return None
        vocabulary = Vocabulary.model_validate(facts["vocabulary"])
    except (OSError, ValueError, KeyError, EOFError):
        return None
    border = facts["tokens"][0]
    training, held_out = Part(tokens[:border], starts[0]), Part(tokens[border:], starts[1])
    return Prepared(fingerprint, vocabulary, training, held_out, facts)


def aside(digests: Sequence[bytes], share: float, name: str) -> list[bool]:
    """Which items are held out: those whose hash falls below the share; copies are on one side."""
    if not share:
        return [False] * len(digests)
    place = np.array([int.from_bytes(digest[:8]) % 10_000 for digest in digests])
    chosen = place < max(share * 10_000, place.min() + 1)
    if chosen.all():
        raise UserError(
            f"No item of {name} can be held out, because its {len(place):,} items are nearly all the same; "
            f"add different ones, or set --text.held_out to 0"
        )
    return chosen.tolist()


def fitted(count: int) -> int:
    """Tokens of a vocabulary for so many bytes: about .7 of their root, as a power of 2."""
    if count < RAW_BELOW:
        return BYTES
    return int(np.clip(2 ** np.round(np.log2(0.7 * count**0.5)), SMALLEST, LARGEST))


def _build(
    folder: Path,
    corpus: Corpus,
    digests: list[bytes],
    name: str,
    held_out: float,
    size: int | None,
    progress: Progress | None,
) -> None:
    out = [False] * len(digests) if corpus.running else aside(digests, held_out, name)
    both = parts(corpus, held_out, out)
    lengths = [sum(len(as_bytes(text)) for text in texts) for texts in both]
    roles = ROLES if corpus.chats else ()
    said = (part for text in both[0] for part in spoken(text))
    if corpus.numbers:
        vocabulary = counting(corpus.numbers, size, name)
    else:
        most = size or fitted(lengths[0])
        vocabulary = learn(said, most, not corpus.running, roles, corpus.labels)
    dtype = np.dtype(np.uint16 if vocabulary.size <= 1 << 16 else np.uint32)
    total, done, starts, counts, long = sum(map(len, both)), 0, [], [], [0]
    with open(folder / "tokens", "wb") as file:
        for texts in both:
            begins, count = [], 0
            for text in texts:
                tokens = vocabulary.encode(text)
                begins.append(count)
                tokens = tokens if corpus.running else np.append(vocabulary.end, tokens)  # pyright: ignore
                file.write(tokens.astype(dtype).tobytes())
                count, done = count + len(tokens), done + 1
                long.append(len(tokens))
                if progress:
                    progress(done, total)
            if vocabulary.ends and begins:
                file.write(np.array([vocabulary.end], dtype).tobytes())
                count += 1
            starts.append(begins)
            counts.append(count)
    tables = {
        name: np.array(rows, np.int64) for name, rows in zip(("training", "held_out"), starts, strict=True)
    }
    with open(folder / "tables.npz", "wb") as file:
        np.savez(file, allow_pickle=False, **tables)
    facts = {
        "dtype": dtype.name,
        "tokens": counts,
        "bytes": lengths,
        "items": [len(texts) for texts in both],
        "running": corpus.running,
        "longest": max(long),
        "shortest": min(long[1:], default=0) if corpus.numbers else 0,
        "notes": corpus.notes,
        "encodings": corpus.encodings,
        "broken": corpus.broken[:10],
        "vocabulary": vocabulary.model_dump(),
        "survey": surveyed(corpus.documents, digests),
    }
    (folder / "facts.json").write_text(json.dumps(facts, ensure_ascii=False), encoding="utf-8")


def counting(largest: int, size: int | None, name: str) -> Vocabulary:
    """Whole numbers as tokens: as many as asked for, or as there are."""
    if size and size < largest:
        raise UserError(
            f"{name} holds the number {largest - 1:,}, and --text.vocabulary {size:,} has those below "
            f"{size:,}"
        )
    return Vocabulary(numbers=size or largest, ends=True)


def surveyed(documents: list[str], digests: list[bytes]) -> dict[str, Any]:
    """What `ganvas inspect` says of the text itself."""
    from collections import Counter

    characters: Counter[str] = Counter()
    lines: list[tuple[int, str]] = []
    for text in documents:
        characters.update(text)
        lines += sorted(((len(line), line[:60]) for line in text.split("\n")), reverse=True)[:3]
        lines = sorted(lines, reverse=True)[:3]
    copies = Counter(digests)
    return {
        "characters": sum(characters.values()),
        "distinct_characters": len(characters),
        "scripts": dict(scripts(characters).most_common(6)),
        "longest_lines": lines,
        "duplicates": len(digests) - len(copies),
        "lengths": _range([len(text) for text in documents]),
        "copied": [documents[digests.index(d)][:60] for d, n in copies.most_common(3) if n > 1],
        "chats": _of_chats([chat for chat in documents if isinstance(chat, Chat)]),
    }


def _of_chats(chats: list[Chat]) -> dict[str, Any] | None:
    from collections import Counter

    turns = [turn for chat in chats for turn in chat.turns]
    if not chats:
        return None
    return {
        "turns": len(turns),
        "roles": dict(Counter(turn.role for turn in turns)),
        "turns_each": _range([len(chat.turns) for chat in chats]),
        "replies": _range([len(turn.text) for turn in turns if turn.role == REPLY]),
    }


def _range(values: Iterable[int]) -> dict[str, float]:
    found = np.array([*values])
    return {"min": float(found.min()), "median": float(np.median(found)), "max": float(found.max())}


def scripts(characters: "dict[str, int]") -> Any:
    """Letters of each script, by the first word of their Unicode names: LATIN, CJK, CYRILLIC …"""
    import unicodedata
    from collections import Counter

    found: Counter[str] = Counter()
    for letter, count in characters.items():
        if letter.isalpha():
            found[unicodedata.name(letter, "unnamed").partition(" ")[0].capitalize()] += count
    return found
