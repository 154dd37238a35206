"""A server of some models, from its start to its graceful end."""

import ipaddress
import socket
from collections.abc import Sequence
from contextlib import contextmanager, suppress
from errno import EADDRNOTAVAIL
from pathlib import Path
from signal import SIGINT, SIGTERM, signal
from typing import Any

from ganvas.core.errors import UserError

GRACE = 10
"""Seconds, for which answers that have begun go on after the end was asked for."""
SHORTEST = 8
"""Characters of a key."""
NOT_HERE = "there is no address {} here; --host takes one of this machine's, as 127.0.0.1"


def serve(
    paths: Sequence[Path | str],
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    key: str | None = None,
    queue: int = 64,
    together: int = 64,
    seconds: float = 60.0,
    device: str = "auto",
    said: Any = lambda sentence: None,
) -> None:
    """Serve these runs until SIGINT or SIGTERM. UserError says what cannot work, before it begins."""
    need()
    local = checked(host, port, key, queue, together, seconds)
    import uvicorn

    from ganvas.serve.app import build
    from ganvas.serve.door import LOCAL, Limits
    from ganvas.serve.shelf import fill
    from ganvas.serve.watch import Watch

    with bound(host, port) as place:
        shelf = fill(paths, device)
        watch = Watch()
        hosts = (*LOCAL, host.lower()) if local and key is None else None
        limits = Limits(queue=queue, seconds=seconds)
        app = build(shelf, watch=watch, limits=limits, key=key, hosts=hosts, together=together)
        config = uvicorn.Config(
            app,
            log_config=None,
            log_level="critical",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=GRACE,
            lifespan="on",
        )
        number = place.getsockname()[1]
        name = f"[{host}]" if ":" in host else host
        address = f"http://{name}:{number}"
        models = ", ".join(f"{one.name} ({one.kind})" for one in shelf)
        said(f"{models} at {address}/ : the page there, the API under {address}/v1; Ctrl-C ends it.")
        watch.say("started", address=address, models=shelf.names())
        with graceful():
            uvicorn.Server(config).run(sockets=[place])
        watch.say("ended")


def need() -> None:
    """UserError: the extra is not installed."""
    try:
        import fastapi
        import prometheus_client
        import uvicorn
    except ImportError as error:
        raise UserError(
            f"{error.name} is needed and not installed here: pip install 'ganvas[serve]'"
        ) from None
    _ = fastapi, prometheus_client, uvicorn


def checked(host: str, port: int, key: str | None, queue: int, together: int, seconds: float) -> bool:
    """Whether the address is this machine's own; UserError where one of these cannot be."""
    if not 0 <= port <= 65_535:
        raise UserError(f"--port is from 0 (any that is free) to 65535, not {port}")
    for name, value in (("--queue", queue), ("--batch", together)):
        if not 1 <= value <= 10_000:
            raise UserError(f"{name} is from 1 to 10,000, not {value}")
    if not 0 < seconds <= 86_400:
        raise UserError(f"--timeout is above 0 and at most 86,400 seconds, not {seconds:g}")
    if key is not None and (len(key) < SHORTEST or not key.isascii() or not key.isprintable() or " " in key):
        raise UserError(f"an API key has {SHORTEST} printable ASCII characters or more, and no spaces")
    local = host == "localhost"
    with suppress(ValueError):  # a name: whether there is such an address is seen when it is bound
        local = local or ipaddress.ip_address(host).is_loopback
    if not local and key is None:
        raise UserError(
            f"{host} is reached from other machines: give a key that they must know, by GANVAS_API_KEY"
        )
    return local


@contextmanager
def bound(host: str, port: int) -> Any:
    """A socket of this address, before anything is loaded."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        place = socket.socket(family, kind, protocol)  # asyncio sends at once by a socket that says TCP only
    except OSError:
        raise UserError(NOT_HERE.format(host)) from None
    with place:
        place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            place.bind(address)
            place.listen(1024)
        except OSError as error:
            if error.errno == EADDRNOTAVAIL:
                raise UserError(NOT_HERE.format(host)) from None
            reason = (error.strerror or str(error)).lower()
            raise UserError(
                f"port {port} of {host} cannot be had ({reason}); name another with --port"
            ) from None
        yield place


@contextmanager
def graceful() -> Any:
    """The server ends by itself on a signal, and raises it again afterwards: that is no failure."""
    before = [(number, signal(number, lambda *_: None)) for number in (SIGINT, SIGTERM)]
    try:
        yield
    finally:
        for number, handler in before:
            signal(number, handler)
