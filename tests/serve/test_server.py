"""`ganvas serve`: what it refuses before it begins, how it ends, and how models are named."""

import json
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import pytest

from ganvas.core.errors import UserError
from ganvas.serve.server import bound, serve
from ganvas.serve.shelf import fill

WITHOUT = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"fastapi", "uvicorn", "prometheus_client"}:
            raise ImportError(f"{name} is not installed", name=name)
sys.meta_path.insert(0, Absent())
from ganvas.cli import main
main()
"""


def test_names_are_those_of_folders_and_the_second_of_a_name_gets_a_number(runs, tmp_path):
    for place in ("a", "b", "b/c"):
        shutil.copytree(runs / "plane", tmp_path / place / "plane")
    shelf = fill([tmp_path / place / "plane" for place in ("a", "b", "b/c")], "cpu")
    assert shelf.names() == ["plane", "plane-2", "plane-3"]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"port": 70_000}, "--port is from 0"),
        ({"host": "0.0.0.0"}, "is reached from other machines: give a key"),
        (
            {"host": "no.such.host.invalid", "key": "a-long-secret"},
            "there is no address no.such.host.invalid",
        ),
        ({"host": "192.0.2.1", "key": "a-long-secret"}, "there is no address 192.0.2.1 here"),
        ({"key": "short"}, "an API key has 8 printable ASCII characters or more"),
        ({"key": ""}, "an API key has 8 printable ASCII characters or more"),
        ({"queue": 0}, "--queue is from 1"),
        ({"together": 0}, "--batch is from 1"),
        ({"seconds": 0.0}, "--timeout is above 0"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_loaded(asked, said):
    with pytest.raises(UserError, match=said):
        serve(["nowhere"], **asked)


def refused(answer, said):
    assert answer.returncode == 2
    assert said in answer.stderr
    assert answer.stderr.count("\n") == 1
    assert answer.stdout == ""


def test_a_damaged_model_and_a_taken_port_are_one_sentence(ganvas, runs, tmp_path):
    shutil.copytree(runs / "plane", tmp_path / "broken")
    weights = tmp_path / "broken/model/model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])
    refused(ganvas("serve"), "say which RUN")
    refused(ganvas("serve", tmp_path / "broken", "--port", "0"), "cannot be read")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        refused(ganvas("serve", runs / "plane", "--port", port), f"port {port} of 127.0.0.1 cannot be had")


def test_without_the_extra_it_says_what_to_install(runs):
    line = [sys.executable, "-c", WITHOUT, "serve", str(runs / "plane")]
    answer = subprocess.run(line, capture_output=True, text=True, check=False, timeout=60)
    assert answer.returncode == 2
    assert "pip install 'ganvas[serve]'" in answer.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_what_has_begun_is_ended_before_it_goes(runs, number):
    line = [sys.executable, "-m", "ganvas", "serve", str(runs / "book"), "--port", "0"]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        assert server.stdout
        started = json.loads(server.stdout.readline())
        body = json.dumps({"model": "book", "max_tokens": 400, "stream": True}).encode()
        asked = urllib.request.Request(
            f"{started['address']}/v1/completions", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(asked, timeout=30) as answer:
            first = answer.readline()
            server.send_signal(number)
            rest = answer.read()
        assert first.startswith(b"data: {")
        assert rest.endswith(b"data: [DONE]\n\n")
        end = time.monotonic() + 20
        while server.poll() is None and time.monotonic() < end:
            time.sleep(0.05)
        assert server.returncode == 0
        events = [json.loads(text)["event"] for text in server.stdout]
    assert events == ["request", "ended"]


def test_an_answer_does_not_wait_for_the_client_to_acknowledge_its_head():
    """asyncio sets TCP_NODELAY where the protocol is named; else each answer took 40 ms more."""
    with bound("127.0.0.1", 0) as place:
        assert place.proto == socket.IPPROTO_TCP
