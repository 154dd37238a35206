"""A server of tiny models on this machine, and requests to it."""

import http.client
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any

import uvicorn

from ganvas.data.chats import ROLES
from ganvas.data.spec import Spec
from ganvas.data.vocabulary import Vocabulary
from ganvas.serve.app import build
from ganvas.serve.door import Limits
from ganvas.serve.server import bound
from ganvas.serve.shelf import fill
from ganvas.serve.watch import Watch

LINES = Spec(kind="text", shape=(32,), vocabulary=Vocabulary(ends=True), longest=60)
RUNNING = Spec(kind="text", shape=(64,), vocabulary=Vocabulary(), longest=0)
NAMES = ("cats", "grey", "lines", "book", "helper", "plane")
CHATS = Spec(kind="text", shape=(128,), vocabulary=Vocabulary(ends=True, roles=ROLES), longest=200)
TINY = {"model__width": 16, "model__depth": 1, "model__heads": 1}


class Client:
    """Requests to one server."""

    def __init__(self, port: int, log: StringIO):
        self.port, self.log = port, log
        self.address = f"http://127.0.0.1:{port}"

    def ask(
        self, method: str, path: str, body: Any = None, **headers: str
    ) -> tuple[int, dict[str, str], Any]:
        """Status, headers, and the body, read if it is JSON."""
        sent = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        names = {k.replace("_", "-"): v for k, v in headers.items()}
        line.request(method, path, sent, {"Content-Type": "application/json"} | names)
        answer = line.getresponse()
        found = answer.read()
        heads = {k.lower(): v for k, v in answer.getheaders()}
        line.close()
        whole = json.loads(found) if heads.get("content-type") == "application/json" else found
        return answer.status, heads, whole

    def get(self, path: str, **headers: str) -> Any:
        status, _, body = self.ask("GET", path, **headers)
        assert status == 200, body
        return body

    def post(self, path: str, body: Any) -> Any:
        status, _, found = self.ask("POST", path, body)
        assert status == 200, found
        return found

    def refused(self, path: str, body: Any, **headers: str) -> tuple[int, dict[str, Any]]:
        """Status and error of what cannot be done."""
        status, _, found = self.ask("POST", path, body, **headers)
        assert set(found) == {"error"}, found
        assert set(found["error"]) == {"message", "type", "param", "code"}
        return status, found["error"]


@contextmanager
def serving(paths: list[Path], **how: Any) -> Iterator[Client]:
    """As `ganvas serve` does it, in a thread."""
    log = StringIO()
    limits = Limits(**how.pop("limits", {}))
    app = build(fill(paths, "cpu"), watch=Watch(log), limits=limits, **how)
    config = uvicorn.Config(app, log_config=None, lifespan="on", timeout_graceful_shutdown=5)
    with bound("127.0.0.1", 0) as place:
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [place]})
        thread.start()
        try:
            while not server.started:
                time.sleep(0.01)
            yield Client(place.getsockname()[1], log)
        finally:
            server.should_exit = True
            thread.join()
