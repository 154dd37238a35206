"""How like held-out text samples are, and how varied: n-grams that are shared, and distances of laws."""

from collections.abc import Sequence
from typing import Any

from ganvas.metrics import text as metrics
from ganvas.metrics.distribution import frechet_distance
from ganvas.metrics.embeddings import Embedder
from ganvas.metrics.intervals import fills, frechet_error
from ganvas.metrics.likelihood import Z95
from ganvas.metrics.mauve import mauve
from ganvas.metrics.overlap import bleu, self_bleu
from ganvas.metrics.protocol import figure
from ganvas.studies.unseen import Unseen

SENTENCES = 500
"""Of which self-BLEU is taken: it rises with their number, so that it is the same for all, or said."""
GRAMS = (1, 2, 3)
ORDERS = (2, 3, 4, 5)
SMOOTHED = "words and marks, .1 matches where there are none (nltk's method 1)"
Row = dict[str, Any]


class Likeness:
    """The held-out texts, and what looks at them; a row for each set of texts."""

    def __init__(self, unseen: Unseen, count: int, embedder: Embedder):
        """`count`: texts in a set."""
        self.unseen, self.count, self.embedder = unseen, count, embedder
        self.words = [metrics.WORD.findall(text) for text in unseen.texts]
        self.real = embedder.embed(unseen.texts[:count])

    def row(self, texts: Sequence[str]) -> Row:
        """BLEU against all held-out texts; Fréchet distance and divergence from as many of them."""
        samples, count = [metrics.WORD.findall(text) for text in texts], len(texts)
        facts = {"figure": f"BLEU, {SMOOTHED}", "samples": count, "references": len(self.words)}
        protocol, row = self.unseen.protocol(**facts), {}
        for n in ORDERS:
            found = metrics.mean(bleu(samples, self.words, n).tolist())
            row[f"bleu_{n}"] = figure(found.value, (found.low, found.high), count, protocol)
        return row | self._laws(texts)

    def _laws(self, texts: Sequence[str]) -> Row:
        found, count = self.embedder.embed(texts), len(texts)
        seen = {"features": self.embedder.name, "weights": self.embedder.hash}
        seen |= {"samples": count, "references": len(self.real)}
        area = mauve(found, self.real)
        protocol = self.unseen.protocol(figure="area under the divergence curve", cells=area.cells, **seen)
        row = {"mauve": figure(area.value, (area.low, area.high), count, protocol)}
        if not fills(self.real, found):
            return row
        protocol = self.unseen.protocol(figure="Fréchet distance", **seen)
        value, error = frechet_distance(self.real, found), Z95 * frechet_error(self.real, found)
        return {"fd": figure(value, (max(0.0, value - error), value + error), count, protocol)} | row


def variety(sets: Sequence[Sequence[str]], unseen: Unseen) -> list[Row]:
    """Self-BLEU, different n-grams and equal texts in each set, all by the same numbers."""
    rows: list[Row] = [{} for _ in sets]
    sentences = min(SENTENCES, *(len(texts) for texts in sets))
    protocol = unseen.protocol(figure=f"self-BLEU, {SMOOTHED}", sentences=sentences)
    for row, texts in zip(rows, sets, strict=True):
        chosen = [metrics.WORD.findall(text) for text in texts[:sentences]]
        for n in ORDERS:
            found = metrics.mean(self_bleu(chosen, n).tolist())
            row[f"self_bleu_{n}"] = figure(found.value, (found.low, found.high), sentences, protocol)
    for n in GRAMS:
        most = min(metrics.grams(texts, n) for texts in sets)
        protocol = unseen.protocol(figure=f"distinct {n}-grams of words", grams=most)
        for row, texts in zip(rows, sets, strict=True):
            found = metrics.distinct_rate(texts, n, most)
            row[f"distinct_{n}"] = figure(found.value, (found.low, found.high), len(texts), protocol)
    protocol = unseen.protocol(figure="equal samples", samples=len(sets[0]))
    for row, texts in zip(rows, sets, strict=True):
        doubled = metrics.mean(metrics.doubles(texts))
        row["duplicates"] = figure(doubled.value, (doubled.low, doubled.high), len(texts), protocol)
    return rows
