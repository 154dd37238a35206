"""Work on many things in order, with a few of them in flight."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

AHEAD = 64
"""Of these that are begun before the first one is asked for."""
Thing = TypeVar("Thing")
Result = TypeVar("Result")


def in_order(
    pool: ThreadPoolExecutor, work: Callable[[Thing], Result], things: Iterable[Thing], ahead: int = AHEAD
) -> Iterator[Result]:
    """`work` on every one, in order: never more than a few results lie in memory."""
    flying: deque = deque()
    for thing in things:
        flying.append(pool.submit(work, thing))
        if len(flying) >= ahead:
            yield flying.popleft().result()
    while flying:
        yield flying.popleft().result()
