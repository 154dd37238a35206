"""From recordings to the cache: every file read once, trimmed, brought to one loudness and rate, and kept."""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int16

from ganvas.core.errors import UserError
from ganvas.data import audio, cache
from ganvas.data.ahead import in_order
from ganvas.data.loudness import Levels, levels, normalised, trimmed
from ganvas.data.sources import Item, at_hand
from ganvas.data.words import count_of, some_broken

FORMAT = 1
"""Raise it when preparation changes, so that older caches are not taken for what would be made now."""
FEWEST = 10
"""Clips, below which there is nothing to learn from and nothing to hold out."""
BROKEN_SHARE = 0.1
"""More broken files than this mean that something is wrong with the whole."""
SILENT = -60.0
"""Decibels below full scale that some sample of a recording exceeds, or else it is silent."""
SHORTEST = 0.05
"""Seconds that are left of a recording, at least."""
FULL = 32767
LEVELS = ("active", "noise", "peak", "clipped")
NONE = Levels(0, 0, 0, 0)
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Preparation:
    """What becomes of every recording."""

    rate: int
    trim: float
    """Decibels below its loudest part, at which it begins and ends; 0 leaves the ends."""
    loudness: float | None
    """Active level in decibels below full scale; None leaves it."""
    piece: float | None = None
    """Seconds, beyond which it is cut into pieces."""


@dataclass(frozen=True)
class Heard:
    """One file, read and prepared; `error` where it cannot be used."""

    samples: Int16[np.ndarray, " sample"] | None = None
    error: str = ""
    rate: int = 0
    channels: int = 0
    seconds: float = 0.0
    """Of the file."""
    levels: Levels = NONE
    """Of the file."""


@dataclass
class Job:
    """A set of recordings, and what is to be kept of them."""

    name: str
    items: list[Item]
    how: Preparation
    content: Any
    """What the result depends on, beside the files (JSON)."""
    complete: Callable[[dict[str, np.ndarray], dict[str, Any]], None]
    """Adds to the table of clips and to the facts what only one kind of data has."""
    notes: list[str] = field(default_factory=list)
    sequential: bool = False
    """Whether items must be read one after the other."""


@dataclass(frozen=True)
class Clips:
    """A data set as the cache holds it."""

    fingerprint: str
    samples: Int16[np.ndarray, " sample"]
    """Of all clips, one after another, mapped from the file."""
    table: dict[str, np.ndarray]
    """For each clip: start, length (samples), label, held_out, digest (of its file and place in it), seconds
    before it was trimmed; of its file rate, channels, active, noise, peak (decibels), clipped (share)."""
    facts: dict[str, Any]
    """names, classes, broken, notes, and more of each kind."""

    def clip(self, k: int) -> Int16[np.ndarray, " sample"]:
        start = self.table["start"][k]
        return self.samples[start : start + self.table["length"][k]]


def prepare(room: str, stamp: Any, wanted: Any, look: Callable[[], Job], progress: Progress | None) -> Clips:
    """The clips of a source in the cache, put there now if they are not; unchanged files stay closed.

    `wanted`: all settings that matter. `look` lists the source.
    """
    key = cache.digest(room, FORMAT, stamp, wanted)
    known = cache.recall(key)
    if known and (prepared := read(room, known)):
        return prepared
    job = look()
    digests = [_digest(item) for item in job.items]
    pairs = [[item.name, d.hex(), item.label] for item, d in zip(job.items, digests, strict=True)]
    fingerprint = cache.digest(room, FORMAT, pairs, asdict(job.how), job.content, wanted)
    prepared = read(room, fingerprint)
    if prepared is None:
        with cache.building(fingerprint, room, partial(read, room)) as folder:
            _build(job, digests, folder, progress)
        prepared = read(room, fingerprint)
    if prepared is None:
        raise UserError(f"What was just written to {cache.root()} cannot be read back; is that disk sound?")
    cache.remember(key, fingerprint)
    return prepared


def read(room: str, fingerprint: str) -> Clips | None:
    """The data set of this fingerprint, or None where there is none that is whole."""
    folder = cache.root() / room / fingerprint
    try:
        facts = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
        with np.load(folder / "table.npz") as file:
            table = {name: file[name] for name in file.files}
        samples = np.memmap(folder / "samples.i16", np.int16, "r")
        if len(samples) != table["length"].sum():
            return None
    except (OSError, ValueError, KeyError, EOFError):
        return None
    return Clips(fingerprint, samples, table, facts)


def hear(item: Item, how: Preparation) -> Heard:
    """Read and prepare one."""
    try:
        clip = audio.read(item.read(), item.name)  # pyright: ignore[reportArgumentType] (bytes, of sounds)
    except (ValueError, OSError) as error:
        return Heard(error=str(error) or type(error).__name__)
    found = levels(clip.samples, clip.rate)
    facts: dict[str, Any] = {
        "rate": clip.rate,
        "channels": clip.channels,
        "seconds": len(clip.samples) / clip.rate,
        "levels": found,
    }
    if found.peak < SILENT:
        return Heard(error="silent", **facts)
    samples = trimmed(clip.samples, clip.rate, how.trim)
    if how.loudness is not None:
        samples = normalised(samples, clip.rate, how.loudness)
    samples = audio.resampled(samples, clip.rate, how.rate)
    if len(samples) < SHORTEST * how.rate:
        return Heard(error=f"shorter than {SHORTEST:g} s", **facts)
    return Heard(np.rint(samples.clip(-1, 1) * FULL).astype(np.int16), **facts)


def pieces(length: int, longest: int | None) -> Iterator[tuple[int, int]]:
    """Start and length of each part, about as long as the others."""
    count = 1 if not longest else -(-length // longest)
    borders = [length * k // count for k in range(count + 1)]
    for start, end in pairwise(borders):
        yield start, end - start


def _digest(item: Item) -> bytes:
    try:
        return hashlib.sha256(item.read()).digest()  # pyright: ignore[reportArgumentType] (bytes, of sounds)
    except Exception:  # of a damaged archive: hearing it will say what is wrong
        return hashlib.sha256(item.name.encode()).digest()


def _build(job: Job, digests: list[bytes], folder: Path, progress: Progress | None) -> None:
    """Hear every file once, and write it all."""
    rows: list[tuple[Any, ...]] = []
    names, errors = [], []
    longest = round(job.how.piece * job.how.rate) if job.how.piece else None
    workers = min(8, os.cpu_count() or 1)
    with ThreadPoolExecutor(workers) as pool, open(folder / "samples.i16", "wb") as file:
        at, items = 0, at_hand(job.items, job.sequential)
        for k, heard in enumerate(in_order(pool, partial(hear, how=job.how), items, 2 * workers)):
            errors.append(heard.error)
            if heard.samples is not None:
                file.write(heard.samples.tobytes())
                known = replace(heard, samples=None)
                for start, length in pieces(len(heard.samples), longest):
                    digest = hashlib.sha256(digests[k] + start.to_bytes(8)).digest()
                    share = heard.seconds * length / len(heard.samples)
                    rows.append((at + start, length, job.items[k].label, digest, share, known))
                    names.append(job.items[k].name)
                at += len(heard.samples)
            if progress:
                progress(k + 1, len(job.items))
    broken = [(item.name, error) for item, error in zip(job.items, errors, strict=True) if error]
    _refuse(job, broken, len(rows))
    table = _table(rows)
    facts = {"names": names, "broken": broken, "notes": [*job.notes, *_notes(job, table, broken)]}
    job.complete(table, facts)
    with open(folder / "table.npz", "wb") as file:
        np.savez(file, allow_pickle=False, **table)
    (folder / "facts.json").write_text(json.dumps(facts, ensure_ascii=False), encoding="utf-8")


def _table(rows: Sequence[tuple[Any, ...]]) -> dict[str, np.ndarray]:
    start, length, label, digest, seconds, heard = zip(*rows, strict=True)
    return {
        "start": np.array(start, np.int64),
        "length": np.array(length, np.int64),
        "label": np.array(label, np.int64),
        "digest": np.frombuffer(b"".join(digest), np.uint8).reshape(-1, 32),
        "rate": np.array([h.rate for h in heard], np.int64),
        "channels": np.array([h.channels for h in heard], np.int64),
        "seconds": np.array(seconds),
        **{name: np.array([getattr(h.levels, name) for h in heard]) for name in LEVELS},
    }


def _refuse(job: Job, broken: list[tuple[str, str]], usable: int) -> None:
    """Refuse a set that is too small or too broken to learn from."""
    total, named = len(job.items), some_broken(broken)
    if broken and len(broken) == total:
        raise UserError(f"None of the {total:,} sound files in {job.name} can be used ({named}).")
    if len(broken) > BROKEN_SHARE * total:
        raise UserError(
            f"{len(broken):,} of the {total:,} sound files in {job.name} cannot be used ({named}), more than "
            "a tenth; remove or replace them, since what is left may not be what you mean to train on."
        )
    if usable < FEWEST:
        raise UserError(
            f"{job.name} holds {usable} clip{'s' * (usable != 1)} that can be used; at least {FEWEST} are "
            "needed, and minutes of sound for results worth hearing."
        )


def _notes(job: Job, table: dict[str, np.ndarray], broken: list[tuple[str, str]]) -> Iterator[str]:
    """All that was done unasked: one sentence a fact."""
    if broken:
        yield f"{count_of(len(broken), 'broken or silent file')} left out ({some_broken(broken)})."
    rates, wanted = Counter(table["rate"].tolist()), job.how.rate
    if set(rates) != {wanted}:
        each = ", ".join(f"{n:,} of {rate:,} Hz" for rate, n in rates.most_common())
        yield f"Clips are of other rates ({each}); all become {wanted:,} Hz (see the setting `rate`)."
    if low := {rate: n for rate, n in rates.items() if rate < wanted}:
        yield (
            f"{count_of(sum(low.values()), 'clip')} of a rate below {wanted:,} Hz: nothing above "
            f"{min(low) // 2:,} Hz can be heard in them, and what learns from them sounds as dull; `rate` "
            f"{min(low)} is enough for these."
        )
    if several := int((table["channels"] > 1).sum()):
        yield f"{count_of(several, 'clip')} stereo, or of more channels, and mixed to one."
    if copies := len(table["digest"]) - len(np.unique(table["digest"], axis=0)):
        yield f"{count_of(copies, 'clip')} the same file as another."
