"""Latents in files."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from ganvas.core.errors import UserError, reason
from ganvas.core.files import beside


def latents(path: Path, label: str | None) -> tuple[np.ndarray, Any]:
    """z (n, latent), and labels: those in the file, unless another is asked for."""
    if not path.is_file():
        raise UserError(f"there is no file {path}")
    try:
        found = np.load(path)
        if isinstance(found, np.ndarray):
            z, labels = found, None
        else:
            with found:
                z, labels = found["z"], found.get("label", None)
        z = z.astype(np.float32)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(
            f"{path} holds no latents ({reason(error)}): .npy of shape (n, latent), or .npz with z and label"
        ) from None
    if z.ndim != 2 or not len(z):
        raise UserError(f"{path} holds numbers of shape {z.shape}; latents are (n, latent)")
    return z, label if label is not None else labels


def drawn(model: Any, n: int, seed: int, label: str | None, truncation: float) -> tuple[np.ndarray, Any]:
    """The latents of what `model.sample` makes of this seed."""
    if hasattr(model, "latents"):
        return model.latents(n, seed=seed, label=label, truncation=truncation)
    from ganvas.export.latents import drawn

    number = None if label is None else model.spec.number(label)
    found = None
    if hasattr(model.objective, "decode"):
        found = drawn(model.objective, n, seed=seed, truncation=truncation, label=number)
    if found is None:
        raise UserError(f"what a model of the recipe {model.config['recipe']} makes comes of no latents")
    return found


def keep(path: Path, z: np.ndarray, label: Any) -> None:
    """As .npz, which replaces no other file."""
    if path.suffix.lower() != ".npz":
        raise UserError(f"latents are kept in an .npz file, not in {path.name}")
    if path.exists():
        raise UserError(f"{path} exists already and is not overwritten; name another with --keep-latents")
    labels: dict[str, Any] = {} if label is None else {"label": np.asarray(label)}
    with beside(path) as draft, draft.open("wb") as file:
        np.savez(file, z=z, **labels)
