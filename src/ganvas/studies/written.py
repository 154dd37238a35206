"""How good a model of text is, by text that it has not seen, beside simple laws and what real text gets."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ganvas.core.errors import UserError
from ganvas.core.files import write_json
from ganvas.core.run import Run
from ganvas.data.text import Texts
from ganvas.metrics import text as metrics
from ganvas.metrics.embeddings import find as find_embedder
from ganvas.metrics.likelihood import latents as metrics_of_latents
from ganvas.metrics.protocol import figure
from ganvas.model import Model
from ganvas.studies.card import card_of
from ganvas.studies.likelihoods import FILE
from ganvas.studies.likeness import Likeness, variety
from ganvas.studies.passages import copied
from ganvas.studies.samples import fitted, samples_of
from ganvas.studies.unseen import FEWEST, Unseen, as_texts, foretold, pieces, some, texts_of, unseen

AT_ONCE = 64
"""Windows, or items, that are scored between two looks at the clock."""
BASELINES = {"random": "unigram", "template": "ngram"}
"""Names in the table, as for pictures, and their recipes."""
COMPARED = 8_000_000
"""Bytes of training text in which copies are looked for, and that xz is given."""
Counting = Callable[[str], Callable[[int, int], None]]


def evaluate(
    run: Run,
    model: Model,
    *,
    samples: int | None,
    features: str | None = None,
    baselines: bool = False,
    card: bool = False,
    data: str | Path | None,
    seed: int,
    said: Callable[[str], None],
    progress: Counting,
) -> dict[str, Any]:
    """bits_per_byte, bleu_2 to 5, self_bleu_2 to 5, fd, mauve, distinct_1 to 3, duplicates, copied,
    memorisation; as they stand in evaluation.json."""
    began = time.monotonic()
    if samples is not None and not FEWEST <= samples <= 100_000:
        raise UserError(f"the number of samples is from {FEWEST} to 100,000, not {samples}")
    if card and model.chats:
        raise UserError("the card is of text that is written freely, and this model has learnt to reply")
    embedder = find_embedder(features)
    training, held_out = texts_of(run, model, data, said)
    found = unseen(held_out, model)
    if hasattr(model.objective, "use_of_latents"):
        _leave_out_long(found, model, said)
    count = samples or found.usual
    known = training.bytes()[:COMPARED] if training else b""
    result: dict[str, Any] = {"run": str(run.path), "step": run.progress()["step"], "seed": seed}
    result |= likelihood(model, found, progress("likelihood"))
    if hasattr(model.objective, "use_of_latents"):
        result |= latents(model, found, seed)
    made = samples_of(model, count, seed, progress("samples"), asked=found.asked)
    judge = Likeness(found, min(count, len(found.texts)), embedder)
    others: dict[str, Model] = {}
    if baselines and model.chats:
        said("The baselines learn plain text only.")
    elif baselines and training is not None:
        others = {name: fitted(recipe, model, training) for name, recipe in BASELINES.items()}
    texts = [samples_of(one, count, seed, progress(f"samples of {name}")) for name, one in others.items()]
    varied = variety((made, found.texts[: len(made)], *texts), found)
    row, floor, copying = _beside_real(made, judge, training, known, model, seed)
    result |= varied[0] | row | {"floor": varied[1] | floor, "classes": {}}
    result |= {"baselines": simple_laws(found, model, known)} | copying
    for (name, one), of, theirs in zip(others.items(), texts, varied[2:], strict=True):
        bits = likelihood(one, found, progress(f"likelihood of {name}"))
        result["baselines"][name] = bits | theirs | judge.row(of)
    if card:
        result["card"] = card_of(model, found, training, samples=samples, seed=seed, progress=progress)
    result |= {
        "protocols": {key: dict(protocol.facts) for key, protocol in found.protocols.items()},
        "seconds": round(time.monotonic() - began, 1),
    }
    write_json(run.path / FILE, result)
    return result


def _beside_real(
    made: list[str], judge: Likeness, training: Texts | None, known: bytes, model: Model, seed: int
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Likeness of samples, of real text, and what was copied. Real is training text in what is a distance
    from held-out text, and held-out text itself in all else."""
    unseen, row = judge.unseen, judge.row(made)
    if training is None or not known:
        return row, {}, {}
    floor = {}
    if not unseen.asked:
        learnt = some(pieces(training.documents(), model), len(made), seed)
        floor = judge.row(as_texts(learnt, training.vocabulary))
    ours, theirs, copying = copied(made, unseen.texts[: len(made)], unseen, training, known)
    return row | ours, floor | theirs, copying


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
            raw = foretold(part, words)
            nats.append(-value.sum().item())
            size.append(len(raw))
            characters.append(sum(byte & 0xC0 != 0x80 for byte in raw))  # those that begin one
        progress(min(start + AT_ONCE, len(unseen.parts)), len(unseen.parts))
    bits = np.array(nats) / np.log(2)
    draws, drafts = getattr(objective, "draws", 0), getattr(objective, "estimated", 0)
    how = f"estimate, its sum by {drafts:,} drafts" if drafts else "exact"
    protocol = unseen.protocol(
        figure=f"bound of {draws:,} importance samples" if draws else how,
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


def simple_laws(unseen: Unseen, model: Model, known: bytes) -> dict[str, Any]:
    """What simple laws and a packer need for the same bytes."""
    words = model.spec.vocabulary
    assert words is not None
    whole = b"".join(foretold(part, words) for part in unseen.parts)
    found = {"uniform": metrics.uniform(256)}
    if known:
        found |= {"unigram": metrics.unigram(known, whole), "xz": metrics.compressed(known, whole)}
    protocol = next(p for p in unseen.protocols.values() if "bytes" in p.facts)
    return {
        name: {"bits_per_byte": figure(v, None, len(unseen.parts), protocol)} for name, v in found.items()
    }
