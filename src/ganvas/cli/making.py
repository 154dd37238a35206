"""What a trained model makes, and handing it over."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from ganvas.cli.shared import Json, emit, written


@dataclass(frozen=True)
class Sample:
    """Make new items: pictures as one grid or a file each, sounds as .wav, points as CSV, text as .txt."""

    run: Positional[Path]
    """A run's folder, an exported model.onnx (no torch is needed), or hf:USER/NAME."""
    n: Annotated[int, arg(aliases=["-n"])] = 64
    """How many."""
    out: Annotated[str, arg(aliases=["-o"])] = "samples.png"
    """A file; or a folder, new or with / at its end, for one file an item."""
    seed: int = 0
    """The same seed makes the same items."""
    label: Annotated[str | None, written("CLASS")] = None
    """Only this class, by name or number."""
    truncation: float = 1.0
    """Below 1: more typical, less varied."""
    latents: Annotated[Path | None, written("FILE")] = None
    """Decode these latents instead of drawing any: .npy (n, latent), or .npz with z and label."""
    keep_latents: Annotated[Path | None, written("FILE")] = None
    """Write the latents of what is made, and their labels, to an .npz file."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:1, …"""
    as_json: Json = False

    def __call__(self) -> None:
        from ganvas.commands.making import sample

        result = sample(self)
        if self.as_json:
            emit(result)


@dataclass(frozen=True)
class Write:
    """Write text, on from a prompt: it comes as it is made.

    ganvas write runs/kjv --prompt "In the beginning" --temperature 0.8

    ganvas write runs/poems --seed 3
    """

    run: Positional[Path]
    """A run's folder."""
    prompt: str = ""
    """What it goes on with; any characters will do. Left out, it begins anew."""
    label: Annotated[str | None, written("LABEL")] = None
    """Write an item of this kind, by name or number, where items were labelled (--text.label)."""
    length: int = 500
    """Characters at most; items end by themselves before."""
    temperature: float = 1.0
    """Below 1 more typical, above 1 more varied; 0: always the most probable."""
    top_k: int = 0
    """Choose among so many most probable tokens only; 0: all."""
    top_p: float = 1.0
    """Choose among the most probable tokens only that together have this probability."""
    min_p: float = 0.0
    """Choose among tokens only that have this share of the most probable one's probability."""
    stop: Annotated[tuple[str, ...], written("TEXT …")] = ()
    """End before any of these; \\n is a line break."""
    seed: int = 0
    """Another seed, another text."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:1, …"""
    as_json: Json = False

    def __call__(self) -> None:
        from ganvas.commands.making import write

        result = write(self)
        if self.as_json:
            emit(result)


@dataclass(frozen=True)
class Chat:
    """Talk with a model that has learnt chats: it replies as it knows them. On a terminal /new begins anew,
    /quit (or Ctrl-D) ends, Ctrl-C stops a reply; from a pipe each line is a question, of one chat.

    ganvas chat runs/support

    ganvas chat runs/support --message "My mouse does not move." --temperature 0.5

    ganvas chat runs/support < questions.txt
    """

    run: Positional[Path]
    """A run's folder."""
    message: Annotated[str | None, written("TEXT")] = None
    """Ask this, and no more."""
    system: str = ""
    """Instructions that come first, for models that have learnt chats with such."""
    length: int = 500
    """Characters of a reply, at most; it ends by itself before."""
    temperature: float = 1.0
    """Below 1 more typical, above 1 more varied; 0: always the most probable."""
    top_k: int = 0
    """Choose among so many most probable tokens only; 0: all."""
    top_p: float = 1.0
    """Choose among the most probable tokens only that together have this probability."""
    min_p: float = 0.0
    """Choose among tokens only that have this share of the most probable one's probability."""
    seed: int = 0
    """Another seed, other replies."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:1, …"""
    as_json: Json = False

    def __call__(self) -> None:
        from ganvas.commands.chatting import chat

        result = chat(self)
        if self.as_json:
            emit(result)


@dataclass(frozen=True)
class Explore:
    """Draw what a trained model has understood: ways from one picture to another, what each latent number
    does, directions, reconstructions, where its critic looks.

    ganvas explore runs/photos

    ganvas explore runs/photos --what reconstruction --picture mine.jpg yours.png
    """

    run: Positional[Path]
    """A run's folder."""
    what: Annotated[tuple[str, ...], written("WHAT …")] = ()
    """interpolation, plane, traversal, directions, reconstruction, inversion, saliency; of text
    interpolation, neighbours, reconstruction; left out: all."""
    out: Annotated[Path | None, arg(aliases=["-o"], metavar="FOLDER", help_behavior_hint="")] = None
    """Where the pictures go; left out, explore/ in the run's folder, and into its report."""
    seed: int = 0
    """Another seed, other pictures."""
    label: Annotated[str | None, written("CLASS")] = None
    """Only this class, by name or number."""
    data: Annotated[str | None, written("DATA")] = None
    """Real items to show it; left out, those of its data that were held out."""
    picture: Annotated[tuple[Path, ...], written("FILE …")] = ()
    """Your own pictures, to reconstruct, to find again, to be judged."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:1, …"""
    as_json: Json = False

    def __call__(self) -> None:
        from ganvas.commands.making import explore

        result = explore(self)
        if self.as_json:
            emit(result)


@dataclass(frozen=True)
class Export:
    """Write a trained model for use elsewhere: as ONNX files, as a page that runs it in a browser, or as a
    repository of the Hugging Face hub.

    ganvas export runs/photos --to onnx

    ganvas export runs/photos --to web --precision fp16

    ganvas export runs/photos --to hub --licence cc-by-4.0 --push me/photos
    """

    run: Positional[Path]
    """A run's folder."""
    to: Annotated[str | None, written("onnx|web|hub")] = None
    """onnx: model.onnx (and encoder.onnx), checked against the model. web: a folder for any static server.
    hub: a folder that `ganvas.load` reads, with a model card."""
    out: Annotated[Path | None, arg(aliases=["-o"], metavar="FOLDER", help_behavior_hint="")] = None
    """A new folder; left out, onnx, web or hub in the run's folder."""
    precision: Annotated[str, arg(metavar="fp32|fp16|int8")] = "fp32"
    """How weights are kept: fewer bits make files smaller, and what that costs an ONNX file is measured. The
    hub's folder has fp32 or fp16, the latter without what only training needs."""
    licence: Annotated[str | None, written("NAME")] = None
    """hub: the licence that you give the model, by the hub's name for it (mit, cc-by-4.0 …)."""
    push: Annotated[str | None, written("USER/NAME")] = None
    """hub: send it there, as a private repository; a token must be set (`hf auth login`, or HF_TOKEN)."""
    as_json: Json = False

    def __call__(self) -> None:
        from ganvas.commands.making import export

        result = export(self)
        if self.as_json:
            emit(result)
