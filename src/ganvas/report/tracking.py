"""Where a training's curves go: to TensorBoard always, to others where they are asked for."""

import importlib.util
import netrc
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from ganvas.core.errors import UserError, reason
from ganvas.core.files import read_json, write_json
from ganvas.core.run import Run
from ganvas.remedies.advice import flat

FILE = "tracking.json"
"""In the run's folder: by which number a tracker knows it."""
PROJECT = "ganvas"


class Curves(Protocol):
    """Takes figures of a step."""

    def add(self, figures: Mapping[str, float], step: int) -> None: ...
    def close(self, finished: bool) -> None: ...


class TensorBoard:
    """Event files in the run's folder; those after `step`, of a training that was set back, are hidden."""

    def __init__(self, run: Run, step: int):
        from torch.utils.tensorboard import SummaryWriter

        self._writer = SummaryWriter(str(run.path), purge_step=step + 1)

    def add(self, figures: Mapping[str, float], step: int) -> None:
        for name, value in figures.items():
            self._writer.add_scalar(name, value, step)

    def close(self, finished: bool) -> None:
        self._writer.close()


class WandB:
    """Weights & Biases: sent where its key is set, else kept in wandb/ in the run's folder (`wandb sync`)."""

    def __init__(self, run: Run, known: str | None):
        import wandb  # pyright: ignore[reportMissingImports]

        settings = wandb.Settings(
            silent=True,
            console="off",
            disable_git=True,
            disable_code=True,
            x_disable_meta=True,
            x_disable_stats=True,
            x_disable_machine_info=True,
        )
        mode: Any = None if os.environ.get("WANDB_MODE") else "online" if self.logged_in() else "offline"
        self._run = wandb.init(
            project=os.environ.get("WANDB_PROJECT", PROJECT),
            name=run.path.resolve().name,
            dir=str(run.path),
            id=known,
            resume="allow",
            mode=mode,
            config=described(run),
            settings=settings,
        )
        self.number = self._run.id
        self._run.define_metric("*", step_metric="step")

    @staticmethod
    def logged_in() -> bool:
        """Whether there is a key, as `wandb login` leaves it."""
        if os.environ.get("WANDB_API_KEY"):
            return True
        host = urlsplit(os.environ.get("WANDB_BASE_URL", "https://api.wandb.ai")).hostname
        try:
            return netrc.netrc().authenticators(host or "") is not None
        except (OSError, netrc.NetrcParseError):
            return False

    def add(self, figures: Mapping[str, float], step: int) -> None:
        self._run.log({**figures, "step": step})

    def close(self, finished: bool) -> None:
        self._run.finish(exit_code=0 if finished else 1)


class MLflow:
    """MLflow: at MLFLOW_TRACKING_URI where that is set, else in mlflow/ in the run's folder."""

    def __init__(self, run: Run, known: str | None):
        for name, value in (("ALLOW_FILE_STORE", "true"), ("HTTP_REQUEST_MAX_RETRIES", "1")):
            os.environ.setdefault(f"MLFLOW_{name}", value)
        from mlflow.entities import Metric, Param  # pyright: ignore[reportMissingImports]
        from mlflow.tracking import MlflowClient  # pyright: ignore[reportMissingImports]

        place = os.environ.get("MLFLOW_TRACKING_URI") or (run.path.resolve() / "mlflow").as_uri()
        self._client, self._metric = MlflowClient(tracking_uri=place), Metric
        if known is not None:
            self.number = known
            self._client.update_run(known, status="RUNNING")
            return
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME", PROJECT)
        found = self._client.get_experiment_by_name(name)
        where = found.experiment_id if found else self._client.create_experiment(name)
        self.number = self._client.create_run(where, run_name=run.path.resolve().name).info.run_id
        params = [Param(name, str(value)[:500]) for name, value in described(run).items()]
        for k in range(0, len(params), 100):
            self._client.log_batch(self.number, params=params[k : k + 100])

    def add(self, figures: Mapping[str, float], step: int) -> None:
        now = int(1000 * time.time())
        names = {name: name.replace("/", ".") for name in figures}  # a file cannot be a folder too
        each = [self._metric(names[name], value, now, step) for name, value in figures.items()]
        self._client.log_batch(self.number, metrics=each)

    def close(self, finished: bool) -> None:
        self._client.set_terminated(self.number, status="FINISHED" if finished else "KILLED")


TRACKERS = {"wandb": ("Weights & Biases", WandB), "mlflow": ("MLflow", MLflow)}


def check(name: str | None) -> None:
    """Refuse a tracker that is unknown or not installed, before any work."""
    if name is None:
        return
    if name not in TRACKERS:
        raise UserError(f"--track is {' or '.join(TRACKERS)}, not {name!r}; TensorBoard's curves come anyway")
    if importlib.util.find_spec(name) is None:
        raise UserError(f"--track {name} needs the package {name}: pip install 'ganvas[{name}]'")


def trackers(run: Run, asked: str | None) -> dict[str, Curves]:
    """The one that is asked for, and those that this run has been tracked by. UserError: what they say."""
    known = tracked(run.path)
    found: dict[str, Curves] = {}
    for name in [*known, *({asked} - {*known, None})]:
        assert name is not None
        check(name)
        title, made = TRACKERS[name]
        try:
            found[name] = one = made(run, known.get(name))
        except Exception as error:  # each has its own, of the network, of keys
            raise UserError(f"{title} does not take this run: {reason(error)}") from None
        known[name] = one.number
    if found:
        write_json(run.path / FILE, known)
    return found


def tracked(run: Path) -> dict[str, str]:
    """By which number each tracker knows it."""
    path = run / FILE
    return read_json(path) if path.is_file() else {}


def described(run: Run) -> dict[str, Any]:
    """Recipe, settings, seed, and the data by name and fingerprint."""
    record = run.record
    data = record.get("data") or {}
    named = {"data": Path(str(data.get("source", ""))).name, "data.fingerprint": data.get("fingerprint")}
    plain = {name: record.get(name) for name in ("recipe", "seed", "budget", "epochs")}
    return plain | named | flat(record.get("settings") or {})
