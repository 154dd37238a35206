"""What is there to learn, from what, and learning it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from tyro.conf import Positional

from ganvas.cli.shared import Json, emit, written


@dataclass(frozen=True)
class Recipes:
    """List every recipe, with what it is for, its paper and its cost; with --data the built-in data sets."""

    data: bool = False
    """List the built-in data sets instead."""
    as_json: Json = False

    def __call__(self) -> None:
        from ganvas.commands.learning import builtin_sets, recipes

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
        from ganvas.commands.learning import inspect

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
    track: Annotated[str | None, written("wandb|mlflow")] = None
    """Give the curves, which TensorBoard gets anyway, to Weights & Biases or MLflow too: in the run's folder,
    or where its own settings say (`wandb login`, MLFLOW_TRACKING_URI). A resumed run stays the same there."""
    as_json: Json = False
    settings: tyro.conf.Suppress[tuple[tuple[str, str], ...]] = ()

    def __call__(self) -> None:
        from ganvas.commands.learning import train
        from ganvas.terminal import is_first

        result = train(self)
        if self.as_json and is_first():
            emit(result)
