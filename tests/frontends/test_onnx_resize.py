"""Resize and Upsample against onnxruntime: every mode, way to place coordinates, and way to say the size."""

import re

import numpy as np
import pytest
from onnx import helper

from gossamer.frontends import load
from gossamer.ir.errors import FrontendError
from gossamer.ir.reference import evaluate

X = np.random.default_rng(0).standard_normal((1, 2, 6, 8)).astype(np.float32)
COORDINATES = ("half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "asymmetric")
ROUNDINGS = ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")


def network(make, scales=None, sizes=None, roi=None, opset=19, **attributes):
    given = {"roi": roi, "scales": scales, "sizes": sizes}
    constants = {n: np.asarray(v, np.int64 if n == "sizes" else np.float32) for n, v in given.items() if v is not None}
    names = [n if n in constants else "" for n in given]
    node = helper.make_node("Resize", ["x", *names], ["y"], **attributes)
    return make([node], {"x": X.shape}, constants=constants, opset=opset)


@pytest.mark.parametrize("scales", [(1, 1, 2, 1.5), (1, 1, 0.6, 0.4), (1, 1, 2.6, 0.5)], ids=str)
@pytest.mark.parametrize("coordinates", COORDINATES)
@pytest.mark.parametrize("mode", ["linear", "cubic"])
def test_modes_and_coordinates(mode, coordinates, scales, same, make):
    same(network(make, scales, mode=mode, coordinate_transformation_mode=coordinates), {"x": X})


@pytest.mark.parametrize("scales", [(1, 1, 2, 3), (1, 1, 0.5, 0.7)], ids=str)
@pytest.mark.parametrize("coordinates", COORDINATES)
@pytest.mark.parametrize("rounding", ROUNDINGS)
def test_nearest(rounding, coordinates, scales, same, make):
    same(network(make, scales, nearest_mode=rounding, coordinate_transformation_mode=coordinates), {"x": X})


@pytest.mark.parametrize("mode", ["nearest", "linear", "cubic"])
@pytest.mark.parametrize("sizes", [(1, 2, 9, 5), (1, 2, 3, 16)], ids=str)
def test_aligned_corners(sizes, mode, same, make):
    """With sizes: for scales that give no whole extent onnxruntime rounds it first, the standard does not."""
    same(network(make, sizes=sizes, mode=mode, coordinate_transformation_mode="align_corners"), {"x": X})


@pytest.mark.parametrize("mode", ["nearest", "linear", "cubic"])
@pytest.mark.parametrize("sizes", [(1, 2, 9, 5), (1, 2, 3, 16)], ids=str)
def test_sizes(sizes, mode, same, make):
    same(network(make, sizes=sizes, mode=mode), {"x": X})


@pytest.mark.parametrize("policy", ["not_larger", "not_smaller"])
@pytest.mark.parametrize("axes", [[2, 3], [3, 2]], ids=str)
def test_sizes_that_keep_the_aspect_ratio(axes, policy, same, make):
    same(network(make, sizes=(9, 11), axes=axes, keep_aspect_ratio_policy=policy), {"x": X})


ANTIALIASED = [("linear", {}), ("cubic", {}), ("cubic", {"exclude_outside": 1})]


@pytest.mark.parametrize(("mode", "options"), ANTIALIASED, ids=str)
def test_antialias(mode, options, same, make):
    same(network(make, (1, 1, 0.5, 0.4), mode=mode, antialias=1, **options), {"x": X})


@pytest.mark.parametrize("options", [{"cubic_coeff_a": -0.5}, {"exclude_outside": 1}], ids=str)
def test_cubic_options(options, same, make):
    same(network(make, (1, 1, 1.7, 0.8), mode="cubic", **options), {"x": X})


@pytest.mark.parametrize("mode", ["nearest", "linear"])
def test_crops(mode, same, make):
    roi = (0, 0, 0.2, 0.3, 1, 1, 0.7, 1.2)
    attributes = {"coordinate_transformation_mode": "tf_crop_and_resize", "extrapolation_value": 3.5}
    same(network(make, sizes=(1, 2, 5, 4), roi=roi, mode=mode, **attributes), {"x": X})


def test_half_pixels_of_tensorflow(make):
    """floor((index + 1/2) / scale): as nearest in TensorFlow 1 with half_pixel_centers."""
    proto = network(make, (1, 1, 1.5, 0.6), opset=11, nearest_mode="floor",
                    coordinate_transformation_mode="tf_half_pixel_for_nn")  # fmt: skip
    proto.graph.node[0].input[1] = "scales"
    found = evaluate(load(proto), {"x": X})["y"]
    rows = np.floor((np.arange(9) + 0.5) / np.float32(1.5)).astype(int)
    columns = np.floor((np.arange(4) + 0.5) / np.float32(0.6)).astype(int)
    np.testing.assert_array_equal(found, X[:, :, rows][..., columns])


@pytest.mark.parametrize("mode", ["nearest", "linear"])
@pytest.mark.parametrize("opset", [9, 10])
def test_before_opset_11(opset, mode, same, make):
    node = helper.make_node("Upsample" if opset == 9 else "Resize", ["x", "s"], ["y"], mode=mode)
    same(make([node], {"x": X.shape}, constants={"s": np.float32([1, 1, 2, 3])}, opset=opset), {"x": X})


def test_upsample_7_has_its_scales_as_an_attribute(same, make):
    node = helper.make_node("Upsample", ["x"], ["y"], scales=[1.0, 1.0, 2.0, 2.0])
    same(make([node], {"x": X.shape}, opset=8), {"x": X})


REFUSED = {
    "its mode 'area' is malformed, needed one of nearest, linear, cubic": {"mode": "area"},
    "its coordinate_transformation_mode 'pixel' is malformed": {"coordinate_transformation_mode": "pixel"},
    "its nearest_mode 'up' is malformed": {"nearest_mode": "up"},
    "its scales (2.0, 2.0) are malformed: 4 numbers > 0 are needed": {"scales": (2, 2)},
    "its roi None is malformed: 8 numbers are needed": {"coordinate_transformation_mode": "tf_crop_and_resize"},
    "it has neither scales nor sizes": {"scales": None},
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_refused(text, make):
    with pytest.raises(FrontendError, match=re.escape(text)):
        load(network(make, **({"scales": (1, 1, 2, 2)} | REFUSED[text])))
