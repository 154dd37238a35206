"""A headless Chromium that is spoken to through a pipe, and a static server: nothing has to be installed."""

import functools
import json
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking",
    "--disable-component-update --disable-sync --remote-debugging-pipe",
)
CUT = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
"""No address but this machine's is found."""


def found() -> str | None:
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None: ...


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The folder, at an address of this machine."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


class Page:
    """One tab, by the DevTools protocol (fds 3 and 4 of the browser; messages end with a zero)."""

    def __init__(self, out: int, back: int):
        self.out, self.back, self.rest, self.number = out, back, b"", 0
        self.requests: list[str] = []
        self.said: list[str] = []
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.send(f"{domain}.enable")

    session: str | None = None

    def send(self, method: str, **params: Any) -> dict[str, Any]:
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        message |= {"sessionId": self.session} if self.session else {}
        os.write(self.out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.next()
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]

    def next(self) -> dict[str, Any]:
        while b"\0" not in self.rest:
            read = os.read(self.back, 1 << 20)
            if not read:
                raise RuntimeError("the browser has gone")
            self.rest += read
        line, _, self.rest = self.rest.partition(b"\0")
        message = json.loads(line)
        if message.get("method") == "Network.requestWillBeSent":
            self.requests.append(message["params"]["request"]["url"])
        level = message.get("params", {}).get("entry", {"level": "error"})["level"]
        told = message.get("method") in ("Runtime.exceptionThrown", "Log.entryAdded")
        if told and level == "error":
            self.said.append(json.dumps(message["params"])[:600])
        return message

    def value(self, expression: str) -> Any:
        """What it evaluates to, promises awaited."""
        answer = self.send(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True, userGesture=True
        )
        if "exceptionDetails" in answer:
            raise RuntimeError(json.dumps(answer["exceptionDetails"])[:1000])
        return answer["result"].get("value")

    def wait(self, expression: str, seconds: float = 90.0) -> None:
        """Until it is true."""
        end = time.monotonic() + seconds
        while not self.value(expression):
            if time.monotonic() > end:
                shown = self.value("document.body.innerText")
                raise TimeoutError(f"{expression}; {self.said}; {shown[:300]}")
            time.sleep(0.1)

    def key(self, name: str, code: int) -> None:
        for kind in ("rawKeyDown", "keyUp"):
            self.send("Input.dispatchKeyEvent", type=kind, key=name, code=name, windowsVirtualKeyCode=code)

    def shot(self, path: Path) -> None:
        import base64

        path.write_bytes(base64.b64decode(self.send("Page.captureScreenshot")["data"]))


@contextmanager
def opened(profile: Path) -> Iterator[Page]:
    """A page of a browser with the network cut."""
    theirs, out = os.pipe()
    back, writes = os.pipe()

    def place() -> None:
        ends = os.dup(theirs), os.dup(writes)
        os.dup2(ends[0], 3)
        os.dup2(ends[1], 4)

    process = subprocess.Popen(
        [str(found()), *" ".join(FLAGS).split(), CUT, f"--user-data-dir={profile}"],
        preexec_fn=place,  # noqa: PLW1509 (the browser's fds have fixed numbers)
        close_fds=False,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(theirs)
    os.close(writes)
    try:
        yield Page(out, back)
    finally:
        process.terminate()
        process.wait(30)
        os.close(out)
        os.close(back)
