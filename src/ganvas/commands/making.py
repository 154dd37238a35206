"""What the commands of `ganvas.cli.making` do."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganvas.commands.opened import opened
from ganvas.core.errors import UserError

if TYPE_CHECKING:
    import numpy as np

    from ganvas.cli.making import Explore, Export, Sample, Write
    from ganvas.report.show import Pictures


def sample(ask: "Sample") -> dict[str, Any]:
    """Make items and write them: one file, or one an item where the name is that of a folder."""
    from ganvas.report.show import SHOW

    out = Path(ask.out)
    many = ask.out.endswith(("/", "\\")) or not (out.suffix or out.exists())
    if not many and out.is_dir():
        raise UserError(f"{out} is a folder; write {out}/ for one file an item, or name a file")
    model = opened(ask.run, ask.device)
    show = SHOW[model.spec.kind](model.spec)
    if ask.out == "samples.png":
        out = Path(show.several)
    if not many:
        show.check(out)
    elif ask.latents is None:
        _names(out, ask.n, show)
    items = _made(model, ask)
    paths = _write_each(out, items, show) if many else [_write(out, items, show)]
    print(f"{len(items)} samples in {out}{'/' if many else ''}", file=sys.stderr)
    return {"samples": len(items), "files": [str(path) for path in paths], "seed": ask.seed}


def write(ask: "Write") -> dict[str, Any]:
    """Go on with a text, on standard output as it is written."""
    from ganvas.terminal import printable, said

    model = opened(ask.run, ask.device)
    if model.spec.symbols:
        raise UserError("this model is a voice, which says what it is given: `ganvas say`")
    words = [word.replace("\\n", "\n").replace("\\t", "\t") for word in ask.stop]
    show = printable if sys.stdout.isatty() else str
    pieces = model.stream(
        ask.prompt,
        label=ask.label,
        length=ask.length,
        seed=ask.seed,
        stop=words,
        temperature=ask.temperature,
        top_k=ask.top_k,
        top_p=ask.top_p,
        min_p=ask.min_p,
    )
    vocabulary, context = model.spec.vocabulary, model.spec.shape[0]
    if vocabulary and (count := len(vocabulary.encode(ask.prompt))) > context:
        said(f"The prompt has {count:,} tokens, and the model looks back {context:,}: it reads their end.")
    text = ""
    if not ask.as_json:
        print(show(ask.prompt), end="", flush=True)
    for piece in pieces:
        text += piece
        if not ask.as_json:
            print(show(piece), end="", flush=True)
    if not ask.as_json:
        print()
    return {"prompt": ask.prompt, "text": text, "seed": ask.seed}


def _made(model: Any, ask: "Sample") -> "np.ndarray":
    """Of latents that were drawn, or that were given."""
    if ask.latents is None and ask.keep_latents is None:
        return model.sample(ask.n, seed=ask.seed, label=ask.label, truncation=ask.truncation)
    from ganvas.export import files

    if ask.latents is not None:
        z, label = files.latents(ask.latents, ask.label)
    else:
        z, label = files.drawn(model, ask.n, ask.seed, ask.label, ask.truncation)
    if ask.keep_latents is not None:
        files.keep(ask.keep_latents, z, label)
    return model.decode(z, label=label if model.spec.classes else None)


def export(ask: "Export") -> dict[str, Any]:
    """Write a model for use elsewhere, and say what was written."""
    from ganvas.export.targets import export
    from ganvas.terminal import ERR

    return export(
        ask.run,
        ask.to,
        ask.out,
        precision=ask.precision,
        licence=ask.licence,
        push=ask.push,
        said=ERR.print,
    )


def explore(ask: "Explore") -> dict[str, Any]:
    """Draw what the model has understood, and show it in the report too."""
    from ganvas.report import page
    from ganvas.report.explore import explore as draw
    from ganvas.report.explored import FOLDER
    from ganvas.terminal import ERR, counting

    with counting() as progress:
        found = draw(
            ask.run,
            ask.what,
            out=ask.out,
            seed=ask.seed,
            label=ask.label,
            data=ask.data,
            pictures=ask.picture,
            device=ask.device,
            said=ERR.print,
            progress=progress,
        )
    ERR.print(f"{', '.join(found)} in {ask.out or ask.run / FOLDER}/")
    if ask.out is None:
        ERR.print(f"The same in {page.write(ask.run)}")
    return {"run": str(ask.run), "explored": found}


def _write(path: Path, items: "np.ndarray", show: "Pictures") -> Path:
    from ganvas.core.files import beside

    with beside(path) as draft:
        show.write(items, draft, path)
    return path


def _names(folder: Path, n: int, show: "Pictures") -> list[Path]:
    """Of files for so many items, one each. UserError where one of them is there already."""
    digits, suffix = len(str(n - 1)), Path(show.several).suffix
    paths = [folder / f"{k:0{digits}}{suffix}" for k in range(n)]
    if taken := next((path for path in paths if path.exists()), None):
        raise UserError(f"{taken} exists already and is not overwritten; name another folder with -o")
    return paths


def _write_each(folder: Path, items: "np.ndarray", show: "Pictures") -> list[Path]:
    from ganvas.core.files import beside

    paths = _names(folder, len(items), show)
    for path, item in zip(paths, items, strict=True):
        with beside(path) as draft:
            show.write_one(item, draft, path)
    return paths
