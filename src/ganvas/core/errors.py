"""The one kind of error that a person is meant to read."""

import re

MOST = 200
"""Characters that are quoted of a library's error."""
CODES = re.compile(r"^\[\w+\] : \d+ : \w+ : ")
"""ONNX Runtime's, before its words."""


class UserError(Exception):
    """Something in what the user gave cannot work: what was found, what was expected, what to do.

    The command line prints the sentence and exits with code 2; Python callers catch it.
    """


def reason(error: BaseException) -> str:
    """What a library's error says, within a sentence of ours: the first of its own, or its kind."""
    line = CODES.sub("", (str(error).strip() or type(error).__name__).splitlines()[0])
    return re.split(r"\.\s", line)[0][:MOST].strip("'\"").rstrip(".")
