"""Learning a known law of sequences (Yu et al. 2017), judged both ways and over temperature."""

import hashlib
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ganvas.core.files import beside, read_json, write_json, write_text
from ganvas.core.run import Run
from ganvas.data.tokens import aside
from ganvas.model import load
from ganvas.studies import oracle
from ganvas.studies.beyond import Curve, mean, verdicts
from ganvas.studies.oracle import TOKENS, Oracle
from ganvas.studies.tables.base import Figures, Progress, Question, Row, Table, by_row

TRAINING = 10_000
"""Sequences to learn from, and as many that are held out."""
SPARE = 6
"""Deviations of a part's size by which more are drawn, so that each part is full."""
TEMPERATURES = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2)
OWN = TEMPERATURES.index(1.0)
FILE = "oracle.json"
PUBLISHED = {
    20: {"MLE": 9.038, "SeqGAN": 8.736, "RankGAN": 8.247, "LeakGAN": 7.038, "RelGAN": 6.680, "real": 5.750},
    40: {"MLE": 10.411, "SeqGAN": 10.310, "RankGAN": 9.958, "LeakGAN": 7.191, "RelGAN": 6.765, "real": 4.071},
}
"""Nats a token of samples under the oracle: Nie et al. 2019, table 1."""


def truth(data: str) -> Oracle:
    """The oracle that is given, or else one drawn by the same law."""
    return oracle.read(data) if data else oracle.drawn()


def prepared(length: int, data: str, folder: Path) -> str:
    """As many sequences as fill both parts exactly, which a hash of their text divides; kept in a file."""
    law = truth(data)
    path = folder / f"sequences-{length}-{law.digest[:8]}.txt"
    if not path.is_file():
        count = 2 * TRAINING + round(SPARE * (2 * TRAINING) ** 0.5)
        found = law.sample(count, length, torch.Generator().manual_seed(0))
        lines = [" ".join(map(str, row)) for row in found.tolist()]
        out = np.array(aside([hashlib.sha256(line.encode()).digest() for line in lines], 0.5, path.name))
        rows = np.concatenate([np.flatnonzero(out == side)[:TRAINING] for side in (False, True)])
        write_text(path, "\n".join(lines[k] for k in np.sort(rows)) + "\n")
    return str(path)


def unseen(law: Oracle, length: int, count: int, folder: Path) -> torch.Tensor:
    """Of the oracle, which no model has seen; kept in a file."""
    path = folder / f"test-{length}-{count}-{law.digest[:8]}.npy"
    if not path.is_file():
        made = law.sample(count, length, torch.Generator().manual_seed(1))
        with beside(path) as draft, draft.open("wb") as file:
            np.save(file, made.numpy(), allow_pickle=False)
    return torch.from_numpy(np.load(path, allow_pickle=False))


def judge(length: int, run: Run, question: Question, progress: Progress) -> Figures:
    """The curves of the generator and of its own likelihood stage; kept with the run."""
    law = truth(question.data)
    key = {"samples": question.samples, "seed": question.seed, "step": run.progress()["step"]}
    key |= {"oracle": law.digest[:8]}
    try:
        known = read_json(run.path / FILE)
    except (OSError, ValueError):
        known = {}
    if key.items() <= known.items():
        return known
    x = unseen(law, length, question.samples, question.folder)
    model: Any = load(run.path, "cpu").objective
    ways, done = {"curve": model, "before": model.before()}, 0
    found: dict[str, Any] = {"undone": bool(model.over), "length": length}
    for name, one in ways.items():
        network, rows = one.model, []
        backward = oracle.nll(network, one.vocabulary.start, x, TEMPERATURES).mean(1).tolist()
        for temperature, back in zip(TEMPERATURES, backward, strict=True):
            generator = torch.Generator().manual_seed(question.seed)
            made = oracle.sampled(
                network, one.vocabulary.start, question.samples, length, temperature, generator
            )
            rows.append([temperature, law.nll(made).mean().item(), back])
            done += 1
            progress(done, len(ways) * len(TEMPERATURES))
        found[name] = rows
    own, even = (
        law.nll(x),
        law.nll(torch.randint(TOKENS, x.shape, generator=torch.Generator().manual_seed(2))),
    )
    for name, values in (("entropy", own), ("uniform", even)):
        found[name] = [values.mean().item(), (values.std() / len(values) ** 0.5).item()]
    found |= key
    write_json(run.path / FILE, found)
    return found


def text(table: Table, found: Sequence[Figures]) -> str:
    """Both likelihoods of ours beside the one that was published, the curves, and what they say."""
    rows = by_row(found)
    lines = [f"# {table.title}", "", f"{table.protocol}.", ""]
    if found:
        lines += _checks(found[0])
    head = "| model | published | samples under the oracle | oracle's sequences under the model | undone | "
    lines += [head + "seeds | steps | training |", "|---|---|---|---|---|---|---|---|"]
    for name, runs in rows.items():
        forth, back = ([run["curve"][OWN][k] for run in runs] for k in (1, 2))
        cells = [
            f"{name} (`{runs[0]['recipe']}`)",
            runs[0]["published"] or "–",
            mean(forth).told,
            mean(back).told,
            f"{sum(run['undone'] for run in runs)} of {len(runs)}" if name != LIKELIHOOD else "–",
            str(len(runs)),
            f"{np.mean([run['step'] for run in runs]):,.0f}",
            f"{np.mean([run['training_seconds'] for run in runs]) / 60:.0f} min, {runs[0]['machine']}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    if found:
        lines.append(f"| the oracle itself | {PUBLISHED[found[0]['length']]['real']} | "
                     f"{found[0]['entropy'][0]:.3f} | {found[0]['entropy'][0]:.3f} | | | | |")  # fmt: skip
    return "\n".join([*lines, "", *_curves(rows), *_verdicts(rows)])


def _checks(one: Figures) -> list[str]:
    told = [f"{one[k][0]:.3f} ± {1.96 * one[k][1]:.3f}" for k in ("entropy", "uniform")]
    return [
        "Nats a token, lower is better; ± is the 95 % interval of the mean over seeds. Samples are at "
        f"temperature 1. Checks of the oracle: its own sequences {told[0]}, even random ones {told[1]} nats "
        "a token.",
        "",
    ]


def _curves(rows: Mapping[str, Sequence[Figures]]) -> list[str]:
    """Of each row over temperature: samples under the oracle / the oracle's sequences under the model."""
    columns = {name: [run["curve"] for run in runs] for name, runs in rows.items()}
    columns |= {
        f"{name}, before": [run["before"] for run in runs]
        for name, runs in rows.items()
        if name != LIKELIHOOD
    }
    lines = ["Over temperature: samples under the oracle / the oracle's sequences under the model.", ""]
    lines += [f"| temperature | {' | '.join(columns)} |", "|---" * (1 + len(columns)) + "|"]
    for k, temperature in enumerate(TEMPERATURES):
        cells = [
            " / ".join(mean([curve[k][part] for curve in curves]).told for part in (1, 2))
            for curves in columns.values()
        ]
        lines.append(f"| {temperature:g} | {' | '.join(cells)} |")
    return [*lines, ""]


def _verdicts(rows: Mapping[str, Sequence[Figures]]) -> list[str]:
    """Of each adversarial row, against the likelihood row and against its own first stage."""
    said = []
    for name, runs in rows.items():
        if name == LIKELIHOOD:
            continue
        ours: dict[int, Curve] = {run["seed"]: run["curve"] for run in runs}
        said += verdicts(name, "its own likelihood stage", ours, {run["seed"]: run["before"] for run in runs})
        if LIKELIHOOD in rows:
            theirs = {run["seed"]: run["curve"] for run in rows[LIKELIHOOD]}
            said += verdicts(name, "likelihood alone", ours, theirs)
    return [line for sentence in said for line in (sentence, "")]


LIKELIHOOD = "likelihood"
FIRST, STEPS = 700, 1_300
"""Of likelihood, after which held-out likelihood gets worse (with these settings, seen here), and in all."""
NETWORK = {"network": "lstm", "width": 32, "depth": 1, "lr": 1e-2, "beta2": 0.999, "weight_decay": 0.0}
COMMON = {f"model.{name}": value for name, value in NETWORK.items()} | {
    "text.unit": "numbers",
    "text.vocabulary": TOKENS,
    "text.held_out": 0.5,
    "likelihood": FIRST / STEPS,
    "training.steps": STEPS,
    "training.batch": 64,
    "training.clip": 5.0,
    "training.warmup": 0,
    "training.snapshots": 8,
    "training.precision": "fp32",
}
CRITIC = {"critic.network": "lstm", "critic.width": 64, "critic.depth": 1}


def _table(length: int) -> Table:
    theirs = {name: f"{value:.3f}" for name, value in PUBLISHED[length].items()}
    alone = CRITIC | {"likelihood": 1.0, "training.steps": FIRST}
    return Table(
        title=f"A known law of sequences, length {length}",
        protocol=f"SeqGAN's oracle (Yu et al. 2017): {TOKENS:,} tokens, {TRAINING:,} sequences of {length} "
        f"to learn from, an LSTM of width 32, batches of 64, Adam 1e-2. {FIRST:,} steps of likelihood, where "
        f"that of held-out sequences is best, and {STEPS - FIRST:,} adversarial ones (reduced: theirs has "
        f"18,720 and 200 rounds); the likelihood row has the first alone. RankGAN's {theirs['RankGAN']} and "
        f"LeakGAN's {theirs['LeakGAN']} are not run here",
        data="",
        common=COMMON | {"text.context": length + 1},
        rows=(
            Row(LIKELIHOOD, "seqgan", alone, None, theirs["MLE"]),
            Row("seqgan", "seqgan", CRITIC, None, theirs["SeqGAN"]),
            Row("relgan", "relgan", {}, None, theirs["RelGAN"]),
        ),
        judge=partial(judge, length),
        text=text,
        samples=2_000,
        seeds=5,
        prepared=partial(prepared, length),
    )


ORACLE, ORACLE_40 = _table(20), _table(40)
