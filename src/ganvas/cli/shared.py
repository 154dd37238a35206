"""What commands have in common."""

import json
from typing import Annotated, Any

from tyro.conf import arg

Json = Annotated[
    bool, arg(name="json", help="Print one JSON object on standard output, and nothing else there.")
]


def written(metavar: str) -> Any:
    """An option that may be left out, as its help writes it."""
    return arg(metavar=metavar, help_behavior_hint="")


def emit(value: Any) -> None:
    """Machine-readable output."""
    print(json.dumps(value, ensure_ascii=False, indent=2))
