"""Text by a model in an ONNX file, run by ONNX Runtime: without torch, as `ganvas.export.runtime`."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from ganvas.core.errors import UserError
from ganvas.core.settings import override
from ganvas.data.chats import asked
from ganvas.data.openings import opening
from ganvas.export import noise
from ganvas.export.runtime import OnnxModel
from ganvas.models.manners import Taste, letters, until

LONGEST = 8
"""Windows, beyond which an item is cut where it does not end by itself."""
Tokens = Int[np.ndarray, "n token"]


class OnnxWriter(OnnxModel):
    """A language model, or an autoencoder of text: `stream`, `chat`, `sample`, `decode`, `encode`."""

    def stream(
        self,
        prompt: str = "",
        *,
        seed: int = 0,
        length: int = 500,
        stop: str | Sequence[str] = (),
        label: str | int | None = None,
        **how: Any,
    ) -> Iterator[str]:
        """What follows a prompt, in pieces as it is made: at most `length` characters, up to the end of the
        item or before one of `stop`; the same for the same seed. `label`: of the item. `how`: temperature,
        top_k, top_p, min_p."""
        if self.chats:
            raise UserError("this model has learnt chats, in which it replies: `ganvas chat` asks it")
        if self.latent:
            raise UserError("this model makes whole items of latents: `ganvas sample`")
        begun = self._words.encode(prompt)
        if self._words.ends or not len(begun):
            begun = np.append(self._words.begun(self._kind(label)), begun)
        stops = [stop] if isinstance(stop, str) else stop
        return self._following(begun, length, how, [*filter(None, stops)], seed)

    def write(self, prompt: str = "", **how: Any) -> str:
        """The prompt and what follows."""
        return prompt + "".join(self.stream(prompt, **how))

    def chat(
        self, messages: Sequence[Mapping[str, str]], *, length: int = 500, seed: int = 0, **how: Any
    ) -> Iterator[str]:
        """The reply to messages, {"role": "user", "content": "Hello"} the last one, in pieces."""
        if not self.chats:
            raise UserError("this model has learnt plain text, which it goes on with: `ganvas write`")
        begun, _ = opening(asked(messages), self._words, self.spec.shape[0])
        return self._following(begun, length, how, (), seed + len(messages))

    def sample(self, n: int, *, seed: int = 0, label: Any = None, truncation: float = 1.0) -> np.ndarray:
        """`n` new texts; `truncation` is a temperature, and of an autoencoder that of z too."""
        if self.chats:
            raise UserError("this model has learnt chats, in which it replies: `ganvas chat` asks it")
        if not 1 <= n <= 1_000_000 or not 0 < truncation <= 1:
            raise UserError(f"samples are from 1 to 1,000,000, truncation from 0 to 1; not {n}, {truncation}")
        kind = self._kind(label)
        if self.latent and kind is not None:
            raise UserError("this model makes whole items of latents, and cannot be asked for a label")
        taste = Taste(temperature=truncation)
        context, words = self.spec.shape[0], self._words
        most = context if self.latent or not words.ends else min(self.spec.longest, LONGEST * context)
        z = self.latents(n, seed=seed, truncation=truncation)[0] if self.latent else None
        start = np.tile(words.begun(kind), (n, 1))
        return self.spec.restore(self._items(start, most, taste, seed, z))

    def decode(self, z: np.ndarray, *, label: Any = None) -> np.ndarray:
        """The text of each z, token by token the most probable one."""
        if not self.latent or z.ndim != 2 or z.shape[1] != self.latent:
            raise UserError(f"{self._recipe} takes no latents of shape {z.shape}")
        start = np.full((len(z), 1), self._words.start)
        return self.spec.restore(self._items(start, self.spec.shape[0], Taste(temperature=0), 0, z))

    def encode(self, items: np.ndarray, *, label: Any = None) -> np.ndarray:
        """The latents of texts, (n, latent)."""
        if not self.latent:
            raise UserError(f"{self._recipe} has no encoder")
        encoder = self.beside("encoder.onnx")
        rows = [self.spec.prepare(np.array([text], object)) for text in items]
        wide = [
            np.pad(row, ((0, 0), (0, max(0, 3 - row.shape[1]))), constant_values=self._words.end)
            for row in rows
        ]
        return np.concatenate([encoder.raw({"tokens": row}) for row in wide])

    def _kind(self, label: str | int | None) -> int | None:
        return None if label is None else self.spec.number(label)

    @cached_property
    def _words(self) -> Any:
        return self.spec.vocabulary

    def _following(
        self,
        begun: Int[np.ndarray, " token"],
        length: int,
        how: Mapping[str, Any],
        stop: Sequence[str],
        seed: int,
    ) -> Iterator[str]:
        if length < 1:
            raise UserError(f"the length is at least one character, not {length}")
        taste = override(Taste(), how)

        def told() -> Iterator[str]:
            left = length
            tokens = (int(token[0]) for token in self._unrolled(begun[None], taste, seed, None))
            for piece in until(letters(self._words, tokens), stop):
                yield piece[:left]
                left -= len(piece)
                if left <= 0:
                    return

        return told()

    def _items(self, start: Tokens, most: int, taste: Taste, seed: int, z: np.ndarray | None) -> Tokens:
        """Until all have ended, with ends from then on."""
        end, rows = self._words.end, []
        over = np.zeros(len(start), bool)
        for token in self._unrolled(start, taste, seed, z):
            rows.append(token if end is None else np.where(over, end, token))
            over |= rows[-1] == end
            if over.all() or len(rows) >= most:
                break
        return np.stack(rows, 1)

    def _unrolled(
        self, prompt: Tokens, taste: Taste, seed: int, z: np.ndarray | None
    ) -> Iterator[Int[np.ndarray, " n"]]:
        """What comes after the prompts, token by token without end. Once the window is full, its second half
        is read anew as the first half of another."""
        context, (layers, heads, width), n = self.spec.shape[0], self.facts["cache"], len(prompt)
        empty = np.zeros((layers, 2, n, heads, 0, width), np.float32)
        given = {} if z is None else {"z": z.astype(np.float32)}
        seen = prompt[:, -context:].astype(np.int64)
        new, past, t = seen, empty, 0
        while True:
            logits, past = self.all_of({"tokens": new, "past": past} | given)
            u = np.concatenate([noise.uniform(seed, noise.WORDS + k, np.array([t])) for k in range(n)])
            token, t = chosen(logits[:, -1], taste, u), t + 1
            yield token
            new = token[:, None]
            seen = np.concatenate([seen[:, -context:], new], 1)
            if past.shape[4] >= context and z is None:
                past, new = empty, seen[:, -max(1, context // 2) :]


def chosen(logits: Float[np.ndarray, "n token"], taste: Taste, u: Float[np.ndarray, " n"]) -> Any:
    """Of each row the token at this quantile of what the taste leaves of its law, in the order of numbers."""
    if taste.temperature == 0:
        return logits.argmax(1)
    p = np.exp((logits - logits.max(1, keepdims=True)).astype(np.float64) / taste.temperature)
    p /= p.sum(1, keepdims=True)
    if taste.min_p:
        p[p < taste.min_p * p.max(1, keepdims=True)] = 0
    order = np.argsort(-p, 1, kind="stable")
    if 0 < taste.top_k < p.shape[1]:
        np.put_along_axis(p, order[:, taste.top_k :], 0, 1)
    if taste.top_p < 1:
        ordered = np.take_along_axis(p, order, 1) / p.sum(1, keepdims=True)
        beyond = ordered.cumsum(1) - ordered >= taste.top_p
        np.put_along_axis(p, order, np.where(beyond, 0, ordered), 1)
    up_to = p.cumsum(1)
    found = (up_to <= u[:, None] * up_to[:, -1:]).sum(1)
    return np.minimum(found, p.shape[1] - 1 - (p[:, ::-1] > 0).argmax(1))
