"""Text: from whatever holds it to windows of tokens."""

from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Int
from pydantic import Field

from ganvas.core.errors import UserError
from ganvas.core.settings import Settings
from ganvas.data.documents import Unit, open_text
from ganvas.data.spec import Spec
from ganvas.data.tokens import Part, prepare
from ganvas.data.vocabulary import Vocabulary

if TYPE_CHECKING:
    from ganvas.core.turns import Batch
    from ganvas.data.tokens import Prepared


class TextSettings(Settings):
    """How text is prepared before training."""

    context: int = Field(default=256, ge=8, le=16_384)
    """Tokens in a window, which is as far as a model looks back."""
    vocabulary: int | None = Field(default=None, ge=256, le=1_000_000)
    """Tokens there are. 256: raw bytes. None: these below 2 MB, else bytes joined, to suit its size. Of
    numbers: how many there are; None: as many as there are up to the largest one."""
    unit: Unit = "auto"
    """What one item is: a line, a file, nothing (running text), or a line of whole numbers. auto: a row of
    .jsonl or .csv, a file of a folder, a line where a file has 100 or more and none is blank; running text if
    there are fewer than 20."""
    column: str | None = None
    """Of a .csv, or the name in the rows of a .jsonl ("text", if none is given)."""
    label: str | None = None
    """The column, or the name in the rows, of what kind an item is; text of each can then be asked for."""
    held_out: float = Field(default=0.1, ge=0, lt=1)
    """Share never trained on: items by a hash of their text, of running text the end."""


class ItemSettings(TextSettings):
    """How text is prepared for models of one item at a time: sentences, verses, names."""

    context: int = Field(default=64, ge=8, le=16_384)
    """Tokens of an item, its end among them; of a longer one the beginning is learnt."""


class Texts:
    """Training text (or held-out text) in a mapped file, as windows fetched by number.

    Windows of running text begin at random places; those of items begin where one does, so that every item
    that fits into a window is seen whole.
    """

    kind = "text"
    classes: tuple[str, ...] = ()
    labels = None

    def __init__(self, prepared: "Prepared", part: Part, name: str, settings: TextSettings):
        self.name, self.context = name, settings.context
        self.fingerprint = prepared.fingerprint
        self.vocabulary: Vocabulary = prepared.vocabulary
        self.running: bool = prepared.facts["running"]
        self.longest: int = prepared.facts["longest"]
        self.shortest: int = prepared.facts.get("shortest", 0)
        self.notes: list[str] = list(prepared.facts["notes"])
        self.facts = prepared.facts
        self.part = part
        self.held_out: Texts | None = None
        self._span = min(len(part.tokens), 2 * self.context if self.running else self.context + 1)
        self._windows = np.minimum(self._places(part), len(part.tokens) - self._span)

    def _places(self, part: Part) -> Int[np.ndarray, " window"]:
        """Where windows begin."""
        if self.running:
            return np.arange(max(1, len(part.tokens) // self.context)) * self.context
        return windows(part.starts, len(part.tokens), self.context, self._turns())

    def _turns(self) -> Int[np.ndarray, " turn"] | tuple[()]:
        """Where one begins, of chats."""
        words = self.vocabulary
        if not words.roles:
            return ()
        return np.flatnonzero((self.part.tokens >= words.plain) & (self.part.tokens < words.turn_end))

    @property
    def spec(self) -> Spec:
        words, longest, shortest = self.vocabulary, self.longest, self.shortest
        return Spec(
            kind=self.kind, shape=(self.context,), vocabulary=words, longest=longest, shortest=shortest
        )

    def __len__(self) -> int:
        return len(self._windows)

    def fetch(self, index: np.ndarray) -> "Batch":
        """Windows of these numbers with what lies around them, on the CPU."""
        import torch

        places = self._windows[index][:, None] + np.arange(self._span)
        return {"text": torch.from_numpy(self.part.tokens[places].astype(np.int32))}

    def ready(self, batch: "Batch") -> "Batch":
        """(batch, context + 1): each token but the last is followed by the one that is to be foretold."""
        import torch

        around = batch["text"].long()
        length = min(self.context + 1, around.shape[1])
        first = torch.randint(around.shape[1] - length + 1, (len(around), 1), device=around.device)
        return {"text": around.gather(1, first + torch.arange(length, device=around.device))}

    def documents(self) -> list[Int[np.ndarray, " token"]]:
        """The tokens of each item, without ends, or of the whole running text."""
        if self.running:
            return [self.part.tokens]
        borders = [*self.part.starts.tolist(), len(self.part.tokens) - 1]
        return [self.part.tokens[a + 1 : b] for a, b in pairwise(borders)]

    def bytes(self) -> bytes:
        """All of it, a line break between items."""
        return b"\n".join(self.vocabulary.decode(tokens.tolist()) for tokens in self.documents())


class Items(Texts):
    """One item a window: it begins with an end, and after its own end nothing else comes."""

    def __init__(self, prepared: "Prepared", part: Part, name: str, settings: TextSettings):
        super().__init__(prepared, part, name, settings)
        if self.running:
            raise UserError(
                f"{name} is one running text, and this recipe learns items; if each line is one: "
                f"--text.unit lines"
            )
        if self.vocabulary.roles:
            raise UserError(f"{name} holds chats, and this recipe learns items of plain text; try lm")
        self._windows = part.starts
        lengths = np.diff(part.starts, append=len(part.tokens) - 1)
        if cut := int((lengths > self.context).sum()):
            self.notes.append(
                f"{cut:,} of {len(lengths):,} items are longer than {self.context:,} tokens: of these the "
                f"beginning is learnt (--text.context sets another length)."
            )

    def fetch(self, index: np.ndarray) -> "Batch":
        import torch

        places = self._windows[index][:, None] + np.arange(self.context + 1)
        tokens = self.part.tokens[np.minimum(places, len(self.part.tokens) - 1)]
        return {"text": torch.from_numpy(tokens.astype(np.int32))}

    def ready(self, batch: "Batch") -> "Batch":
        """(batch, place), as long as the longest item: an end, the item, and ends."""
        tokens, end = batch["text"].long(), self.vocabulary.start
        over = (tokens[:, 1:] == end).cumsum(1) > 0
        tokens[:, 1:] = tokens[:, 1:].masked_fill(over, end)
        return {"text": tokens[:, : int((~over).sum(1).max()) + 2]}


def windows(
    starts: Int[np.ndarray, " document"],
    count: int,
    context: int,
    breaks: Int[np.ndarray, " break"] | tuple[()] = (),
) -> Int[np.ndarray, " window"]:
    """Where windows of items begin: each at the first item that was not whole in the one before; items longer
    than a window go on in further ones, from the last of their breaks that was in the one before."""
    ends = np.append(starts[1:], count - 1)
    found, place = [], 0
    while place < count - 1:
        found.append(place)
        first = int(np.searchsorted(ends, place + context, "right"))  # the first that ends beyond the window
        if first == len(starts):
            break
        if starts[first] > place:
            place = int(starts[first])
            continue
        at = int(np.searchsorted(breaks, place + context, "right")) - 1
        place = int(breaks[at]) if at >= 0 and breaks[at] > place + 1 else place + context
    return np.array(found, np.int64)


def load(
    path: str,
    settings: TextSettings | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Texts:
    """The text at `path` (file, folder, built-in), as tokens, unless the cache has them.

    UserError says what cannot work, and what to do.
    """
    settings = settings or TextSettings()
    source = open_text(str(path), settings.unit, settings.column, settings.label)
    wanted = settings.model_dump(mode="json", exclude={"context"})
    prepared = prepare(source, wanted, settings.held_out, settings.vocabulary, progress)
    count = len(prepared.training.tokens)
    if settings.context >= count:
        raise UserError(
            f"{source.name} has {count:,} tokens to train on, and a window takes {settings.context + 1:,}; "
            f"give more text, or a --text.context below {count:,}"
        )
    kind = Items if isinstance(settings, ItemSettings) else Texts
    data = kind(prepared, prepared.training, source.name, settings)
    data.notes.append(_held_out(data, prepared, settings.held_out))
    if len(prepared.held_out.tokens) > 1:
        data.held_out = kind(prepared, prepared.held_out, source.name, settings)
    return data


def _held_out(data: Texts, prepared: "Prepared", share: float) -> str:
    plain = not data.vocabulary.merges and not data.vocabulary.numbers
    unit = "bytes" if plain else f"a vocabulary of {data.vocabulary.size:,}"
    tokens = f"{len(data.part.tokens):,} tokens ({unit})"
    if not share:
        return f"{tokens} to train on; nothing is held out, so nothing can be judged."
    if data.running:
        return f"{tokens} to train on; the last {share:.0%} of the text are held out."
    items, aside = "chats" if data.vocabulary.roles else "items", len(prepared.held_out.starts)
    return (
        f"{len(data.part.starts):,} {items} to train on, {tokens}; {aside:,} are held out, by a hash of "
        f"their text."
    )
