"""Runs side by side: each a process of its own, on this machine or on the machines of a Ray cluster."""

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Generator, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from ganvas.core.errors import UserError, reason
from ganvas.core.files import read_json, write_json
from ganvas.studies.plan import Job

LAST_WORDS = 12
"""Lines of what a crashed run said."""
REACH = 5.0
"""Seconds within which the machine of an address must answer."""
OF_TORCHRUN = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")


class Fleet(Protocol):
    """Does jobs, so many at a time."""

    workers: int
    threads: int
    """Of each."""

    def run(self, jobs: Iterable[Job]) -> Generator[Job]:
        """Each as soon as it is done."""
        ...


def cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def outcome(job: Job) -> dict[str, Any] | None:
    """What came of a job; None where it is still to be done."""
    with suppress(OSError, ValueError):
        return read_json(Path(job["outcome"]))
    return None


class Attempt:
    """A job's process."""

    def __init__(self, job: Job, threads: int):
        self._job, self._threads = job, threads
        self._process: subprocess.Popen[bytes] | None = None
        self._told = threading.Event()

    def make(self) -> None:
        """Do the job to its end. A crash is written down as its outcome, with the last words."""
        log = Path(self._job["outcome"]).with_suffix(".log")
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as file:
            before = file.tell()
            if self._told.is_set():
                return
            self._process = subprocess.Popen(
                [sys.executable, "-m", "ganvas.studies.cell", json.dumps(self._job)],
                stdin=subprocess.PIPE,  # it ends when this is closed, however we end
                stdout=file,
                stderr=subprocess.STDOUT,
                cwd=self._job["place"],
                env=_environment(self._threads),
                start_new_session=True,  # Ctrl-C is for us, who pass it on
            )
            if self._told.is_set():
                self._process.terminate()
            with self._process:
                code = self._process.wait()
        if outcome(self._job) is None and not self._told.is_set():
            words = log.read_bytes()[before:].decode(errors="replace").splitlines()[-LAST_WORDS:]
            facts = {key: self._job.get(key) for key in ("name", "seed", "settings")}
            failed = {
                "run": self._job["path"],
                "failure": "crashed",
                "code": code,
                "words": _last(code, words),
            }
            write_json(Path(self._job["outcome"]), facts | failed)

    def stop(self) -> None:
        """Let it save and end; it is no failure."""
        self._told.set()
        if self._process and self._process.poll() is None:
            self._process.terminate()


def _environment(threads: int) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in OF_TORCHRUN}
    return kept | {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}


def _last(code: int, words: list[str]) -> str:
    """What a crashed run said last, the last line first."""
    if code < 0:
        words = [*words, f"ended by signal {-code}{', as for want of memory' if code == -9 else ''}"]
    return "\n".join(reversed(words)) or f"ended with code {code}"


class Processes:
    """On this machine."""

    def __init__(self, workers: int, threads: int):
        self.workers, self.threads = workers, threads

    def run(self, jobs: Iterable[Job]) -> Generator[Job]:
        attempts = {id(job): (job, Attempt(job, self.threads)) for job in jobs}
        with ThreadPoolExecutor(self.workers) as pool:
            futures = {pool.submit(attempt.make): job for job, attempt in attempts.values()}
            try:
                for done in as_completed(futures):
                    done.result()
                    yield futures[done]
            finally:
                for _, attempt in attempts.values():
                    attempt.stop()


class Cluster:
    """On the machines of a Ray cluster, which all see the study's folder and the data under these paths."""

    def __init__(self, ray: Any, workers: int, threads: int, gpus: int):
        self._ray, self.workers, self.threads = ray, workers, threads
        self._make = ray.remote(num_cpus=threads, num_gpus=gpus, max_retries=0)(_attempted)

    def run(self, jobs: Iterable[Job]) -> Generator[Job]:
        left, running = list(jobs), {}
        while left or running:
            while left and len(running) < self.workers:
                job = left.pop(0)
                running[self._make.remote(_from_anywhere(job), self.threads)] = job
            (done,), _ = self._ray.wait([*running], num_returns=1)
            job = running.pop(done)
            try:
                self._ray.get(done)
            except self._ray.exceptions.RayError as error:  # the machine is gone, or its Ray
                lost = {"run": job["path"], "failure": "crashed", "words": reason(error)}
                write_json(Path(job["outcome"]), {k: job.get(k) for k in ("name", "seed", "settings")} | lost)
            yield job


def _from_anywhere(job: Job) -> Job:
    """With whole paths: a Ray worker has a folder of its own."""
    return job | {key: str(Path(job["place"], job[key])) for key in ("path", "outcome")}


def _attempted(job: Job, threads: int) -> None:
    Attempt(job, threads).make()


def local(workers: int | None, device: str) -> Processes:
    """So many at a time, each with its share of the cores; left out: one a core, or one where a GPU is."""
    if workers is None:
        workers = 1 if _has_gpu(device) else cores()
    if workers < 1:
        raise UserError(f"--workers is 1 or more, not {workers}")
    return Processes(workers, max(1, cores() // workers))


def _has_gpu(device: str) -> bool:
    import torch

    return device.startswith("cuda") or (device == "auto" and torch.cuda.is_available())


def cluster(address: str, workers: int | None, device: str) -> Cluster:
    """The machines of a Ray cluster; left out, a worker a core, or a worker a GPU where there are any."""
    try:
        import ray  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise UserError("--ray needs Ray, which is not installed: pip install 'ganvas[ray]'") from None
    _reach(address)
    try:
        ray.init(address, log_to_driver=False, logging_level="ERROR")
    except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
        raise UserError(
            f"there is no Ray cluster at {address} ({reason(error)}); `ray start --head` makes one"
        ) from None
    has = ray.cluster_resources()
    gpus = int(has.get("GPU", 0)) if device != "cpu" else 0
    every = int(has.get("CPU", 1))
    workers = workers or gpus or every
    if workers < 1:
        raise UserError(f"--workers is 1 or more, not {workers}")
    return Cluster(ray, workers, max(1, every // workers), min(gpus, 1))


def _reach(address: str) -> None:
    """Ray itself tries for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not port.isdigit():  # auto
        return
    try:
        socket.create_connection((host, int(port)), REACH).close()
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise UserError(
            f"there is no Ray cluster at {address} ({why}); `ray start --head` makes one"
        ) from None
