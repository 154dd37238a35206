"""How good a voice is, by sentences that it has not learnt: what is understood, how it sounds, whose voice it
is; beside the recordings of these sentences and what the autoencoder makes of them."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ganvas.core.errors import UserError
from ganvas.core.files import write_json
from ganvas.core.run import Run
from ganvas.data.audio import resampled
from ganvas.data.load import load as load_data
from ganvas.data.phonemes.wording import in_words
from ganvas.data.sound import Sounds
from ganvas.data.speech import Speech
from ganvas.metrics.judges import RATE, DistillMOS, SpeakerEncoder, Whisper
from ganvas.metrics.protocol import Protocol, figure
from ganvas.metrics.speech import MelDistance, Prosody, Quality, Read, Similarity, plain
from ganvas.metrics.text import Rate
from ganvas.model import Model
from ganvas.recipes.base import data_settings, find
from ganvas.studies.likelihoods import FILE

FEWEST = 2
MOST = 100
"""Sentences, or windows of sound."""
REFERENCES = 20
"""Training clips that a voice is compared with."""
Counting = Callable[[str], Callable[[int, int], None]]
Row = dict[str, Any]


class Bench:
    """The judges that are installed, and what they have to say of a row of sounds."""

    def __init__(self, texts: Sequence[str], known: Sequence[np.ndarray], recogniser: str | None):
        self.texts, self.absent = texts, list[str]()
        self.recogniser = self._had(lambda: Whisper(recogniser or "tiny.en"), needed=recogniser is not None)
        self.quality = self._had(DistillMOS)
        self.encoder = self._had(SpeakerEncoder)
        self.known = known

    def _had(self, make: Callable[[], Any], needed: bool = False) -> Any:
        try:
            return make()
        except UserError as error:
            if needed:
                raise
            self.absent.append(str(error))
            return None

    @property
    def protocol(self) -> Protocol:
        names = [judge.name for judge in (self.recogniser, self.quality, self.encoder) if judge]
        return Protocol({"judges": ", ".join(names), "sentences": len(self.texts), "rate": RATE})

    def row(self, sounds: Iterable[np.ndarray]) -> Row:
        """Of what was said of each text, at the judges' rate."""
        prosody = Prosody()
        read = self.recogniser and Read(self.recogniser, lambda text: plain(in_words(text)))
        quality = self.quality and Quality(self.quality)
        alike = self.encoder and Similarity(self.known, self.encoder)
        for text, sound in zip(self.texts, sounds, strict=True):
            prosody.update(sound, in_words(text))
            if read:
                read.update(text, sound)
            for metric in filter(None, (quality, alike)):
                metric.update(sound)
        found: dict[str, Rate] = {}
        for metric in filter(None, (read, quality, alike, prosody)):
            found |= metric.compute()
        return {k: figure(v.value, (v.low, v.high), len(self.texts), self.protocol) for k, v in found.items()}


def evaluate(
    run: Run,
    model: Model,
    *,
    samples: int | None,
    recogniser: str | None,
    data: str | Path | None,
    seed: int,
    said: Callable[[str], None],
    progress: Counting,
) -> dict[str, Any]:
    """wer, cer, mos, similarity, pitch and pauses of held-out sentences as the model says them, of their
    recordings (floor) and of the autoencoder's copies of these (baselines); mel_db of the copies."""
    began = time.monotonic()
    if samples is not None and samples < FEWEST:
        raise UserError(f"--samples is {FEWEST} or more, not {samples}")
    training, held_out = _data(run, data)
    count = min(samples or MOST, len(held_out))
    if count < FEWEST:
        raise UserError(
            f"{len(held_out)} held-out item{'s are' if len(held_out) != 1 else ' is'} too few to judge by; "
            "give others: --data HELDOUT"
        )
    who = speakers(model, held_out, said) if isinstance(held_out, Speech) else []
    natural = [_heard(held_out, k) for k in range(count)]
    copies = [_copy(model, sound) for sound in natural]
    result: dict[str, Any] = {"run": str(run.path), "step": run.progress()["step"], "seed": seed}
    protocol = Protocol({"figure": "copies of held-out recordings", "items": count, "rate": model.spec.rate})
    mel = MelDistance(model.spec.rate)
    for pair in zip(natural, copies, strict=True):
        mel.update(*pair)
    value = mel.compute()["mel_db"]
    result |= {
        "floor": {},
        "baselines": {},
        "classes": {},
        "protocols": {protocol.hash: dict(protocol.facts)},
    }
    result["mel_db"] = figure(value.value, (value.low, value.high), count, protocol)
    if isinstance(held_out, Speech):
        texts = held_out.transcripts[:count]
        order = np.random.default_rng(seed).permutation(len(training))[:REFERENCES]
        bench = Bench(texts, [_at(model, _heard(training, int(k))) for k in order], recogniser)
        for sentence in bench.absent:
            said(f"{sentence[0].upper()}{sentence[1:]}.")
        if getattr(model.objective, "copies", False):
            said("It has not learnt to read yet: what is judged are its copies of recordings.")
        else:
            made = _saying(model, texts, who, seed, progress("sentences"))
            result |= bench.row(_at(model, sound) for sound in made)
        result["floor"] = bench.row(_at(model, sound) for sound in natural)
        result["baselines"]["copies"] = bench.row(_at(model, sound) for sound in copies)
        result["protocols"][bench.protocol.hash] = dict(bench.protocol.facts)
    result["seconds"] = round(time.monotonic() - began, 1)
    write_json(run.path / FILE, result)
    return result


def _saying(
    model: Model, texts: Sequence[str], who: Sequence[str], seed: int, done: Callable[[int, int], None]
) -> Iterator[np.ndarray]:
    """Each text, by its speaker where there are several."""
    for k, text in enumerate(texts):
        yield model.say(text, seed=seed, **({"speaker": who[k]} if who else {}))
        done(k + 1, len(texts))


def speakers(model: Any, data: Any, said: Callable[[str], None]) -> list[str]:
    """Who is to say each sentence, by name; none of a voice that has one speaker."""
    known = model.spec.classes
    if not known:
        return []
    if data.labels is None:
        said(f"The recordings name no speaker: {known[0]}, the voice's first, says their sentences.")
        return [known[0]] * len(data.transcripts)
    if strange := [name for name in data.classes if name not in known]:
        raise UserError(f"{strange[0]} is no speaker of this voice; it has {', '.join(known)}")
    return [data.classes[label] for label in data.labels]


def _copy(model: Model, sound: np.ndarray) -> np.ndarray:
    objective: Any = model.objective
    device = objective.stage.device
    made = objective.reconstruct(torch.from_numpy(sound)[None].to(device))[0]
    return made[: len(sound)].clamp(-1, 1).cpu().numpy()


def _heard(data: Speech | Sounds, k: int) -> np.ndarray:
    """An utterance, or the window that is always the same, without padding."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(k)
        batch = data.ready(data.fetch(np.array([k])))
    sound = batch["sound"][0].numpy()
    return sound[: int(batch["length"][0])] if "length" in batch else sound


def _at(model: Model, sound: np.ndarray) -> np.ndarray:
    return resampled(sound, model.spec.rate, RATE)


def _data(run: Run, other: str | Path | None) -> tuple[Speech | Sounds, Speech | Sounds]:
    """What it was trained on, and what it was not."""
    record = run.record
    settings = data_settings(type(find(record["recipe"])).model_validate(record["settings"]))
    training = load_data(record["data"]["source"], settings)
    if training.fingerprint != record["data"]["fingerprint"]:
        raise UserError(f"{record['data']['source']} has changed since {run.path} was trained on it")
    held_out = load_data(str(other), settings) if other is not None else training.held_out
    if not isinstance(training, Speech | Sounds) or not isinstance(held_out, Speech | Sounds):
        raise UserError(
            f"nothing was held out of the data of {run.path}, so that there is nothing to judge by; "
            f"give recordings that it has not learnt: --data HELDOUT"
        )
    return training, held_out
