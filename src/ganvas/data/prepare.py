"""From listed pictures to the cache: look at all headers, choose what they become, decode each once."""

import os
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from ganvas.core.errors import UserError
from ganvas.data import cache
from ganvas.data.decode import Decoded, Header, Payload, Plan, decode, header, quiet
from ganvas.data.plan import choose, split
from ganvas.data.sources import Item, Listing, Source
from ganvas.data.words import notes_on

if TYPE_CHECKING:
    from ganvas.data.image import ImageSettings

FORMAT = 1
"""Raise it when preparation changes, so that older caches are not taken for what would be made now."""
FEWEST = 10
"""Pictures, below which there is nothing to learn from and nothing to hold out."""
BROKEN_SHARE = 0.1
"""More broken files than this mean that something is wrong with the whole."""

Progress = Callable[[int, int], None]
Result = TypeVar("Result")


@dataclass(frozen=True)
class Looked:
    """What a look at every header has found."""

    listing: Listing
    headers: list[Header]

    @property
    def readable(self) -> list[int]:
        return [i for i, h in enumerate(self.headers) if not h.error]


def prepare(source: Source, settings: "ImageSettings", progress: Progress | None = None) -> cache.Prepared:
    """The pictures of a source in the cache, put there now if they are not: unchanged files are not even opened."""
    wanted = settings.model_dump(mode="json", exclude={"flip"})
    key = cache.digest(FORMAT, source.stamp, wanted)
    known = cache.recall(key)
    if known and (prepared := cache.read(known)):
        return prepared
    with quiet(), ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        looked = _look(source, pool, progress)
        _refuse(looked, [h.error for h in looked.headers], source.name)
        plan = choose(looked.listing, looked.headers, settings)
        classes = _classes(looked.listing, settings, source.name)
        fingerprint = cache.digest(
            FORMAT, _content(looked.listing, looked.headers, classes), vars_of(plan), wanted["held_out"]
        )
        prepared = cache.read(fingerprint)
        if prepared is None:
            _build(source.name, looked, plan, classes, settings, fingerprint, pool, progress)
            prepared = cache.read(fingerprint)
    if prepared is None:
        raise UserError(f"What was just written to {cache.root()} cannot be read back; is that disk sound?")
    cache.remember(key, fingerprint)
    return prepared


def vars_of(plan: Plan) -> list[Any]:
    return [plan.size, plan.channels, plan.fit, plan.frame is not None]


def _look(source: Source, pool: ThreadPoolExecutor, progress: Progress | None) -> Looked:
    listing = source.listing()
    headers = []
    for found in _each(pool, header, listing.items, listing.sequential):
        headers.append(found)
        if progress:
            progress(len(headers), 2 * len(listing.items))
    return Looked(listing, headers)


def _each(
    pool: ThreadPoolExecutor, work: Callable[[Payload], Result], items: Iterable[Item], sequential: bool
) -> Iterator[Result]:
    """`work` on every item, in order, with a few in flight so that a large archive never lies in memory whole."""
    flying: deque = deque()
    for item in items:
        if sequential:
            flying.append(pool.submit(work, item.read()))
        else:
            flying.append(pool.submit(lambda item=item: work(item.read())))
        if len(flying) >= 64:
            yield flying.popleft().result()
    while flying:
        yield flying.popleft().result()


def _refuse(looked: Looked, errors: list[str], name: str) -> None:
    """Refuse a set that is too small or too broken to learn from."""
    total, broken = len(errors), [i for i, e in enumerate(errors) if e]
    named = "; ".join(f"{looked.listing.items[i].name}: {errors[i]}" for i in broken[:5]) + " ..." * (
        len(broken) > 5
    )
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


def _classes(listing: Listing, settings: "ImageSettings", name: str) -> tuple[str, ...]:
    if settings.labels and not listing.classes:
        raise UserError(
            f"{name} has no labels; put the pictures of each class into a folder of its own, or leave `labels` unset."
        )
    return () if settings.labels is False else listing.classes


def _content(listing: Listing, headers: list[Header], classes: tuple[str, ...]) -> str:
    label = bool(classes)
    rows = [
        [h.content, i.label if label else -1, i.held_out] for i, h in zip(listing.items, headers, strict=True)
    ]
    return cache.digest(rows, classes)


def _build(
    name: str,
    looked: Looked,
    plan: Plan,
    classes: tuple[str, ...],
    settings: "ImageSettings",
    fingerprint: str,
    pool: ThreadPoolExecutor,
    progress: Progress | None,
) -> None:
    """Decode every picture once, and write it all."""
    items, headers = looked.listing.items, looked.headers
    errors, kept, done = [h.error for h in headers], [], len(items)
    with cache.building(fingerprint) as folder:
        readable = looked.readable
        work = _each(pool, lambda p: decode(p, plan), (items[i] for i in readable), looked.listing.sequential)
        with open(folder / "pixels.u8", "wb") as file:
            for i, picture in zip(readable, work, strict=True):
                done += 1
                if progress:
                    progress(done, 2 * len(items))
                if picture.pixels is None:
                    errors[i] = picture.error
                else:
                    file.write(picture.pixels.tobytes())
                    kept.append((i, picture))
        if progress:
            progress(2 * len(items), 2 * len(items))
        _refuse(looked, errors, name)
        table = _table(kept, items, headers, bool(classes))
        table["held_out"] = split(table, looked.listing.split, settings.held_out, name)
        np.savez(folder / "table.npz", **table)
        broken = [[items[i].name, e] for i, e in enumerate(errors) if e]
        facts = {
            "shape": [len(kept), plan.channels, plan.size, plan.size],
            "classes": classes,
            "names": [items[i].name for i, _ in kept],
            "formats": Counter(headers[i].format for i, _ in kept),
            "modes": Counter(headers[i].mode for i, _ in kept),
            "broken": broken,
            "notes": notes_on(
                looked.listing, table, [headers[i].mode for i, _ in kept], broken, plan, settings
            ),
        }
        (folder / "facts.json").write_text(cache.json.dumps(facts))


def _table(
    kept: list[tuple[int, Decoded]], items: list[Item], headers: list[Header], labelled: bool
) -> dict[str, np.ndarray]:
    return {
        "label": np.array([items[i].label if labelled else -1 for i, _ in kept], np.int64),
        "held_out": np.array([items[i].held_out for i, _ in kept], bool),
        "digest": np.frombuffer(b"".join(d.digest for _, d in kept), np.uint8).reshape(-1, 32),
        "width": np.array([headers[i].width for i, _ in kept], np.int32),
        "height": np.array([headers[i].height for i, _ in kept], np.int32),
        "transparent": np.array([d.transparent for _, d in kept], bool),
    }
