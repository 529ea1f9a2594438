"""Activations, normalisation, sampling and transforms of ONNX against onnxruntime, or torch where that has none."""

import re

import numpy as np
import pytest
from onnx import helper

from gossamer.frontends import load
from gossamer.ir.errors import FrontendError
from gossamer.ir.reference import evaluate


def floats(*shape):
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(np.float32)


def ints(*numbers):
    return np.asarray(numbers, np.int64)


X = floats(2, 4, 7, 6)

ACTIVATIONS = [
    ("Selu", {}), ("Selu", {"alpha": 1.5, "gamma": 0.9}), ("Celu", {}), ("Celu", {"alpha": 2.5}), ("Softsign", {}),
    ("Mish", {}), ("ThresholdedRelu", {}), ("ThresholdedRelu", {"alpha": 0.3}), ("Shrink", {"lambd": 0.4}),
    ("Shrink", {"lambd": 0.6, "bias": 0.25}), ("Hardmax", {"axis": 1}), ("Hardmax", {}),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "attributes"), ACTIVATIONS, ids=lambda p: p if isinstance(p, str) else "-".join(p))
def test_activations(kind, attributes, same, make):
    same(make([helper.make_node(kind, ["x"], ["y"], **attributes)], {"x": X.shape}), {"x": X})


@pytest.mark.parametrize("axis", [1, 2])
def test_hardmax_of_all_axes_behind(axis, same, make):
    same(make([helper.make_node("Hardmax", ["x"], ["y"], axis=axis)], {"x": X.shape}, opset=11), {"x": X})


@pytest.mark.parametrize("alpha", [1.0, 1.7])
def test_swish_and_its_gated_form(alpha, make):
    """Of opsets that onnxruntime does not know yet."""
    a, b = floats(3, 5), floats(5, 3).T.copy()
    swish = a / (1 + np.exp(-alpha * a))
    for kind, inputs, wanted in (("Swish", {"a": a}, swish), ("SwiGLU", {"a": a, "b": b}, swish * b)):
        node = helper.make_node(kind, [*inputs], ["y"], alpha=alpha)
        proto = make([node], {k: v.shape for k, v in inputs.items()}, opset=28)
        np.testing.assert_allclose(evaluate(load(proto), inputs)["y"], wanted, atol=1e-6)


NORMS = {
    "layer": ("LayerNormalization", [floats(6), floats(6)], {}),
    "layer of three axes": ("LayerNormalization", [floats(4, 7, 6), floats(4, 7, 6)], {"axis": 1, "epsilon": 1e-2}),
    "layer without bias": ("LayerNormalization", [floats(7, 6)], {"axis": -2}),
    "instance": ("InstanceNormalization", [floats(4), floats(4)], {"epsilon": 1e-3}),
    "group": ("GroupNormalization", [floats(4), floats(4)], {"num_groups": 2}),
    "one group": ("GroupNormalization", [floats(4), floats(4)], {"num_groups": 1}),
    "mean and variance": ("MeanVarianceNormalization", [], {}),
    "mean and variance of an axis": ("MeanVarianceNormalization", [], {"axes": [-1]}),
    "lp": ("LpNormalization", [], {}),
    "lp one": ("LpNormalization", [], {"p": 1, "axis": 1}),
}


@pytest.mark.parametrize("case", NORMS, ids=lambda c: c.replace(" ", "_"))
def test_normalisation(case, same, make):
    kind, constants, attributes = NORMS[case]
    names = [f"c{i}" for i in range(len(constants))]
    node = helper.make_node(kind, ["x", *names], ["y"], **attributes)
    same(make([node], {"x": X.shape}, constants=dict(zip(names, constants))), {"x": X})


@pytest.mark.parametrize("axis", [1, -1])
def test_layer_norm_tells_its_statistics(axis, same, make):
    node = helper.make_node("LayerNormalization", ["x", "s"], ["y", "mean", "inverse"], axis=axis)
    constants = {"s": floats(*X.shape[axis:])}
    same(make([node], {"x": X.shape}, ["y", "mean", "inverse"], constants), {"x": X})


def test_layer_norm_whose_scale_broadcasts(same, make):
    node = helper.make_node("LayerNormalization", ["x", "s", "b"], ["y"], axis=2)
    same(make([node], {"x": X.shape}, constants={"s": floats(6), "b": floats(7, 1)}), {"x": X})


def test_layer_norm_is_one_op(make):
    node = helper.make_node("LayerNormalization", ["x", "s", "b"], ["y"])
    module = load(make([node], {"x": X.shape}, constants={"s": floats(6), "b": floats(6)}))
    assert [n.op.name for n in module.graph.nodes if n.op.name != "ir.param"] == ["nn.layer_norm"]


def test_groups_scaled_as_wholes_before_opset_21(make):
    node = helper.make_node("GroupNormalization", ["x", "s", "b"], ["y"], num_groups=2)
    scale, bias = floats(2), floats(3)[:2]
    found = evaluate(load(make([node], {"x": X.shape}, constants={"s": scale, "b": bias}, opset=18)), {"x": X})["y"]
    rows = X.reshape(2, 2, -1)
    plain = (rows - rows.mean(-1, keepdims=True)) / np.sqrt(rows.var(-1, keepdims=True) + 1e-5)
    np.testing.assert_allclose(found, (plain * scale[:, None] + bias[:, None]).reshape(X.shape), atol=1e-5)


def test_rms_norm(make):
    node = helper.make_node("RMSNormalization", ["x", "s"], ["y"], axis=2, epsilon=1e-3)
    scale = floats(7, 6)
    found = evaluate(load(make([node], {"x": X.shape}, constants={"s": scale}, opset=23)), {"x": X})["y"]
    mean = np.mean(X.astype(np.float64) ** 2, axis=(2, 3), keepdims=True)
    np.testing.assert_allclose(found, X / np.sqrt(mean + 1e-3) * scale, atol=1e-5)


def test_a_row_of_zeros_has_no_direction(same, make):
    x = X.copy()
    x[0, 1] = 0
    module = load(make([helper.make_node("LpNormalization", ["x"], ["y"])], {"x": x.shape}))
    assert np.all(evaluate(module, {"x": x})["y"][0, 1] == 0)


def test_dropout_keeps_everything_and_says_so(same, make):
    proto = make([helper.make_node("Dropout", ["x"], ["y", "mask"])], {"x": X.shape}, ["y", "mask"])
    proto.graph.output[1].type.tensor_type.elem_type = 9
    same(proto, {"x": X})


@pytest.mark.parametrize("padding", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("aligned", [0, 1])
@pytest.mark.parametrize("mode", ["nearest", "linear", "cubic"])
def test_grid_sample(mode, aligned, padding, same, make):
    grid = 1.6 * np.random.default_rng(3).uniform(-1, 1, (2, 5, 3, 2)).astype(np.float32)
    attributes = {"mode": mode, "padding_mode": padding, "align_corners": aligned}
    node = helper.make_node("GridSample", ["x", "g"], ["y"], **attributes)
    same(make([node], {"x": X.shape, "g": grid.shape}, opset=20), {"x": X, "g": grid})


@pytest.mark.parametrize("mode", ["nearest", "linear"])
def test_grid_sample_of_a_volume(mode, same, make):
    x, grid = floats(2, 3, 4, 5, 6), floats(2, 3, 2, 4, 3)
    node = helper.make_node("GridSample", ["x", "g"], ["y"], mode=mode)
    same(make([node], {"x": x.shape, "g": grid.shape}, opset=20), {"x": x, "g": grid})


@pytest.mark.parametrize("mode", ["avg", "max"])
@pytest.mark.parametrize("coordinates", ["half_pixel", "output_half_pixel"])
def test_roi_align(coordinates, mode, same, make):
    boxes = np.float32([[0, 0, 9, 6], [3, 2, 4.5, 10], [-6, -4, 2, 2], [8, 8, 8.2, 8.4]])
    attributes = {"output_height": 3, "output_width": 2, "sampling_ratio": 2, "spatial_scale": 0.6, "mode": mode}
    attributes["coordinate_transformation_mode"] = coordinates
    node = helper.make_node("RoiAlign", ["x", "r", "i"], ["y"], **attributes)
    proto = make([node], {"x": X.shape, "r": boxes.shape}, constants={"i": ints(0, 1, 1, 0)})
    same(proto, {"x": X, "r": boxes})


@pytest.mark.parametrize("groups", [(1, 1), (2, 1), (1, 2), (2, 2)], ids=str)
@pytest.mark.parametrize("masked", [False, True])
def test_deformable_convolution(masked, groups, same, make):
    group, offset_group = groups
    constants = {"w": floats(6, 4 // group, 3, 2), "b": floats(6)}
    inputs = {"x": X, "o": 1.5 * floats(2, offset_group * 12, 4, 4)}
    if masked:
        inputs["m"] = np.abs(floats(2, offset_group * 6, 4, 4))
    attributes = {"strides": [2, 2], "pads": [1, 0, 1, 2], "group": group, "offset_group": offset_group}
    node = helper.make_node("DeformConv", ["x", "w", "o", "b", *(["m"] if masked else [])], ["y"], **attributes)
    same(make([node], {k: v.shape for k, v in inputs.items()}, constants=constants, opset=22), inputs)


@pytest.mark.parametrize("options", [{}, {"inverse": 1}, {"onesided": 1}], ids=str)
@pytest.mark.parametrize("length", [None, 4, 9])
@pytest.mark.parametrize("axis", [1, -2])
def test_fourier_transform(axis, length, options, same, make):
    x = X[..., :1] if options.get("onesided") else X[..., :2]
    constants = {"axis": np.int64(axis)} | ({} if length is None else {"n": np.int64(length)})
    node = helper.make_node("DFT", ["x", "n" if length else "", "axis"], ["y"], **options)
    same(make([node], {"x": x.shape}, constants=constants, opset=20), {"x": x})


@pytest.mark.parametrize("length", [None, 10, 7])
def test_signal_of_a_one_sided_spectrum(length, make):
    x = X[..., :2]
    constants = {} if length is None else {"n": np.int64(length)}
    node = helper.make_node("DFT", ["x", *constants], ["y"], inverse=1, onesided=1)
    found = evaluate(load(make([node], {"x": x.shape}, constants=constants, opset=20)), {"x": x})["y"]
    wanted = np.fft.irfft(x[..., 0] + 1j * x[..., 1], n=length, axis=2)
    np.testing.assert_allclose(found[..., 0], wanted, atol=1e-5)


@pytest.mark.parametrize("onesided", [0, 1])
@pytest.mark.parametrize("window", [None, "constant", "runtime"])
def test_short_time_fourier_transform(window, onesided, same, make):
    x, w = floats(2, 40, 1), np.hanning(16).astype(np.float32)
    constants = {"step": np.int64(5), "length": np.int64(16)} | ({"w": w} if window == "constant" else {})
    inputs = {"x": x} | ({"w": w} if window == "runtime" else {})
    node = helper.make_node("STFT", ["x", "step", "w" if window else "", "length"], ["y"], onesided=onesided)
    same(make([node], {k: v.shape for k, v in inputs.items()}, constants=constants, opset=17), inputs, 1e-4)


@pytest.mark.parametrize(("a", "b"), [((3,), (3,)), ((3,), (2, 3, 4)), ((2, 4, 3), (3,)), ((3,), (3, 5))], ids=str)
def test_products_with_vectors(a, b, same, make):
    x, y = floats(*a), floats(*b)
    same(make([helper.make_node("MatMul", ["a", "b"], ["y"])], {"a": a, "b": b}), {"a": x, "b": y})


def test_large_constants_are_not_made_before_they_are_needed(make):
    """Half a gigabyte of weights, declared by eight bytes."""
    fill = helper.make_node("ConstantOfShape", ["s"], ["w"])
    nodes = [fill, helper.make_node("MatMul", ["x", "w"], ["y"])]
    module = load(make(nodes, {"x": (1, 16384)}, constants={"s": ints(16384, 8192)}))
    assert module.params.loaded("w") is None
    assert module.graph.outputs[0].shape == (1, 8192)


REFUSED = {
    "its num_groups is 3, needed a divisor of the channels of [2, 4, 7, 6]":
        ("GroupNormalization", {"num_groups": 3}, [floats(4), floats(4)]),
    "its p is 3, needed 1 or 2": ("LpNormalization", {"p": 3}, []),
    "its alpha is -1.0, needed a number > 0": ("Celu", {"alpha": -1.0}, []),
    "its padding_mode 'none' is malformed": ("GridSample", {"padding_mode": "none"}, [floats(2, 3, 3, 2)]),
    "its mode 'area' is malformed": ("GridSample", {"mode": "area"}, [floats(2, 3, 3, 2)]),
    "its input [2, 4, 7, 6] and grid [2, 3, 3, 3] do not fit": ("GridSample", {}, [floats(2, 3, 3, 3)]),
    "its sampling_ratio is 0, so that the regions say": ("RoiAlign", {}, [floats(3, 4), ints(0, 0, 1)]),
    "its last axis has 6 parts": ("DFT", {}, []),
    "its offset has shape [2, 8, 6, 5], needed [2, 16, 6, 5]":
        ("DeformConv", {"offset_group": 2}, [floats(1, 4, 2, 2), floats(2, 8, 6, 5)]),
}  # fmt: skip


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_refused(text, make):
    kind, attributes, constants = REFUSED[text]
    names = [f"c{i}" for i in range(len(constants))]
    node = helper.make_node(kind, ["x", *names], ["y"], **attributes)
    proto = make([node], {"x": X.shape}, constants=dict(zip(names, constants)), opset=22)
    with pytest.raises(FrontendError, match=re.escape(text)):
        load(proto)


ABSURD = {
    "lp": ("LpPool", {"x": (1, 1, 8, 8)}, {"kernel_shape": [60000, 60000], "pads": [30000] * 4}),
    "mean": ("AveragePool", {"x": (1, 1, 40000, 40000)}, {"kernel_shape": [2, 2], "dilations": [2, 2]}),
    "unpool": ("MaxUnpool", dict.fromkeys("xi", (1, 1, 4, 4)), {"kernel_shape": [60000] * 2, "strides": [60000] * 2}),
    "attention": ("Attention", dict.fromkeys("qkv", (1, 1, 1 << 20, 1)), {"is_causal": 1}),
    "regions": ("RoiAlign", {"x": (1, 1, 4, 4), "r": (1, 4), "i": (1,)}, {"sampling_ratio": 1 << 30}),
    "transform": ("DFT", {"x": (1, 1 << 20, 1)}, {}),
    "recurrent": ("LSTM", {"x": (1, 1 << 30, 1), "w": (1, 4, 1), "r": (1, 4, 1)}, {"hidden_size": 1}),
}  # fmt: skip


@pytest.mark.parametrize("case", ABSURD)
def test_no_few_bytes_make_gigabytes(case, make):
    """Constants that the importer makes up are measured before they are made."""
    kind, inputs, attributes = ABSURD[case]
    proto = make([helper.make_node(kind, [*inputs], ["y"], **attributes)], inputs, opset=23)
    with pytest.raises(FrontendError, match="it would make a constant of|would be a matrix of"):
        load(proto)
