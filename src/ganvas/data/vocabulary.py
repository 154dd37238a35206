"""Text as tokens: its bytes in UTF-8, or pairs of them joined (byte-level BPE, Radford et al. 2019)."""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ganvas.core.errors import UserError
from ganvas.core.settings import Settings
from ganvas.data.chats import Chat

if TYPE_CHECKING:  # an exported model is read without either
    from jaxtyping import Int
    from tokenizers import Tokenizer

    Tokens = Int[np.ndarray, " token"]

BYTES = 256
PIECE = 1 << 16
"""Characters that are split into tokens at once; a piece ends with a line where there is one."""


class Labelled(str):
    """An item that is known to be of some kind."""

    label: str

    def __new__(cls, text: str, label: str) -> "Labelled":
        item = super().__new__(cls, text)
        item.label = label
        return item


class Vocabulary(Settings):
    """Tokens 0 to 255 are the bytes, then comes one for each merge, then of chats one for each role and one
    for the end of a turn, one for each label, and last, where items end, one for that: these marks are in no
    text. What stands first in a labelled item is its label.

    Any text has tokens, and any tokens have bytes; only for merges the package `tokenizers` is needed.
    """

    merges: str = ""
    """Pairs of tokens that were made one, in order, as in `104:101 256:32`; none: raw bytes."""
    ends: bool = False
    """Whether there is a token for the end of an item, which begins one too."""
    roles: tuple[str, ...] = ()
    """Who may speak in a chat."""
    labels: tuple[str, ...] = ()
    """What kinds of items there are."""
    numbers: int = 0
    """Where it is not 0, texts are whole numbers from 0 on with blanks between, and each of so many is a
    token: of this, what is said of bytes above does not hold."""

    @cached_property
    def pairs(self) -> list[tuple[int, int]]:
        return [(int(a), int(b)) for a, _, b in (pair.partition(":") for pair in self.merges.split())]

    @cached_property
    def pieces(self) -> list[bytes]:
        """What each token stands for: in chats roles for how a line begins, an end of a turn for its break;
        an end stands for nothing."""
        if self.numbers:
            return [f" {k}".encode() for k in range(self.numbers)] + [b""] * self.ends
        found = [bytes([k]) for k in range(BYTES)]
        known = set(found)
        for a, b in self.pairs:
            piece = found[a] + found[b]
            if piece not in known:
                known.add(piece)
                found.append(piece)
        marks = [*(f"{role}: ".encode() for role in self.roles), b"\n"] if self.roles else []
        return found + marks + [b""] * (len(self.labels) + self.ends)

    @property
    def size(self) -> int:
        return len(self.pieces)

    @property
    def plain(self) -> int:
        """Tokens that text has; those from there on are marks."""
        return self.size - self.ends - len(self.labels) - len(self.roles) - bool(self.roles)

    @property
    def turn_end(self) -> int:
        """Of chats: the token for the end of a turn."""
        return self.plain + len(self.roles)

    def role(self, name: str) -> int:
        """Of chats: the token that begins a turn of this role."""
        return self.plain + self.roles.index(name)

    def label(self, number: int) -> int:
        """The token that stands before an item of this label."""
        return self.size - self.ends - len(self.labels) + number

    def begun(self, label: int | None = None) -> list[int]:
        """What stands before an item, or one of this label."""
        return [self.start] if label is None else [self.start, self.label(label)]

    def closes(self, token: int) -> bool:
        """Whether it is a mark after which nothing is said: any but a label."""
        first = self.label(0)
        return token >= self.plain and not first <= token < first + len(self.labels)

    @property
    def end(self) -> int | None:
        """The token for the end of an item."""
        return self.size - 1 if self.ends else None

    @property
    def start(self) -> int:
        """What text begins after: the end of another item, or in running text the end of a line."""
        return self.size - 1 if self.ends else 10

    @cached_property
    def lengths(self) -> np.ndarray:
        """Bytes of each token, (size,); an end counts as one, like the line break that it stands for, a label
        as none."""
        found = np.array([max(1, len(piece)) for piece in self.pieces], np.int64)
        first = self.label(0)
        found[first : first + len(self.labels)] = 0
        return found

    def encode(self, text: str) -> "Tokens":
        """The tokens of a text, without ends; of a chat with the marks of its turns, of a labelled item with
        its label."""
        if isinstance(text, Labelled) and self.labels:
            label = self.label(self.labels.index(text.label))
            return np.append(np.array([label], np.int64), self.encode(str(text)))
        if isinstance(text, Chat) and self.roles:
            turns = [[[self.role(role)], self.encode(said), [self.turn_end]] for role, said in text.turns]
            return np.concatenate([np.asarray(part, np.int64) for turn in turns for part in turn])
        if self.numbers:
            return self._numbers(text)
        if not self.merges:
            return np.frombuffer(as_bytes(text), np.uint8).astype(np.int64)
        parts = self._tokenizer.encode_batch_fast([*cut(sound(text))], add_special_tokens=False)
        return np.concatenate([np.zeros(0, np.int64), *(np.array(part.ids, np.int64) for part in parts)])

    def decode(self, tokens: Iterable[int]) -> bytes:
        pieces = self.pieces
        return b"".join([pieces[k] for k in tokens])

    def text(self, tokens: Sequence[int] | np.ndarray) -> str:
        """Up to the first end; bytes that are no UTF-8 become U+FFFD."""
        found = self.decode(until_end(np.asarray(tokens), self.end).tolist()).decode("utf-8", "replace")
        return found.removeprefix(" ") if self.numbers else found

    def _numbers(self, text: str) -> "Tokens":
        try:
            found = np.array(text.split(), np.int64)
        except (ValueError, OverflowError):
            found = np.array([-1])
        if len(found) and not (found.min() >= 0 and found.max() < self.numbers):
            raise UserError(
                f"this model has learnt whole numbers from 0 to {self.numbers - 1:,} with blanks between, "
                f"and {text[:40]!r} is other"
            )
        return found

    @cached_property
    def _tokenizer(self) -> "Tokenizer":
        package = needed("This model's tokens are pairs of bytes that were joined, which needs")
        letters = ["".join(LETTER[b] for b in piece) for piece in self.pieces[: self.plain]]
        merges = [(letters[a], letters[b]) for a, b in self.pairs]
        found = package.Tokenizer(package.models.BPE({w: k for k, w in enumerate(letters)}, merges))
        found.pre_tokenizer = package.pre_tokenizers.ByteLevel(add_prefix_space=False)
        return found


def until_end(tokens: "Tokens", end: int | None) -> "Tokens":
    """Without the first end, and what comes after it."""
    at = np.flatnonzero(tokens == end) if end is not None else np.zeros(0, int)
    return tokens[: at[0]] if len(at) else tokens


def learn(
    texts: Iterable[str],
    size: int,
    ends: bool,
    roles: tuple[str, ...] = (),
    labels: tuple[str, ...] = (),
) -> Vocabulary:
    """The vocabulary of at most `size` tokens, labels apart, that joins the most frequent pairs (Sennrich et
    al. 2016)."""
    if size <= BYTES:
        return Vocabulary(ends=ends, roles=roles, labels=labels)
    package = needed(
        "A vocabulary of pairs of bytes needs",
        " (or take raw bytes: --text.vocabulary 256, which learns slower)",
    )
    model = package.Tokenizer(package.models.BPE())
    model.pre_tokenizer = package.pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = package.trainers.BpeTrainer(
        vocab_size=size - ends - len(roles) - bool(roles),
        initial_alphabet=sorted(LETTER),
        show_progress=False,
        min_frequency=2,
    )
    model.train_from_iterator((part for text in texts for part in cut(text)), trainer)
    return Vocabulary(merges=" ".join(_merges(model)), ends=ends, roles=roles, labels=labels)


def _merges(model: "Tokenizer") -> Iterator[str]:
    """By our numbers."""
    import json

    number = {letter: byte for byte, letter in enumerate(LETTER)}
    for a, b in json.loads(model.to_str())["model"]["merges"]:
        yield f"{number[a]}:{number[b]}"
        number.setdefault(a + b, len(number))


def needed(what: str, instead: str = "") -> Any:
    try:
        import tokenizers
        import tokenizers.models
        import tokenizers.pre_tokenizers
        import tokenizers.trainers
    except ImportError:
        raise UserError(f"{what} the package `tokenizers`: pip install 'ganvas[text]'{instead}") from None
    return tokenizers


def cut(text: str) -> Iterator[str]:
    """In pieces, after a line break where there is one: `tokenizers` is slow on one endless string."""
    start = 0
    while start < len(text):
        end = min(start + PIECE, len(text))
        at = text.rfind("\n", start, end) + 1 if end < len(text) else end
        end = at if at > start else end
        yield text[start:end]
        start = end


def as_bytes(text: str) -> bytes:
    """In UTF-8; what came of undecodable bytes of a command line becomes these again."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return sound(text).encode("utf-8")


def sound(text: str) -> str:
    """Without surrogates, which are no characters."""
    return re.sub("[\ud800-\udfff]", "\ufffd", text)


def _letters() -> list[str]:
    """A printable character for each byte, as Radford et al. 2019 have it in their code."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = (b for b in range(BYTES) if b not in plain)
    table = {b: chr(b) for b in plain} | {b: chr(BYTES + k) for k, b in enumerate(others)}
    return [table[b] for b in range(BYTES)]


LETTER = _letters()
