"""What is asked wrongly is answered as a client would want it."""

import socket
import time

import pytest
from served import serving

PICTURES = "/v1/images/generations"


@pytest.mark.parametrize(
    ("path", "body", "status", "code", "param"),
    [
        (PICTURES, {"prompt": "", "model": "dall-e-3"}, 404, "model_not_found", "model"),
        (PICTURES, {"prompt": "", "model": "../../etc/passwd"}, 404, "model_not_found", "model"),
        (PICTURES, {"prompt": "", "model": "lines"}, 400, "model_not_able", "model"),
        (PICTURES, {"prompt": "", "n": 0}, 400, "invalid_value", "n"),
        (PICTURES, {"prompt": "", "n": 10_000}, 400, "invalid_value", "n"),
        (PICTURES, {"prompt": "", "n": "3"}, 400, "invalid_type", "n"),
        (PICTURES, {"prompt": "x" * 1_000_000}, 400, "string_above_max_length", "prompt"),
        (PICTURES, {"prompt": "cow"}, 400, "invalid_value", None),
        (PICTURES, {"prompt": "", "size": "64x32"}, 400, "invalid_value", "size"),
        (PICTURES, {"prompt": "", "size": "9999x9999"}, 400, "invalid_value", "size"),
        (PICTURES, {"prompt": "", "size": "2048x2048", "n": 5}, 400, "invalid_value", "n"),
        (PICTURES, {"prompt": "", "output_format": "tiff"}, 400, "invalid_value", "output_format"),
        (PICTURES, {"prompt": "", "response_format": "file"}, 400, "invalid_value", "response_format"),
        (PICTURES, {"prompt": "", "seed": -1}, 400, "invalid_value", "seed"),
        (PICTURES, {"prompt": "", "truncation": 0}, 400, "invalid_value", "truncation"),
        (PICTURES, {"prompt": "", "out": "/tmp/x.png"}, 400, "unknown_parameter", "out"),
        ("/v1/completions", {"prompt": "a"}, 400, "missing_required_parameter", "model"),
        ("/v1/completions", {"model": "lines", "max_tokens": 0}, 400, "invalid_value", "max_tokens"),
        ("/v1/completions", {"model": "lines", "max_tokens": 10**9}, 400, "invalid_value", "max_tokens"),
        ("/v1/completions", {"model": "lines", "logprobs": 3}, 400, "invalid_value", "logprobs"),
        ("/v1/completions", {"model": "lines", "n": 8, "prompt": ["a"] * 9}, 400, "invalid_value", "n"),
        ("/v1/chat/completions", {"model": "lines", "messages": []}, 400, None, "messages"),
        ("/v1/ganvas/decode", {"model": "cats", "z": [[0.0] * 5]}, 400, "invalid_value", "z"),
        ("/v1/ganvas/decode", {"model": "cats", "z": [[1e30] * 6]}, 400, "invalid_value", None),
        ("/v1/ganvas/decode", {"model": "cats", "z": [[0.0] * 6]}, 400, "invalid_value", None),  # no label
        ("/v1/ganvas/encode", {"model": "cats", "images": ["aGFsbG8="]}, 400, "model_not_able", "model"),
        ("/v1/ganvas/encode", {"model": "grey", "images": ["aGFsbG8="]}, 400, "invalid_image", "images.0"),
        ("/v1/ganvas/encode", {"model": "grey", "images": ["/etc/passwd"]}, 400, "invalid_image", "images.0"),
    ],
)  # fmt: skip
def test_bad_values(client, path, body, status, code, param):
    found, error = client.refused(path, body)
    assert found == status
    assert error["type"] == "invalid_request_error"
    assert code is None or error["code"] == code
    assert param is None or error["param"].startswith(param)
    assert len(error["message"]) < 400


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("/v1/completions", {"model": "lines", "prompt": "a" * 100_001}, "prompt"),
        ("/v1/completions", {"model": "lines", "prompt": ["a", "a" * 100_001]}, "prompt.1"),
        ("/v1/completions", {"model": "lines", "prompt": 5}, "prompt"),
        ("/v1/chat/completions", {"model": "lines", "messages": [{"role": "user", "content": [{"type": "text",
          "text": 5}]}]}, "messages.0.content.0.text"),
    ],
)  # fmt: skip
def test_a_parameter_is_named_as_it_was_sent(client, path, body, param):
    assert client.refused(path, body)[1]["param"] == param


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"prompt": NaN}', b"[" * 50_000])
def test_broken_json(client, body):
    status, error = client.refused(PICTURES, body)
    assert (status, error["type"]) == (400, "invalid_request_error")


def test_a_body_too_large_is_not_read_to_its_end(client):
    assert client.refused(PICTURES, b" " * 5_000_000)[1]["code"] == "too_large"


def test_json_is_sent_as_json(client):
    assert client.refused(PICTURES, b'{"prompt": ""}', Content_Type="text/plain")[0] == 400


@pytest.mark.parametrize(
    "path", ["/v1/models/..%2f..%2fetc%2fpasswd", "/v1/files/..%2f..%2fetc%2fpasswd", "/app.py", "/v1/",
             "/page/index.html", "/../../etc/passwd", "/v1/ganvas/models/..%2fcats/report", "/docs"],
)  # fmt: skip
def test_no_name_reaches_a_file(client, path):
    status, _, body = client.ask("GET", path)
    assert status == 404
    assert body["error"]["type"] == "invalid_request_error"


def test_another_method_is_refused_with_those_that_there_are(client):
    status, heads, body = client.ask("DELETE", "/v1/models")
    assert (status, heads["allow"]) == (405, "GET")
    assert "error" in body


def test_another_name_of_this_machine_is_refused(client):
    """A page elsewhere whose name was made to mean this machine reads nothing (DNS rebinding)."""
    assert client.ask("GET", "/v1/models", Host="evil.example:80")[0] == 403
    assert client.ask("GET", "/v1/models", Host="localhost:8000")[0] == 200


def test_no_key_and_wrong_key(runs):
    with serving([runs / "plane"], key="a-long-secret", hosts=None) as client:
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic YTpi"}):
            for path in ("/v1/models", "/metrics", "/openapi.json", "/v1/none"):
                status, heads, body = client.ask("GET", path, **headers)
                assert (status, heads["www-authenticate"]) == (401, "Bearer")
                assert body["error"]["code"] == "invalid_api_key"
            assert client.refused("/v1/ganvas/samples", {"model": "plane"}, **headers)[0] == 401
        assert client.ask("GET", "/health")[0] == 200
        assert client.ask("GET", "/")[0] == 200
        assert client.ask("GET", "/v1/models", Authorization="Bearer a-long-secret")[0] == 200


def test_a_full_queue_says_when_to_come_again_and_a_client_that_leaves_frees_its_place(runs):
    long = {"model": "book", "max_tokens": 4096, "n": 16, "stream": True}
    with serving([runs / "book"], limits={"queue": 1}) as client:
        line = socket.create_connection(("127.0.0.1", client.port))
        body = str(long).replace("'", '"').replace("True", "true").encode()
        line.sendall(
            b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        )
        line.sendall(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        assert b"200 OK" in line.recv(200)
        short = {"model": "book", "max_tokens": 2}
        status, heads, found = client.ask("POST", "/v1/completions", short)
        assert (status, found["error"]["code"]) == (429, "queue_full")
        assert 1 <= int(heads["retry-after"]) <= 30
        line.close()
        end = time.monotonic() + 5
        while client.ask("POST", "/v1/completions", short)[0] == 429:
            assert time.monotonic() < end
            time.sleep(0.05)
        assert b"ganvas_left_total 1.0" in client.get("/metrics")
        assert '"left": true' in client.log.getvalue()


def test_an_answer_has_its_time(runs):
    long = {"model": "book", "max_tokens": 4096, "n": 16}
    with serving([runs / "book"], limits={"seconds": 0.5}) as client:
        status, error = client.refused("/v1/completions", long)
        assert (status, error["code"]) == (504, "timeout")
        assert b"ganvas_places_taken 0.0" in client.get("/metrics")


def test_the_log_tells_of_requests_and_not_what_was_asked(runs):
    with serving([runs / "lines"]) as client:
        client.post("/v1/completions", {"model": "lines", "prompt": "my secret", "max_tokens": 3})
        client.refused("/v1/completions", {"model": "my secret", "prompt": "my secret"})
        client.ask("GET", "/my-secret")
        log = client.log.getvalue()
    assert "secret" not in log
    assert '"route": "/v1/completions", "status": 200' in log
    assert '"status": 404' in log
