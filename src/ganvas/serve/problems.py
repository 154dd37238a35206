"""What goes wrong, as OpenAI's specification shapes it: {"error": {message, type, param, code}}."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel

WHO = "invalid_request_error"
"""Errors of whoever asks."""
CODES = {
    "missing": "missing_required_parameter",
    "extra_forbidden": "unknown_parameter",
    "string_too_long": "string_above_max_length",
    "too_long": "array_above_max_length",
    "json_invalid": "invalid_json",
}
"""Of what pydantic finds; all else is an invalid value."""


class Refusal(Exception):
    """A request that is not done, and why."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ):
        super().__init__(message)
        self.status, self.param, self.code = status, param, code
        self.headers = dict(headers or {})

    @property
    def body(self) -> dict[str, Any]:
        return body(self.status, str(self), self.param, self.code)


class Problem(BaseModel):
    """What went wrong."""

    message: str
    type: str
    param: str | None
    code: str | None


class Failure(BaseModel):
    """Every answer that is none."""

    error: Problem


def body(status: int, message: str, param: str | None = None, code: str | None = None) -> dict[str, Any]:
    kinds = {401: WHO, 429: "rate_limit_error", 503: "server_error", 504: "server_error"}
    kind = kinds.get(status, WHO if status < 500 else "server_error")
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def of_validation(errors: Any) -> Refusal:
    """The first of what pydantic has found, without what was sent; where one of several types may stand, what
    was found farthest within the one that fits."""
    first = max(errors, key=lambda one: (not one["type"].endswith("_type"), len(one["loc"])))
    kind = str(first["type"])
    where = [str(part) for part in first["loc"] if isinstance(part, int) or _named(part)]
    param = ".".join(where) or None
    if kind == "json_invalid":
        return Refusal(400, "the body is not JSON", code=CODES[kind])
    if param is None:
        return Refusal(
            400, "the body is a JSON object, sent with Content-Type: application/json", code="invalid_type"
        )
    said = str(first["msg"]).removeprefix("Value error, ")
    if kind == "missing":
        said = "it is missing"
    if kind == "extra_forbidden":
        said = "there is no such parameter here"
    if kind == "none_required":
        said = "this cannot be had here; leave it out"
    code = CODES.get(kind, "invalid_type" if kind.endswith("_type") else "invalid_value")
    return Refusal(400, f"{param}: {said}", param=param, code=code)


def _named(part: str) -> bool:
    """Whether it is a name in what was sent, not one of pydantic's for a type that may stand there."""
    return part.isidentifier() and part not in ("body", "query", "path", "str", "int", "float", "bool")


def of_status(status: int) -> str:
    """A sentence for what the web framework itself refuses."""
    sentences = {
        404: "there is nothing at this address; /openapi.json lists what there is",
        405: "this address does not know this method",
    }
    return sentences.get(status, HTTPStatus(status).phrase.lower())


ANSWERS: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": Failure, "description": "400, 401, 403, 404, 413 or 429: what was asked cannot be done"},
    "5XX": {"model": Failure, "description": "500, 503 or 504: it was not done"},
}
"""Of every route."""
