"""How items of each kind of data come to a person: to be looked at while a model learns, and as files."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from PIL import Image

from ganvas.core.errors import UserError
from ganvas.data import audio
from ganvas.data.spec import Spec
from ganvas.report.grids import grid, scatter
from ganvas.report.spectrograms import cut, sheet

if TYPE_CHECKING:  # exported models are sampled without it
    import torch

SEPARATOR = "─" * 40
"""Between texts of several lines, in one file."""
PAUSE = 0.3
"""Seconds between sounds, in one file."""
Drawn = Image.Image | str


class Pictures:
    """In a grid; as one file, or one each."""

    count: ClassVar[int] = 64
    """Samples that are shown as a model learns."""
    suffix: ClassVar[str] = ".png"
    """Of what is shown, and of one item's file."""
    several: ClassVar[str] = "samples.png"
    """The file of many."""
    expected: ClassVar[str] = "pictures cannot be written as {}; try .png or .npy"

    def __init__(self, spec: Spec):
        self.spec = spec

    def kinds(self) -> set[str]:
        """Suffixes of files that `write` can make."""
        known = Image.registered_extensions()
        return {".npy", *(suffix for suffix, kind in known.items() if kind in Image.SAVE)}

    def check(self, path: Path) -> None:
        """UserError where `write` could not make such a file."""
        if path.suffix.lower() not in self.kinds():
            raise UserError(self.expected.format(path.suffix or "a file without a suffix"))

    def real(self, data: Any, index: np.ndarray) -> np.ndarray:
        """Items of the data, as users know them."""
        import torch

        with torch.random.fork_rng():
            return data.spec.restore(data.ready(data.fetch(index))[data.spec.key].numpy())

    def made(self, objective: Any, spec: Spec, generator: "torch.Generator", **condition: Any) -> np.ndarray:
        """Samples, as users know them."""
        n = len(condition["label"]) if condition else self.count
        return spec.restore(objective.sample(n, generator=generator, **condition).cpu().numpy())

    def drawn(self, items: np.ndarray, real: np.ndarray, columns: int | None = None) -> Drawn:
        """To look at."""
        return grid(items.transpose(0, 3, 1, 2), columns)

    def keep(self, drawn: Drawn, items: np.ndarray, path: Path) -> None:
        """What was drawn of these items, as a file."""
        if isinstance(drawn, str):
            path.write_text(drawn, encoding="utf-8")
        else:
            drawn.save(path)

    def write(self, items: np.ndarray, draft: Path, path: Path) -> None:
        """All into one file of the kind that `path` says."""
        if path.suffix.lower() == ".npy":
            with draft.open("wb") as file:
                np.save(file, items)
        else:
            self._save(self.drawn(items, items), draft, path)

    def write_one(self, item: Any, draft: Path, path: Path) -> None:
        """One into a file of its own."""
        self._save(Image.fromarray(item.squeeze()), draft, path)

    def _save(self, image: Any, draft: Path, path: Path) -> None:
        kind = Image.registered_extensions()[path.suffix.lower()]
        (image.convert("RGB") if kind == "JPEG" else image).save(draft, kind)


class Plane(Pictures):
    """Points over real ones; as rows of numbers."""

    count: ClassVar[int] = 2_500
    several: ClassVar[str] = "samples.csv"

    def kinds(self) -> set[str]:
        return {".csv", *super().kinds()}

    def drawn(self, items: np.ndarray, real: np.ndarray, columns: int | None = None) -> Drawn:
        return scatter(items, real)

    def write(self, items: np.ndarray, draft: Path, path: Path) -> None:
        if path.suffix.lower() == ".csv":
            np.savetxt(draft, items, delimiter=",", fmt="%.8g")
        else:
            super().write(items, draft, path)

    def write_one(self, item: Any, draft: Path, path: Path) -> None:
        self.write(item[None], draft, path)


class Texts(Pictures):
    """One after the other; as lines, as JSON lines, or a file each."""

    count: ClassVar[int] = 8
    suffix: ClassVar[str] = ".txt"
    several: ClassVar[str] = "samples.txt"
    expected: ClassVar[str] = "text cannot be written as {}; try .txt or .jsonl"

    def kinds(self) -> set[str]:
        return {".txt", ".jsonl"}

    def real(self, data: Any, index: np.ndarray) -> np.ndarray:
        if data.running:
            return super().real(data, index)
        items = data.documents()
        return data.spec.restore([items[k % len(items)] for k in index])

    def made(self, objective: Any, spec: Spec, generator: "torch.Generator", **condition: Any) -> np.ndarray:
        made = objective.sample(self.count, generator=generator, length=spec.shape[0])
        return spec.restore(made.cpu().numpy())

    def drawn(self, items: np.ndarray, real: np.ndarray, columns: int | None = None) -> Drawn:
        """A line each, if none has several; else with lines between them."""
        texts = [text.rstrip("\n") for text in items]
        between = f"\n{SEPARATOR}\n" if any("\n" in text for text in texts) else "\n"
        return between.join(texts) + "\n"

    def write(self, items: np.ndarray, draft: Path, path: Path) -> None:
        text = str(self.drawn(items, items))
        if path.suffix.lower() == ".jsonl":
            text = "".join(json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in items)
        draft.write_text(text, encoding="utf-8")

    def write_one(self, item: Any, draft: Path, path: Path) -> None:
        draft.write_text(item, encoding="utf-8")


class Sounds(Pictures):
    """As spectrograms; as one file to hear, one item after another, or a file each."""

    count: ClassVar[int] = 8
    several: ClassVar[str] = "samples.wav"
    expected: ClassVar[str] = f"sound cannot be written as {{}}; try {', '.join(audio.WRITTEN)}, .npy or .png"

    def kinds(self) -> set[str]:
        return {*audio.WRITTEN, *super().kinds()}

    def real(self, data: Any, index: np.ndarray) -> np.ndarray:
        self._real = super().real(data, index)
        return self._real

    def made(self, objective: Any, spec: Spec, generator: "torch.Generator", **condition: Any) -> np.ndarray:
        """Samples; copies of real items, as long as no more than that has been learnt."""
        import torch

        if not getattr(objective, "copies", False):
            return super().made(objective, spec, generator, **condition)
        real = torch.from_numpy(self._real).to(objective.stage.device)
        return spec.restore(objective.reconstruct(real)[:, : real.shape[1]].cpu().numpy())

    def drawn(self, items: np.ndarray, real: np.ndarray, columns: int | None = None) -> Drawn:
        return sheet(items, self.spec.rate)

    def keep(self, drawn: Drawn, items: np.ndarray, path: Path) -> None:
        """The picture, and beside it what is to be heard."""
        super().keep(drawn, items, path)
        audio.write(self._row(items), self.spec.rate, path.with_suffix(".wav"), ".wav")

    def write(self, items: np.ndarray, draft: Path, path: Path) -> None:
        if path.suffix.lower() in audio.WRITTEN:
            audio.write(self._row(items), self.spec.rate, draft, path.suffix)
        else:
            super().write(items, draft, path)

    def write_one(self, item: Any, draft: Path, path: Path) -> None:
        audio.write(cut(item), self.spec.rate, draft, path.suffix)

    def _row(self, items: np.ndarray) -> np.ndarray:
        """One after another, with silence between."""
        pause = np.zeros(round(PAUSE * self.spec.rate), np.float32)
        return np.concatenate([part for item in items for part in (cut(item), pause)][:-1])


SHOW: dict[str, type[Pictures]] = {
    "image": Pictures,
    "points": Plane,
    "text": Texts,
    "sound": Sounds,
    "speech": Sounds,
}


def by_class(labels: np.ndarray, classes: int, count: int) -> np.ndarray | None:
    """The first few of each class, in a row each; None where there are too many classes or too few items."""
    each = max(1, count // classes)
    found = [np.flatnonzero(labels == k)[:each] for k in range(classes)]
    if classes > 16 or any(len(rows) < each for rows in found):
        return None
    return np.concatenate(found)
