"""Training with somebody looking on: a display, pictures on the way, and the report at the end."""

from typing import Any

from ganvas import api
from ganvas.core import distributed
from ganvas.core.run import Run
from ganvas.report.page import write
from ganvas.report.recorder import Recorder
from ganvas.report.tracking import check
from ganvas.terminal import Screen


def train(data: Any, recipe: str | None, *, track: str | None = None, **how: Any) -> Run:
    """`ganvas.train`, watched; `track`: wandb or mlflow, which get the curves too."""
    check(track)
    screen = Screen()
    recorder = Recorder(screen, track)
    with screen.watching():
        try:
            run = api.train(data, recipe, observer=recorder.observer, **how)
        finally:
            recorder.close()
    if distributed.rank() == 0:
        write(run.path)
    return run
