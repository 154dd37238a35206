"""A run as a folder that any static server shows: the model runs in the browser, by ONNX Runtime Web."""

import gzip
import lzma
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from ganvas.core.errors import UserError
from ganvas.core.files import write_json
from ganvas.core.run import Run
from ganvas.data.phonemes import english
from ganvas.data.phonemes.pronunciation import engine_of
from ganvas.data.phonemes.symbols import from_arpabet
from ganvas.export import graph, noise, onnx, runtime
from ganvas.export.onnx import Exported
from ganvas.export.shrink import Precision
from ganvas.model import load

COMMON = ("style.css", "page.js", "noise.js", "load.js", "ort.js", "NOTICE.txt")
PAGES = {
    "index.html": ("app.js", "paths.js", "words.js"),
    "voice.html": ("voice.js", "say.js", "words-said.js"),
    "text.html": ("text.js", "write.js", "tokens.js", "paths.js", "words-written.js"),
}
"""Each page, which becomes index.html, and what it needs besides, as they lie in the package.

`ort.js` is onnxruntime-web 1.30.0's dist/ort.wasm.bundle.min.mjs.
"""
SHOWS = {"image": "index.html", "points": "index.html", "speech": "voice.html", "text": "text.html"}
"""The page of each kind of data."""
RUNTIME = ("ort.wasm.xz", "ort.wasm.gz")
"""Its dist/ort-wasm-simd-threaded.wasm, as it lies in the package and as a browser unpacks it."""
ORDERED, TRIED = 512, 4
"""Latents, up to which they are put in order of what they change, at so many z."""
STEP = 2.0
"""From which to which a latent is moved for that, in both directions."""


def export(
    run: Run, out: Path, *, precision: Precision = "fp32", said: Callable[[str], None] = lambda sentence: None
) -> Exported:
    """The page, the model and what runs it, in a new folder. UserError as of `--to onnx`."""
    graph.need()
    model = load(run.path, "cpu")
    kind = model.spec.kind
    first = SHOWS.get(kind)
    if first is None:
        raise UserError(f"there are pages for {', '.join(SHOWS)}, and none for {kind}")
    with onnx.draft_of(out) as draft:
        found, left_out = onnx.write(run, model, draft, precision, said, encoder=False)
        here = resources.files("ganvas.export") / "page"
        for name in (*COMMON, *PAGES[first], first):
            (draft / name).write_bytes((here / name).read_bytes())
        (draft / first).rename(draft / "index.html")
        packed, unpacked = RUNTIME
        whole = lzma.decompress((here / packed).read_bytes())
        (draft / unpacked).write_bytes(gzip.compress(whole, 9, mtime=0))
        _bank(draft)
        known = {"speech": _of_voice, "text": _of_text}.get(kind, _of_items)(draft)
        _describe(run, draft, known)
    files = {path.name: path.stat().st_size for path in sorted(out.iterdir())}
    return Exported(out, files, found, left_out)


def _bank(folder: Path) -> None:
    """Label and z of each draw, as a browser reads them."""
    if (path := folder / runtime.BANK).is_file():
        with np.load(path) as file:
            rows = np.concatenate([file["label"][:, None], file["z"]], 1)
        path.with_name("latents.bin").write_bytes(rows.astype("<f4").tobytes())
        path.unlink()


def _of_voice(folder: Path) -> dict[str, Any]:
    """What a voice's page knows, and its lexicon: of English CMU's dictionary, and the user's words."""
    model = runtime.OnnxModel(folder / "model.onnx")
    spec, facts, how = model.spec, model.facts, model.spec.pronunciation
    words, weak = {}, {}
    if how is not None and engine_of(how) == "english":
        words = {word: from_arpabet(phones.split()) for word, phones in english.dictionary().items()}
        notice = (resources.files("ganvas.data.phonemes") / "NOTICE").read_bytes()
        (folder / "LEXICON.txt").write_bytes(notice)
        weak = {word: " ".join(from_arpabet(phones.split())) for word, phones in english.WEAK.items()}
    if how is not None:
        words |= {word: how.entry(word) or () for word in how.lexicon}
    lines = "\n".join(f"{word}\t{' '.join(symbols)}" for word, symbols in words.items())
    (folder / "lexicon.gz").write_bytes(gzip.compress(lines.encode(), 9, mtime=0))
    asked = ("hop", "reach", "pieces", "voiced", "longest", "examples")
    return {"rate": spec.rate, "symbols": spec.symbols, "weak": weak} | {key: facts[key] for key in asked}


def _of_text(folder: Path) -> dict[str, Any]:
    """What a page that writes knows besides: tokens, and how far back the model looks."""
    model = runtime.OnnxModel(folder / "model.onnx")
    assert model.spec.vocabulary is not None
    tokens = model.spec.vocabulary.model_dump(mode="json")
    return {"vocabulary": tokens, "context": model.spec.shape[0], "cache": model.facts["cache"]}


def _of_items(folder: Path) -> dict[str, Any]:
    model = runtime.OnnxModel(folder / "model.onnx")
    return {"law": model.facts["law"], "order": order(model)}


def _describe(run: Run, folder: Path, more: dict[str, Any]) -> None:
    """What the page knows of its model."""
    model = runtime.OnnxModel(folder / "model.onnx")
    facts, spec = model.facts, model.spec
    size = sum(path.stat().st_size for path in folder.iterdir()) / 1e6
    known: dict[str, Any] = {
        "title": run.path.resolve().name,
        "ganvas": facts["ganvas"],
        "recipe": facts["recipe"],
        "data": facts["data"]["name"],
        "items": facts["data"].get("items"),
        "kind": spec.kind,
        "shape": spec.shape,
        "classes": spec.classes,
        "offset": spec.offset,
        "scale": spec.scale,
        "latent": model.latent,
        "precision": facts["precision"],
        "size": f"{size:.1f}",
    }
    write_json(folder / "model.json", known | more)


def order(model: runtime.OnnxModel) -> list[int]:
    """Latents, those first that change the item most; of very many, as they are."""
    if model.latent > ORDERED:
        return list(range(model.latent))
    z = noise.normal(0, (TRIED, model.latent))
    asked = {i.name for i in model.session.get_inputs()}
    label = {"label": noise.whole(0, TRIED, len(model.spec.classes))} if "label" in asked else {}
    change = []
    for k in range(model.latent):
        step = np.float32(STEP) * (np.arange(model.latent) == k).astype(np.float32)
        low, high = (model.raw({"z": z + sign * step} | label) for sign in (-1, 1))
        change.append(float(np.abs(high - low).mean()))
    return np.argsort(-np.array(change), kind="stable").tolist()
