"""tinyshakespeare, character by character, beside nanoGPT's recipe for CPUs, in the same seconds."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ganvas.core.errors import UserError
from ganvas.core.run import Run
from ganvas.data.text import Texts
from ganvas.metrics.text import Rate, rate
from ganvas.model import Model, load
from ganvas.studies.tables.base import Figures, Progress, Question, Row, Table, by_row
from ganvas.studies.unseen import texts_of

BLOCK, STRIDE = 64, 16
NANOGPT = {"86 s": "1.916 / 1.890 (2,000 steps)", "531 s": "1.542 / 1.502 (14,800 steps)"}
"""nanoGPT's recipe for CPUs, measured by us: blocks of 64, and with a stride of 16."""


def prepared(data: str, folder: Path) -> str:
    path = Path(data).expanduser()
    path = path / "tinyshakespeare.txt" if path.is_dir() else path
    if not path.is_file():
        raise UserError(f"there is no {path}; --data is tinyshakespeare.txt, or a folder with it")
    return str(path)


def judge(run: Run, question: Question, progress: Progress) -> Figures:
    """Nats a character of all of the last tenth."""
    model = load(run.path, "cpu")
    _, held_out = texts_of(run, model, None, lambda sentence: None)
    assert isinstance(held_out, Texts)
    tokens = np.asarray(held_out.documents()[0], np.int64)
    context = model.spec.shape[0]
    ways = {"nats": (BLOCK, BLOCK), "strided": (BLOCK, STRIDE), "own": (context, context)}
    found: Figures = {"context": context, "characters": len(tokens) - 1}
    for done, (name, (block, stride)) in enumerate(ways.items(), 1):
        value = nats(model, tokens, block, stride)
        found |= {name: value.value, f"{name}_interval": [value.low, value.high]}
        progress(done, len(ways))
    return found


def nats(model: Model, tokens: np.ndarray, block: int, stride: int) -> Rate:
    """A token, each foretold from those before it in a block that begins `stride` tokens after the last one:
    of each block but the first only the last `stride` tokens count. 95 % interval over blocks."""
    whole = torch.from_numpy(tokens)
    ends = range(block, len(tokens) + stride - 1, stride)
    parts = [(max(0, end - block), min(end, len(tokens) - 1)) for end in ends]
    log_prob: Any = model.objective.log_prob
    total = _sums(log_prob([whole[a : b + 1] for a, b in parts]))
    known = [(0, 0), *((a, previous) for (a, _), (_, previous) in zip(parts[1:], parts, strict=False))]
    before = _sums(log_prob([whole[a : max(a, b) + 1] for a, b in known]))
    sizes = [b - p for (_, b), (_, p) in zip(parts, known, strict=True)]
    kept = [k for k, size in enumerate(sizes) if size > 0]
    return rate((before - total)[kept], np.array(sizes, float)[kept])


def _sums(values: Sequence[torch.Tensor]) -> np.ndarray:
    return np.array([float(value.sum()) for value in values])


def text(table: Table, found: Sequence[Figures]) -> str:
    """Theirs beside ours."""
    lines = [
        f"# {table.title}",
        "",
        f"{table.protocol}. Lower is better; ± is half of a 95 % interval over blocks.",
        "",
        f"| model | nanoGPT's recipe: blocks of {BLOCK} / stride {STRIDE} | blocks of {BLOCK} | "
        f"stride {STRIDE} | blocks of its own context | steps | training |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, runs in by_row(found).items():
        one = runs[0]
        cells = [f"{name} (`{one['recipe']}`)", one["published"] or "–"]
        for key in ("nats", "strided", "own"):
            low, high = one[f"{key}_interval"]
            of = f" ({one['context']})" if key == "own" else ""
            cells.append(f"**{one[key]:.3f}** ± {(high - low) / 2:.3f}{of}")
        cells += [f"{one['step']:,}", f"{one['training_seconds']:,} s, {one['machine']}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


SHAKESPEARE = Table(
    title="tinyshakespeare, nats a character",
    protocol="The first 90 % of the characters to learn from, all of the last 10 % to judge by: in blocks of "
    "64 that do not overlap, and with a stride of 16, so that each character is foretold from 49 to 64. "
    "nanoGPT's recipe (0.8M parameters) ran for the same seconds of training on two cores",
    data="tinyshakespeare.txt, or a folder with it",
    common={"text.vocabulary": 256, "text.unit": "running", "training.snapshots": 4},
    rows=(
        Row("86 s", "lm", {}, "86s", NANOGPT["86 s"]),
        Row("531 s", "lm", {}, "531s", NANOGPT["531 s"]),
        Row("an hour", "lm", {"model.dropout": 0.1}, "1h"),
        Row("n-gram", "ngram"),
    ),
    judge=judge,
    text=text,
    prepared=prepared,
)
