"""Resizing against ONNX's own reference over every mode, and against torch's interpolate."""

from math import inf

import numpy as np
import onnx
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx.reference import ReferenceEvaluator

from gossamer.ir.errors import IRError
from gossamer.ir.nest import Computed, Div
from gossamer.ir.ops import Resize
from gossamer.ir.reference import evaluate_op
from gossamer.ir.types import F32, I32, U8, Quant, TensorType, Value

COORDINATES = (
    "half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric", "tf_crop_and_resize",
)  # fmt: skip


def array(*shape):
    return np.random.default_rng(1).standard_normal(shape).astype(np.float32)


def onnx_s(x, op, scales):
    inputs = [x, np.asarray(op.roi, np.float32)]
    inputs += [np.asarray(scales, np.float32), None] if scales else [None, np.asarray(op.sizes, np.int64)]
    names = ["x", "roi", "scales" if scales else "", "" if scales else "sizes"]
    node = onnx.helper.make_node(
        "Resize", names, ["y"], mode=op.mode, coordinate_transformation_mode=op.coordinates, nearest_mode=op.nearest,
        cubic_coeff_a=op.cubic_a, exclude_outside=int(op.exclude_outside), antialias=int(op.antialias),
        extrapolation_value=op.extrapolation,
    )  # fmt: skip
    given = {n: v for n, v in zip(names, inputs) if n}
    values = [onnx.helper.make_tensor_value_info(n, onnx.helper.np_dtype_to_tensor_dtype(v.dtype), v.shape)
              for n, v in given.items()]  # fmt: skip
    out = onnx.helper.make_tensor_value_info("y", 1, None)
    model = onnx.helper.make_model(onnx.helper.make_graph([node], "g", values, [out]))
    return ReferenceEvaluator(model).run(None, given)[0]


@st.composite
def resizes(draw):
    shape = tuple(draw(st.integers(1, 6)) for _ in range(3))
    coordinates, mode = draw(st.sampled_from(COORDINATES)), draw(st.sampled_from(["nearest", "linear", "cubic"]))
    factors = draw(st.sampled_from([None, (1.0, 2.0, 0.6), (1.0, 0.5, 3.0), (2.6, 1.0, 1.2), (1.0, 0.3, 0.8)]))
    sizes = tuple(draw(st.integers(1, 12)) for _ in shape)
    if factors:
        sizes = tuple(int(float(np.float32(f)) * e) for f, e in zip(factors, shape))
    # Halves and eighths: the reference computes with them in float32, and they stay exact there.
    parts = [(0.0, 0.375, 0.5, 1.0, 0.625, 0.75), (0.0, 0.25, -0.125, 1.0, 1.0, 1.25), (0.0, 0.0, 0.0, 1.0, 1.0, 1.0)]
    roi = draw(st.sampled_from(parts))
    op = Resize(
        Value("x", TensorType(F32, shape)), sizes, mode, coordinates,
        tuple(float(np.float32(f)) for f in factors) if factors else (),
        draw(st.sampled_from(["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"])),
        draw(st.sampled_from([-0.75, -0.5])), mode != "nearest" and draw(st.booleans()),
        mode != "nearest" and draw(st.booleans()), 10.0, roi if coordinates == "tf_crop_and_resize" else (),
    )  # fmt: skip
    return op, factors


@pytest.mark.slow
@settings(max_examples=400, deadline=None)
@given(resizes())
def test_resizing_is_onnx_s(case):
    op, factors = case
    x = array(*op.x.shape)
    if 0 in op.sizes:
        assert evaluate_op(op, (x,))[0].shape == op.sizes
        return
    wanted = onnx_s(x, op, factors)
    assert op.infer()[0].shape == wanted.shape
    np.testing.assert_allclose(evaluate_op(op, (x,))[0], wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("mode", "torch_s"), [("linear", "bilinear"), ("cubic", "bicubic")])
@pytest.mark.parametrize("size", [(12, 14), (3, 5), (9, 4)])
@pytest.mark.parametrize("corners", [False, True])
@pytest.mark.parametrize("antialias", [False, True])
def test_interpolation_is_torch_s(mode, torch_s, size, corners, antialias):
    x = array(1, 3, 6, 7)
    coordinates = "align_corners" if corners else "pytorch_half_pixel"
    if corners and antialias:
        return  # torch measures the filter otherwise there
    cubic_a = -0.5 if antialias else -0.75
    op = Resize(
        Value("x", TensorType(F32, x.shape)), (1, 3, *size), mode, coordinates, cubic_a=cubic_a, antialias=antialias,
        exclude_outside=antialias,
    )  # fmt: skip
    wanted = torch.nn.functional.interpolate(
        torch.tensor(x), size, mode=torch_s, align_corners=corners, antialias=antialias
    )
    np.testing.assert_allclose(evaluate_op(op, (x,))[0], wanted.numpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("size", [(12, 14), (3, 5), (9, 4)])
def test_the_nearest_element_is_torch_s(size):
    x = array(1, 3, 6, 7)
    for kind, coordinates, rounding in (
        ("nearest", "asymmetric", "floor"), ("nearest-exact", "half_pixel", "round_prefer_ceil"),
    ):  # fmt: skip
        op = Resize(Value("x", TensorType(F32, x.shape)), (1, 3, *size), "nearest", coordinates, nearest=rounding)
        wanted = torch.nn.functional.interpolate(torch.tensor(x), size, mode=kind)
        np.testing.assert_array_equal(evaluate_op(op, (x,))[0], wanted.numpy())


def test_whole_factors_are_index_arithmetic_and_others_look_positions_up():
    def index(*sizes):
        op = Resize(Value("x", TensorType(F32, (1, 2, 6, 6))), sizes, coordinates="asymmetric", nearest="floor")
        return op.kernel().stages[0].loads[0].index

    assert isinstance(index(1, 2, 12, 6)[2], Div)
    assert index(1, 2, 3, 6)[2].terms == (("oh", 2),)
    assert isinstance(index(1, 2, 9, 6)[2], Computed)
    assert index(1, 2, 9, 6)[3].terms == (("ow", 1),)


def test_only_axes_that_change_are_stages():
    x = Value("x", TensorType(F32, (1, 2, 6, 6)))
    assert [s.shape for s in Resize(x, (1, 2, 9, 12), "linear").kernel().stages] == [(1, 2, 9, 6), (1, 2, 9, 12)]
    assert len(Resize(x, (1, 2, 6, 12), "linear").kernel().stages) == 1
    same = Resize(x, x.shape, "linear")
    given = array(1, 2, 6, 6)
    np.testing.assert_array_equal(evaluate_op(same, (given,))[0], given)


def test_the_nearest_mode_moves_integers_quantised_or_not():
    for type in (TensorType(I32, (1, 4)), TensorType(U8, (1, 4), Quant((0.5,), (3,)))):
        op = Resize(Value("x", type), (1, 8), coordinates="asymmetric", nearest="floor")
        given = np.arange(4).reshape(1, 4).astype(type.dtype.numpy)
        found = evaluate_op(op, (given,))[0]
        assert op.infer()[0] == type.with_shape((1, 8)) and found.dtype == given.dtype
        np.testing.assert_array_equal(found, given.repeat(2, axis=1))


@pytest.mark.parametrize("scales", [(), (1e-9, 1.0)])
def test_an_axis_shrinks_to_nothing(scales):
    """No filter is made for results without elements, however small the scale."""
    op = Resize(Value("x", TensorType(F32, (4, 2))), (0, 2), "linear", scales=scales, antialias=True)
    assert evaluate_op(op, (np.ones((4, 2), np.float32),))[0].shape == (0, 2)


X = Value("x", TensorType(F32, (1, 2, 4, 4)))


@pytest.mark.parametrize(
    ("op", "said"),
    [
        (Resize(X, (8, 8)), r"sizes is \(8, 8\), needed 4 whole numbers"),
        (Resize(X, X.shape, scales=(1.0, 1.0, 0.0, 1.0)), "scales is .*needed 4 numbers > 0"),
        (Resize(X, X.shape, coordinates="tf_crop_and_resize"), r"roi is \(\), needed 8 numbers"),
        (Resize(X, X.shape, scales=(1.0, 1.0, inf, 1.0)), "scales is .*needed 4 numbers > 0"),
        (Resize(X, X.shape, "linear", scales=(1.0, 1.0, 1e-9, 1.0), antialias=True), "needed at least a quarter of an"),
        (Resize(X, X.shape, antialias=True), "antialias needs the mode linear or cubic"),
        (Resize(Value("x", TensorType(I32, (4,))), (8,), "linear"), "x is i32, needed a float type"),
        (Resize(Value("x", TensorType(F32, (0,))), (8,)), r"x has shape \(0,\), needed elements"),
    ],
)
def test_misfits_are_named(op, said):
    with pytest.raises(IRError, match=said):
        op.infer()
