"""Convolutions and pools over one to three spatial axes, forwards and transposed, against onnxruntime."""

import re

import numpy as np
import pytest
from onnx import helper

from gossamer.frontends import load
from gossamer.ir.errors import FrontendError
from gossamer.ir.reference import evaluate


def floats(*shape):
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(np.float32)


LINE, PLANE, VOLUME = floats(2, 4, 11), floats(2, 4, 7, 6), floats(1, 4, 5, 6, 7)

CONVOLUTIONS = {
    "line": (LINE, (6, 4, 3), {"pads": [1, 2]}),
    "line strided": (LINE, (6, 4, 4), {"strides": [3], "dilations": [2], "pads": [3, 0]}),
    "line depthwise": (LINE, (8, 1, 3), {"group": 4}),
    "line same upper": (LINE, (2, 4, 4), {"auto_pad": "SAME_UPPER", "strides": [2]}),
    "line same lower": (LINE, (2, 4, 4), {"auto_pad": "SAME_LOWER", "strides": [2]}),
    "volume": (VOLUME, (6, 4, 3, 3, 3), {"pads": [1, 1, 1, 1, 1, 1]}),
    "volume strided": (VOLUME, (6, 4, 2, 3, 1), {"strides": [1, 2, 3], "dilations": [2, 1, 1],
                                                 "pads": [1, 0, 0, 0, 2, 1]}),
    "volume grouped": (VOLUME, (4, 2, 2, 2, 2), {"group": 2}),
    "volume same": (VOLUME, (2, 4, 3, 3, 2), {"auto_pad": "SAME_UPPER", "strides": [2, 2, 2]}),
    "volume valid": (VOLUME, (2, 4, 3, 3, 2), {"auto_pad": "VALID"}),
}  # fmt: skip


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("case", CONVOLUTIONS, ids=lambda c: c.replace(" ", "_"))
def test_convolutions(case, bias, same, make):
    x, shape, attributes = CONVOLUTIONS[case]
    constants = {"w": floats(*shape)} | ({"b": floats(shape[0])} if bias else {})
    node = helper.make_node("Conv", ["x", *constants], ["y"], **attributes)
    same(make([node], {"x": x.shape}, constants=constants), {"x": x})


TRANSPOSED = {
    "line": (LINE, (4, 3, 3), {"strides": [2], "pads": [1, 0], "output_padding": [1]}),
    "line dilated": (LINE, (4, 3, 3), {"strides": [2], "dilations": [3]}),
    "plane": (PLANE, (4, 3, 3, 2), {}),
    "plane strided": (PLANE, (4, 3, 3, 3), {"strides": [2, 3], "pads": [1, 1, 1, 1], "output_padding": [1, 2]}),
    "plane grouped": (PLANE, (4, 2, 3, 3), {"group": 2, "strides": [2, 2]}),
    "plane same upper": (PLANE, (4, 3, 4, 3), {"auto_pad": "SAME_UPPER", "strides": [2, 2]}),
    "plane same lower": (PLANE, (4, 3, 4, 3), {"auto_pad": "SAME_LOWER", "strides": [2, 2]}),
    "plane given shape": (PLANE, (4, 3, 3, 3), {"output_shape": [13, 12], "strides": [2, 2]}),
    "plane given shape upper": (PLANE, (4, 3, 4, 4), {"output_shape": [13, 11], "strides": [2, 2],
                                                      "auto_pad": "SAME_UPPER"}),
    "volume": (VOLUME, (4, 3, 2, 3, 2), {"strides": [2, 1, 2], "pads": [0, 1, 0, 1, 1, 0]}),
    "volume as U-Net's": (VOLUME, (4, 2, 2, 2, 2), {"strides": [2, 2, 2]}),
}  # fmt: skip


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("case", TRANSPOSED, ids=lambda c: c.replace(" ", "_"))
def test_transposed_convolutions(case, bias, same, make):
    x, shape, attributes = TRANSPOSED[case]
    outputs = shape[1] * attributes.get("group", 1)
    constants = {"w": floats(*shape)} | ({"b": floats(outputs)} if bias else {})
    node = helper.make_node("ConvTranspose", ["x", *constants], ["y"], **attributes)
    same(make([node], {"x": x.shape}, constants=constants), {"x": x})


POOLS = {
    "max line": (LINE, "MaxPool", {"kernel_shape": [3], "strides": [2], "pads": [1, 1]}),
    "max line ceil": (LINE, "MaxPool", {"kernel_shape": [2], "strides": [3], "ceil_mode": 1, "dilations": [2]}),
    "max volume": (VOLUME, "MaxPool", {"kernel_shape": [2, 3, 2], "strides": [1, 2, 2], "pads": [1, 1, 0, 0, 1, 1]}),
    "max volume dilated": (VOLUME, "MaxPool", {"kernel_shape": [2, 2, 3], "dilations": [2, 3, 1], "ceil_mode": 1}),
    "max volume same": (VOLUME, "MaxPool", {"kernel_shape": [3, 3, 3], "strides": [2, 2, 2], "auto_pad": "SAME_LOWER"}),
    "mean line": (LINE, "AveragePool", {"kernel_shape": [3], "strides": [2], "pads": [1, 1]}),
    "mean line counted": (LINE, "AveragePool", {"kernel_shape": [3], "pads": [1, 2], "count_include_pad": 1}),
    "mean plane dilated": (PLANE, "AveragePool", {"kernel_shape": [3, 2], "dilations": [2, 2], "pads": [2, 1, 0, 1]}),
    "mean plane dilated ceil": (PLANE, "AveragePool", {"kernel_shape": [2, 2], "dilations": [2, 1], "strides": [2, 4],
                                                       "ceil_mode": 1, "count_include_pad": 1}),
    "mean volume": (VOLUME, "AveragePool", {"kernel_shape": [2, 3, 2], "strides": [2, 1, 2],
                                            "pads": [1, 1, 0, 0, 1, 1]}),
    "mean volume counted": (VOLUME, "AveragePool", {"kernel_shape": [2, 3, 2], "pads": [1, 1, 0, 0, 1, 1],
                                                    "count_include_pad": 1}),
    "lp line": (LINE, "LpPool", {"kernel_shape": [3], "p": 1}),
    "lp plane": (PLANE, "LpPool", {"kernel_shape": [3, 2], "strides": [2, 2], "pads": [1, 0, 1, 1]}),
    "lp plane third": (PLANE, "LpPool", {"kernel_shape": [3, 2], "p": 3}),
    "lp volume": (VOLUME, "LpPool", {"kernel_shape": [2, 3, 2]}),
    "global lp": (PLANE, "GlobalLpPool", {"p": 2}),
    "global lp third": (VOLUME, "GlobalLpPool", {"p": 3}),
    "global mean line": (LINE, "GlobalAveragePool", {}),
    "global max volume": (VOLUME, "GlobalMaxPool", {}),
}  # fmt: skip


@pytest.mark.parametrize("case", POOLS, ids=lambda c: c.replace(" ", "_"))
def test_pools(case, same, make):
    x, kind, attributes = POOLS[case]
    same(make([helper.make_node(kind, ["x"], ["y"], **attributes)], {"x": x.shape}), {"x": x})


@pytest.mark.parametrize("x", [LINE, PLANE, VOLUME], ids=["line", "plane", "volume"])
@pytest.mark.parametrize("options", [{}, {"strides": 2, "pads": 1}, {"dilations": 2, "ceil_mode": 1}], ids=str)
def test_where_the_maxima_are(x, options, same, make, onnxruntime):
    axes = x.ndim - 2
    attributes = {k: v if k == "ceil_mode" else [v] * axes * (2 if k == "pads" else 1) for k, v in options.items()}
    node = helper.make_node("MaxPool", ["x"], ["y", "i"], kernel_shape=[2] * axes, **attributes)
    proto = make([node], {"x": x.shape}, ["y", "i"])
    proto.graph.output[1].type.tensor_type.elem_type = 7
    same(proto, {"x": x})


def test_padding_that_keeps_the_extent_reckons_with_dilation(make):
    """Against the same padding written out, as onnxruntime refuses auto_pad with dilations."""
    weight = {"w": floats(2, 4, 3, 3)}
    automatic = helper.make_node("Conv", ["x", "w"], ["y"], auto_pad="SAME_LOWER", dilations=[3, 2])
    written = helper.make_node("Conv", ["x", "w"], ["y"], pads=[3, 2, 3, 2], dilations=[3, 2])
    protos = (make([node], {"x": PLANE.shape}, constants=weight) for node in (automatic, written))
    found, wanted = (evaluate(load(proto), {"x": PLANE}) for proto in protos)
    np.testing.assert_array_equal(found["y"], wanted["y"])


def test_unpooling_puts_maxima_back(same, make):
    nodes = [
        helper.make_node("MaxPool", ["x"], ["m", "i"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("MaxUnpool", ["m", "i"], ["y"], kernel_shape=[2, 2], strides=[2, 2]),
    ]
    x = floats(2, 3, 6, 8)
    same(make(nodes, {"x": x.shape}), {"x": x})


@pytest.mark.parametrize("attributes", [{}, {"strides": [2, 2], "pads": [1, 0, 1, 2]}, {"dilations": [2, 1]}], ids=str)
def test_col2im(attributes, same, make):
    padded = [8 + (2 if "pads" in attributes else 0), 9 + (2 if "pads" in attributes else 0)]
    reach = [4 * attributes.get("dilations", [1])[0] - attributes.get("dilations", [1])[0] + 1, 3]
    counts = [(p - r) // attributes.get("strides", [1])[0] + 1 for p, r in zip(padded, reach)]
    x = floats(2, 3 * 12, counts[0] * counts[1])
    constants = {"image": np.asarray([8, 9]), "block": np.asarray([4, 3])}
    node = helper.make_node("Col2Im", ["x", *constants], ["y"], **attributes)
    same(make([node], {"x": x.shape}, constants=constants), {"x": x})


def local_response(size, x, make, same, **attributes):
    same(make([helper.make_node("LRN", ["x"], ["y"], size=size, **attributes)], {"x": x.shape}), {"x": x})


@pytest.mark.parametrize("size", [1, 3, 5])
def test_local_response_normalisation(size, make, same):
    local_response(size, PLANE, make, same, alpha=0.3, beta=0.6, bias=2.0)


REFUSED = {
    "it works on 4 spatial axes, and 1 to 3 are supported": ("MaxPool", (1, 1, 2, 2, 2, 2), {"kernel_shape": [1] * 4}),
    "its pads [1] are malformed: 2 numbers are needed": ("MaxPool", (1, 1, 5), {"kernel_shape": [2], "pads": [1]}),
    "its strides [0] are malformed: 1 numbers >= 1 are needed": ("MaxPool", (1, 1, 5), {"kernel_shape": [2],
                                                                                        "strides": [0]}),
    "its auto_pad 'SAME' is malformed": ("AveragePool", (1, 1, 5), {"kernel_shape": [2], "auto_pad": "SAME"}),
    "its window of [1, 9] is larger than the padded input [1, 5]": ("LpPool", (1, 1, 5), {"kernel_shape": [9]}),
    "its size is 0 and its input has shape [1, 1, 5]": ("LRN", (1, 1, 5), {"size": 0}),
}  # fmt: skip


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_refused(text, make):
    kind, shape, attributes = REFUSED[text]
    with pytest.raises(FrontendError, match=re.escape(text)):
        load(make([helper.make_node(kind, ["x"], ["y"], **attributes)], {"x": shape}))
