"""Sounds are drawn, kept and played in the report as they are made."""

import base64
import io
import re

import numpy as np
import pytest
import torch
from torch import nn

from ganvas.core.errors import UserError
from ganvas.core.loop import Trainer, Training
from ganvas.core.run import Run
from ganvas.core.turns import Objective, Turn
from ganvas.data import audio
from ganvas.data.sound import SoundSettings, load
from ganvas.data.spec import Spec
from ganvas.report import page
from ganvas.report.recorder import Recorder
from ganvas.report.show import SHOW, Sounds
from ganvas.report.spectrograms import BANDS, HEIGHT, PAD, WIDTH, sheet, spectrum

RATE = 8_000
SPEC = Spec(kind="sound", shape=(RATE,), rate=RATE)
TIME = np.arange(RATE) / RATE
TONES = np.stack([0.3 * np.sin(2 * np.pi * hertz * TIME) for hertz in (300, 600, 1_200, 2_400)]).astype(
    np.float32
)


class Silence:
    """Where nobody looks."""

    def said(self, sentence): ...
    def reading(self, done, total): ...
    def logged(self, moment): ...
    def shown(self, drawn): ...


class Hum(Objective):
    """A tone of one loudness, which is learnt."""

    def __init__(self):
        super().__init__()
        self.generator = nn.Linear(1, 1)

    def turns(self, batch, step):
        yield Turn({"generator": (self.generator.bias - batch["sound"].abs().mean()).square().sum()})

    def sample(self, n, *, generator=None, **condition):
        return self.generator.bias * torch.from_numpy(TONES[:1]).expand(n, -1)


def test_higher_tones_are_brighter_further_up():
    bands = [int(spectrum(tone, RATE).mean(0).argmax()) for tone in TONES]
    assert bands == sorted({*bands})
    assert bands[-1] < BANDS - 1


def test_each_sound_is_a_row_as_long_as_it_lasts():
    items = TONES.copy()
    items[1, RATE // 2 :] = 0
    drawn = np.asarray(sheet(items, RATE))
    assert drawn.shape == (4 * (HEIGHT + PAD) - PAD, WIDTH, 3)
    second = drawn[HEIGHT + PAD : 2 * HEIGHT + PAD]
    assert (second[:, WIDTH // 2 + 8 :] == 255).all()
    assert not (second[:, : WIDTH // 2 - 8] == 255).all(2).any()


def test_silence_can_be_drawn():
    assert sheet(np.zeros((2, RATE), np.float32), RATE).size[0] == WIDTH


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_sounds_come_one_after_another_with_silence_between(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    Sounds(SPEC).write(TONES, path, path)
    clip = audio.read(path.read_bytes(), path.name)
    step = RATE + round(0.3 * RATE)
    assert clip.rate == RATE
    assert len(clip.samples) == 3 * step + RATE
    for k, tone in enumerate(TONES):
        assert np.abs(clip.samples[k * step : k * step + RATE] - tone).max() < 1e-4
        assert not clip.samples[k * step + RATE : (k + 1) * step].any()


def test_one_file_each_has_no_filling(tmp_path):
    path = tmp_path / "a.wav"
    Sounds(SPEC).write_one(np.pad(TONES[0, :-1], (0, 500)), path, path)
    assert len(audio.read(path.read_bytes(), path.name).samples) == RATE - 1


def test_numbers_and_pictures_of_sounds_are_written_too_and_others_refused(tmp_path):
    show = Sounds(SPEC)
    show.write(TONES, tmp_path / "a.npy", tmp_path / "a.npy")
    assert np.array_equal(np.load(tmp_path / "a.npy"), TONES)
    show.write(TONES, tmp_path / "a.png", tmp_path / "a.png")
    with pytest.raises(UserError, match=r"written as .xyz; try .wav, .flac, .ogg, .mp3, .npy or .png"):
        show.check(tmp_path / "a.xyz")


def test_what_a_model_makes_is_cut_to_what_can_be_played():
    assert SPEC.restore(np.array([[-3.0, 0.25, 3.0]])).tolist() == [[-1, 0.25, 1]]
    assert SPEC.restore(np.zeros((1, 3), np.float64)).dtype == np.float32
    assert {SHOW[kind].several for kind in ("sound", "speech")} == {"samples.wav"}


@pytest.mark.parametrize("classes", [0, 2])
def test_a_run_keeps_what_it_makes_and_its_report_plays_it(tmp_path, monkeypatch, classes):
    import soundfile

    monkeypatch.setenv("GANVAS_CACHE", str(tmp_path / "cache"))
    rng = np.random.default_rng(0)
    for k in range(24):
        place = tmp_path / "clips" / (f"kind{k % classes}" if classes else ".")
        place.mkdir(parents=True, exist_ok=True)
        soundfile.write(place / f"{k}.wav", rng.normal(0, 0.1, RATE), RATE)
    data = load(str(tmp_path / "clips"), SoundSettings(rate=RATE, segment=0.5))
    record = {"recipe": "hum", "settings": {}, "seed": 0, "environment": {}}
    record["data"] = {"items": len(data), "spec": data.spec.model_dump(mode="json"), "source": "clips"}
    run = Run.create(tmp_path / "run", record)
    trainer = Trainer(
        Hum(),
        data,
        Training(steps=4, batch=2, snapshots=2, average=0, precision="fp32"),
        run,
        0,
        torch.device("cpu"),
        lambda name, params: torch.optim.Adam(params),
        {},
    )
    recorder = Recorder(Silence())
    trainer.observer = recorder.observer
    assert trainer.fit()
    recorder.close()
    kept = {path.name for path in run.samples.iterdir()}
    assert {"real.png", "real.wav", "step-0000004.png", "step-0000004.wav"} <= kept
    clip = audio.read((run.samples / "real.wav").read_bytes(), "real.wav")
    assert len(clip.samples) == 8 * RATE // 2 + 7 * round(0.3 * RATE)
    html = page.write(run.path).read_text()
    assert f"learnt to make sounds like those of “clips”: 4 steps over {len(data)} windows of sound" in html
    assert "<b>0.5 s</b><span>each one</span>" in html
    played = re.findall(r'<audio controls preload="metadata" src="data:audio/mpeg;base64,([^"]*)"', html)
    assert len(played) >= 2
    heard = audio.read(base64.b64decode(played[1]), "real.mp3")
    assert len(heard.samples) / heard.rate == pytest.approx(len(clip.samples) / RATE, abs=0.2)
    assert io.BytesIO(base64.b64decode(played[0])).getbuffer().nbytes < 60_000
