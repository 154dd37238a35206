"""Settings searched for with Optuna: trials on a seed of their own, proposed from those done before."""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganvas.core.errors import UserError
from ganvas.core.randomness import mixed
from ganvas.core.settings import each, override
from ganvas.recipes.base import find
from ganvas.studies.compare import HIGHER
from ganvas.studies.fleet import Fleet, outcome
from ganvas.studies.plan import Job, Question, Variant, job

WIDE = 10.0
"""A range over so many times its lower end is searched on a logarithmic scale."""
FOLDER = "search"
OF_MERIT = ("fd", "kd", "bits_per_byte")
"""The first of these that there is, where no other is asked for."""


@dataclass(frozen=True)
class Range:
    """What a setting may be: whole numbers or any from low to high, or one of some words."""

    name: str
    low: float = 0
    high: float = 0
    whole: bool = False
    choices: tuple[str, ...] = ()

    @property
    def logarithmic(self) -> bool:
        return self.low > 0 and self.high >= WIDE * self.low

    @property
    def ends(self) -> tuple[str, ...]:
        """Values that stand for all, to see whether they will do."""
        return self.choices or (self.typed(self.low), self.typed(self.high))

    def typed(self, value: Any) -> str:
        """A value as it is typed, numbers to three digits."""
        if self.choices:
            return str(value)
        if self.whole:
            return str(int(value))
        return f"{min(max(float(f'{value:.3g}'), self.low), self.high):g}"

    def distribution(self) -> Any:
        from optuna import distributions  # pyright: ignore[reportMissingImports]

        if self.choices:
            return distributions.CategoricalDistribution(self.choices)
        if self.whole:
            return distributions.IntDistribution(int(self.low), int(self.high), log=self.logarithmic)
        return distributions.FloatDistribution(self.low, self.high, log=self.logarithmic)


def ranges(texts: Sequence[str], variants: Sequence[Variant]) -> tuple[Range, ...]:
    """Of `critic.lr=1e-4..1e-3`, `critic.depth=2..5`, `game=hinge|relativistic`; each for every variant."""
    found = tuple(_range(text, variants) for text in texts)
    for one in found:
        for variant in variants:
            for value in one.ends:
                try:
                    override(find(variant.recipe), variant.settings | {one.name: value})
                except UserError as error:
                    raise UserError(f"--search {one.name} for {variant.name!r}: {error}") from None
    if len({one.name for one in found}) < len(found):
        raise UserError("--search names a setting twice; give it one range")
    return found


def _range(text: str, variants: Sequence[Variant]) -> Range:
    name, equals, values = text.partition("=")
    name = name.strip().removeprefix("--").replace("-", "_")
    if not equals or not values:
        raise UserError(f"--search takes critic.lr=1e-4..1e-3 or game=hinge|relativistic, not {text!r}")
    if "|" in values:
        return Range(name, choices=tuple(part.strip() for part in values.split("|")))
    low, dots, high = values.partition("..")
    try:
        a, b = float(low), float(high)
    except ValueError:
        raise UserError(f"--search {text}: a range is LOW..HIGH, and choices are A|B|C") from None
    if not dots or not a < b:
        raise UserError(f"--search {text}: a range goes from a smaller number to a larger one")
    usual = {named.name: named.value for named in each(variants[0].made)}.get(name)
    whole = isinstance(usual, int) and not isinstance(usual, bool)
    if whole and not (a.is_integer() and b.is_integer()):
        raise UserError(f"--search {text}: {name} takes whole numbers")
    return Range(name, a, b, whole)


def installed() -> None:
    try:
        import optuna  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise UserError(
            "--search needs Optuna, which is not installed: pip install 'ganvas[search]'"
        ) from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)


def merit(found: Mapping[str, Any], by: str | None) -> tuple[str, float] | None:
    """The figure of merit of an outcome: the one asked for, or fd, or where there is none, kd."""
    figures = found.get("figures") or {}
    for name in (by,) if by else OF_MERIT:
        if name in figures:
            return name, figures[name]["value"]
    return None


def search(
    question: Question, variant: Variant, space: Sequence[Range], fleet: Fleet, out: Path, device: str
) -> Generator[Job]:
    """Do all trials of a variant; each as soon as it is done.

    In rounds of `question.at_once`, each proposed by a sampler that is seeded anew from all rounds before: so
    what is proposed does not depend on who finished first, nor on where the search was interrupted.
    """
    for first in range(0, question.trials, question.at_once):
        ahead = range(first, min(first + question.at_once, question.trials))
        proposed = _proposed(question, variant, space, out, ahead)
        jobs = [trial(question, variant, k, out, device) | {"settings": s} for k, s in proposed.items()]
        yield from fleet.run([one for one in jobs if outcome(one) is None])


def trial(question: Question, variant: Variant, number: int, out: Path, device: str = "auto") -> Job:
    """The job of a trial: on the first seed that the comparison does not use."""
    path = out / FOLDER / variant.folder / f"trial-{number}"
    return job(question, variant, question.seeds, path, device) | {"at": ()}


def _proposed(
    question: Question, variant: Variant, space: Sequence[Range], out: Path, ahead: range
) -> dict[int, dict[str, str]]:
    """Settings of the next trials, from the outcomes of all before them."""
    import optuna  # pyright: ignore[reportMissingImports]
    from optuna.trial import TrialState, create_trial  # pyright: ignore[reportMissingImports]

    known = {one.name: one.distribution() for one in space}
    sampler = optuna.samplers.TPESampler(seed=mixed(question.seeds, variant.name, ahead.start) % 2**32)
    study = optuna.create_study(sampler=sampler, direction="minimize")
    for k in range(ahead.start):
        found = outcome(trial(question, variant, k, out)) or {}
        value = _lower(found, question.by)
        state = TrialState.FAIL if value is None else TrialState.COMPLETE
        params = {one.name: _read(one, found["settings"][one.name]) for one in space}
        study.add_trial(create_trial(state=state, value=value, params=params, distributions=known))
    asked = {k: study.ask(fixed_distributions=known).params for k in ahead}
    return {
        k: variant.settings | {one.name: one.typed(params[one.name]) for one in space}
        for k, params in asked.items()
    }


def _read(one: Range, text: str) -> Any:
    return text if one.choices else int(text) if one.whole else float(text)


def _lower(found: Mapping[str, Any], by: str | None) -> float | None:
    """What is to be lowered."""
    best = merit(found, by)
    return None if best is None else best[1] * (-1 if best[0] in HIGHER else 1)


def best(question: Question, variant: Variant, space: Sequence[Range], out: Path) -> dict[str, Any] | None:
    """The best trial's number, settings and value; None where none has a figure."""
    found = {k: outcome(trial(question, variant, k, out)) or {} for k in range(question.trials)}
    values = {k: value for k, one in found.items() if (value := _lower(one, question.by)) is not None}
    if not values:
        return None
    k = min(values, key=lambda k: values[k])
    name, value = merit(found[k], question.by) or ("", 0.0)
    settings = {one.name: found[k]["settings"][one.name] for one in space}
    return {"trial": k, "settings": settings, "figure": name, "value": value, "judged": len(values)}
