"""Features of pixels and of users' files: what a network is fed, and what is said of one that will not do."""

import warnings

import numpy as np
import pytest
import torch
from torch import nn

from ganvas.core.errors import UserError
from ganvas.metrics.extractors import MEAN, STD, find

rng = np.random.default_rng(0)
PICTURES = rng.integers(256, size=(5, 3, 16, 16), dtype=np.uint8)


def onnx_file(path, shape, node, kind="FLOAT", out=("n", None), metadata=None, **attributes):
    """A network of one operation."""
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    helper = onnx.helper
    seen = helper.make_tensor_value_info("x", getattr(onnx.TensorProto, kind), shape)
    given = helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, out)
    graph = helper.make_graph([helper.make_node(node, ["x"], ["y"], **attributes)], "one", [seen], [given])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, metadata or {})
    onnx.save(model, path)
    return str(path)


def torchscript(path, module):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.script(module).save(str(path))
    return str(path)


def test_pixels_are_the_pixels_and_large_ones_are_shrunk():
    assert np.array_equal(find("pixels").extract(PICTURES), PICTURES.reshape(5, -1) / np.float32(255))
    large = PICTURES.repeat(4, 2).repeat(4, 3)
    assert find("pixels").extract(large).shape == (5, 3 * 32 * 32)


def test_an_onnx_file_is_fed_what_its_input_asks_for(tmp_path):
    """Channels first or last, of its own size, as ImageNet has them or as its metadata say."""
    mean, std = np.array(MEAN)[:, None, None], np.array(STD)[:, None, None]
    first = find(onnx_file(tmp_path / "first.onnx", ["n", 3, 16, 16], "Flatten"))
    want = ((PICTURES / 255 - mean) / std).reshape(5, -1)
    assert first.extract(PICTURES) == pytest.approx(want, abs=1e-5)
    plain = {"mean": "0,0,0", "std": "1,1,1"}
    last = find(onnx_file(tmp_path / "last.onnx", ["n", 16, 16, 3], "Flatten", metadata=plain))
    assert last.extract(PICTURES) == pytest.approx(
        PICTURES.transpose(0, 2, 3, 1).reshape(5, -1) / 255, abs=1e-6
    )
    raw = find(onnx_file(tmp_path / "raw.onnx", ["n", 3, 16, 16], "Cast", "UINT8", ("n", 3, 16, 16), to=1))
    assert raw.extract(PICTURES) == pytest.approx(PICTURES.mean((2, 3)))  # maps are averaged over space
    assert len({first.hash, last.hash, raw.hash}) == 3
    assert (
        find(onnx_file(tmp_path / "small.onnx", ["n", 3, 8, 8], "Flatten")).extract(PICTURES).shape[1] == 192
    )


@pytest.mark.parametrize("at_once", [1, 2, 5])
def test_a_file_exported_for_so_many_pictures_gets_so_many(tmp_path, at_once):
    free = find(onnx_file(tmp_path / "free.onnx", ["n", 3, 16, 16], "Flatten"))
    fixed = find(onnx_file(tmp_path / "fixed.onnx", [at_once, 3, 16, 16], "Flatten", out=(at_once, None)))
    assert (fixed.extract(PICTURES) == free.extract(PICTURES)).all()


class Mean(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean((2, 3))


class Inception(nn.Module):
    """As StyleGAN's metrics have theirs."""

    def forward(self, img: torch.Tensor, return_features: bool = False) -> torch.Tensor:
        assert return_features
        assert img.dtype == torch.uint8
        return img.float().mean((2, 3))


def test_torchscript_is_fed_likewise_or_raw_where_it_resizes_by_itself(tmp_path):
    grey = PICTURES[:, :1]
    usual = find(torchscript(tmp_path / "usual.pt", Mean())).extract(grey)
    want = (grey.mean((2, 3)) / 255 - np.array(MEAN)) / np.array(STD)
    assert usual == pytest.approx(want, abs=0.05)  # stretching moves means a little
    raw = find(torchscript(tmp_path / "inception.pt", Inception()))
    assert raw.extract(PICTURES) == pytest.approx(PICTURES.mean((2, 3)), abs=1e-3)
    assert raw.resize == "by the network itself"


def test_what_will_not_do_is_refused_with_the_reason(tmp_path):
    for what, says in (
        ("inception", "no features 'inception'; there are opennsfw, pixels, or a file"),
        (str(tmp_path / "none.onnx"), "no features file .*none.onnx"),
        (onnx_file(tmp_path / "flat.onnx", ["n", 7], "Identity"), r"takes \('n', 7\); features come of one"),
    ):
        with pytest.raises(UserError, match=says):
            find(what)
    (tmp_path / "wrong.onnx").write_text("no network")
    (tmp_path / "wrong.pt").write_text("no network")
    for name, kind in (("wrong.onnx", "an ONNX network"), ("wrong.pt", "TorchScript")):
        with pytest.raises(UserError, match=f"{name} cannot be read as {kind}"):
            find(str(tmp_path / name))
    with pytest.raises(UserError, match=r"features of shape \(5, 3, 16\)"):
        find(
            onnx_file(
                tmp_path / "odd.onnx", ["n", 3, 16, 16], "ReduceMax", out=("n", 3, 16), axes=[3], keepdims=0
            )
        ).extract(PICTURES)
