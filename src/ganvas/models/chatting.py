"""Chats as tokens: what of them is a reply."""

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from ganvas.data.chats import REPLY
from ganvas.data.vocabulary import Vocabulary


def replies(tokens: Int[Tensor, "batch place"], words: Vocabulary) -> Bool[Tensor, "batch place"]:
    """Which tokens are said by the assistant, ends of its turns among them: those whose last mark before is
    its role. What stands before the first mark of a window is nobody's."""
    places = torch.arange(tokens.shape[1], device=tokens.device).expand_as(tokens)
    marks = places.where(tokens >= words.plain, -1).cummax(1).values
    last = torch.cat([torch.full_like(marks[:, :1], -1), marks[:, :-1]], 1)
    return (last >= 0) & (tokens.gather(1, last.clamp(min=0)) == words.role(REPLY))
