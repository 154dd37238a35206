"""What was typed, sorted: options of the command, and dotted settings of a recipe; the rest is refused."""

import contextlib
import dataclasses
import difflib
import io
import re
from collections import deque
from collections.abc import Iterator
from typing import Any, get_type_hints

import tyro
from tyro.conf import Positional

from ganvas.core.errors import UserError

HELP = ("-h", "--help")
POSITIONAL = Positional[str].__metadata__[0]  # pyright: ignore[reportAttributeAccessIssue]
KINDS = {int: "a whole number", float: "a number"}

Pairs = tuple[tuple[str, str], ...]


@dataclasses.dataclass(frozen=True)
class Option:
    """One field of a command."""

    name: str
    aliases: tuple[str, ...]
    kind: type
    many: bool
    positional: bool
    required: bool


def options(command: type) -> list[Option]:
    """What a command takes, settings of recipes aside."""
    found = []
    for field in dataclasses.fields(command):
        if field.name == "settings":
            continue
        hint: Any = get_type_hints(command, include_extras=True)[field.name]
        extras = getattr(hint, "__metadata__", ())
        bare = hint.__origin__ if extras else hint
        kind = next((k for k in getattr(bare, "__args__", (bare,)) if k is not type(None)), bare)
        aliases = tuple(a for extra in extras for a in getattr(extra, "aliases", None) or ())
        named = "--" + field.name.removeprefix("as_").replace("_", "-")
        required = field.default is dataclasses.MISSING
        many = getattr(bare, "__origin__", None) is tuple
        found.append(Option(named, (named, *aliases), kind, many, POSITIONAL in extras, required))
    return found


def sort(name: str, command: type, args: list[str]) -> tuple[list[str], Pairs]:
    """The command's own arguments, checked, and the settings; raises UserError for what cannot be either."""
    known = options(command)
    takes_settings = "settings" in {f.name for f in dataclasses.fields(command)}
    words: list[str] = []
    own: list[str] = []
    pairs: list[tuple[str, str]] = []
    places = [o for o in known if o.positional]
    several: dict[str, list[str]] = {}
    last: list[str] = []
    left = deque(args)
    while left:
        head = left.popleft()
        typed, equals, value = head.partition("=")
        option = next((o for o in known if typed in o.aliases and not o.positional), None)
        if head in HELP:
            return [head], ()
        if head == "-" or not head.startswith("-"):
            if not places:
                raise UserError(f"{head!r} was not expected here; `ganvas {name} --help` shows what is")
            places = [place for place in places[:1] if place.many] + places[1:]
            words.append(head)
        elif option is None and (not takes_settings or not _may_be_setting(typed, known)):
            raise _unknown(name, typed, known)
        elif option is not None and option.kind is bool:
            own.append(head)
        else:
            value = value if equals else _value(typed, left)
            if option is not None and option.many:
                last = several.setdefault(option.name, [])
                last += [value] if equals else [value, *_words(left)]
            elif option is None:
                pairs.append((typed[2:].replace("-", "_"), value))
            else:
                own.append(f"{option.name}={_checked(typed, value, option)}")
    if places and places[0].required and len(last) > 1 and last[-1] == args[-1]:
        own.append(last.pop())  # `--what plane traversal RUN`
        places.pop(0)
    if missing := [o for o in places if o.required and not (o.many and words)]:
        what = missing[0].name[2:].upper()
        raise UserError(
            f"say which {what}, as in `ganvas {name} {what}`; `ganvas {name} --help` shows the rest"
        )
    many = [word for name, values in several.items() for word in (name, *values)]
    return [*words, *own, *many], tuple(pairs)


def _may_be_setting(typed: str, known: list[Option]) -> bool:
    return typed.startswith("--") and ("." in typed or not _nearest(typed, known))


def _nearest(typed: str, known: list[Option]) -> list[str]:
    return difflib.get_close_matches(typed, [o.name for o in known if not o.positional], 1, 0.75)


def _unknown(name: str, typed: str, known: list[Option]) -> UserError:
    near = _nearest(typed, known)
    hint = f"did you mean {near[0]}?" if near else f"`ganvas {name} --help` lists those it has"
    return UserError(f"`ganvas {name}` has no option {typed}; {hint}")


def _value(typed: str, left: deque[str]) -> str:
    value = left.popleft() if left else None
    if value is None or value.startswith("--"):
        raise UserError(f"{typed} needs a value, as in {typed} VALUE")
    return value


def _words(left: deque[str]) -> Iterator[str]:
    """All up to the next option."""
    while left and not left[0].startswith("-"):
        yield left.popleft()


def _checked(typed: str, value: str, option: Option) -> str:
    if option.kind in KINDS:
        try:
            option.kind(value)
        except ValueError:
            raise UserError(f"{typed} takes {KINDS[option.kind]}, not {value!r}") from None
    return value


def parse(commands: dict[str, type], union: Any, description: str, args: list[str]) -> Any:
    """The command that was typed, ready to be called."""
    pairs: Pairs = ()
    if not args:
        args = ["--help"]
    elif args[0] in commands:
        own, pairs = sort(args[0], commands[args[0]], args[1:])
        args = [args[0], *own]
    elif args[0] not in HELP:
        near = difflib.get_close_matches(args[0], commands, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(commands)}"
        raise UserError(f"there is no command {args[0]!r}; {hint}")
    markers = (tyro.conf.FlagCreatePairsOff, tyro.conf.OmitSubcommandPrefixes)
    problem = io.StringIO()
    try:
        with contextlib.redirect_stderr(problem):
            command = tyro.cli(union, prog="ganvas", description=description, args=args, config=markers)
    except SystemExit as end:
        if end.code in (0, None):
            raise
        raise UserError(_unframed(problem.getvalue())) from None
    if pairs:
        object.__setattr__(command, "settings", pairs)
    return command


def _unframed(box: str) -> str:
    """tyro's message without its frame, in one line."""
    return re.sub(r"\s+", " ", re.sub(r"[╭╮╰╯─│]", " ", box)).strip()
