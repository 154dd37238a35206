"""What samples of text have copied word for word, beside what real text shares with the training text."""

from typing import Any

import numpy as np

from ganvas.data.text import Texts
from ganvas.metrics import text as metrics
from ganvas.metrics.protocol import figure
from ganvas.studies.unseen import Unseen

TIMES, LEVEL = 1.5, 0.01
"""A copy is longer by so much than 99 % of held-out texts' passages; who is convicted by chance, at most."""
NAMED = 5
"""Passages that are told."""
Row = dict[str, Any]


def copied(
    made: list[str], real: list[str], unseen: Unseen, training: Texts, known: bytes
) -> tuple[Row, Row, Row]:
    """Figures of samples and of as many held-out texts; the verdict."""
    both, rows = (made, real), ({}, {})
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
    copying = {
        "convicted": guilty,
        "verdict": verdict(guilty, excess, lengths, passages[0]),
        "error_rate": LEVEL,
        "passages": passages,
    }
    return *rows, {"copying": copying}


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
