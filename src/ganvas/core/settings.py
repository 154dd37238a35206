"""The base of everything that a user may set, and settings by their dotted names."""

import difflib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.fields import FieldInfo

from ganvas.core.errors import UserError


class Settings(BaseModel):
    """Frozen and typed; an unknown name or a value out of range is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)


S = TypeVar("S", bound=Settings)


class Named(NamedTuple):
    """One setting: `generator.width`, its value and what is known of it."""

    name: str
    value: Any
    field: FieldInfo


def each(settings: Settings, prefix: str = "") -> Iterator[Named]:
    """All settings below, by dotted name."""
    for key, field in type(settings).model_fields.items():
        value = getattr(settings, key)
        if isinstance(value, Settings):
            yield from each(value, f"{prefix}{key}.")
        else:
            yield Named(prefix + key, value, field)


def override(settings: S, changes: Mapping[str, Any]) -> S:
    """The settings with some changed by dotted name; text is read as the setting's type has it."""
    known = {named.name: named.field for named in each(settings)}
    tree = settings.model_dump()
    for name, value in changes.items():
        if name not in known:
            raise UserError(f"there is no setting {name!r}{_nearest(name, known)}")
        *path, last = name.split(".")
        branch = tree
        for key in path:
            branch = branch[key]
        branch[last] = _read(value, known[name])
    try:
        return type(settings).model_validate(tree)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"] if isinstance(part, str) and part in _parts(known))
        problem = (
            first["msg"].removeprefix("Input ").removeprefix("Value error, ").partition(", unable to")[0]
        )
        raise UserError(f"--{name} {first['input']} will not do: it {problem}") from None


def _parts(names: Iterable[str]) -> set[str]:
    return {part for name in names for part in name.split(".")}


def _nearest(name: str, known: Iterable[str]) -> str:
    """Proposed: the setting of that name elsewhere, or else one that is spelt alike."""
    last_of = {k: k.rpartition(".")[2] for k in known}
    last = name.rpartition(".")[2]
    near = [k for k in last_of if last_of[k] == last] or difflib.get_close_matches(name, last_of, 1)
    alike = difflib.get_close_matches(last, last_of.values(), 1)
    near = near or [k for k in last_of if last_of[k] in alike]
    return f"; did you mean {near[0]!r}?" if near else "; `ganvas train RECIPE --help` lists them all"


def _read(value: Any, field: FieldInfo) -> Any:
    if not isinstance(value, str):
        return value
    if value.lower() == "none" and type(None) in get_args(field.annotation):
        return None
    try:
        return json.loads(value.lower() if value.lower() in ("true", "false") else value)
    except ValueError:
        return value
