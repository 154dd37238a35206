"""Text to judge a model by: what it has not seen, as its own tokens and as texts as long as samples are."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from ganvas.core.errors import UserError
from ganvas.core.run import Run
from ganvas.data.chats import REPLY, Chat
from ganvas.data.documents import open_text
from ganvas.data.load import load as load_data
from ganvas.data.text import Texts
from ganvas.data.vocabulary import Vocabulary
from ganvas.metrics.protocol import Protocol
from ganvas.model import Model
from ganvas.models.chatting import replies
from ganvas.recipes.base import data_settings, find

FEWEST = 10
MOST = 10_000
"""Texts that samples are compared with."""
USUAL, OF_RUNNING, OF_CHATS = 1_000, 64, 200
"""Samples, where there are as many held-out texts: items, windows of running text, replies."""


@dataclass
class Unseen:
    """Text to judge by, as the model's tokens."""

    parts: list[np.ndarray]
    """Items, or pieces of running text, each beginning with the last token of the one before."""
    texts: list[str]
    """At most `MOST` of these in no order, about as long as samples are; of chats the first replies."""
    source: str
    usual: int
    """How many samples are made, unless another number is asked for."""
    asked: list[np.ndarray] = field(default_factory=list)
    """Of chats: what these replies follow."""
    protocols: dict[str, Protocol] = field(default_factory=dict)

    def protocol(self, **facts: str | int | float | None) -> Protocol:
        made = Protocol(facts | {"reference": self.source})
        self.protocols[made.hash] = made
        return made


def texts_of(
    run: Run, model: Model, other: str | Path | None, said: Callable[[str], None]
) -> tuple[Texts | None, "Texts | list[str]"]:
    """What it was trained on, and what it was not."""
    record = run.record
    settings = data_settings(type(find(record["recipe"])).model_validate(record["settings"]))
    training = None
    try:
        found = load_data(record["data"]["source"], settings)
        if found.fingerprint != record["data"]["fingerprint"]:
            raise UserError(
                f"{record['data']['source']} is not the text that {run.path} was trained on, or has changed "
                f"since; give text that it has not seen: --data HELDOUT"
            )
        training = found if isinstance(found, Texts) else None
    except UserError as error:
        if other is None:
            raise
        said(f"Copies cannot be looked for: {error}")
    if other is not None:
        words = model.spec.vocabulary
        unit = "running" if words and not words.ends else "auto"
        return training, open_text(str(other), unit, getattr(settings, "column", None)).read().documents
    if training is None or training.held_out is None:
        raise UserError(
            f"nothing was held out of the data of {run.path}, so that there is nothing to judge by; "
            f"give text that it has not seen: --data HELDOUT"
        )
    return training, training.held_out


def unseen(held_out: "Texts | list[str]", model: Model) -> Unseen:
    """Its parts, and texts of it as long as samples."""
    words = model.spec.vocabulary
    assert words is not None
    if isinstance(held_out, Texts):
        documents, source = held_out.documents(), f"{held_out.fingerprint[:12]}, held out"
    else:
        if other := next((text for text in held_out if isinstance(text, Chat) != bool(words.roles)), None):
            learnt = "chats" if words.roles else "plain text"
            raise UserError(f"this model has learnt {learnt}, and what is given is other: {other[:40]!r} …")
        documents, source = [words.encode(text) for text in held_out], "given"
    parts = pieces([np.asarray(tokens) for tokens in documents], model)
    if len(parts) < FEWEST:
        raise UserError(
            f"{len(parts)} {'items' if words.ends else 'windows'} of held-out text are too few to judge by, "
            f"at least {FEWEST} are needed; give more text that it has not seen: --data HELDOUT"
        )
    chosen = some(parts, MOST)
    if words.roles:
        texts, asked = _exchanges(chosen, words)
        return Unseen(parts, texts, source, min(len(texts), OF_CHATS), asked)
    texts = as_texts(chosen, words)
    return Unseen(parts, texts, source, min(len(texts), USUAL if words.ends else OF_RUNNING))


def pieces(documents: list[np.ndarray], model: Model) -> list[np.ndarray]:
    """Items as they are; running text in windows, each beginning with the last token of the one before."""
    words, context = model.spec.vocabulary, model.spec.shape[0]
    if words and words.ends:
        return documents
    whole = np.concatenate(documents)
    return [whole[k : k + context + 1] for k in range(0, len(whole) - 1, context)]


def some(parts: list[np.ndarray], most: int, seed: int = 0) -> list[np.ndarray]:
    """At most so many, in no order."""
    return [parts[k] for k in np.random.default_rng(seed).permutation(len(parts))[:most]]


def as_texts(parts: list[np.ndarray], words: Vocabulary) -> list[str]:
    return [words.text(part if words.ends else part[1:]) for part in parts]


def _exchanges(chats: list[np.ndarray], words: Vocabulary) -> tuple[list[str], list[np.ndarray]]:
    """The first reply of each, and what it follows."""
    texts, asked = [], []
    for chat in chats:
        at = int((chat == words.role(REPLY)).argmax()) + 1
        said = chat[at:]
        texts.append(words.text(said[: int((said == words.turn_end).argmax())]))
        asked.append(np.append(words.start, chat[:at]).astype(np.int64))
    return texts, asked


def foretold(part: np.ndarray, words: Vocabulary) -> bytes:
    """The bytes whose probability is asked for: replies, items with their ends, or all but a first token."""
    if words.roles:
        tokens = torch.from_numpy(part.astype(np.int64))
        return words.decode(tokens[replies(tokens[None], words)[0]].tolist())
    return words.decode(part.tolist()) + b"\n" if words.ends else words.decode(part[1:].tolist())
