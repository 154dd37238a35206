"""Language model of counts: interpolated Kneser-Ney (Kneser & Ney 1995; Chen & Goodman 1998, sec. 4.1.6)."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from pydantic import Field
from torch import Tensor

from ganvas.core.data import Data
from ganvas.core.errors import UserError
from ganvas.core.settings import Settings as Base
from ganvas.core.turns import Batch, Objective, Turn
from ganvas.data.spec import Spec
from ganvas.data.vocabulary import BYTES
from ganvas.models.baseline import refuse_large
from ganvas.models.writing import Choice, written

OF_BYTES, OF_LONGER = 8, 4
"""Tokens of the longest n-gram, where nothing is asked for."""
LEAST, MOST = 0.1, 0.9
"""Of the discounts, where hardly anything was seen once, or twice."""
AT_ONCE = 256
"""Laws that are made together."""
Places = Int[np.ndarray, " place"]


class Settings(Base):
    """What is counted."""

    order: int | None = Field(default=None, ge=1, le=12)
    """Tokens of the longest n-gram; none: 8 of bytes, 4 of longer tokens."""


class NGram(Objective):
    """P(w | h) = (max(c(hw) - D, 0) + D T(h) P(w | h')) / c(h), h' being h without its first token.

    T(h): different tokens seen after h. c: of the longest n-grams how often they were seen; of shorter ones
    after how many different tokens, but how often, where they begin an item. c(h): the sum of c(hw). Below
    single tokens stands the even law. For each length D = n1 / (n1 + 2 n2), of so many n-grams that c is 1
    and 2. After what was never seen the law is that after h'. `log_prob` is exact.
    """

    notes: Sequence[str] = ("It counts once, with no steps to follow: there are no curves.",)
    keys: Int[Tensor, " gram"]
    counts: Int[Tensor, " gram"]
    sizes: Int[Tensor, " order"]

    def __init__(self, config: Settings, spec: Spec):
        super().__init__()
        if spec.vocabulary is None:
            raise ValueError("n-grams are of text: its data have a vocabulary")
        if spec.vocabulary.roles:
            raise UserError("n-grams learn plain text, and these are chats; try lm")
        self.spec, self.vocabulary, self.context = spec, spec.vocabulary, spec.shape[0]
        self.tokens = self.vocabulary.size
        self.order = config.order or (OF_LONGER if self.vocabulary.plain > BYTES else OF_BYTES)
        for name, shape in (("keys", 0), ("counts", 0), ("sizes", self.order)):
            self.register_buffer(name, torch.zeros(shape, dtype=torch.int64))
        self.register_load_state_dict_pre_hook(_make_room)
        self._known: list[_Table] = []

    def turns(self, batch: Batch, step: int) -> Iterator[Turn]:
        yield from ()

    def prepare(self, data: Data) -> None:
        documents = data.documents()  # pyright: ignore[reportAttributeAccessIssue]
        self.fit([np.asarray(tokens, np.int64) for tokens in documents])

    def fit(self, documents: Sequence[Places]) -> None:
        """Count the n-grams of these items, or of this running text."""
        numbers = 8 * self.order * sum(map(len, documents))
        refuse_large(numbers, f"Counts of up to {self.order} tokens", "take a smaller --order, or less text")
        text, place = self._rows(documents)
        before, keys, found = np.zeros(len(text), np.int64), [], []
        for _ in range(self.order):
            inside = np.flatnonzero(before >= 0)
            grams, at, number = np.unique(
                before[inside] * self.tokens + text[inside], return_index=True, return_inverse=True
            )
            gram = np.full(len(text), -1)
            gram[inside] = number
            keys.append(grams)
            found.append((inside[at], gram))
            before = _moved(gram, place)
        counts = [self._counted(text, place, found, k) for k in range(self.order)]
        self.sizes = torch.tensor([len(part) for part in keys])
        self.keys, self.counts = (torch.from_numpy(np.concatenate(parts)) for parts in (keys, counts))
        self._known = []

    def _counted(self, text: Places, place: Places, found: list[tuple[Places, Places]], k: int) -> Places:
        """c of all n-grams of k + 1 tokens; of those that end in what only stands before an item 0."""
        (at, gram), real = found[k], place >= self._begun
        times = np.bincount(gram[real & (gram >= 0)], minlength=len(at))
        if k == self.order - 1:
            return times
        longer = found[k + 1][0]
        after = np.bincount(gram[longer[real[longer]]], minlength=len(at))
        opening = (place[at] - k < self._begun) & (k > 0)
        return np.where(opening, times, after)

    @property
    def _begun(self) -> int:
        """Ends that stand before an item."""
        return self.order - 1 if self.vocabulary.ends else 0

    def _rows(self, documents: Sequence[Places]) -> tuple[Places, Places]:
        """One after the other, items among ends; and of each token its place in its row."""
        rows, end = documents, self.vocabulary.end
        if end is not None:
            rows = [np.concatenate([np.full(self._begun, end), row, np.full(1, end)]) for row in documents]
        return np.concatenate(rows), np.concatenate([np.arange(len(row)) for row in rows])

    @property
    def _tables(self) -> "list[_Table]":
        if not self._known:
            sizes = self.sizes.tolist()
            parts = zip(*(x.cpu().split(sizes) for x in (self.keys, self.counts)), strict=True)
            contexts = [1, *sizes]
            self._known = [
                _Table.of(keys.numpy(), counts.numpy(), contexts[k], self.tokens)
                for k, (keys, counts) in enumerate(parts)
            ]
        return self._known

    def log_prob(
        self, texts: Sequence[Int[Tensor, " token"]], temperature: float = 1.0
    ) -> list[Float[Tensor, " one"]]:
        """log P of each text in nats, at a temperature: of an item with its end, of running text given its
        first token."""
        found = []
        for tokens in texts:
            text, place = self._rows([tokens.cpu().numpy()])
            asked = place >= max(self._begun, 0 if self.vocabulary.ends else 1)
            contexts, p = self._read(text, place)
            if temperature != 1:
                p = self._cooled(contexts[:, asked], text[asked], temperature)
                asked = slice(None)
            found.append(torch.tensor([np.log(p[asked]).sum()]))
        return found

    def _read(self, text: Places, place: Places) -> tuple[Int[np.ndarray, "order place"], np.ndarray]:
        """Of each place its contexts of 0, 1, … tokens, -1 for those never seen, and P of its token."""
        p, before, contexts = np.full(len(text), 1 / self.tokens), np.zeros(len(text), np.int64), []
        for table in self._tables:
            contexts.append(before)
            gram = table.find(before, text)
            seen = (before >= 0) & (table.totals[before] > 0)
            count = np.where(gram >= 0, table.counts[gram], 0)
            mixed = table.mixed(before, count, p)
            p, before = np.where(seen, mixed, p), _moved(gram, place)
        return np.stack(contexts), p

    def _cooled(
        self, contexts: Int[np.ndarray, "order place"], text: Places, temperature: float
    ) -> Float[np.ndarray, " place"]:
        parts = []
        for start in range(0, len(text), AT_ONCE):
            law = self._law(contexts[:, start : start + AT_ONCE]) ** (1 / temperature)
            chosen = text[start : start + AT_ONCE]
            parts.append(law[np.arange(len(chosen)), chosen] / law.sum(1))
        return np.concatenate(parts)

    def _law(self, contexts: Int[np.ndarray, "order n"]) -> Float[np.ndarray, "n token"]:
        """P of all tokens after each of these contexts."""
        left = np.ones(contexts.shape[1])  # what longer contexts leave to shorter ones
        p = np.zeros((contexts.shape[1], self.tokens))
        for table, row in [*zip(self._tables, contexts, strict=True)][::-1]:
            known = (row >= 0) & (table.totals[row] > 0)
            which = np.flatnonzero(known)
            first, sizes = table.starts[row[which]], table.starts[row[which] + 1] - table.starts[row[which]]
            at = np.arange(sizes.sum()) + np.repeat(first - sizes.cumsum() + sizes, sizes)
            k = np.repeat(which, sizes)
            p[k, table.nexts[at]] += left[k] * table.shares[at]  # no pair comes twice
            left *= np.where(known, table.discount * table.kinds[row] / table.totals[row].clip(1), 1)
        p += left[:, None] / self.tokens
        return p

    def unroll(
        self,
        prompt: Int[Tensor, " token"],
        n: int,
        choice: Choice,
        generator: torch.Generator | None = None,
    ) -> Iterator[Int[Tensor, " n"]]:
        """What comes after the prompt, n times, token by token without end."""
        begun = prompt.cpu().numpy()
        end = self.vocabulary.end
        if end is not None and len(begun) and begun[0] == end:
            begun = np.concatenate([np.full(self._begun, end), begun[1:]])
        contexts = np.full((self.order, n), -1)
        contexts[0] = 0
        for token in begun[-self.order :]:
            contexts = self._after(contexts, np.full(n, token))
        while True:
            logits = torch.from_numpy(np.log(self._law(contexts))).float()
            token = choice.draw(logits, generator)
            yield token
            contexts = self._after(contexts, token.numpy())

    def _after(self, contexts: Int[np.ndarray, "order n"], token: Places) -> Int[np.ndarray, "order n"]:
        """The contexts, one token further."""
        longer = [t.find(row, token) for t, row in zip(self._tables, contexts, strict=True)]
        return np.stack([contexts[0], *longer[:-1]])

    def sample(  # pyright: ignore[reportIncompatibleMethodOverride] (it takes these conditions only)
        self,
        n: int,
        *,
        generator: torch.Generator | None = None,
        truncation: float = 1.0,
        choice: Choice | None = None,
        length: int | None = None,
        label: int | None = None,
    ) -> Int[Tensor, "n token"]:
        """`n` texts as tokens. `truncation` is a temperature, unless a `choice` is given. `label`: of all."""
        return written(self, n, choice or Choice(temperature=truncation), length, generator, label=label)


class _Table(NamedTuple):
    """n-grams of one length, in the order of context, then token; and of each context all its own."""

    keys: Places
    """Context * tokens + token."""
    counts: Places
    starts: Int[np.ndarray, " context+1"]
    """Where each context's begin."""
    totals: Int[np.ndarray, " context"]
    kinds: Int[np.ndarray, " context"]
    nexts: Places
    """The last token of each."""
    shares: Float[np.ndarray, " gram"]
    """(c - D) / c(h) of each, at least 0."""
    discount: float
    tokens: int

    @staticmethod
    def of(keys: Places, counts: Places, contexts: int, tokens: int) -> "_Table":
        starts = np.searchsorted(keys, np.arange(contexts + 1) * tokens)
        totals, kinds = (
            np.diff(np.concatenate([[0], values.cumsum()])[starts]) for values in (counts, counts > 0)
        )
        once, twice = (int((counts == k).sum()) for k in (1, 2))
        discount = float(np.clip(once / max(1, once + 2 * twice), LEAST, MOST))
        context, nexts = np.divmod(keys, tokens)
        shares = (counts - discount).clip(0) / totals[context].clip(1)
        return _Table(keys, counts, starts, totals, kinds, nexts, shares, discount, tokens)

    def find(self, context: Places, token: Places) -> Places:
        """The numbers of these n-grams, -1 for those that are not there."""
        if not len(self.keys):
            return np.full(len(token), -1)
        key = context * self.tokens + token
        at = np.searchsorted(self.keys, key).clip(max=len(self.keys) - 1)
        return np.where((context >= 0) & (self.keys[at] == key), at, -1)

    def mixed(self, context: Places, count: Places, shorter: np.ndarray) -> np.ndarray:
        """P, by that of the shorter context."""
        kept = (count - self.discount).clip(0) + self.discount * self.kinds[context] * shorter
        return kept / self.totals[context].clip(1)


def _moved(gram: Places, place: Places) -> Places:
    """Of each place the n-gram that ends before it; -1 where a row begins."""
    before = np.concatenate([[-1], gram[:-1]])
    before[place == 0] = -1
    return before


def _make_room(module: NGram, state: Mapping[str, Tensor], prefix: str, *_: Any) -> None:
    """For as many n-grams as were saved."""
    module._known = []
    for name in ("keys", "counts"):
        if (saved := state.get(prefix + name)) is not None:
            setattr(module, name, getattr(module, name).new_empty(saved.shape))


def build(config: Settings, spec: Spec) -> NGram:
    return NGram(config, spec)
