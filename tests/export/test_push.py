"""A repository is sent by the hub's own client, to a server that answers as the hub does."""

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import made
import pytest

pytest.importorskip("huggingface_hub")


class Hub(BaseHTTPRequestHandler):
    """Takes whatever is sent; `asked` keeps it."""

    asked: ClassVar[list[tuple[str, str, bytes]]] = []

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.asked.append((self.path, self.headers["Authorization"], body))
        answer = {"url": "http://127.0.0.1/me/rings", "name": "me/rings"}
        if "/preupload/" in self.path:
            files = json.loads(body)["files"]
            answer = {
                "files": [{"path": f["path"], "uploadMode": "regular", "shouldIgnore": False} for f in files]
            }
        elif "/commit/" in self.path:
            answer = {"commitUrl": "http://127.0.0.1/me/rings/commit/0", "commitOid": "0" * 40}
        text = json.dumps(answer).encode()
        self.send_response(401 if self.headers["Authorization"] != "Bearer hf_right" else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_): ...


@pytest.fixture(scope="module")
def endpoint():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_every_file_arrives_in_a_private_repository(endpoint, ganvas, tmp_path):
    made.run(tmp_path / "rings", "points", made.PLANE, generator__width=8)
    line = ("export", "rings", "--to", "hub", "--licence", "mit", "--push", "me/rings", "--json")
    done = ganvas(*line, HF_ENDPOINT=endpoint, HF_TOKEN="hf_right", HF_HUB_DISABLE_TELEMETRY="1")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["address"] == f"{endpoint}/me/rings"
    created = json.loads(next(body for path, _, body in Hub.asked if path == "/api/repos/create"))
    assert (created["organization"], created["name"]) == ("me", "rings")
    assert created.get("visibility") == "private" or created.get("private") is True
    sent = next(body for path, _, body in Hub.asked if "/commit/" in path).splitlines()
    files = [json.loads(row)["value"] for row in sent if json.loads(row)["key"] == "file"]
    assert {f["path"] for f in files} == {path.name for path in (tmp_path / "rings/hub").iterdir()}
    for file in files:
        here = (tmp_path / "rings/hub" / file["path"]).read_bytes()
        assert base64.b64decode(file["content"]) == here


def test_a_wrong_token_is_a_sentence_and_the_folder_stays(endpoint, ganvas, tmp_path):
    made.run(tmp_path / "rings", "points", made.PLANE, generator__width=8)
    line = ("export", "rings", "--to", "hub", "--push", "me/rings")
    done = ganvas(*line, HF_ENDPOINT=endpoint, HF_TOKEN="hf_wrong", HF_HUB_DISABLE_TELEMETRY="1")
    assert done.returncode == 2
    assert "was written, but not sent to me/rings" in done.stderr
    assert (tmp_path / "rings/hub/model.safetensors").is_file()
