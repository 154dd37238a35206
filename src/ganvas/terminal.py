"""What a person sees on a terminal while a command works."""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from PIL.Image import Image

    from ganvas.core.loop import Moment

ERR = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
"""Words for people go to standard error; standard output is for results."""
OUT = Console(highlight=False)
SAID = 10
"""Lines of text that are shown as a model learns."""


def is_first() -> bool:
    """Of the processes that torchrun started, only the first one speaks."""
    return os.environ.get("RANK", "0") == "0"


def listing(rows: list[dict[str, Any]]) -> None:
    """A name, what it is, and small facts below."""
    shown = Table.grid(padding=(0, 3, 1, 0))
    for row in rows:
        name, about, *facts = (str(value) for value in row.values())
        shown.add_row(Text(name, "bold"), Group(about, Text(" · ".join(facts), "dim")))
    OUT.print(shown)


def figures(
    first: str, heads: Sequence[str], rows: Sequence[tuple[str, str, Sequence[tuple[str, str]]]]
) -> Table:
    """Each row's name, and in every column a figure with its interval below."""
    shown = Table(box=None, pad_edge=False)
    shown.add_column(first)
    for head in heads:
        shown.add_column(head, justify="right")
    for name, _, cells in rows:
        shown.add_row(name, *(Group(Text(value), Text(interval, "dim")) for value, interval in cells))
    return shown


def duration(seconds: float) -> str:
    """`2:05`, `1:02:05`."""
    minutes, s = divmod(round(max(0.0, seconds)), 60)
    hours, m = divmod(minutes, 60)
    return f"{hours}:{m:02}:{s:02}" if hours else f"{m}:{s:02}"


def said(sentence: str) -> None:
    """To a person."""
    ERR.print(sentence)


def printable(text: str) -> str:
    """Without what would move a terminal's cursor or colour it: a model may write anything."""
    return "".join(c if c.isprintable() or c in "\n\t" else "\ufffd" for c in text)


class Screen:
    """The progress of a training: one bar, the losses, the newest samples where the terminal has colours."""

    QUIET = 10.0  # seconds between two lines where nobody watches live

    def __init__(self) -> None:
        self.live = is_first() and ERR.is_terminal and not ERR.is_dumb_terminal
        self._bar = Progress(
            TextColumn("{task.description} {task.completed:,} of {task.total:,}"),
            BarColumn(),
            TextColumn("{task.fields[pace]}"),
            console=ERR,
        )
        self._task = self._bar.add_task("", total=1, visible=False, pace="")
        self._losses, self._picture = Text(""), Text("")
        self._last = 0.0
        self._view: Live | None = None

    @contextmanager
    def watching(self) -> Iterator["Screen"]:
        if not self.live:
            yield self
            return
        with Live(get_renderable=self._render, console=ERR, refresh_per_second=4) as self._view:
            yield self

    def _render(self) -> Group:
        return Group(self._picture, self._bar, self._losses)

    def _show(self, what: str, done: int, total: int, pace: str = "") -> None:
        self._bar.update(self._task, description=what, completed=done, total=total, pace=pace, visible=True)

    def reading(self, done: int, total: int) -> None:
        """Data is read for the first time."""
        self._show("reading", done, total)

    def said(self, sentence: str) -> None:
        said(sentence)

    def logged(self, moment: "Moment") -> None:
        losses = "  ".join(f"{name} {value:.3g}" for name, value in moment.stats.items() if "/" not in name)
        stage, count = moment.stage
        left = f"{duration(moment.left)} left" + (f" of stage {stage} of {count}" if count > 1 else "")
        pace = f"{moment.items_per_second:,.0f} items/s, {left}"
        self._show("step", moment.step, moment.total, pace)
        self._losses = Text(losses, style="dim")
        if not self.live and (time.monotonic() - self._last > self.QUIET or moment.step >= moment.total):
            self._last = time.monotonic()
            ERR.print(f"step {moment.step:,} of {moment.total:,}  {losses}  {pace}")

    def shown(self, drawn: "Image | str") -> None:
        if isinstance(drawn, str):
            self._picture = Text(
                "\n".join(printable(drawn).splitlines()[: max(4, min(SAID, ERR.height - 6))]) + "\n"
            )
        elif self.live and ERR.color_system == "truecolor":
            self._picture = blocks(drawn, min(ERR.width, 100), max(4, ERR.height - 6))


def blocks(image: "Image", columns: int, lines: int) -> Text:
    """A picture in half-blocks, two pixels a character."""
    scale = min(columns / image.width, 2 * lines / image.height, 1.0)
    width, height = max(1, int(image.width * scale)), max(2, int(image.height * scale) // 2 * 2)
    pixels = np.asarray(image.convert("RGB").resize((width, height)))
    text = Text()
    for upper, lower in zip(pixels[::2], pixels[1::2], strict=True):
        for (r, g, b), (u, v, w) in zip(upper, lower, strict=True):
            text.append("▀", f"rgb({r},{g},{b}) on rgb({u},{v},{w})")
        text.append("\n")
    return text


class Tally:
    """Long jobs of one kind: how many are done, how long the others may take, and what came last."""

    def __init__(self, what: str) -> None:
        self._bar = Progress(
            TextColumn("{task.completed} of {task.total} " + what),
            BarColumn(),
            _Left(),
            console=ERR,
            transient=True,
            disable=not ERR.is_terminal,
        )
        self._task = self._bar.add_task("", total=None, visible=False, until=None)
        self._total = self._done = 0
        self._each: float | None = None
        self._workers, self._began, self._before = 1, time.monotonic(), 0

    @contextmanager
    def watching(self) -> Iterator["Tally"]:
        with self._bar:
            yield self

    def expect(self, total: int, done: int, each: float | None, workers: int) -> None:
        """So many in all, so many done already, each of about so many seconds, so many side by side."""
        self._total, self._done, self._each, self._workers = total, done, each, workers
        self._began, self._before = time.monotonic(), done
        if done:
            ERR.print(f"{done} of {total} were done before")
        self._show()

    def finished(self, what: str, words: str) -> None:
        """One is done."""
        self._done = min(self._total, self._done + 1)
        mean = (time.monotonic() - self._began) / (self._done - self._before)
        self._each = mean * min(self._workers, self._done - self._before)
        left = f", {duration(self._seconds())} left" if self._done < self._total else ""
        ERR.print(f"{self._done} of {self._total}{left}  {what}: {words}")
        self._show()

    def _seconds(self) -> float:
        rounds = -(-(self._total - self._done) // self._workers)
        return rounds * (self._each or 0.0)

    def _show(self) -> None:
        until = None if self._each is None else time.monotonic() + self._seconds()
        self._bar.update(self._task, completed=self._done, total=self._total, until=until, visible=True)


class _Left(ProgressColumn):
    """The time that is left, as it passes."""

    max_refresh = 1.0

    def render(self, task: Task) -> Text:
        until = task.fields["until"]
        return Text("" if until is None else f"about {duration(until - time.monotonic())} left")


@contextmanager
def counting() -> Iterator[Any]:
    """Bars for long work: gives what makes, of a word, a function to be called with done and total."""
    count = TextColumn("{task.completed:,} of {task.total:,}")
    columns = TextColumn("{task.description}"), BarColumn(), count
    with Progress(*columns, console=ERR, transient=True, disable=not ERR.is_terminal) as bar:

        def of(what: str) -> Any:
            task = bar.add_task(what, total=1)
            return lambda done, total: bar.update(task, completed=done, total=total)

        yield of


@contextmanager
def growing(unit: str) -> Iterator[Any]:
    """For work whose end is not known: gives what is called with how much there is by now."""
    column = TextColumn("{task.completed:,.0f} " + unit)
    with Progress(column, console=ERR, transient=True, disable=not ERR.is_terminal) as bar:
        task = bar.add_task("", total=None)
        yield lambda amount: bar.update(task, completed=amount)


@contextmanager
def reading() -> Iterator[Any]:
    """A bar while data is read; gives what `load` calls with done and total."""
    with counting() as of:
        yield of("reading")
