"""A trained model, by what it can do; it knows nothing of how it was trained."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from ganvas.brought import VOICES
from ganvas.core.device import pick, quicken
from ganvas.core.errors import UserError, reason
from ganvas.core.files import read_json
from ganvas.core.randomness import mixed
from ganvas.core.run import Run
from ganvas.core.settings import override
from ganvas.core.turns import Objective
from ganvas.data.chats import asked, chat_of
from ganvas.data.openings import opening
from ganvas.data.phonemes import Pronunciation, each
from ganvas.data.spec import Label, Spec
from ganvas.data.vocabulary import Labelled
from ganvas.metrics.likelihood import importance_bound
from ganvas.models.manners import FIRST, WHOLE, Manner
from ganvas.models.saying import said
from ganvas.models.writing import Choice, following, stream
from ganvas.recipes.base import find
from ganvas.remote import fetched

Message = Mapping[str, str]


@dataclass
class Model:
    """What `ganvas.load` gives."""

    objective: Objective
    spec: Spec
    config: dict[str, Any]

    def sample(
        self, n: int, *, seed: int = 0, label: str | int | None = None, truncation: float = 1.0
    ) -> np.ndarray:
        """`n` new items, the same for the same seed on every machine.

        Pictures: uint8, (n, height, width, channels). Points: float, (n, dimensions), in the data's units.
        Text: n strings.
        `label`: a class, by name or number; left out, all classes alike (of text as the data has them).
        `truncation` below 1 gives more
        typical and less varied items. Raises UserError where one of these cannot be.
        """
        if not 1 <= n <= 1_000_000:
            raise UserError(f"the number of samples is from 1 to 1,000,000, not {n}")
        if not 0 < truncation <= 1:
            raise UserError(f"truncation is above 0 and at most 1, not {truncation}")
        generator = torch.Generator().manual_seed(seed)
        condition = {} if label is None else {"label": self._kind(label)}
        items = self.objective.sample(n, generator=generator, truncation=truncation, **condition)
        items = items.float() if items.is_floating_point() else items
        return self.spec.restore(items.cpu().numpy())

    def write(self, prompt: str = "", **how: Any) -> str:
        """The prompt and what follows; `how`: as `stream` has it."""
        return prompt + "".join(self.stream(prompt, **how))

    def stream(self, text: str = "", *, seed: int = 0, **how: Any) -> Iterator[Any]:
        """What follows a prompt, as text, or how a voice says a text, as sound: in pieces as it is made, the
        same for the same seed.

        Text: strings, at most `length` (500) characters; items end by themselves, and anything ends before
        one of `stop`, a string or several; `how`: label, temperature, top_k, top_p, min_p. Of a prompt longer
        than the context its end is read.
        Sound: float32 (samples,), -1 to 1, at `spec.rate` samples a second; `how`: speaker, speed, variation,
        rhythm, pause, first (frames of each sentence's first piece).
        UserError for a model of other things, or where one of these cannot be.
        """
        return self._spoken(text, seed, **how) if self.spec.symbols else self._written(text, seed, **how)

    def _written(
        self,
        prompt: str,
        seed: int,
        length: int = 500,
        stop: str | Sequence[str] = (),
        label: str | int | None = None,
        **choice: float,
    ) -> Iterator[str]:
        self._able("unroll", "way to write")
        if self.chats:
            raise UserError("this model has learnt chats, in which it replies: `ganvas chat` asks it")
        how = self._choice(length, choice)
        words = [stop] if isinstance(stop, str) else stop
        generator = torch.Generator().manual_seed(seed)
        model: Any = self.objective
        kind = None if label is None else self._kind(label)
        return stream(model, prompt, length, how, [*filter(None, words)], generator, kind)

    def _kind(self, label: str | int) -> int:
        """The number of a label. UserError where there is none, or the model cannot be asked for it."""
        number = self.spec.number(label)
        if self.spec.vocabulary and not hasattr(self.objective, "unroll"):
            recipe = self.config["recipe"]
            raise UserError(f"{recipe} makes whole texts of latents, and cannot be asked for a label; lm can")
        return number

    def _spoken(
        self,
        text: str,
        seed: int,
        speaker: str | int | None = None,
        *,
        first: int = FIRST,
        **manner: float,
    ) -> Iterator[np.ndarray]:
        how = override(Manner(), manner)
        who = self.spec.number(speaker or 0) if self.spec.classes else None
        if speaker is not None and who is None:
            raise UserError("this voice has one speaker, so it cannot be asked for another")
        number = {symbol: k for k, symbol in enumerate(self.spec.symbols)}
        found = each(text, self._pronunciation)
        first_one = next(found)  # what cannot be said at all is said at once
        sentences = (torch.tensor([number[x] for x in one.symbols]) for one in chain([first_one], found))
        generator = torch.Generator().manual_seed(seed)
        model: Any = self.objective
        return said(model, sentences, self.spec.rate, how, who, generator, first)

    @property
    def _pronunciation(self) -> Pronunciation:
        if self.spec.pronunciation is None:
            raise UserError("this is no voice: it has learnt no text to say")
        return self.spec.pronunciation

    def say(self, text: str, *, seed: int = 0, **how: Any) -> np.ndarray:
        """A text, spoken: float32 (samples,), at `spec.rate` samples a second; `how`: as `stream` has it."""
        return np.concatenate([*self._spoken(text, seed, first=WHOLE, **how)])

    def unsaid(self, text: str) -> list[str]:
        """What of a text a voice leaves out, in a sentence; nothing where it can say all."""
        lost = [what for one in each(text, self._pronunciation) for what in one.unsaid]
        return [f"This cannot be said and is left out: {' '.join(lost)[:200]}"] if lost else []

    def chat(
        self, messages: Sequence[Message], *, length: int = 500, seed: int = 0, **choice: float
    ) -> Iterator[str]:
        """The reply to messages, {"role": "user", "content": "Hello"} the last one, in pieces as it is made:
        at most `length` characters, the same for the same seed.

        Messages take turns; the first may be of the role "system". What is too long for the context is
        forgotten, the oldest turns first. `choice`: temperature, top_k, top_p, min_p. UserError for a
        model that has not learnt chats, or where one of these cannot be.
        """
        words = self._able("unroll", "replies") and self.spec.vocabulary
        if not self.chats or words is None:
            raise UserError(
                "this model has learnt plain text, which it goes on with: `ganvas write`; to be asked, it "
                'must learn chats: .jsonl with {"messages": [{"role": …, "content": …}, …]} in each line'
            )
        how = self._choice(length, choice)
        begun, _ = opening(asked(messages), words, self.spec.shape[0])
        generator = torch.Generator().manual_seed(mixed(seed, "chat", len(messages)))
        model: Any = self.objective
        return following(model, begun, length, how, (), generator)

    @property
    def chats(self) -> bool:
        """Whether it has learnt chats."""
        return bool(self.spec.vocabulary and self.spec.vocabulary.roles)

    def _choice(self, length: int, choice: Mapping[str, float]) -> Choice:
        if length < 1:
            raise UserError(f"the length is at least one character, not {length}")
        return override(Choice(), choice)

    def score(
        self,
        texts: str | Mapping[str, Any] | Sequence[str | Mapping[str, Any]],
        *,
        label: str | int | None = None,
    ) -> Any:
        """log P of a text in nats, or of each one in an array; with a label, of both together, which is how a
        model of labelled items takes them. UserError for a model of other things.

        Of an item with its end; of running text given its first byte; of a chat, which is given as
        {"messages": […]}, its replies. Where it is not `exact`, a lower bound, or of `residual` an estimate:
        see `docs/text.md`.
        """
        model: Any = self.objective
        if self.spec.vocabulary is None:
            raise UserError(f"a model of the recipe {self.config['recipe']} has no law of text")
        alone = isinstance(texts, str | Mapping)
        each: Any = [texts] if alone else texts
        texts = [self._text(text) for text in each]
        if label is not None:
            kind = model.vocabulary.labels[self.spec.number(label)]
            texts = [Labelled(text, kind) for text in texts]
        tokens = [torch.from_numpy(model.vocabulary.encode(text)) for text in texts]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            found = np.array([part.sum().item() for part in model.log_prob(tokens)])
        return found.item() if alone else found

    def _text(self, item: str | Mapping[str, Any]) -> str:
        """A text, or a chat, where that is what the model has learnt."""
        if isinstance(item, Mapping) != self.chats:
            learnt = 'chats, each as {"messages": […]}' if self.chats else "plain text, and this is none"
            raise UserError(f"this model has learnt {learnt}")
        if isinstance(item, str):
            return item
        try:
            return chat_of(item)
        except ValueError as error:
            raise UserError(str(error)) from None

    def encode(self, items: np.ndarray, *, label: Label = None, batch: int = 256) -> np.ndarray:
        """The latents of items as `sample` gives them, (n, latent). UserError without an encoder."""
        encode = self._able("encode", "encoder")
        parts = self._parts(items, label, batch)
        return np.concatenate([encode(x, y).float().cpu().numpy() for x, y in parts])

    def decode(self, z: np.ndarray, *, label: Label = None) -> np.ndarray:
        """Items of these latents, (n, latent). UserError for a model without latents."""
        decode = self._able("decode", "latents")
        y = self._labels(label, len(z))
        return self.spec.restore(decode(torch.as_tensor(z, dtype=torch.float32), y).cpu().numpy())

    def interpolate(self, a: Any, b: Any, steps: int = 9, *, label: str | int | None = None) -> np.ndarray:
        """Items on the straight line between two in the space of latents, ends included. UserError without
        an encoder."""
        if steps < 2:
            raise UserError(f"from one item to another there are at least 2 steps, not {steps}")
        z = self.encode(np.array([a, b]), label=label)
        share = np.linspace(0, 1, steps, dtype=z.dtype)[:, None]
        return self.decode((1 - share) * z[0] + share * z[1], label=label)

    def log_prob(
        self, items: np.ndarray, *, label: Label = None, samples: int = 100, seed: int = 0, batch: int = 256
    ) -> np.ndarray:
        """log P of each item, in nats: exact where the model can say it (`exact`), else a lower bound.

        The bound takes so many draws of the latents (Burda et al. 2016): more make it tighter. Items of
        Bernoulli models are made black and white by chance, the same for the same seed.
        """
        model: Any = self.objective
        drawn = hasattr(model, "log_weights")
        if self.spec.vocabulary is not None and not drawn:
            return np.atleast_1d(self.score([*items]))
        if not drawn:
            self._able("log_prob", "likelihood")
        found = []
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            torch.manual_seed(seed)
            for x, y in self._parts(items, label, batch):
                seen = model.law.observe(x) if hasattr(model, "law") else x
                value = importance_bound(model, seen, y, samples) if drawn else model.log_prob(seen, y)
                found.append(value.cpu().numpy())
        return np.concatenate(found)

    @property
    def exact(self) -> bool:
        """Whether `log_prob` is exact, and not a bound."""
        model = self.objective
        alone = hasattr(model, "log_prob") and not hasattr(model, "log_weights")
        return alone and getattr(model, "exact", True)

    def _able(self, what: str, means: str) -> Any:
        found = getattr(self.objective, what, None)
        if found is None:
            raise UserError(f"a model of the recipe {self.config['recipe']} has no {means}")
        return found

    def _parts(self, items: np.ndarray, label: Label, batch: int) -> Iterator[tuple[Tensor, Tensor | None]]:
        items = self.spec.checked(items)
        labels = self._labels(label, len(items))
        for start in range(0, len(items), batch):
            x = torch.from_numpy(self.spec.prepare(items[start : start + batch])).to(self.device)
            yield x, None if labels is None else labels[start : start + batch].to(self.device)

    def _labels(self, label: Label, n: int) -> Tensor | None:
        numbers = self.spec.numbers(label, n)
        return None if numbers is None else torch.from_numpy(numbers)

    @property
    def device(self) -> torch.device:
        return next(self.objective.parameters(), torch.empty(0)).device

    def label(self, label: str | int) -> int:
        """The number of a class."""
        return self.spec.number(label)


def run_of(path: str | Path) -> Run:
    """The folder that is meant by whatever `load` takes. UserError where there is none."""
    name = str(path)
    if name.startswith("hf:"):
        return Run.open(fetched(name))
    brought = (VOICES / name / "config.json").is_file() and not (Path(path) / "recipe.json").is_file()
    return Run.open(VOICES / name if brought else Path(path))


def trained(path: str | Path) -> Run:
    """A run of the user's own, with what was logged of it. UserError where there is none."""
    if (VOICES / str(path)).is_dir() and not Path(path).exists():
        raise UserError(f"{path} is a voice that ganvas brings, and nothing of its training comes with it")
    return Run.open(Path(path))


def folder_of(path: str | Path) -> Path:
    """Where its config and weights lie. UserError where there are none."""
    run = run_of(path)
    folder = next((at for at in (run.model, run.path) if (at / "config.json").is_file()), None)
    if folder is None:
        raise UserError(f"{run.path} holds no model yet: its training has not come to its first checkpoint")
    return folder


def load(path: str | Path, device: str = "auto") -> Model:
    """The model of a run, of a folder that `ganvas export --to hub` wrote, of the hub (hf:USER/NAME), or a
    voice that ganvas brings, by its name.

    Raises UserError where there is none, or its files are damaged.
    """
    folder = folder_of(path)
    where = pick(device)
    try:
        config = read_json(folder / "config.json")
        spec = Spec.model_validate(config["spec"])
        quicken(where, steady=not spec.vocabulary)  # texts differ in length
        recipe = type(find(config["recipe"])).model_validate(config["settings"])
        objective = recipe.build(spec)
        weights = load_file(folder / "model.safetensors")
        for name in objective.spare:
            if not any(key.startswith(f"{name}.") for key in weights):
                setattr(objective, name, torch.nn.Identity())
        objective.load_state_dict(weights)
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        anew = f"`ganvas train --out {folder.parent} --resume` writes it anew from the last checkpoint"
        hint = anew if folder.name == "model" else "fetch or export it again"
        raise UserError(f"the model in {folder} cannot be read ({reason(error)}); {hint}") from None
    objective.to(where).eval().requires_grad_(False)
    return Model(objective, spec, config)
