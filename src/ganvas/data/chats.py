"""Chats: rows of messages as turns, and what is wrong with a row that is none."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from ganvas.core.errors import UserError

ROLES = ("system", "user", "assistant")
REPLY = "assistant"
"""Whose turns are learnt."""
ALIASES = {"human": "user", "gpt": "assistant"}
"""As ShareGPT has them."""
NAMES = ("messages", "conversations")
"""Of what holds the turns of a row; the second as ShareGPT has it, with `from` and `value` in each."""


class Turn(NamedTuple):
    """What one says."""

    role: str
    text: str


class Chat(str):
    """Turns; as a string it is what a person reads: a line for each, begun by who speaks."""

    turns: tuple[Turn, ...]

    def __new__(cls, turns: Sequence[Turn]) -> "Chat":
        chat = super().__new__(cls, "".join(f"{turn.role}: {turn.text}\n" for turn in turns))
        chat.turns = tuple(turns)
        return chat


def is_chat(row: Any) -> bool:
    return isinstance(row, dict) and any(isinstance(row.get(name), list) for name in NAMES)


def chat_of(row: Mapping[str, Any]) -> Chat:
    """The chat of a row up to its last reply; ValueError says why it is none, or none to learn from."""
    turns = turns_of(next((row[name] for name in NAMES if isinstance(row.get(name), list)), []))
    last = max((k for k, turn in enumerate(turns) if turn.role == REPLY), default=None)
    if last is None:
        raise ValueError(f"no reply, which is a turn of the {REPLY}")
    return Chat(turns[: last + 1])


def turns_of(messages: Sequence[Any]) -> list[Turn]:
    """Each message as a turn: system first if at all, then others one after another. ValueError if not."""
    turns = []
    for k, message in enumerate(messages, 1):
        found = message if isinstance(message, Mapping) else {}
        role, text = found.get("role", found.get("from")), found.get("content", found.get("value"))
        if not isinstance(role, str) or not isinstance(text, str):
            raise ValueError(f"message {k} has no “role” and “content” that are text")
        role = ALIASES.get(role, role)
        if role not in ROLES:
            raise ValueError(f"message {k} is of the unknown role {role!r}; known are {', '.join(ROLES)}")
        if not text.strip():
            raise ValueError(f"message {k} is empty")
        if role == "system" and k > 1:
            raise ValueError(f"message {k} is of the role system, which only the first may have")
        turns.append(Turn(role, text.strip()))
    for k, (one, other) in enumerate(pairwise(turns), 2):
        if one.role == other.role:
            raise ValueError(f"messages {k - 1} and {k} are both of the role {one.role}; they take turns")
    return turns


def asked(messages: Sequence[Any]) -> list[Turn]:
    """The turns before a reply; UserError where there can be none."""
    try:
        turns = turns_of(messages)
    except ValueError as error:
        raise UserError(f"{error}") from None
    if not turns or turns[-1].role == REPLY:
        has = "there is no message" if not turns else f"the last one is of the {REPLY}"
        raise UserError(f"to be answered, the last message must be of the user, and {has}")
    return turns


def spoken(text: str) -> Iterator[str]:
    """What is said in a chat, turn by turn; any other text is one piece."""
    yield from (turn.text for turn in text.turns) if isinstance(text, Chat) else [text]
