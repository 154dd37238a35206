"""The command line. Nothing heavy is imported before a command needs it."""

import errno
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NoReturn

import tyro
from tyro.conf import Positional, arg, subcommand

from ganvas.arguments import parse
from ganvas.core.errors import UserError

Json = Annotated[
    bool, arg(name="json", help="Print one JSON object on standard output, and nothing else there.")
]


def written(metavar: str) -> Any:
    """An option that may be left out, as its help writes it."""
    return arg(metavar=metavar, help_behavior_hint="")


def emit(value: Any) -> None:
    """Machine-readable output."""
    print(json.dumps(value, ensure_ascii=False, indent=2))


@dataclass(frozen=True)
class Recipes:
    """List every recipe, with what it is for, its paper and its cost; with --data the built-in data sets."""

    data: bool = False
    """List the built-in data sets instead."""
    as_json: Json = False

    def __call__(self) -> None:
        from ganvas.commands import builtin_sets, recipes

        rows = builtin_sets() if self.data else recipes()
        if self.as_json:
            return emit(rows)
        from ganvas.terminal import listing

        return listing(rows)


@dataclass(frozen=True)
class Inspect:
    """Look at data: what is in it, what is broken in it, which recipe suits it and how long that takes."""

    data: Positional[str]
    """A folder, an archive, a file, hf:NAME, or a built-in set."""
    as_json: Json = False
    settings: tyro.conf.Suppress[tuple[tuple[str, str], ...]] = ()

    def __call__(self) -> None:
        from ganvas.commands import inspect

        result = inspect(self.data, dict(self.settings), quiet=self.as_json)
        if self.as_json:
            emit(result)


@dataclass(frozen=True)
class Train:
    """Train a recipe on data.

    Any setting of the recipe can follow by its dotted name; `ganvas train RECIPE --help` lists them.

    ganvas train --data photos/ --budget 30m

    ganvas train r3gan --data photos/ --generator.width 96 --seed 1

    ganvas train --out runs/photos --resume
    """

    recipe: Annotated[Positional[str | None], written("RECIPE")] = None
    """What to train (`ganvas recipes` lists them); left out, the recipe for that kind of data."""
    data: Annotated[str | None, written("DATA")] = None
    """What to learn from: a folder, an archive, a file, hf:NAME, or a built-in set."""
    out: Annotated[Path | None, written("FOLDER")] = None
    """The run's folder; left out, runs/ with the name of the data."""
    steps: Annotated[int | None, written("N")] = None
    """How many steps to train; left out, as many as the recipe has."""
    epochs: Annotated[float | None, written("N")] = None
    """How often to go through the data, instead of --steps."""
    budget: Annotated[str | None, written("TIME")] = None
    """How long to train (90s, 10m, 1h30m), instead of --steps; schedules are fitted to it."""
    seed: int = 0
    """Another seed, another result; the same seed, the same."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:1, …"""
    init_from: Annotated[Path | None, written("RUN")] = None
    """Start the networks as those of another run, as far as they are of the same kind and shape."""
    resume: bool = False
    """Go on with the run in --out exactly where it stopped."""
    doctor: Annotated[str | None, written("off|watch|treat")] = None
    """watch, the default: say what goes wrong, since when and what to do, and keep it in a diary; it changes
    nothing. treat: go back to before it, change one thing, and undo that if it does not help."""
    as_json: Json = False
    settings: tyro.conf.Suppress[tuple[tuple[str, str], ...]] = ()

    def __call__(self) -> None:
        from ganvas.commands import train
        from ganvas.terminal import is_first

        result = train(self)
        if self.as_json and is_first():
            emit(result)


@dataclass(frozen=True)
class Sample:
    """Make new items: pictures as one grid or one file each, points as CSV, text as .txt or .jsonl."""

    run: Positional[Path]
    """A run's folder, an exported model.onnx (no torch is needed), or hf:USER/NAME."""
    n: Annotated[int, arg(aliases=["-n"])] = 64
    """How many."""
    out: Annotated[str, arg(aliases=["-o"])] = "samples.png"
    """A file; or a folder, ending in /, for one file an item."""
    seed: int = 0
    """The same seed makes the same items."""
    label: Annotated[str | None, written("CLASS")] = None
    """Only this class, by name or number."""
    truncation: float = 1.0
    """Below 1: more typical, less varied."""
    latents: Annotated[Path | None, written("FILE")] = None
    """Decode these latents instead of drawing any: .npy (n, latent), or .npz with z and label."""
    keep_latents: Annotated[Path | None, written("FILE")] = None
    """Write the latents of what is made, and their labels, to an .npz file."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:1, …"""
    as_json: Json = False

    def __call__(self) -> None:
        from ganvas.commands import sample

        result = sample(self)
        if self.as_json:
            emit(result)


@dataclass(frozen=True)
class Write:
    """Write text, on from a prompt: it comes as it is made.

    ganvas write runs/kjv --prompt "In the beginning" --temperature 0.8

    ganvas write runs/poems --seed 3
    """

    run: Positional[Path]
    """A run's folder."""
    prompt: str = ""
    """What it goes on with; any characters will do. Left out, it begins anew."""
    length: int = 500
    """Characters at most; items end by themselves before."""
    temperature: float = 1.0
    """Below 1 more typical, above 1 more varied; 0: always the most probable."""
    top_k: int = 0
    """Choose among so many most probable tokens only; 0: all."""
    top_p: float = 1.0
    """Choose among the most probable tokens only that together have this probability."""
    min_p: float = 0.0
    """Choose among tokens only that have this share of the most probable one's probability."""
    stop: Annotated[tuple[str, ...], written("TEXT …")] = ()
    """End before any of these; \\n is a line break."""
    seed: int = 0
    """Another seed, another text."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:1, …"""
    as_json: Json = False

    def __call__(self) -> None:
        from ganvas.commands import write

        result = write(self)
        if self.as_json:
            emit(result)


@dataclass(frozen=True)
class Explore:
    """Draw what a trained model has understood: ways from one picture to another, what each latent number
    does, directions, reconstructions, where its critic looks.

    ganvas explore runs/photos

    ganvas explore runs/photos --what reconstruction --picture mine.jpg yours.png
    """

    run: Positional[Path]
    """A run's folder."""
    what: Annotated[tuple[str, ...], written("WHAT …")] = ()
    """interpolation, plane, traversal, directions, reconstruction, inversion, saliency; left out: all."""
    out: Annotated[Path | None, arg(aliases=["-o"], metavar="FOLDER", help_behavior_hint="")] = None
    """Where the pictures go; left out, explore/ in the run's folder, and into its report."""
    seed: int = 0
    """Another seed, other pictures."""
    label: Annotated[str | None, written("CLASS")] = None
    """Only this class, by name or number."""
    data: Annotated[str | None, written("DATA")] = None
    """Real pictures to show it; left out, those of its data that were held out."""
    picture: Annotated[tuple[Path, ...], written("FILE …")] = ()
    """Your own pictures, to reconstruct, to find again, to be judged."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:1, …"""
    as_json: Json = False

    def __call__(self) -> None:
        from ganvas.commands import explore

        result = explore(self)
        if self.as_json:
            emit(result)


@dataclass(frozen=True)
class Evaluate:
    """Judge a trained model by items that it has not seen: how far its samples are from real ones, how
    varied they are, whether they are copies; beside what real items get, and what anything must beat.

    ganvas evaluate runs/photos --baselines

    ganvas evaluate runs/photos --features inception.pt --samples 10000
    """

    run: Positional[Path]
    """A run's folder."""
    samples: Annotated[int | None, written("N")] = None
    """How many samples to judge; left out, as many as there are held-out items, 5,000 at most."""
    features: Annotated[str | None, written("WHAT")] = None
    """What looks at pictures: opennsfw, pixels, or a network in a file, PATH.onnx or PATH.pt (TorchScript).
    Figures made with different features cannot be compared."""
    baselines: bool = False
    """Judge the baselines random, template and parametric too."""
    data: Annotated[str | None, written("HELDOUT")] = None
    """Real pictures that it has not seen; left out, those of its data that were held out."""
    seed: int = 0
    """Of the samples."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:1, …"""
    as_json: Json = False

    def __call__(self) -> None:
        from ganvas.commands import evaluate

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
        from ganvas.commands import doctor

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
        from ganvas.commands import study

        result = study(self)
        if self.as_json:
            emit(result)


@dataclass(frozen=True)
class Export:
    """Write a trained model for use elsewhere: as ONNX files, as a page that runs it in a browser, or as a
    repository of the Hugging Face hub.

    ganvas export runs/photos --to onnx

    ganvas export runs/photos --to web --precision fp16

    ganvas export runs/photos --to hub --licence cc-by-4.0 --push me/photos
    """

    run: Positional[Path]
    """A run's folder."""
    to: Annotated[str | None, written("onnx|web|hub")] = None
    """onnx: model.onnx (and encoder.onnx), checked against the model. web: a folder for any static server.
    hub: a folder that `ganvas.load` reads, with a model card."""
    out: Annotated[Path | None, arg(aliases=["-o"], metavar="FOLDER", help_behavior_hint="")] = None
    """A new folder; left out, onnx, web or hub in the run's folder."""
    precision: Annotated[str, arg(metavar="fp32|fp16|int8")] = "fp32"
    """How weights are kept in ONNX files: fewer bits make them smaller, and what that costs is measured."""
    licence: Annotated[str | None, written("NAME")] = None
    """hub: the licence that you give the model, by the hub's name for it (mit, cc-by-4.0 …)."""
    push: Annotated[str | None, written("USER/NAME")] = None
    """hub: send it there, as a private repository; a token must be set (`hf auth login`, or HF_TOKEN)."""
    as_json: Json = False

    def __call__(self) -> None:
        from ganvas.commands import export

        result = export(self)
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
    """Only these models of it."""
    budget: Annotated[str | None, written("TIME")] = None
    """Training time of each; left out, as the table has it."""
    samples: int | None = None
    """Importance samples, for models that have a bound; left out, as the table's protocol says."""
    seed: int = 0
    """Of the training and of the judgement; of the first run, where a row has several."""
    seeds: Annotated[int | None, written("N")] = None
    """Runs of each row; left out, as the table has it."""
    out: Path = Path("runs/reproduce")
    """Where the runs and TABLE.md go."""
    as_json: Json = False

    def __call__(self) -> None:
        from ganvas.commands import reproduce

        result = reproduce(self)
        if self.as_json:
            emit(result)


COMMANDS = {
    "recipes": Recipes,
    "inspect": Inspect,
    "train": Train,
    "sample": Sample,
    "write": Write,
    "explore": Explore,
    "doctor": Doctor,
    "evaluate": Evaluate,
    "report": Report,
    "export": Export,
    "study": Study,
    "reproduce": Reproduce,
}
Command = (
    Annotated[Recipes, subcommand("recipes")]
    | Annotated[Inspect, subcommand("inspect")]
    | Annotated[Train, subcommand("train")]
    | Annotated[Sample, subcommand("sample")]
    | Annotated[Write, subcommand("write")]
    | Annotated[Explore, subcommand("explore")]
    | Annotated[Doctor, subcommand("doctor")]
    | Annotated[Evaluate, subcommand("evaluate")]
    | Annotated[Report, subcommand("report")]
    | Annotated[Export, subcommand("export")]
    | Annotated[Study, subcommand("study")]
    | Annotated[Reproduce, subcommand("reproduce")]
)
DISK = (
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EIO,
    errno.EISDIR,
    errno.ENOTDIR,
)
"""Troubles that are nobody's fault here, wherever they turn up."""
DESCRIPTION = """Learn to generate pictures, speech, sound and text from your own data.

Start with `ganvas train --data fashion --budget 5m`, or with the path of a folder of pictures."""


def main() -> None:
    """Entry point: bad input is one sentence and exit code 2."""
    args = sys.argv[1:]
    try:
        try:
            command = parse(COMMANDS, Command, DESCRIPTION, args)
        finally:
            if args[:1] == ["train"] and {"-h", "--help"} & set(args[2:]) and not args[1].startswith("-"):
                from ganvas.commands import help_for

                help_for(args[1])
        command()
    except UserError as error:
        refuse(str(error))
    except BrokenPipeError:  # `ganvas recipes | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        if error.errno not in DISK:
            raise
        refuse(f"{error.filename or 'a file'}: {(error.strerror or str(error)).lower()}")
    except KeyboardInterrupt:
        raise SystemExit(130) from None


def refuse(sentence: str) -> NoReturn:
    process = int(os.environ.get("RANK", "0"))
    print(f"ganvas{f', process {process}' if process else ''}: {sentence}", file=sys.stderr)
    raise SystemExit(2)
