"""The one thread that computes, and how requests share it."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from ganvas.model import Model
from ganvas.serve.shelf import Served

SLICE = 0.05
"""Seconds, for which one stream has the thread before it is another's turn."""

T = TypeVar("T")


class Bench:
    """Work in turn, in one thread: torch itself spreads it over the cores."""

    def __init__(self, together: int, decoded: Callable[[int], None] = lambda items: None):
        self._thread = ThreadPoolExecutor(1, "ganvas")
        self._together, self._decoded = together, decoded
        self._decoders: dict[str, _Decoder] = {}

    async def do(self, work: Callable[[], T]) -> T:
        """Its result. Cancelled before its turn, it is never begun."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def decode(self, one: Served, z: np.ndarray, label: np.ndarray | None) -> np.ndarray:
        """As `model.decode` gives them, together with what others ask of it meanwhile."""
        if one.apart:
            self._decoded(len(z))
            return await self.do(lambda: one.model.decode(z, label=label))
        if one.name not in self._decoders:
            self._decoders[one.name] = _Decoder(self, one.model, self._together, self._decoded)
        return await self._decoders[one.name].decode(z, label)

    async def follow(self, pieces: Iterator[T]) -> AsyncIterator[list[T]]:
        """What the iterator gives, a slice of time each, in turn with all else."""
        over = False
        while not over:
            found, over = await self.do(lambda: _some(pieces))
            if found:
                yield found

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)


def _some(pieces: Iterator[T]) -> tuple[list[T], bool]:
    """What comes within a slice of time, and whether that is the end."""
    found: list[T] = []
    end = time.monotonic() + SLICE
    for piece in pieces:
        found.append(piece)
        if time.monotonic() > end:
            return found, False
    return found, True


@dataclass(eq=False)
class _Part:
    """What is decoded at once for one request."""

    z: np.ndarray
    label: np.ndarray | None
    done: "asyncio.Future[np.ndarray]"


class _Decoder:
    """Gathers what waits while the thread is busy; nothing waits for others to come."""

    def __init__(self, bench: Bench, model: Model, together: int, decoded: Callable[[int], None]):
        self.bench, self.model, self.together, self.decoded = bench, model, together, decoded
        self._waiting: deque[_Part] = deque()
        self._working: asyncio.Task[None] | None = None

    async def decode(self, z: np.ndarray, label: np.ndarray | None) -> np.ndarray:
        new: Any = asyncio.get_running_loop().create_future
        rows = [slice(k, k + self.together) for k in range(0, len(z), self.together)]
        parts = [_Part(z[r], None if label is None else label[r], new()) for r in rows]
        self._waiting.extend(parts)
        if self._working is None or self._working.done():
            self._working = asyncio.create_task(self._work())
        return np.concatenate(await asyncio.gather(*(part.done for part in parts)))

    async def _work(self) -> None:
        while group := self._next():
            z = np.concatenate([part.z for part in group])
            labels = [part.label for part in group if part.label is not None]
            label = np.concatenate(labels) if labels else None
            self.decoded(len(z))
            try:
                items = await self.bench.do(lambda z=z, label=label: self.model.decode(z, label=label))
            except Exception as error:
                for part in group:
                    if not part.done.done():
                        part.done.set_exception(error)
                continue
            ends = np.cumsum([len(part.z) for part in group])[:-1]
            for part, found in zip(group, np.split(items, ends), strict=True):
                if not part.done.done():  # whose client has left meanwhile
                    part.done.set_result(found)

    def _next(self) -> list[_Part]:
        """Those that still want it, as many as fit, in order."""
        group: list[_Part] = []
        size = 0
        while self._waiting:
            part = self._waiting[0]
            if not part.done.done():
                if group and size + len(part.z) > self.together:
                    break
                group.append(part)
                size += len(part.z)
            self._waiting.popleft()
        return group
