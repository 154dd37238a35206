"""Learn to generate pictures, speech, sound and text from your own data."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ganvas.api import train
    from ganvas.model import load

__all__ = ["load", "train"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """`import ganvas` stays quick: torch is imported by the first use of one of these."""
    if name == "train":
        from ganvas.api import train

        return train
    if name == "load":
        from ganvas.model import load

        return load
    raise AttributeError(f"module 'ganvas' has no attribute {name!r}")
