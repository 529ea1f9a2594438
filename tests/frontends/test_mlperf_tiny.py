"""The four MLPerf-Tiny networks as published: their MACs, and their numbers."""

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from gossamer.frontends import load
from gossamer.ir.analysis import layers
from gossamer.ir.errors import FrontendError

MACS = {"resnet8": 12_501_632, "mobilenet_v1": 7_489_664, "deepautoencoder": 264_192, "ds_cnn": 2_656_768}


def floats(path):
    """ds_cnn as published has int8 weights in float convolutions, which no runtime accepts; here they are floats."""
    model = onnx.load(path)
    for tensor in model.graph.initializer:
        array = numpy_helper.to_array(tensor)
        if array.dtype in (np.int8, np.int32):
            tensor.CopyFrom(numpy_helper.from_array(array.astype(np.float32), tensor.name))
    return model


@pytest.mark.parametrize("name", MACS)
def test_macs(name, data):
    path = data / "onnx_mlperf_tiny" / f"{name}.onnx"
    module = load(floats(path) if name == "ds_cnn" else path)
    assert sum(layer.macs for _, layer in layers(module)) == MACS[name]


@pytest.mark.parametrize("name", ["resnet8", "mobilenet_v1", "deepautoencoder"])
def test_numbers(name, data, same):
    proto = onnx.load(data / "onnx_mlperf_tiny" / f"{name}.onnx")
    given = proto.graph.input[0]
    shape = [d.dim_value for d in given.type.tensor_type.shape.dim]
    x = np.random.default_rng(2).random(shape).astype(np.float32)
    module = same(proto, {given.name: x})
    assert {n.label for n in module.graph.nodes} >= {n.name for n in proto.graph.node if n.name}


def test_int8_weights_in_a_float_convolution_are_refused(data):
    with pytest.raises(FrontendError, match=r"\(Conv\): x is f32, the weight i8, needed both float or both integer"):
        load(data / "onnx_mlperf_tiny" / "ds_cnn.onnx")
