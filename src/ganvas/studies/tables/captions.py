"""COCO captions as Texygen has them (Zhu et al. 2018): BLEU beside test captions, self-BLEU, distances."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ganvas.core.errors import UserError
from ganvas.core.files import read_json, write_json
from ganvas.core.run import Run
from ganvas.metrics import text as metrics
from ganvas.metrics.distribution import frechet_distance
from ganvas.metrics.embeddings import find
from ganvas.metrics.intervals import frechet_error
from ganvas.metrics.likelihood import Z95
from ganvas.metrics.mauve import mauve
from ganvas.metrics.overlap import bleu, self_bleu
from ganvas.model import Model, load
from ganvas.models.duel import Duel
from ganvas.studies.samples import samples_of
from ganvas.studies.tables.base import Figures, Progress, Question, Row, Table, by_row, over

TRAINING, TEST = "coco_captions_train.txt", "coco_captions_test.txt"
ORDERS = (2, 3, 4, 5)
FILE = "captions.json"
PUBLISHED = {
    "training captions": ".740 / .520 / .337 / .218",
    "MLE": ".731 / .497 / .305 / .189",
    "SeqGAN": ".745 / .498 / .294 / .180",
    "LeakGAN": ".746 / .528 / .355 / .230",
}
"""Test BLEU-2 to 5."""


def prepared(data: str, folder: Path) -> str:
    """The training captions."""
    for name in (TRAINING, TEST):
        if not (Path(data).expanduser() / name).is_file():
            raise UserError(f"there is no {name} in {data}; --data is a folder with {TRAINING} and {TEST}")
    return str(Path(data).expanduser() / TRAINING)


def judge(run: Run, question: Question, progress: Progress) -> Figures:
    """Of samples, and of as many training captions; kept with the run."""
    model = nearest(run)
    key = {"samples": question.samples, "seed": question.seed, "step": run.progress()["step"]}
    key |= {"judged": model.config["step"]}
    try:
        known = read_json(run.path / FILE)
    except (OSError, ValueError):
        known = {}
    if key.items() <= known.items():
        return known
    folder = Path(question.data).expanduser()
    training, test = ((folder / name).read_text(encoding="utf-8").split("\n") for name in (TRAINING, TEST))
    made = samples_of(model, question.samples, question.seed, progress)
    step = max(1, len(training) // question.samples)
    real = [line for line in training[::step] if line.strip()][: question.samples]
    tests = [line for line in test if line.strip()]
    found = figures(made, tests) | key | {"real": figures(real, tests)}
    write_json(run.path / FILE, found)
    return found


def nearest(run: Run) -> Model:
    """The model that was nearest to held-out captions, as ten thousand are soon learnt by heart; one that has
    met a critic as it ended, since it looks after that itself."""
    model, best = load(run.path, "cpu"), run.path / "best"
    kept = not isinstance(model.objective, Duel) and (best / "recipe.json").is_file()
    return load(best, "cpu") if kept else model


def figures(texts: Sequence[str], test: Sequence[str]) -> Figures:
    """All test captions are references, and as many as there are texts the other set of a distance. Words and
    marks, as Texygen has them of nltk's tokeniser: real captions get .74 / .52 / .34 / .22 either way."""
    words, references = ([metrics.WORD.findall(text) for text in some] for some in (texts, test))
    scores = {f"bleu_{n}": bleu(words, references, n) for n in ORDERS}
    scores |= {f"self_bleu_{n}": self_bleu(words, n) for n in ORDERS}
    found: dict[str, Any] = {}
    for name, values in scores.items():
        rate = metrics.mean(values.tolist())
        found[name], found[f"{name}_interval"] = rate.value, [rate.low, rate.high]
    a, b = (find().embed(some) for some in (texts, test[: len(texts)]))
    if min(len(a), len(b)) > a.shape[1]:
        found["fd"], error = frechet_distance(a, b), Z95 * frechet_error(a, b)
        found["fd_interval"] = [max(0.0, found["fd"] - error), found["fd"] + error]
    area = mauve(a, b)
    found["mauve"], found["mauve_interval"] = area.value, [area.low, area.high]
    return found


def text(table: Table, found: Sequence[Figures]) -> str:
    """Theirs beside ours, with the row of real text."""
    count = found[0]["samples"] if found else table.samples
    lines = [
        f"# {table.title}",
        "",
        f"{table.protocol}. {count:,} samples of each: BLEU beside all test captions, self-BLEU among the "
        f"{count:,}, distances from {count:,} test captions; ± is half of a 95 % interval. Read BLEU beside "
        f"self-BLEU: a lower temperature raises both (`ganvas evaluate --card`). Come near to real text. "
        f"What has no critic is judged as it was when held-out captions took the fewest bits.",
        "",
        "| model | published BLEU-2 / 3 / 4 / 5 | BLEU-2 / 3 / 4 / 5 | self-BLEU-2 / 3 / 4 / 5 | Fréchet | "
        "MAUVE-like | steps | training |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, runs in by_row(found).items():
        minutes = sum(over(runs, "training_seconds")) / len(runs) / 60
        step, judged = runs[0]["step"], runs[0]["judged"]
        steps = f"{step:,}" if judged == step else f"{judged:,} of {step:,}"
        after = [steps, f"{minutes:.0f} min, {runs[0]['machine']}"]
        head = [f"{name} (`{runs[0]['recipe']}`)", runs[0]["published"] or "–"]
        lines.append(_row(head, runs[0], after))
    if found:
        head = ["training captions", PUBLISHED["training captions"]]
        lines.append(_row(head, found[0]["real"], ["", ""]))
    lines.append(f"| LeakGAN, not run here | {PUBLISHED['LeakGAN']} | | | | | | |")
    return "\n".join([*lines, ""])


def _row(head: list[str], one: Figures, after: list[str]) -> str:
    def told(key: str, form: str = ".3f") -> str:
        if key not in one:
            return "–"
        low, high = one[f"{key}_interval"]
        return f"{one[key]:{form}} ± {(high - low) / 2:{form}}"

    groups = [" / ".join(told(f"{kind}_{n}") for n in ORDERS) for kind in ("bleu", "self_bleu")]
    return f"| {' | '.join([*head, *groups, told('fd', '.2f'), told('mauve'), *after])} |"


SMALL = {"encoder.depth": 2, "decoder.depth": 2}
CAPTIONS = Table(
    title="COCO captions",
    protocol="Texygen's captions (Zhu et al. 2018), 9,999 to learn from, of which 2 % are held out, and "
    "9,999 test ones; words and marks; published rows are Texygen's test BLEU",
    data=f"a folder with {TRAINING} and {TEST}",
    common={"text.vocabulary": 1024, "text.context": 40, "text.held_out": 0.02, "training.snapshots": 8},
    rows=(
        Row("lm", "lm", {}, "10m", f"MLE {PUBLISHED['MLE']}"),
        Row("textvae", "textvae", SMALL, "15m"),
        Row("seqgan", "seqgan", {}, "15m", PUBLISHED["SeqGAN"]),
        Row("relgan", "relgan", {}, "15m"),
        Row("n-gram", "ngram"),
    ),
    judge=judge,
    text=text,
    samples=1_000,
    prepared=prepared,
)
