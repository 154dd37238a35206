"""Models of several graphs: voices, sounds, text. What they can do says which of them they are."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganvas.core.errors import UserError
from ganvas.core.files import write_json
from ganvas.core.run import Run
from ganvas.export import graph, pieces, sounds, texts
from ganvas.export.facts import facts
from ganvas.export.pieces import Piece
from ganvas.export.shrink import Precision
from ganvas.model import Model
from ganvas.models.voice import Voice
from ganvas.models.wave import Autoencoder

PARITY = "parity.json"
Said = Callable[[str], None]


@dataclass(frozen=True)
class Several:
    """What is written of a model, the first of them as model.onnx."""

    pieces: Sequence[Piece]
    known: dict[str, Any]
    """Beyond `facts`: what runs them needs to know."""


def of(model: Model) -> Several | None:
    """None where one graph makes items of latents."""
    objective: Any = model.objective
    if isinstance(objective, Voice):
        return Several(sounds.of_voice(objective), sounds.known(objective))
    if isinstance(objective, Autoencoder):
        return Several(sounds.of_vocoder(objective), sounds.known(objective))
    if (network := texts.network(objective)) is not None:
        return Several(texts.of_writer(objective, network), texts.known(objective, network))
    return None


def write(
    run: Run, model: Model, found: Several, folder: Path, precision: Precision, said: Said, encoder: bool
) -> tuple[dict[str, Any], dict[str, str]]:
    """The files of an export; parity, and what was left out and why."""
    known = facts(run, model) | found.known
    parts, left_out = {}, {}
    for piece in found.pieces:
        if piece.part == "encoder" and not encoder:
            continue
        said(f"writing {piece.file}")
        try:
            parts[piece.part] = pieces.write(piece, folder, known, precision)
        except graph.NoGraph as reason:
            if piece.part != "encoder":
                raise UserError(
                    f"the model in {run.path} cannot be written as an ONNX graph ({reason})"
                ) from None
            left_out[piece.part] = str(reason)
            said(f"No {piece.file}: ONNX cannot say what this encoder does ({reason}).")
    write_json(folder / PARITY, {"ganvas": known["ganvas"], "precision": precision, **parts})
    return parts, left_out
