"""The honesty card: quality against diversity over temperature, of a model, of what it must beat and of real
text, and what that says in a sentence (Caccia et al. 2020, "Language GANs Falling Short")."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from ganvas.data.text import Texts
from ganvas.metrics import text as metrics
from ganvas.metrics.overlap import bleu, self_bleu
from ganvas.metrics.tradeoff import Match, Point, everywhere, match
from ganvas.model import Model
from ganvas.models.writing import Choice
from ganvas.studies.likeness import SENTENCES, SMOOTHED
from ganvas.studies.samples import fitted, samples_of
from ganvas.studies.unseen import Unseen, as_texts, foretold, pieces, some

TEMPERATURES = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2)
OWN = 1.0
"""The temperature at which a model is what it was trained to be."""
SETS = 3
"""Seeds: sets of samples at each temperature."""
ORDER = 4
"""Longest n-grams of BLEU and self-BLEU."""
SCORED = 100
"""Held-out items or windows whose bits a byte are taken at each temperature."""
BEFORE = {
    "likelihood stage": ("The adversarial stage", "its own likelihood stage"),
    "drafts": ("What the critic has chosen", "what its writer writes"),
}
"""What a model has gone on from, by what objectives call it: how to tell of the two."""
BASELINES = ("unigram", "ngram")
Write = Callable[[Choice, int, int], list[str]]
"""So many samples, of this choice and seed."""
Curve = list[Point]
Row = dict[str, Any]


@dataclass(frozen=True)
class Writer:
    """A model on the card."""

    name: str
    write: Write
    bits: Callable[[float], metrics.Rate] | None = None
    """Bits a byte of held-out text at a temperature, where the model can say them."""


@dataclass
class Bench:
    """What all points have in common: the held-out texts, and how many samples there are in a set."""

    references: list[list[str]]
    count: int
    seed: int

    def point(self, temperature: float | None, sets: Sequence[Sequence[str]]) -> Point:
        """Each text beside all held-out ones, and beside the others of its set."""
        words = [[metrics.WORD.findall(text) for text in texts] for texts in sets]
        quality = [bleu(texts, self.references, ORDER) for texts in words]
        alike = [self_bleu(texts, ORDER) for texts in words]
        return Point(temperature, np.concatenate(alike), np.concatenate(quality))

    def curve(self, writer: Writer, done: Callable[[], None]) -> Curve:
        found = []
        for temperature in TEMPERATURES:
            choice = Choice(temperature=temperature)
            sets = [writer.write(choice, self.count, self.seed * SETS + k) for k in range(SETS)]
            found.append(self.point(temperature, sets))
            done()
        return found


def card(
    writers: Sequence[Writer],
    unseen: Unseen,
    learnt: Sequence[str],
    *,
    samples: int | None,
    seed: int,
    progress: Callable[[int, int], None],
) -> Row:
    """The first of the writers is the model itself; `learnt`: training texts, as the row of real text. What
    stands in evaluation.json as `card`."""
    count = min(samples or SENTENCES, unseen.usual)
    bench = Bench([metrics.WORD.findall(text) for text in unseen.texts], count, seed)
    total, steps = len(writers) * len(TEMPERATURES), iter(range(1, 10_000))
    curves = {w.name: bench.curve(w, lambda: progress(next(steps), total)) for w in writers}
    parts = [learnt[k : k + count] for k in range(0, len(learnt) - count + 1, count)][:SETS]
    real = bench.point(None, parts) if parts else None
    protocol = unseen.protocol(
        figure=f"BLEU-{ORDER} and self-BLEU-{ORDER}, {SMOOTHED}",
        sentences=count,
        sets=SETS,
        references=len(bench.references),
    )
    rows = {
        w.name: [shown(p, w.bits and w.bits(p.temperature or OWN)) for p in curves[w.name]] for w in writers
    }
    return {
        "order": ORDER,
        "curves": rows,
        "real": shown(real) if real else None,
        "verdict": verdict(curves, real),
        "protocol": protocol.hash,
    }


def shown(point: Point, bits: metrics.Rate | None = None) -> Row:
    """As evaluation.json has it."""
    row: Row = {"temperature": point.temperature, "count": len(point.alike)}
    for key, values in (("alike", point.alike), ("quality", point.quality)):
        found = metrics.mean(values.tolist())
        row[key] = {"value": found.value, "interval": [found.low, found.high]}
    if bits:
        row["bits_per_byte"] = {"value": bits.value, "interval": [bits.low, bits.high]}
    return row


def verdict(curves: Mapping[str, Curve], real: Point | None) -> list[str]:
    """In sentences, the one that matters first."""
    (name, own), *others = curves.items()
    said = []
    for other, curve in others:
        said.append(_beside(own, curve, *_names(name, other)))
    if real:
        said.append(_beside_real(own, real))
    return said


def _names(name: str, other: str) -> tuple[str, str]:
    if other in BEFORE:
        return BEFORE[other]
    return f"The {name}" if name != "model" else "The model", f"the baseline {other}"


def _beside(own: Curve, curve: Curve, who: str, whom: str) -> str:
    """A model at its own temperature, and everywhere, beside a curve that it has to beat."""
    matched = [(p, m) for p, m in zip(own, everywhere(own, curve), strict=True) if m]
    signs = {m.sign for _, m in matched}
    point = next(p for p in own if p.temperature == OWN)
    found = match(point, curve)
    if signs in ({1}, {-1}) and len(matched) > 1:
        how, more = ("better", "more") if signs == {1} else ("worse", "less")
        sizes = sorted(abs(m.excess) for _, m in matched)
        return (
            f"{who} is {how} than {whom} everywhere: at equal diversity it has {sizes[0]:.3f} to "
            f"{sizes[-1]:.3f} {more} BLEU-{ORDER}, at each of {len(matched)} temperatures."
        )
    if found is None:
        return _apart(point, curve, who, whom)
    elsewhere = _elsewhere([(p, m) for p, m in matched if p is not point])
    if found.sign == 0:
        return f"{who} equals a temperature of {_span(found)} of {whom}{elsewhere}."
    how, more = ("better", "more") if found.sign > 0 else ("worse", "less")
    return (
        f"{who} is {how} than {whom}: where that is as varied, at a temperature of {_span(found)}, it has "
        f"{_excess(found)} {more} BLEU-{ORDER}{elsewhere}."
    )


def _apart(point: Point, curve: Curve, who: str, whom: str) -> str:
    """Nowhere as diverse."""
    hottest, coldest = curve[-1], curve[0]
    less = point.place[0] > coldest.place[0]
    end, words = (coldest, "less") if less else (hottest, "more")
    return (
        f"{who} is {words} varied than {whom} at any temperature from {TEMPERATURES[0]:g} to "
        f"{TEMPERATURES[-1]:g} (self-BLEU-{ORDER} {point.place[0]:.3f}, and there {end.place[0]:.3f}), so "
        f"that none equals it; its BLEU-{ORDER} is {point.place[1]:.3f}, and there {end.place[1]:.3f}."
    )


def _elsewhere(matched: Sequence[tuple[Point, Match]]) -> str:
    """Temperatures at which another thing is true than at the model's own."""
    parts = []
    for sign, word in ((1, "better"), (-1, "worse")):
        where = [f"{p.temperature:g}" for p, m in matched if m.sign == sign]
        if where:
            parts.append(f"{word} than it, at equal diversity, when cooled or heated to {', '.join(where)}")
    return "; it is " + ", and ".join(parts) if parts else ""


def _beside_real(own: Curve, real: Point) -> str:
    """Where a model is as varied as real text."""
    found = match(real, own)
    if found is None:
        less = real.place[0] < own[-1].place[0]
        return (
            f"At every temperature from {TEMPERATURES[0]:g} to {TEMPERATURES[-1]:g} its samples are "
            f"{'less' if less else 'more'} varied than real text."
        )
    if found.sign:
        end = f"it has {_excess(found)} {'less' if found.sign > 0 else 'more'} BLEU-{ORDER}"
    else:
        by = f"{found.excess_low:+.3f} to {found.excess_high:+.3f}"
        end = f"its BLEU-{ORDER} cannot be told from that of real text (which has {by} more)"
    return f"At a temperature of {_span(found)} its samples are as varied as real text, and {end}."


def _span(found: Match) -> str:
    return f"{found.temperature:.2f} ({found.low:.2f} to {found.high:.2f})"


def _excess(found: Match) -> str:
    low, high = sorted((abs(found.excess_low), abs(found.excess_high)))
    return f"{abs(found.excess):.3f} ({low:.3f} to {high:.3f})"


def card_of(
    model: Model,
    unseen: Unseen,
    training: Texts | None,
    *,
    samples: int | None,
    seed: int,
    progress: Callable[[str], Callable[[int, int], None]],
) -> Row:
    """Of a model, of what it has gone on from where there is such, of n-grams, and of real text."""
    models = {"model": model}
    if hasattr(model.objective, "before"):
        objective: Any = model.objective
        models[objective.was] = replace(model, objective=objective.before())
    learnt: list[str] = []
    if training is not None:
        if model.config["recipe"] not in BASELINES:
            models["n-gram"] = fitted("ngram", model, training)
        parts = some(pieces(training.documents(), model), SETS * SENTENCES, seed)
        learnt = as_texts(parts, training.vocabulary)
    writers = [writer(name, one, unseen) for name, one in models.items()]
    return card(writers, unseen, learnt, samples=samples, seed=seed, progress=progress("card"))


def writer(name: str, model: Model, unseen: Unseen) -> Writer:
    def write(choice: Choice, count: int, seed: int) -> list[str]:
        return samples_of(model, count, seed, lambda done, total: None, choice)

    return Writer(name, write, bits_of(model, unseen))


def bits_of(model: Model, unseen: Unseen) -> Callable[[float], metrics.Rate] | None:
    """Of the first held-out items or windows; None for a model whose law has no temperature."""
    log_prob: Any = getattr(model.objective, "log_prob", None)
    words = model.spec.vocabulary
    if words is None or log_prob is None or "temperature" not in inspect.signature(log_prob).parameters:
        return None
    parts = unseen.parts[:SCORED]
    sizes = np.array([len(foretold(part, words)) for part in parts], float)
    tokens = [torch.from_numpy(part.astype(np.int64)) for part in parts]

    def bits(temperature: float) -> metrics.Rate:
        found = [-value.sum().item() / np.log(2) for value in log_prob(tokens, temperature=temperature)]
        return metrics.rate(np.array(found), sizes)

    return bits
