"""What `ganvas chat` does."""

import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ganvas.commands.opened import opened
from ganvas.core.errors import UserError

if TYPE_CHECKING:
    from ganvas.cli.making import Chat
    from ganvas.model import Model

NEW, QUIT = "/new", "/quit"
PROMPT = "> "


def chat(ask: "Chat") -> dict[str, Any]:
    """Ask the model, once, line by line, or in a conversation; all that was said."""
    from ganvas.terminal import said

    live = ask.message is None and sys.stdin.isatty()
    if live and ask.as_json:
        raise UserError("--json needs the question beforehand: --message, or a line each on standard input")
    model = opened(ask.run, ask.device)
    first = [{"role": "system", "content": ask.system}] if ask.system.strip() else []
    model.chat(
        [*first, {"role": "user", "content": "?"}], length=ask.length, **_choice(ask)
    )  # or says why not
    if live:
        said(
            f"It replies as the chats that it has learnt. Ctrl-C stops a reply, {NEW} begins anew, {QUIT} or "
            f"Ctrl-D ends."
        )
    messages = list(first)
    for question in _questions(ask, live):
        if question in (NEW, QUIT):
            if question == QUIT:
                break
            messages = list(first)
            continue
        messages.append({"role": "user", "content": question})
        messages.append({"role": "assistant", "content": _reply(model, messages, ask)})
    return {"messages": messages, "seed": ask.seed}


def _choice(ask: "Chat") -> dict[str, Any]:
    return {
        "temperature": ask.temperature,
        "top_k": ask.top_k,
        "top_p": ask.top_p,
        "min_p": ask.min_p,
    }


def _questions(ask: "Chat", live: bool) -> Iterator[str]:
    """Without those that are blank."""
    if ask.message is not None:
        if not ask.message.strip():
            raise UserError("--message is empty; say what to ask")
        yield ask.message.strip()
        return
    if not live:
        yield from filter(None, map(str.strip, sys.stdin))
        return
    with suppress(ImportError):  # arrow keys and earlier lines, where the system has them
        import readline  # noqa: F401
    with suppress(EOFError):
        while True:
            try:
                question = input(PROMPT).strip()
            except KeyboardInterrupt:  # drops what was typed
                print()
                continue
            if re.fullmatch(r"/\w*", question) and question not in (NEW, QUIT):
                print(f"There is no {question}: {NEW} begins anew, {QUIT} or Ctrl-D ends.")
            elif question:
                yield question
    print()


def _reply(model: "Model", messages: list[dict[str, str]], ask: "Chat") -> str:
    """Shown as it is made; Ctrl-C on a terminal ends it there."""
    text = ""
    try:
        from ganvas.terminal import printable

        show = printable if sys.stdout.isatty() else str
        _warn(model, messages)
        for piece in model.chat(messages, length=ask.length, seed=ask.seed, **_choice(ask)):
            text += piece
            if not ask.as_json:
                print(show(piece), end="", flush=True)
    except KeyboardInterrupt:
        if not sys.stdin.isatty() or ask.message is not None:
            raise
    if not ask.as_json:
        print(flush=True)
    return text.strip() or "…"


def _warn(model: "Model", messages: list[dict[str, str]]) -> None:
    """Once what was said, or the last message by itself, is longer than the context."""
    from ganvas.data.chats import Chat, asked
    from ganvas.data.openings import opening
    from ganvas.terminal import said

    turns, context, words = asked(messages), model.spec.shape[0], model.spec.vocabulary
    assert words is not None
    begun, seen = opening(turns, words, context)
    count, marks = len(words.encode(Chat(seen))), 2  # a start, and whose turn it is
    if len(begun) - marks < count:
        said(f"The message has {count:,} tokens, and the model looks back {context:,}: it reads their end.")
    if forgotten := len(turns) - len(seen):
        said(f"The model looks back {context:,} tokens: the oldest {forgotten:,} messages are forgotten.")
