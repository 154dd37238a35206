"""How good a model is, what went wrong, and which is better."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from tyro.conf import Positional, arg

from ganvas.cli.shared import Json, emit, written


@dataclass(frozen=True)
class Evaluate:
    """Judge a trained model by items that it has not seen: how far its samples are from real ones, how
    varied they are, whether they are copies; beside what real items get, and what anything must beat.

    ganvas evaluate runs/photos --baselines

    ganvas evaluate runs/photos --features inception.pt --samples 10000

    ganvas evaluate runs/captions --card
    """

    run: Positional[Path]
    """A run's folder."""
    samples: Annotated[int | None, written("N")] = None
    """How many samples to judge; left out, as many as there are held-out items, 5,000 at most."""
    features: Annotated[str | None, written("WHAT")] = None
    """What looks at pictures: opennsfw, pixels, or a network in a file, PATH.onnx or PATH.pt (TorchScript);
    what looks at texts: words, minilm, or a folder with a BERT of sentences; what understands speech: a model
    of faster-whisper, by name or folder. Figures made with different
    features cannot be compared."""
    baselines: bool = False
    """Judge the baselines random, template and parametric too."""
    card: bool = False
    """Of text: draw quality against diversity over temperature, for the model, for its own likelihood stage
    and for real text, and say what that means."""
    data: Annotated[str | None, written("HELDOUT")] = None
    """Real pictures that it has not seen; left out, those of its data that were held out."""
    seed: int = 0
    """Of the samples."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:1, …"""
    as_json: Json = False

    def __call__(self) -> None:
        from ganvas.commands.judging import evaluate

        result = evaluate(self)
        if self.as_json:
            emit(result)


@dataclass(frozen=True)
class Report:
    """Write report.html, one self-contained page, into the run's folder."""

    run: Positional[Path]
    """A run's folder."""
    as_json: Json = False

    def __call__(self) -> None:
        from ganvas.report.page import write

        path = write(self.run)
        emit({"report": str(path)}) if self.as_json else print(path)


@dataclass(frozen=True)
class Doctor:
    """Say what is or was wrong with a training, since when, by which evidence, and what to do.

    ganvas doctor runs/photos
    """

    run: Positional[Path]
    """A run's folder; it may still be training."""
    as_json: Json = False

    def __call__(self) -> None:
        from ganvas.commands.judging import doctor

        result = doctor(self)
        if self.as_json:
            emit(result)


@dataclass(frozen=True)
class Study:
    """Compare recipes, or settings of one, over seeds: each run is trained for as long, judged by held-out
    items and kept. Ends with an answer in words, a table, plots and a page.

    A recipe with settings of its own is written in quotes; settings outside are common to all. Stopped, the
    same command goes on where it was.

    ganvas study dcgan r3gan "dcgan --packing 2" --data fashion --seeds 5 --budget 10m

    ganvas study dcgan --data photos/ --budget 10m --search 'critic.lr=1e-4..1e-3' 'game=hinge|relativistic'
    """

    recipes: Annotated[Positional[tuple[str, ...]], written("RECIPE …")] = ()
    """What to compare."""
    data: Annotated[str | None, written("DATA")] = None
    """What all learn from: a folder, an archive, a file, hf:NAME, or a built-in set."""
    seeds: int = 5
    """Runs of each. With fewer than 5 nothing can be said to differ; with 1 there is no interval."""
    budget: Annotated[str | None, written("TIME")] = None
    """How long each run trains (90s, 10m, 1h30m)."""
    steps: Annotated[int | None, written("N")] = None
    """The same in steps."""
    epochs: Annotated[float | None, written("N")] = None
    """The same in passes through the data."""
    out: Annotated[Path | None, written("FOLDER")] = None
    """Where the runs and the answer go; left out, runs/study- with the name of the data."""
    at: Annotated[str, arg(metavar="SHARES")] = "25%,50%"
    """Shares of the budget at which runs are judged on their way, too; 100% only at the end."""
    by: Annotated[str | None, written("FIGURE")] = None
    """What to compare and search by; left out, fd, or kd where held-out items are too few for fd."""
    samples: Annotated[int | None, written("N")] = None
    """How many samples to judge a run by; left out, as many as there are held-out items, 5,000 at most."""
    features: Annotated[str | None, written("WHAT")] = None
    """What looks at pictures: opennsfw, pixels, or a network in a file, PATH.onnx or PATH.pt."""
    search: Annotated[tuple[str, ...], written("SETTING=RANGE …")] = ()
    """Look for the best settings first: low..high (logarithmic from a factor of 10 on), or a|b|c."""
    trials: Annotated[int | None, written("N")] = None
    """Runs of the search for each recipe, on a seed that the comparison does not use; left out, 20."""
    workers: Annotated[int | None, written("N")] = None
    """Runs at a time, each with its share of the cores; left out, one a core, or one where there is a GPU."""
    ray: Annotated[str | None, written("ADDRESS")] = None
    """Runs go to the machines of this Ray cluster (auto: the one that this machine belongs to)."""
    retry: bool = False
    """Do those again that crashed; else a crash stays a failed run."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:1, …"""
    as_json: Json = False
    settings: tyro.conf.Suppress[tuple[tuple[str, str], ...]] = ()

    def __call__(self) -> None:
        from ganvas.commands.judging import study

        result = study(self)
        if self.as_json:
            emit(result)


@dataclass(frozen=True)
class Reproduce:
    """Train and judge the models of a published table, and print theirs beside ours.

    Without a table it lists them. Stopped, the same command goes on where it was.

    ganvas reproduce mnist-nll --data mnist/ --rows vae,hvae
    """

    table: Annotated[Positional[str | None], written("TABLE")] = None
    """Which table."""
    data: Annotated[str | None, written("DATA")] = None
    """Its data, where they are not built in."""
    rows: Annotated[str | None, written("ROW,ROW")] = None
    """Only these models of it; the table shows those that were trained before, too."""
    budget: Annotated[str | None, written("TIME")] = None
    """Training time of each; left out, as the table has it."""
    samples: Annotated[int | None, written("N")] = None
    """Samples that a run is judged by, or importance samples of a bound; left out, as the table has it."""
    seed: int = 0
    """Of the training and of the judgement; of the first run, where a row has several."""
    seeds: Annotated[int | None, written("N")] = None
    """Runs of each row; left out, as the table has it."""
    out: Path = Path("runs/reproduce")
    """Where the runs and TABLE.md go."""
    as_json: Json = False

    def __call__(self) -> None:
        from ganvas.commands.judging import reproduce

        result = reproduce(self)
        if self.as_json:
            emit(result)
