"""What a command is given as a model: a run, or an exported model.onnx."""

from pathlib import Path
from typing import Any


def opened(run: str | Path, device: str) -> Any:
    """Of an ONNX file it is what runs without torch, which is then not imported."""
    if Path(run).suffix.lower() == ".onnx":
        from ganvas.export.runtime import opened

        return opened(run)
    from ganvas.model import load

    return load(run, device)
