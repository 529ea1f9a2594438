"""Whole networks of every kind, narrow: ONNX and torch compute what the reference does, xDSL accepts the MLIR text."""

import numpy as np
import onnx
import pytest

from gossamer.codegen.mlir import export_mlir
from gossamer.codegen.onnx import export_onnx
from gossamer.frontends import load, zoo
from gossamer.ir.reference import evaluate

from . import mlir_help

torch = pytest.importorskip("torch")

NAMES = ("deit_tiny", "deeplab_v3", "unet2d", "ds_cnn", "crnn", "gru", "pulse1d")


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_network(name, tmp_path):
    from gossamer.codegen.torch import to_torch

    ort = pytest.importorskip("onnxruntime")
    shape = (1, 3, 64, 64) if name in ("deeplab_v3", "unet2d") else zoo.input_shape(name)
    zoo.save_onnx(zoo.build(name, classes=5, width=0.125), tmp_path / "net.onnx", shape)
    module = load(tmp_path / "net.onnx")
    x = np.random.default_rng(5).standard_normal(shape).astype(np.float32)
    wanted = evaluate(module, {"x": x})["y"]
    allowed = 2e-4 * float(np.abs(wanted).max())  # measured: 7e-5 and below

    model = export_onnx(module)
    onnx.checker.check_model(model, full_check=True)
    found = ort.InferenceSession(model.SerializeToString()).run(None, {"x": x})[0]
    np.testing.assert_allclose(found, wanted, rtol=0, atol=allowed)
    np.testing.assert_allclose(evaluate(load(model), {"x": x})["y"], wanted, rtol=0, atol=allowed)

    ours = to_torch(module)(torch.from_numpy(x)).numpy(force=True)
    np.testing.assert_allclose(ours, wanted, rtol=0, atol=allowed)
    mlir_help.verified(export_mlir(module))


@pytest.mark.slow
@pytest.mark.parametrize("bits", [8, 4])
def test_precision_comes_back(bits, prepared, image):
    """A quantised network, written as ONNX and read again, computes the same."""
    module = prepared("resnet18", f"fold-bn,fuse,quantize{{bits={bits}}}")
    returned = load(export_onnx(module))
    wanted = evaluate(module, {"x": image})["y"]
    np.testing.assert_allclose(evaluate(returned, {"x": image})["y"], wanted, rtol=1e-5, atol=1e-5)
    kinds = {v.dtype.bits for n in returned.graph.nodes for v in n.results if v.type.quant is not None}
    assert bits in kinds


@pytest.mark.slow
def test_published_int8_keyword_spotting(data):
    """MLPerf Tiny's int8 network: MLIR and torch give the reference's integers, onnxruntime is within one step."""
    from gossamer.codegen.torch import to_torch

    ort = pytest.importorskip("onnxruntime")
    pytest.importorskip("tflite", reason="reading .tflite files needs the extra 'tflite'")
    module = load(data / "mlperf_tiny_models" / "kws_ref_model.tflite")
    (value,) = module.graph.inputs
    x = np.random.default_rng(0).integers(-128, 128, value.shape).astype(np.int8)
    wanted = next(iter(evaluate(module, {value.name: x}).values()))
    np.testing.assert_array_equal(to_torch(module)(torch.from_numpy(x)).numpy(force=True), wanted)
    found = ort.InferenceSession(export_onnx(module).SerializeToString()).run(None, {value.name: x})[0]
    assert np.abs(found.astype(int) - wanted.astype(int)).max() <= 1
    mlir_help.check(module, {value.name: x})
