"""What every request passes: who asks, how much it brings, a place, a time, and whether it is still there."""

import asyncio
import contextlib
import hmac
import json
import math
import re
import time
import traceback
import uuid
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

from ganvas.serve.problems import Refusal
from ganvas.serve.watch import Watch
from ganvas.terminal import said

Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

OPEN = ("/health", "/", "/v1/files/")
"""Answered without a key: whether it lives, the page itself, and links that cannot be guessed."""
HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "connect-src 'self'; img-src 'self' blob: data:; media-src 'self' blob: data:; frame-src blob:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
}
LOCAL = ("localhost", "127.0.0.1", "[::1]")
PORT = re.compile(r":\d+$")
ALPHA = 0.1
"""Of the mean time of requests: what the newest one weighs."""
LONGEST_WAIT = 30
"""Seconds, in Retry-After."""


@dataclass(frozen=True)
class Limits:
    """What one server takes."""

    queue: int = 64
    """Requests that wait or are worked on; more are told to come again."""
    seconds: float = 60.0
    """For an answer to begin, and from one part of it to the next."""
    body: int = 4_000_000
    """Bytes of a request."""
    reading: float = 20.0
    """Seconds for these to come."""


class Left(Exception):
    """The client has gone."""


class Door:
    """An ASGI application around another one."""

    def __init__(
        self,
        app: Any,
        watch: Watch,
        limits: Limits,
        key: str | None = None,
        hosts: tuple[str, ...] | None = LOCAL,
        page: frozenset[str] = frozenset(),
    ):
        """`hosts`: those that a request may name; None: any. `page`: addresses of the page's own files."""
        self.app, self.watch, self.limits, self.hosts, self.page = app, watch, limits, hosts, page
        self._key = None if key is None else key.encode()
        self._taken, self._mean = 0, 1.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, receive, send)
        else:  # a websocket: there is none here
            await send({"type": "websocket.close", "code": 1000})

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.monotonic()
        number = uuid.uuid4().hex
        scope["ganvas"] = {}
        status, left, why = 0, False, None
        place = contextlib.ExitStack()

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                own = {name for name, _ in message.get("headers", [])}
                more = HEADERS | {"x-request-id": number}
                added = [(k.encode(), v.encode()) for k, v in more.items() if k.encode() not in own]
                message = {**message, "headers": [*message.get("headers", []), *added]}
            elif not message.get("more_body"):
                place.close()  # before the client knows, and asks again
            await send(message)

        try:
            self._known(scope)
            body = await self._body(scope, receive)
            if scope["method"] == "POST":
                place.enter_context(self._place())
            await self._within(scope, body, receive, sent)
        except Refusal as refusal:
            if not status:
                await refuse(refusal, sent)
        except Left:
            left = True
        except Exception as error:  # a fault of ours: its place in the code is told, its message may quote
            why = type(error).__name__
            frames = traceback.extract_tb(error.__traceback__)
            said(
                f"{number}: {why} at " + ", ".join(f"{f.name} ({f.filename}:{f.lineno})" for f in frames[-3:])
            )
            if not status:
                await refuse(Refusal(500, f"this went wrong here; the log has it under {number}"), sent)
        finally:
            place.close()
            self.watch.answered(scope, number, status, time.monotonic() - began, left, why)

    def _known(self, scope: Scope) -> None:
        headers = dict(scope["headers"])
        host = headers.get(b"host", b"").decode("latin-1").lower()
        if self.hosts is not None and PORT.sub("", host) not in self.hosts:
            raise Refusal(403, "this server answers to this machine only, by the name of localhost")
        path = scope["path"]
        free = path in self.page or path in OPEN[:2] or path.startswith(OPEN[2])
        if self._key is None or free:
            return
        given = headers.get(b"authorization", b"")
        if given.lower().startswith(b"bearer ") and hmac.compare_digest(given[7:].strip(), self._key):
            return
        sentence = "this key is not the right one" if given else "a key is needed: Authorization: Bearer KEY"
        raise Refusal(401, sentence, code="invalid_api_key", headers={"www-authenticate": "Bearer"})

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        """All of it."""
        parts: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(self.limits.reading):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise Left
                    parts.append(message.get("body", b""))
                    size += len(parts[-1])
                    if size > self.limits.body:
                        raise Refusal(
                            413, f"a request has at most {self.limits.body:,} bytes", code="too_large"
                        )
                    if not message.get("more_body"):
                        return b"".join(parts)
        except TimeoutError:
            raise Refusal(
                408, f"the request did not come within {self.limits.reading:g} seconds", code="timeout"
            ) from None

    @contextlib.contextmanager
    def _place(self) -> Iterator[None]:
        if self._taken >= self.limits.queue:
            self.watch.refused.inc()
            wait = min(LONGEST_WAIT, max(1, math.ceil(self._mean)))
            raise Refusal(
                429,
                f"{self._taken} requests are waiting already; come again in {wait} s",
                code="queue_full",
                headers={"retry-after": str(wait)},
            )
        began = time.monotonic()
        self._taken += 1
        self.watch.places.set(self._taken)
        try:
            yield
        finally:
            self._taken -= 1
            self.watch.places.set(self._taken)
            self._mean += ALPHA * (time.monotonic() - began - self._mean)

    async def _within(self, scope: Scope, body: bytes, receive: Receive, send: Send) -> None:
        """The answer, unless the client leaves before, or no part of it comes or is taken for too long."""
        told = False
        gone = asyncio.ensure_future(_gone(receive))

        async def given() -> Message:
            nonlocal told
            if told:
                await asyncio.shield(gone)
                return {"type": "http.disconnect"}
            told = True
            return {"type": "http.request", "body": body, "more_body": False}

        async def moving(message: Message) -> None:
            nonlocal last
            await send(message)
            last = time.monotonic()

        last = time.monotonic()
        work = asyncio.ensure_future(self.app(scope, given, moving))
        try:
            while not work.done():
                left = last + self.limits.seconds - time.monotonic()
                if left <= 0:
                    raise Refusal(504, f"this took more than {self.limits.seconds:g} seconds", code="timeout")
                await asyncio.wait({work, gone}, timeout=left, return_when=asyncio.FIRST_COMPLETED)
                if gone.done() and not work.done():
                    raise Left
            await work
        finally:
            for task in (work, gone):
                task.cancel()
            await asyncio.gather(work, gone, return_exceptions=True)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def refuse(refusal: Refusal, send: Send) -> None:
    body = json.dumps(refusal.body).encode()
    headers = {"content-type": "application/json", "content-length": str(len(body))} | refusal.headers
    pairs = [(k.encode(), v.encode()) for k, v in headers.items()]
    await send({"type": "http.response.start", "status": refusal.status, "headers": pairs})
    await send({"type": "http.response.body", "body": body})
