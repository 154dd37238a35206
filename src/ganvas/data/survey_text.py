"""A survey as a person reads it on a terminal."""

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ganvas.data.survey import Survey, TextFacts
from ganvas.data.survey_parts import Range
from ganvas.data.survey_sound import sound_lines, speech_lines
from ganvas.data.vocabulary import BYTES

BAR = 24
"""Characters of the longest bar of a histogram."""
CLASSES = 20
"""Classes shown; the rest is counted."""


def render(survey: Survey) -> RenderableType:
    """For `rich.print`: the facts, the classes, and what is worth knowing before training."""
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="dim", justify="right")
    facts.add_column()
    for name, value in _facts(survey):
        facts.add_row(name, value)
    parts: list[RenderableType] = [Text(survey.name, style="bold"), facts]
    if survey.classes:
        parts += [Text("\nclasses", style="bold"), _bars(survey.classes)]
    if survey.notes:
        parts += [Text("\nworth knowing", style="bold"), *(Text(f"- {note}") for note in survey.notes)]
    return Group(*parts)


def _facts(survey: Survey) -> Iterator[tuple[str, str]]:
    if survey.text:
        yield from _text(survey, survey.text)
        return
    if survey.sound:
        yield "clips", f"{survey.count:,}: {survey.training:,} to train on, {survey.held_out:,} held out"
        yield from sound_lines(survey.sound)
        yield from speech_lines(survey.speech) if survey.speech else ()
        yield "copies", _named(survey.duplicates, [" = ".join(g[:3]) for g in survey.duplicate_groups])
        yield "cannot be used", _named(len(survey.broken), [f"{b.name} ({b.reason})" for b in survey.broken])
        yield "fingerprint", survey.fingerprint
        return
    noun = "pictures" if survey.kind == "image" else "points"
    yield noun, f"{survey.count:,}: {survey.training:,} to train on, {survey.held_out:,} held out"
    if survey.width and survey.height:
        yield "width", _range(survey.width)
        yield "height", _range(survey.height)
    if survey.formats:
        yield "formats", _counts(survey.formats)
        yield "modes", _counts(survey.modes)
    if survey.kind == "image":
        yield "prepared as", " x ".join(map(str, survey.shape)) + " (channels, height, width)"
        pairs = zip(survey.mean, survey.std, strict=True)
        yield "mean, std", ", ".join(f"{m:.3f} ± {s:.3f}" for m, s in pairs)
        yield "copies", _named(survey.duplicates, [" = ".join(g[:3]) for g in survey.duplicate_groups])
        yield "nearly empty", _named(survey.flat, survey.flat_names)
        yield "broken", _named(len(survey.broken), [f"{b.name} ({b.reason})" for b in survey.broken])
    else:
        for name, mean, std in zip(survey.columns or ("x", "y"), survey.mean, survey.std, strict=False):
            yield name, f"{mean:.4g} ± {std:.4g}"
    yield "fingerprint", survey.fingerprint


def _text(survey: Survey, facts: TextFacts) -> Iterator[tuple[str, str]]:
    if not facts.running:
        items = "chats" if facts.chats else "items"
        yield items, f"{survey.count:,}: {survey.training:,} to train on, {survey.held_out:,} held out"
        if facts.chats:
            each, roles = _range(facts.chats.turns_each), _counts(facts.chats.roles)
            yield "turns", f"{facts.chats.turns:,} ({roles}), {each} a chat"
            yield "replies", f"{_range(facts.chats.replies)} characters"
        yield "copies", _named(survey.duplicates, [group[0] for group in survey.duplicate_groups])
        yield "lengths", f"{_range(facts.lengths)} characters"
    yield "characters", f"{facts.characters:,}, {facts.distinct_characters:,} different ones"
    yield "letters", _counts(facts.scripts) or "none"
    yield "encoding", _counts(facts.encodings)
    kind = "raw bytes" if facts.plain == BYTES else f"a vocabulary of {facts.vocabulary:,}"
    yield "tokens", f"{facts.tokens:,}, {facts.bytes_per_token:.2f} bytes each ({kind})"
    yield "windows", f"of {survey.shape[0]:,} tokens"
    for length, head in facts.longest_lines[:3]:
        yield "longest line", f"{length:,} characters: {head}{' …' if length > len(head) else ''}"
    yield "fingerprint", survey.fingerprint


def _range(r: Range) -> str:
    return f"{r.min:g}" if r.min == r.max else f"{r.min:g} to {r.max:g}, median {r.median:g}"


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {n:,}" for name, n in sorted(counts.items(), key=lambda entry: -entry[1]))


def _named(count: int, names: list[str], most: int = 3) -> str:
    if not count:
        return "none"
    shown = "; ".join(names[:most])
    return f"{count:,}: {shown}" + (" ..." if count > len(names[:most]) else "")


def _bars(classes: dict[str, int]) -> Table:
    bars = Table.grid(padding=(0, 2))
    bars.add_column(justify="right", no_wrap=True)
    bars.add_column(justify="right")
    bars.add_column(style="cyan", no_wrap=True)
    longest = max(classes.values())
    for name, n in list(classes.items())[:CLASSES]:
        bars.add_row(name, f"{n:,}", "█" * max(1, round(BAR * n / longest)))
    if len(classes) > CLASSES:
        bars.add_row(f"and {len(classes) - CLASSES} more", "", "")
    return bars
