"""Text as it is written: choices, their tokens, and why each ended."""

import json
import secrets
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Any

from ganvas.models.writing import until
from ganvas.serve.asks import CHOICES, TOKENS, Chats, Choices, Completions
from ganvas.serve.bench import Bench
from ganvas.serve.problems import Refusal, body
from ganvas.serve.shelf import Served

SHORT = 16
"""Tokens of a completion, where none are asked for."""
SEEDS = 2**31

Facts = dict[str, Any]


@dataclass
class Choice:
    """One text that is written, and what is known of it at the end."""

    index: int
    pieces: Iterator[str]
    tokens: int
    """At most."""
    count: Callable[[str], int]
    echo: str = ""
    written: int = 0
    ended: str = "stop"

    def __iter__(self) -> Iterator[str]:
        """Pieces, up to the last token that is allowed."""
        if self.echo:
            yield self.echo
        for piece in self.pieces:
            self.written += self.count(piece)
            yield piece
            if self.written >= self.tokens:
                self.ended = "length"
                return


@dataclass
class Writing:
    """All choices of a request."""

    choices: list[Choice]
    prompt: int
    """Tokens that were read."""
    seed: int
    usage: Callable[[], Facts]

    @property
    def written(self) -> int:
        return sum(choice.written for choice in self.choices)


def _seed(ask: Choices) -> int:
    return secrets.randbelow(SEEDS) if ask.seed is None else ask.seed


def _writing(choices: list[Choice], prompt: int, seed: int) -> Writing:
    def usage() -> Facts:
        written = sum(choice.written for choice in choices)
        return {"prompt_tokens": prompt, "completion_tokens": written, "total_tokens": prompt + written}

    return Writing(choices, prompt, seed, usage)


def completions(one: Served, ask: Completions) -> Writing:
    """What follows each prompt, n times; in the thread that computes, for prompts are read here."""
    words: Any = one.model.spec.vocabulary
    prompts = ask.prompt if isinstance(ask.prompt, list) else [ask.prompt or ""]
    n = ask.n or 1
    if len(prompts) * n > CHOICES:
        raise Refusal(400, f"n: at most {CHOICES} choices for all prompts", param="n", code="invalid_value")
    seed, most = _seed(ask), ask.max_tokens or SHORT
    length = most * int(words.lengths.max())
    choices = []
    for prompt in prompts:
        for _ in range(n):
            k = len(choices)
            pieces = one.model.stream(prompt, length=length, seed=seed + k, stop=ask.ends, **ask.how)
            echo = prompt if ask.echo else ""
            choices.append(Choice(k, pieces, most, lambda piece: len(words.encode(piece)), echo))
    return _writing(choices, sum(len(words.encode(prompt)) for prompt in prompts), seed)


def chats(one: Served, ask: Chats) -> Writing:
    """Replies to the messages."""
    words: Any = one.model.spec.vocabulary
    roles = {"developer": "system"}
    messages = [{"role": roles.get(m.role, m.role), "content": m.text} for m in ask.messages]
    seed, most = _seed(ask), ask.max_completion_tokens or ask.max_tokens or TOKENS
    length = most * int(words.lengths.max())
    choices = []
    for k in range(ask.n or 1):
        reply = one.model.chat(messages, length=length, seed=seed + k, **ask.how)
        pieces = until(reply, [end for end in ask.ends if end])
        choices.append(Choice(k, pieces, most, lambda piece: len(words.encode(piece))))
    return _writing(choices, sum(len(words.encode(m["content"])) for m in messages), seed)


def head(kind: str, one: Served, seed: int) -> Facts:
    """What every answer and every chunk of it begins with."""
    prefix, name = ("cmpl", "text_completion") if kind == "text" else ("chatcmpl", f"chat.completion{kind}")
    return {
        "id": f"{prefix}-{uuid.uuid4().hex}",
        "object": name,
        "created": int(time.time()),
        "model": one.name,
        "seed": seed,
    }


async def whole(bench: Bench, writing: Writing) -> list[str]:
    """Of each choice."""
    texts = []
    for choice in writing.choices:
        texts.append("".join([piece async for some in bench.follow(iter(choice)) for piece in some]))
    return texts


async def events(
    bench: Bench,
    writing: Writing,
    first: Facts,
    shaped: Callable[[int, str | None, str | None], Facts],
    usage: bool,
) -> AsyncIterator[str]:
    """Server-sent events, chunks of the answer, then [DONE].

    `shaped`: a choice as its route has it, of its index, its next characters (None before the first) and why
    it ended.
    """
    none = {"usage": None} if usage else {}
    try:
        for choice in writing.choices:
            if opening := shaped(choice.index, None, None):
                yield event({**first, "choices": [opening], **none})
            async for some in bench.follow(iter(choice)):
                yield event({**first, "choices": [shaped(choice.index, "".join(some), None)], **none})
            yield event({**first, "choices": [shaped(choice.index, "", choice.ended)], **none})
        if usage:
            yield event({**first, "choices": [], "usage": writing.usage()})
    except Exception:  # the answer has begun: all that can be done is to say so in it
        yield event(body(500, "this went wrong here"))
        raise
    yield "data: [DONE]\n\n"


def event(value: Facts) -> str:
    return f"data: {json.dumps(value, ensure_ascii=False)}\n\n"
