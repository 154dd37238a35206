"""Chats as tokens: what of them is a reply, and what a reply is asked by."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Bool, Int
from torch import Tensor

from ganvas.data.chats import REPLY, Chat, Turn
from ganvas.data.vocabulary import Vocabulary

ROOM = 4
"""One part of so many of the context is kept free for the reply."""


def replies(tokens: Int[Tensor, "batch place"], words: Vocabulary) -> Bool[Tensor, "batch place"]:
    """Which tokens are said by the assistant, ends of its turns among them: those whose last mark before is
    its role. What stands before the first mark of a window is nobody's."""
    places = torch.arange(tokens.shape[1], device=tokens.device).expand_as(tokens)
    marks = places.where(tokens >= words.plain, -1).cummax(1).values
    last = torch.cat([torch.full_like(marks[:, :1], -1), marks[:, :-1]], 1)
    return (last >= 0) & (tokens.gather(1, last.clamp(min=0)) == words.role(REPLY))


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
