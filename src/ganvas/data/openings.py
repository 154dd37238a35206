"""Chats as tokens: what a reply is asked by."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int

from ganvas.data.chats import REPLY, Chat, Turn
from ganvas.data.vocabulary import Vocabulary

ROOM = 4
"""One part of so many of the context is kept free for the reply."""


def opening(
    turns: Sequence[Turn], words: Vocabulary, context: int
) -> tuple[Int[np.ndarray, " token"], Sequence[Turn]]:
    """What a reply to these turns follows, and of them those that it looks back on: the instructions of the
    system and as many of the last others as leave room for it; of the very last at least its end."""
    first = [turn for turn in turns[:1] if turn.role == "system"]
    others = turns[len(first) :]
    most = context - context // ROOM - 2
    kept = len(others)
    while kept > 1 and len(words.encode(Chat([*first, *others[-kept:]]))) > most:
        kept -= 1
    seen = [*first, *others[-kept:]]
    tokens = words.encode(Chat(seen))
    if len(tokens) > most:
        seen = others[-1:]
        tokens = words.encode(Chat(seen))
        tokens = np.append(tokens[:1], tokens[1:][-(most - 1) :])
    return np.concatenate([[words.start], tokens, [words.role(REPLY)]]), seen
