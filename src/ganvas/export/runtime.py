"""A model in an ONNX file, run by ONNX Runtime: this file and all that it imports do without torch."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from ganvas.core.errors import UserError, reason
from ganvas.data.spec import Spec
from ganvas.export import noise

AT_ONCE = 240
"""Items in one pass; of several generators item i meets the same one if this is a multiple of them."""
KEY = "ganvas"
"""Of the file's metadata: one JSON object."""
BANK = "latents.npz"
"""Beside a model whose z follows no simple law: draws of it."""
SLOWER = ["SkipLayerNormFusion"]
"""What ONNX Runtime is kept from: its sum and norm in one takes nine times as long as the norm (1.32)."""


class OnnxModel:
    """What `ganvas.load` gives, as far as an ONNX file can: `sample`, `decode`, `encode`."""

    def __init__(self, path: str | Path, threads: int = 0):
        """UserError says what is wrong with the file. `threads`: 0 leaves their number to ONNX Runtime."""
        self.path, self.threads = Path(path), threads
        self.session = session(self.path, threads)
        text = self.session.get_modelmeta().custom_metadata_map.get(KEY)
        if text is None:
            raise UserError(
                f"{path} was not made by `ganvas export --to onnx`: its metadata say nothing of it"
            )
        try:
            self.facts: dict[str, Any] = json.loads(text)
            self.spec = Spec.model_validate(self.facts["spec"])
            self.part, self.latent = self.facts["part"], self.facts["latent"]
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(f"{path} was made by another ganvas and cannot be read ({error})") from None

    def sample(
        self, n: int, *, seed: int = 0, label: str | int | None = None, truncation: float = 1.0
    ) -> np.ndarray:
        """`n` new items, the same for the same seed on every machine and in the browser's export.

        They are not those that the run itself makes of this seed, whose numbers are torch's.
        """
        if not 1 <= n <= 1_000_000:
            raise UserError(f"the number of samples is from 1 to 1,000,000, not {n}")
        z, labels = self.latents(n, seed=seed, label=label, truncation=truncation)
        return self.decode(z, label=labels)

    def latents(
        self, n: int, *, seed: int = 0, label: str | int | None = None, truncation: float = 1.0
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """The z that `sample` decodes, and their labels, if there are any."""
        if not 0 < truncation <= 1:
            raise UserError(f"truncation is above 0 and at most 1, not {truncation}")
        law = self.facts["law"]
        if truncation < 1 and law["truncation"] is None:
            raise UserError(
                f"truncation is no matter of z in {self._recipe}; take samples of it from the run"
            )
        number = None if label is None else self.spec.number(label)
        if law["z"] == "bank":
            return self._drawn(n, seed, number)
        cut = truncation if law["truncation"] == "cut" else 1.0
        z = noise.normal(seed, (n, self.latent), cut)
        z = z * np.float32(truncation) if law["truncation"] == "scale" else z
        if not self.spec.classes:
            return z, None
        return z, noise.whole(seed, n, len(self.spec.classes)) if number is None else np.full(n, number)

    def _drawn(self, n: int, seed: int, number: int | None) -> tuple[np.ndarray, np.ndarray | None]:
        """From the draws beside the file."""
        try:
            with np.load(self.path.with_name(BANK)) as file:
                z, label = file["z"], file["label"]
        except (OSError, ValueError, KeyError):
            raise UserError(f"{self.path} needs {BANK} beside it, from the same export") from None
        rows = np.flatnonzero((label == number) | (number is None))
        chosen = rows[noise.whole(seed, n, len(rows))]
        return z[chosen], label[chosen] if self.spec.classes else None

    def decode(self, z: np.ndarray, *, label: Any = None) -> np.ndarray:
        """Items of these latents, (n, latent), as `ganvas.load(RUN).decode` gives them."""
        self._is("decoder")
        if z.ndim != 2 or z.shape[1] != self.latent or not len(z):
            raise UserError(f"{self._recipe} takes latents of shape (n, {self.latent}), not {z.shape}")
        return self.spec.restore(self._run({"z": z.astype(np.float32)}, label, len(z)))

    def encode(self, items: np.ndarray, *, label: Any = None) -> np.ndarray:
        """The latents of items as `sample` gives them, (n, latent)."""
        self._is("encoder")
        x = self.spec.prepare(self.spec.checked(items))
        return self._run({"x": x}, label, len(x))

    def raw(self, feed: dict[str, np.ndarray]) -> np.ndarray:
        """What the graph itself gives, all at once."""
        return self.all_of(feed)[0]

    def all_of(self, feed: dict[str, np.ndarray]) -> list[np.ndarray]:
        """The same of a graph with several outputs."""
        try:
            return self.session.run(None, feed)
        except Exception as error:  # onnxruntime raises a class for every reason, with no base of their own
            raise UserError(f"{self.path} cannot be run ({reason(error)})") from None

    def _run(self, feed: dict[str, np.ndarray], label: Any, n: int) -> np.ndarray:
        labels = self.spec.numbers(label, n)
        if labels is not None and "label" in {i.name for i in self.session.get_inputs()}:
            feed = feed | {"label": labels}
        parts = [{k: v[i : i + AT_ONCE] for k, v in feed.items()} for i in range(0, n, AT_ONCE)]
        return np.concatenate([self.raw(part) for part in parts])

    def _is(self, part: str) -> None:
        if self.part != part:
            other = {"decoder": "model.onnx", "encoder": "encoder.onnx"}[part]
            raise UserError(f"{self.path} is a model's {self.part}; the {part} of a model is in {other}")

    @property
    def _recipe(self) -> str:
        return f"a model of the recipe {self.facts['recipe']}"

    @property
    def chats(self) -> bool:
        """Whether it has learnt chats."""
        return bool(self.spec.vocabulary and self.spec.vocabulary.roles)

    def beside(self, file: str) -> "OnnxModel":
        """Another graph of the same export. UserError where there is none."""
        found = OnnxModel(self.path.with_name(file), self.threads)
        if found.facts.get("data") != self.facts.get("data"):
            raise UserError(f"{found.path} is not of the same export as {self.path.name}")
        return found


def opened(path: str | Path, threads: int = 0) -> OnnxModel:
    """A model.onnx as what it is: of items, a voice, sounds or text. UserError as of these."""
    from ganvas.export.spoken import OnnxSounds, OnnxVoice
    from ganvas.export.written import OnnxWriter

    found = OnnxModel(path, threads)
    kinds = {"reader": OnnxVoice, "composer": OnnxSounds, "writer": OnnxWriter}
    return kinds[found.part](path, threads) if found.part in kinds else found


def session(path: Path, threads: int = 0) -> Any:
    """ONNX Runtime at work on a file. UserError: it is not there, not installed, or no such file."""
    if not path.is_file():
        raise UserError(f"there is no file {path}; `ganvas export RUN --to onnx` makes one")
    try:
        import onnxruntime
    except ImportError:
        raise UserError(f"{path} needs onnxruntime, not installed here: pip install onnxruntime") from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = threads, 3
    try:
        return onnxruntime.InferenceSession(
            str(path), options, ["CPUExecutionProvider"], disabled_optimizers=SLOWER
        )
    except Exception as error:  # as above
        raise UserError(f"{path} cannot be read as an ONNX network ({reason(error)})") from None
