"""From listed pictures to the cache: look at all headers, choose what they become, decode each once."""

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from ganvas.core.errors import UserError
from ganvas.data import cache
from ganvas.data.ahead import in_order
from ganvas.data.decode import Header, Payload, Plan, decode, header, quiet
from ganvas.data.plan import choose, split
from ganvas.data.sources import Item, Listing, Source, at_hand
from ganvas.data.words import notes_on, some_broken

if TYPE_CHECKING:
    from ganvas.data.image import ImageSettings

FORMAT = 1
"""Raise it when preparation changes, so that older caches are not taken for what would be made now."""
FEWEST = 10
"""Pictures, below which there is nothing to learn from and nothing to hold out."""
BROKEN_SHARE = 0.1
"""More broken files than this mean that something is wrong with the whole."""
Read = Callable[[], Payload]
Progress = Callable[[int, int], None]
Result = TypeVar("Result")


@dataclass(frozen=True)
class Looked:
    """What a look at every header has found, and what is to become of the pictures."""

    name: str
    listing: Listing
    headers: list[Header]
    classes: tuple[str, ...]
    plan: Plan


def prepare(source: Source, settings: "ImageSettings", progress: Progress | None = None) -> cache.Prepared:
    """The pictures of a source in the cache, put there now if they are not; unchanged files stay closed."""
    wanted = settings.model_dump(mode="json", exclude={"flip"})
    key = cache.digest(FORMAT, source.stamp, wanted)
    known = cache.recall(key)
    if known and (prepared := cache.read(known)):
        return prepared
    workers = min(8, os.cpu_count() or 1)
    with quiet(), closing(source.listing()) as listing, ThreadPoolExecutor(workers) as pool:
        looked = _look(source.name, listing, settings, pool, progress)
        fingerprint = _fingerprint(looked, settings.held_out)
        prepared = cache.read(fingerprint)
        if prepared is None:
            with cache.building(fingerprint) as folder:
                _build(looked, settings.held_out, folder, pool, progress)
            prepared = cache.read(fingerprint)
    if prepared is None:
        raise UserError(f"What was just written to {cache.root()} cannot be read back; is that disk sound?")
    cache.remember(key, fingerprint)
    if progress:
        progress(2 * len(looked.headers), 2 * len(looked.headers))
    return prepared


def _fingerprint(looked: Looked, held_out: float) -> str:
    """Of content and preparation, not of path or times: a copied folder has the same."""
    pairs = zip(looked.listing.items, looked.headers, strict=True)
    rows = [[item.name, h.content, item.label if looked.classes else -1, item.held_out] for item, h in pairs]
    return cache.digest(FORMAT, rows, looked.classes, asdict(looked.plan), held_out)


def _look(
    name: str,
    listing: Listing,
    settings: "ImageSettings",
    pool: ThreadPoolExecutor,
    progress: Progress | None,
) -> Looked:
    headers = []
    for found in _each(pool, header, listing.items, listing.sequential):
        headers.append(found)
        if progress:
            progress(len(headers), 2 * len(listing.items))
    _refuse(listing, [h.error for h in headers], name)
    if settings.labels and not listing.classes:
        raise UserError(
            f"{name} has no labels; put the pictures of each class into a folder of its own, "
            "or leave `labels` unset."
        )
    classes = () if settings.labels is False else listing.classes
    return Looked(name, listing, headers, classes, choose(listing, headers, settings))


def _each(
    pool: ThreadPoolExecutor, work: Callable[[Read], Result], items: Iterable[Item], sequential: bool
) -> Iterator[Result]:
    """`work` on every item, in order."""
    return in_order(pool, lambda item: work(item.read), at_hand(items, sequential))


def _refuse(listing: Listing, errors: list[str], name: str) -> None:
    """Refuse a set that is too small or too broken to learn from."""
    total, broken = len(errors), [i for i, e in enumerate(errors) if e]
    named = some_broken([(listing.items[i].name, errors[i]) for i in broken])
    if broken and len(broken) == total:
        raise UserError(f"None of the {total:,} pictures in {name} can be read ({named}).")
    if len(broken) > BROKEN_SHARE * total:
        raise UserError(
            f"{len(broken):,} of the {total:,} pictures in {name} are broken ({named}), more than a tenth; "
            "remove or replace them, since what is left may not be what you mean to train on."
        )
    if total - len(broken) < FEWEST:
        raise UserError(
            f"{name} holds {total - len(broken)} pictures that can be read; "
            f"at least {FEWEST} are needed, and some hundreds for results worth looking at."
        )


def _build(
    looked: Looked, held_out: float, folder: Path, pool: ThreadPoolExecutor, progress: Progress | None
) -> None:
    """Decode every picture once, and write it all."""
    items, headers = looked.listing.items, looked.headers
    errors, kept = [h.error for h in headers], []
    readable = [i for i, error in enumerate(errors) if not error]
    work = _each(
        pool, partial(decode, plan=looked.plan), (items[i] for i in readable), looked.listing.sequential
    )
    with open(folder / "pixels.u8", "wb") as file:
        for i, picture in zip(readable, work, strict=True):
            if picture.pixels is None:
                errors[i] = picture.error
            else:
                file.write(picture.pixels.tobytes())
                kept.append((i, picture.digest, picture.transparent))
            if progress:
                progress(len(items) + i + 1, 2 * len(items))
    _refuse(looked.listing, errors, looked.name)
    table = _table(looked, kept)
    table["held_out"] = split(table, looked.listing.split, held_out, looked.name)
    with open(folder / "table.npz", "wb") as file:
        np.savez(file, allow_pickle=False, **table)
    modes = [headers[i].mode for i, *_ in kept]
    broken = [(items[i].name, e) for i, e in enumerate(errors) if e]
    facts = {
        "shape": [len(kept), looked.plan.channels, looked.plan.size, looked.plan.size],
        "classes": looked.classes,
        "names": [items[i].name for i, *_ in kept],
        "formats": Counter(headers[i].format for i, *_ in kept),
        "modes": Counter(modes),
        "broken": broken,
        "notes": [*looked.listing.notes, *notes_on(table, modes, broken, looked.plan)],
    }
    (folder / "facts.json").write_text(json.dumps(facts))


def _table(looked: Looked, kept: list[tuple[int, bytes, bool]]) -> dict[str, np.ndarray]:
    rows = [(looked.listing.items[i], looked.headers[i]) for i, *_ in kept]
    return {
        "label": np.array([item.label if looked.classes else -1 for item, _ in rows], np.int64),
        "held_out": np.array([item.held_out for item, _ in rows], bool),
        "digest": np.frombuffer(b"".join(digest for _, digest, _ in kept), np.uint8).reshape(-1, 32),
        "width": np.array([h.width for _, h in rows], np.int32),
        "height": np.array([h.height for _, h in rows], np.int32),
        "transparent": np.array([transparent for *_, transparent in kept], bool),
    }
