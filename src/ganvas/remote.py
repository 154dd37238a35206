"""Models of the Hugging Face hub: hf:USER/NAME."""

import re
from pathlib import Path

from ganvas.core.errors import UserError, reason

FILES = ("*.json", "*.safetensors")
"""What a model needs; nothing else is fetched."""


def fetched(name: str) -> Path:
    """The folder of this model on this machine, fetched if it is not there yet. UserError: what failed."""
    repository = name.removeprefix("hf:")
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", repository):
        raise UserError(f"{name} is no model of the hub; they are named hf:USER/NAME")
    try:
        import huggingface_hub  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise UserError(f"{name} needs huggingface_hub: pip install 'ganvas[hub]'") from None
    try:
        return Path(huggingface_hub.snapshot_download(repository, allow_patterns=list(FILES)))
    except Exception as error:  # of the network or the hub: each has its own
        raise UserError(f"{name} cannot be fetched: {reason(error)}") from None
