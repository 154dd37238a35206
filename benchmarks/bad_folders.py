"""Folders of pictures, texts and recordings, good and bad, and what damages a run: for `bad_input.py`."""

import shutil
import wave
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from PIL import Image


def picture(path: Path, seed: int, mode: str = "RGB", size: int = 16) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    Image.fromarray(rng.integers(0, 256, (size, size, 3), np.uint8)).convert(mode).save(path)


def data(root: Path) -> None:
    """Folders of pictures, good and bad."""
    for k in range(40):
        picture(root / f"data/pets/{('cats', 'dogs')[k % 2]}/{k:02}.png", k)
        picture(root / f"data/other/{k:02}.png", 100 + k)
        picture(root / f"data/bomb/{k:02}.png", k)
        mode, kind = (("RGB", "png"), ("L", "png"), ("RGBA", "png"), ("CMYK", "jpg"))[k % 4]
        picture(root / f"data/mixed/{k:02}.{kind}", k, mode)
        (root / f"data/broken/{k:02}.png").parent.mkdir(parents=True, exist_ok=True)
        (root / f"data/broken/{k:02}.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
        picture(root / f"data/holes/{k:02}.png", k)
    for k in range(0, 40, 5):
        cut(root / f"data/holes/{k:02}.png")
    for k in range(4):
        picture(root / f"data/few/{k:02}.png", k)
    (root / "data/empty").mkdir()
    (root / "data/letters").mkdir()
    (root / "data/letters/a.doc").write_text("Dear Sir")
    (root / "data/words").mkdir()
    for name, content in WORDS.items():
        (root / "data/words" / name).write_bytes(content)
    recordings(root)
    networks(root / "data/networks")
    (root / "data/bomb/bomb.png").write_bytes(bomb())
    (root / "data/table.csv").write_text(
        "x,y\n" + "\n".join(f"{k},{k * k}" for k in range(20)) + "\n3,three\n"
    )


def recordings(root: Path) -> None:
    """Folders of speech, each with one thing wrong with it."""
    texts = {
        "mute": None,
        "renamed": None,
        "cut": "Good morning.",
        "silent": "Good morning.",
        "brief": "Good morning.",
        "long": "Good morning.",
        "odd": "Good morning.",
        "alike": "Good morning.",
        "moon": "明月几时有",
        "fair": "Number {}.",
    }
    for name, text in texts.items():
        for k in range(12):
            place = root / f"data/speech/{name}/{k:02}.wav"
            seconds = {"brief": 0.02, "long": 31.0}.get(name, 0.5)
            wav(place, k, seconds, 0 if name == "silent" else 8000, 1 if name == "odd" else 8000)
            if text:
                place.with_suffix(".txt").write_text(text.format(k), encoding="utf-8")
            if name == "cut":
                place.write_bytes(place.read_bytes()[:30])
    speech = root / "data/speech"
    (speech / "renamed/metadata.csv").write_text("take_1|Hello.\ntake_2|Good morning.\n")
    (speech / "list.csv").write_text("path,text\n1.wav,Hello.\n2.wav,Good morning.\n")
    shutil.make_archive(str(speech / "packed"), "gztar", speech / "fair")
    cut(speech / "packed.tar.gz")


def networks(folder: Path) -> None:
    """Files of networks that cannot look at pictures."""
    folder.mkdir()
    network(folder / "damaged.onnx", (None, 3, 16, 16))
    cut(folder / "damaged.onnx")
    network(folder / "stacks.onnx", (None, 5, 16, 16))
    network(folder / "rows.onnx", (None, 3, 16, 16), "ReduceMean", axes=[3], keepdims=0)
    (folder / "damaged.pt").write_bytes(b"PK and no more")


def network(path: Path, shape: tuple[int | None, ...], operation: str = "Flatten", **how: Any) -> None:
    """ONNX, of one operation."""
    makes, kind = onnx.helper, onnx.TensorProto.FLOAT
    x, y = makes.make_tensor_value_info("x", kind, shape), makes.make_tensor_value_info("y", kind, None)
    graph = makes.make_graph([makes.make_node(operation, ["x"], ["y"], **how)], "one", [x], [y])
    onnx.save(makes.make_model(graph, opset_imports=[makes.make_opsetid("", 17)], ir_version=8), path)


def wav(path: Path, seed: int, seconds: float, loud: int, rate: int) -> None:
    """Noise; `rate` is what its head says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).uniform(-loud, loud, round(seconds * 8000)).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(noise.tobytes())


WORDS = {
    "blank.txt": b" \n\n",
    "photo.txt": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
    "short.txt": b"To be, or not to be.",
    "endless.txt": b"word after word " * 2000,
    "latin1.txt": ("Der Bär läuft über die Straße.\n\nUnd später zurück.\n" * 400).encode("latin-1"),
    "chat.jsonl": b'{"messages": [{"role": "user", "content": "Hello"}]}\n' * 30,
    "roles.jsonl": b'{"messages": [{"role": "bot", "content": "Hello"}]}\n' * 30,
    "rows.jsonl": b'{"body": "A row without a text."}\n' * 30,
    "table.csv": b"id,body\n" + b"1,A row of a table\n" * 30,
    "moods.jsonl": b"".join(
        b'{"text": "It is number %d.", "mood": "%s"}\n' % (k, (b"glad", b"sad")[k % 2]) for k in range(60)
    ),
}
"""Files of text, good and bad."""


def bomb() -> bytes:
    """A small file that says it is 60,000 x 60,000."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return len(body).to_bytes(4) + kind + body + zlib.crc32(kind + body).to_bytes(4)

    head = (60_000).to_bytes(4) * 2 + bytes([8, 2, 0, 0, 0])
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(bytes(1000)))
        + chunk(b"IEND", b"")
    )


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def newest(root: Path) -> Path:
    return max((root / "runs/pets/checkpoints").iterdir(), key=lambda p: int(p.name[5:]))


def damage_newest(root: Path) -> None:
    cut(newest(root) / "objective.safetensors")


def damage_all(root: Path) -> None:
    for path in (root / "runs/pets/checkpoints").iterdir():
        cut(path / "optimisers.safetensors")


def no_checkpoint(root: Path) -> None:
    shutil.rmtree(root / "runs/pets/checkpoints")


def change_data(root: Path) -> None:
    picture(root / "data/pets/cats/more.png", 1000)


def damage_model(root: Path) -> None:
    cut(root / "runs/pets/model/model.safetensors")


def damage_record(root: Path) -> None:
    cut(root / "runs/pets/recipe.json")


def no_log(root: Path) -> None:
    (root / "runs/pets/log.jsonl").unlink()


def no_model(root: Path) -> None:
    shutil.rmtree(root / "runs/pets/model")


def taken(root: Path) -> None:
    picture(root / "taken/0.png", 0)
