"""How good a model of text is, by text that it has not seen, beside simple laws and what real text gets."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ganvas.core.errors import UserError
from ganvas.core.files import write_json
from ganvas.core.run import Run
from ganvas.data.chats import REPLY, Chat
from ganvas.data.documents import open_text
from ganvas.data.load import load as load_data
from ganvas.data.text import Texts
from ganvas.data.vocabulary import Vocabulary
from ganvas.metrics import text as metrics
from ganvas.metrics.likelihood import latents as metrics_of_latents
from ganvas.metrics.protocol import Protocol, figure
from ganvas.model import Model
from ganvas.models.chatting import replies
from ganvas.models.writing import Choice
from ganvas.recipes.base import data_settings, find
from ganvas.studies.likelihoods import FILE

USUAL = 200
"""Samples, where there are as many held-out items; of running text 64."""
OF_RUNNING = 64
FEWEST = 10
AT_ONCE = 64
"""Windows, or items, that are scored between two looks at the clock."""
COMPARED = 8_000_000
"""Bytes of training text in which copies are looked for, and that xz is given."""
GRAMS = (1, 2, 3)
TIMES, LEVEL = 1.5, 0.01
"""A copy is longer by so much than 99 % of held-out texts' passages; who is convicted by chance, at most."""
NAMED = 5
"""Passages that are told."""
Counting = Callable[[str], Callable[[int, int], None]]


@dataclass
class Unseen:
    """Text to judge by, as the model's tokens."""

    parts: list[np.ndarray]
    """Items, or pieces of running text, each beginning with the last token of the one before."""
    texts: list[str]
    """About as long as samples are; of chats the first replies."""
    source: str
    asked: list[np.ndarray] = field(default_factory=list)
    """Of chats: what these replies follow."""
    protocols: dict[str, Protocol] = field(default_factory=dict)

    def protocol(self, **facts: str | int | float | None) -> Protocol:
        made = Protocol(facts | {"reference": self.source})
        self.protocols[made.hash] = made
        return made


def evaluate(
    run: Run,
    model: Model,
    *,
    samples: int | None,
    data: str | Path | None,
    seed: int,
    said: Callable[[str], None],
    progress: Counting,
) -> dict[str, Any]:
    """bits_per_byte, distinct_1 to 3, duplicates, copied, memorisation; as they stand in evaluation.json."""
    began = time.monotonic()
    if samples is not None and not FEWEST <= samples <= 100_000:
        raise UserError(f"the number of samples is from {FEWEST} to 100,000, not {samples}")
    training, held_out = _data(run, model, data, said)
    unseen = _unseen(held_out, model, samples)
    if hasattr(model.objective, "use_of_latents"):
        _leave_out_long(unseen, model, said)
    count = samples or min(len(unseen.texts), USUAL)
    result: dict[str, Any] = {"run": str(run.path), "step": run.progress()["step"], "seed": seed}
    result |= likelihood(model, unseen, progress("likelihood"))
    if hasattr(model.objective, "use_of_latents"):
        result |= latents(model, unseen, seed)
    made = _made(model, unseen, count, seed, progress("samples"))
    known = training.bytes()[:COMPARED] if training else b""
    ours, floor, copying = compared(made, unseen, training, known, seed)
    result |= ours | {"floor": floor, "classes": {}, "baselines": baselines(unseen, model, known)} | copying
    result |= {
        "protocols": {key: dict(protocol.facts) for key, protocol in unseen.protocols.items()},
        "seconds": round(time.monotonic() - began, 1),
    }
    write_json(run.path / FILE, result)
    return result


def likelihood(model: Model, unseen: Unseen, progress: Callable[[int, int], None]) -> dict[str, Any]:
    """Bits a byte, and nats a character, with intervals over items, or over blocks of running text.

    Each token is foretold from those before it in its block, and blocks do not overlap. The end of an item
    counts as a byte and a character, like the line break that it stands for. Of chats only replies count.
    """
    words, objective = model.spec.vocabulary, model.objective
    assert words is not None
    nats, size, characters = [], [], []
    for start in range(0, len(unseen.parts), AT_ONCE):
        parts = unseen.parts[start : start + AT_ONCE]
        found: Any = objective.log_prob([torch.from_numpy(p.astype(np.int64)) for p in parts])  # pyright: ignore
        for part, value in zip(parts, found, strict=True):
            raw = _foretold(part, words)
            nats.append(-value.sum().item())
            size.append(len(raw))
            characters.append(sum(byte & 0xC0 != 0x80 for byte in raw))  # those that begin one
        progress(min(start + AT_ONCE, len(unseen.parts)), len(unseen.parts))
    bits = np.array(nats) / np.log(2)
    draws = getattr(objective, "draws", 0)
    protocol = unseen.protocol(
        figure=f"bound of {draws:,} importance samples" if draws else "exact",
        blocks="of one window each, not overlapping",
        context=model.spec.shape[0],
        items=len(nats),
        bytes=int(sum(size)),
    )
    rows = {"bits_per_byte": metrics.rate(bits, np.array(size))}
    rows["nats_per_character"] = metrics.rate(np.array(nats), np.array(characters))
    return {k: figure(v.value, (v.low, v.high), len(nats), protocol) for k, v in rows.items()}


def latents(model: Model, unseen: Unseen, seed: int) -> dict[str, Any]:
    """What z carries of an item, with intervals over items: KL, what another item's z costs more (nats),
    active units, and how much is known of an item by its z (at most log of their number)."""
    objective: Any = model.objective
    parts = [torch.from_numpy(part.astype(np.int64)) for part in unseen.parts[: len(unseen.parts) // 2 * 2]]
    rows: list[dict[str, torch.Tensor]] = []
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        for start in range(0, len(parts), AT_ONCE):
            rows.append(objective.use_of_latents(objective.padded(parts[start : start + AT_ONCE])))
    found = {key: torch.cat([row[key].float().cpu() for row in rows]) for key in rows[0]}
    z = metrics_of_latents(found["mean"], found["log_var"], seed)
    protocol = unseen.protocol(figure="latents of held-out items", items=len(parts))
    values = {"kl_nats": found["kl"], "shuffled_nats": found["shuffled_gap"]}
    spans = {key: metrics.mean(value.tolist()) for key, value in values.items()}
    figures = {k: figure(v.value, (v.low, v.high), len(parts), protocol) for k, v in spans.items()}
    figures["active_units"] = figure(z.active, None, len(parts), protocol)
    figures["mutual_information"] = figure(z.mutual_information, None, len(parts), protocol)
    return figures


def _leave_out_long(unseen: Unseen, model: Model, said: Callable[[str], None]) -> None:
    """Items that the model does not see whole."""
    short = [part for part in unseen.parts if len(part) < model.spec.shape[0]]
    if left := len(unseen.parts) - len(short):
        said(f"{left:,} held-out items are longer than the context and are left out.")
    if len(short) < FEWEST:
        raise UserError(f"{len(short)} held-out items fit into the context, and {FEWEST} are needed")
    unseen.parts = short


def _foretold(part: np.ndarray, words: Vocabulary) -> bytes:
    """The bytes whose probability is asked for: replies, items with their ends, or all but a first token."""
    if words.roles:
        tokens = torch.from_numpy(part.astype(np.int64))
        return words.decode(tokens[replies(tokens[None], words)[0]].tolist())
    return words.decode(part.tolist()) + b"\n" if words.ends else words.decode(part[1:].tolist())


def baselines(unseen: Unseen, model: Model, known: bytes) -> dict[str, Any]:
    """What simple laws and a packer need for the same bytes."""
    words = model.spec.vocabulary
    assert words is not None
    whole = b"".join(_foretold(part, words) for part in unseen.parts)
    found = {"uniform": metrics.uniform(256)}
    if known:
        found |= {"unigram": metrics.unigram(known, whole), "xz": metrics.compressed(known, whole)}
    protocol = next(p for p in unseen.protocols.values() if "bytes" in p.facts)
    return {
        name: {"bits_per_byte": figure(v, None, len(unseen.parts), protocol)} for name, v in found.items()
    }


def compared(
    made: list[str], unseen: Unseen, training: Texts | None, known: bytes, seed: int
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Variety of samples and what they copied; the same of real text; the verdict."""
    real = unseen.texts[: len(made)]
    both = (made, real)
    rows: tuple[dict[str, Any], dict[str, Any]] = ({}, {})
    for n in GRAMS:
        most = min(metrics.grams(texts, n) for texts in both)
        protocol = unseen.protocol(figure=f"distinct {n}-grams of words", grams=most)
        for row, texts in zip(rows, both, strict=True):
            row[f"distinct_{n}"] = figure(metrics.distinct(texts, n, most), None, len(texts), protocol)
    protocol = unseen.protocol(figure="equal samples", samples=len(made))
    for row, texts in zip(rows, both, strict=True):
        row["duplicates"] = figure(metrics.duplicates(texts), None, len(texts), protocol)
    if not known or training is None:
        return *rows, {}
    found = [metrics.copied([text.encode() for text in texts], known) for texts in both]
    lengths = [
        [_letters(text, p) for text, p in zip(*pair, strict=True)] for pair in zip(both, found, strict=True)
    ]
    protocol = unseen.protocol(figure="longest passage in the training text, characters", bytes=len(known))
    for row, values in zip(rows, lengths, strict=True):
        value = metrics.mean(values)
        row["copied"] = figure(value.value, (value.low, value.high), len(values), protocol)
        row["copied_most"] = figure(max(values), None, len(values), protocol)
    excess = metrics.longer(lengths[0], lengths[1], TIMES)
    beyond = [metrics.mean([length > excess.border for length in values]) for values in lengths]
    share, expected = beyond[0], beyond[1].value
    interval = max(0.0, share.low - expected), max(0.0, share.high - expected)
    rows[0]["memorisation"] = figure(max(0.0, share.value - expected), interval, len(made), protocol)
    order = np.argsort([-length for length in lengths[0]], kind="stable")[:NAMED]
    passages = [
        {"sample": int(k), "length": lengths[0][k], "from": _place(training, found[0][k].source)}
        | {"text": made[k].encode()[found[0][k].at :][: found[0][k].length].decode("utf-8", "ignore")}
        for k in order
    ]
    guilty = excess.p <= LEVEL
    return *rows, {
        "copying": {
            "convicted": guilty,
            "verdict": verdict(guilty, excess, lengths, passages[0]),
            "error_rate": LEVEL,
            "passages": passages,
        }
    }


def verdict(guilty: bool, excess: metrics.Excess, lengths: list[list[int]], longest: dict[str, Any]) -> str:
    """In a sentence, with its evidence."""
    start = "It copies its training text." if guilty else "No copying was found."
    return (
        f"{start} {excess.ours:,} of {len(lengths[0]):,} samples and {excess.real:,} of {len(lengths[1]):,} "
        f"held-out texts hold a passage of more than {excess.border:,.0f} characters that stands in the "
        f"training text ({TIMES:g} times what 99 % of these stay within), p = {excess.p:.2g}; the "
        f"longest of a sample has {longest['length']:,} ({longest['from']}), of a held-out text "
        f"{max(lengths[1]):,}."
    )


def _letters(text: str, passage: metrics.Passage) -> int:
    """Its length in characters."""
    return len(text.encode()[passage.at :][: passage.length].decode("utf-8", "ignore"))


def _place(training: Texts, source: int) -> str:
    """Where that is: the line of running text, or the item."""
    known = training.bytes()
    if training.running:
        line = known.count(b"\n", 0, source) + 1
        return f"line {line:,}"
    ends = np.cumsum([len(training.vocabulary.decode(t.tolist())) + 1 for t in training.documents()])
    return f"training item {int(np.searchsorted(ends, source, 'right')) + 1:,}"


def _made(
    model: Model, unseen: Unseen, count: int, seed: int, progress: Callable[[int, int], None]
) -> list[str]:
    """Samples; of chats, replies to what held-out ones ask."""
    generator, found = torch.Generator().manual_seed(seed), []
    objective: Any = model.objective
    for begun in unseen.asked[:count]:
        said = objective.reply(torch.from_numpy(begun), model.spec.shape[0], Choice(), generator)
        found.append(model.spec.restore([said[:-1].numpy()])[0])
        progress(len(found), count)
    while len(found) < count:
        tokens = objective.sample(min(AT_ONCE, count - len(found)), generator=generator)
        found += model.spec.restore(tokens.cpu().numpy()).tolist()
        progress(len(found), count)
    return found


def _data(
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


def _unseen(held_out: "Texts | list[str]", model: Model, samples: int | None) -> Unseen:
    """Its parts, and texts of it as long as samples."""
    words, context = model.spec.vocabulary, model.spec.shape[0]
    assert words is not None
    if isinstance(held_out, Texts):
        documents, source = held_out.documents(), f"{held_out.fingerprint[:12]}, held out"
    else:
        if other := next((text for text in held_out if isinstance(text, Chat) != bool(words.roles)), None):
            learnt = "chats" if words.roles else "plain text"
            raise UserError(f"this model has learnt {learnt}, and what is given is other: {other[:40]!r} …")
        documents, source = [words.encode(text) for text in held_out], "given"
    asked: list[np.ndarray] = []
    if words.roles:
        parts = [np.asarray(tokens) for tokens in documents]
        order = np.random.default_rng(0).permutation(len(parts))
        texts, asked = _exchanges([parts[k] for k in order[: samples or USUAL]], words)
    elif words.ends:
        order = np.random.default_rng(0).permutation(len(documents))
        texts = [words.text(documents[k]) for k in order[: samples or USUAL]]
        parts = [np.asarray(tokens) for tokens in documents]
    else:
        whole = np.concatenate([np.asarray(tokens) for tokens in documents])
        parts = [whole[k : k + context + 1] for k in range(0, len(whole) - 1, context)]
        order = np.random.default_rng(0).permutation(len(parts))
        texts = [words.text(parts[k][1:]) for k in order[: samples or OF_RUNNING]]
    if len(parts) < FEWEST:
        raise UserError(
            f"{len(parts)} {'items' if words.ends else 'windows'} of held-out text are too few to judge by, "
            f"at least {FEWEST} are needed; give more text that it has not seen: --data HELDOUT"
        )
    return Unseen(parts, texts, source, asked)


def _exchanges(chats: list[np.ndarray], words: Vocabulary) -> tuple[list[str], list[np.ndarray]]:
    """The first reply of each, and what it follows."""
    texts, asked = [], []
    for chat in chats:
        at = int((chat == words.role(REPLY)).argmax()) + 1
        said = chat[at:]
        texts.append(words.text(said[: int((said == words.turn_end).argmax())]))
        asked.append(np.append(words.start, chat[:at]).astype(np.int64))
    return texts, asked
