"""Files that cannot be imported: each is one clear sentence, and nothing is ever allocated on a file's word."""

import random

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from gossamer.frontends import load
from gossamer.ir.errors import FrontendError


@pytest.fixture
def relu(make):
    return make([helper.make_node("Relu", ["x"], ["y"], "act")], {"x": (1, 3)})


def refused(given, **more):
    with pytest.raises(FrontendError) as caught:
        load(given, **more)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_no_such_file(tmp_path):
    assert refused(tmp_path / "a.onnx") == f"{tmp_path / 'a.onnx'}: there is no such file"


def test_folder(tmp_path):
    assert refused(tmp_path) == f"{tmp_path}: this is a folder or device, needed a model file"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"\x89PNG\r\n\x1a\n not a model at all", "this is not an ONNX file"),
        (b"\x08", "the ONNX file is damaged or cut off after 1 bytes; copy it again"),
        (b"\x08\x08", "this is not an ONNX model: it holds no graph"),
        (b"PK\x03\x04....", "this is a zip archive and not a model; if it is a saved PyTorch program, open it with "
                            "torch.export.load and pass what that returns"),
    ],
    ids=["empty", "png", "cut", "hollow", "zip"],
)  # fmt: skip
def test_not_onnx(content, message, tmp_path):
    path = tmp_path / "a.onnx"
    path.write_bytes(content)
    assert refused(path) == f"{path}: {message}"


def test_truncated_anywhere(make, tmp_path):
    weights = {"w": np.ones((4, 3), np.float32)}
    whole = make([helper.make_node("MatMul", ["x", "w"], ["y"])], {"x": (1, 4)}, constants=weights).SerializeToString()
    path = tmp_path / "a.onnx"
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        try:
            load(path)
        except FrontendError:
            continue
        # What is cut off may be no more than the opset list's end or the like; never the graph.
        assert size > len(whole) - 8


def test_flipped_bytes_never_raise_anything_else(make, tmp_path):
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], pads=[1, 1, 1, 1]),
        helper.make_node("Clip", ["c", "low"], ["r"]),
        helper.make_node("Reshape", ["r", "shape"], ["y"]),
    ]
    constants = {
        "w": np.ones((2, 3, 3, 3), np.float32), "low": np.float32(0), "shape": np.asarray([1, -1], np.int64)
    }  # fmt: skip
    whole = make(nodes, {"x": (1, 3, 4, 4)}, constants=constants).SerializeToString()
    path, chance = tmp_path / "a.onnx", random.Random(3)
    for _ in range(500):
        damaged = bytearray(whole)
        for _ in range(chance.randint(1, 3)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        path.write_bytes(damaged)
        try:
            module = load(path)
            for name in module.params:
                _ = module.params[name]
        except FrontendError as error:
            assert str(path) in str(error)


def test_every_unsupported_operator_is_listed_at_once(make):
    nodes = [
        helper.make_node("Relu", ["x"], ["a"]),
        helper.make_node("LSTMish", ["a"], ["b"], "first"),
        helper.make_node("Twist", ["b"], ["c"], "second", domain="my.ops"),
        helper.make_node("LSTMish", ["c"], ["d"]),
        helper.make_node("NonZero", ["a"], ["e"], "places"),
        helper.make_node("Add", ["d", "e"], ["y"]),
    ]
    assert refused(make(nodes, {"x": (1, 3, 2, 2)}, domains=["my.ops"])) == (
        "2 operators are not supported: LSTMish (nodes first, d), my.ops:Twist (node second); "
        "1 node cannot be imported: places (NonZero): its operand 'a' is computed at run time and has to be a "
        "constant; "
        "if it is always the same, load the model with constants={'x': ...}"
    )


REFUSALS = [
    ((1, 2, 3, 3, 3, 3), "MaxPool", {"kernel_shape": [1] * 4}, "it works on 4 spatial axes, and 1 to 3 are supported"),
    ((1, 2), "BatchNormalization", {"training_mode": 1},
     "it is in training mode; export the model for inference (model.eval())"),
    ((1, 2), "NonZero", {},
     "its operand 'x' is computed at run time and has to be a constant; if it is always the same, "
     "load the model with constants={'x': ...}"),
]  # fmt: skip


@pytest.mark.parametrize(("shape", "kind", "attributes", "reason"), REFUSALS, ids=lambda p: p if str(p) == p else "")
def test_refused_variants(shape, kind, attributes, reason, make):
    proto = make([helper.make_node(kind, ["x"], ["y"], "n", **attributes)], {"x": shape})
    assert refused(proto) == f"1 node cannot be imported: n ({kind}): {reason}"


def test_operands_that_do_not_fit(make):
    proto = make([helper.make_node("Conv", ["x", "w"], ["y"], "c1")], {"x": (1, 3, 4, 4)},
                 constants={"w": np.ones((2, 4, 1, 1), np.float32)})  # fmt: skip
    message = "1 node cannot be imported: c1 (Conv): input has 3 channels but the weight expects 4 x groups 1"
    assert refused(proto) == message


def test_a_shape_computed_at_run_time(make):
    proto = make([helper.make_node("Reshape", ["x", "s"], ["y"], "r")], {"x": (4,), "s": (2,)})
    assert refused(proto) == (
        "1 node cannot be imported: r (Reshape): its operand 's' is computed at run time and has to be a constant; "
        "if it is always the same, load the model with constants={'s': ...}"
    )


def test_dynamic_shapes_are_listed_with_the_remedy(make):
    proto = make([helper.make_node("Add", ["x", "z"], ["y"])], {"x": ("batch", 3, None, "w"), "z": (1, 1, 1, "w")})
    assert refused(proto) == (
        "input 'x' has dynamic axes 0 (batch), 2, 3 (w); input 'z' has dynamic axis 3 (w), and every shape has to be "
        "known; give it, for example --shape x=1,3,224,224 --shape z=1,1,1,224"
    )
    assert load(proto, {"x": (2, 3, 4, 5), "z": (1, 1, 1, 5)}).graph.outputs[0].shape == (2, 3, 4, 5)


@pytest.mark.parametrize("extent", [0, -1])
def test_some_exporters_write_a_number_for_any_extent(extent, make):
    proto = make([helper.make_node("Relu", ["x"], ["y"])], {"x": (extent, 3)})
    assert refused(proto).startswith("input 'x' has dynamic axis 0, and every shape has to be known; give it")
    assert load(proto, {"x": (2, 3)}).graph.outputs[0].shape == (2, 3)


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ({"q": (1,)}, "there is no input 'q' to give a shape to (known: x)"),
        ({"x": (1, 4)}, "input 'x' has shape ?x3 in the file, and 1x4 does not fit it"),
        ({"x": (1, 3, 1)}, "input 'x' has shape ?x3 in the file, and 1x3x1 does not fit it"),
        ({"x": (0, 3)}, "input 'x' cannot have shape 0x3; extents are at least 1"),
        ({"x": (10**12, 3)}, "input 'x' declares 3e+12 elements [1000000000000, 3] and may have 8.59e+09"),
    ],
)
def test_shapes_that_do_not_fit(shapes, message, make):
    assert refused(make([helper.make_node("Relu", ["x"], ["y"])], {"x": (None, 3)}), shapes=shapes) == message


def test_huge_initialiser(relu):
    relu.graph.initializer.append(TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[10**6, 10**6]))
    assert refused(relu) == "tensor 'w' declares 1e+12 elements [1000000, 1000000] and may have 8.59e+09"


def test_huge_constant_of_shape(make):
    nodes = [helper.make_node("ConstantOfShape", ["s"], ["c"], "fill"), helper.make_node("Add", ["x", "c"], ["y"])]
    proto = make(nodes, {"x": (1,)}, constants={"s": np.asarray([10**6, 10**6], np.int64)})
    message = "fill (ConstantOfShape): it would make a constant of 1e+12 elements; at most 2.68e+08 are accepted"
    assert refused(proto) == message


def test_huge_result(make):
    proto = make([helper.make_node("Add", ["x", "z"], ["y"], "sum")], {"x": (10**6, 1), "z": (1, 10**6)})
    assert "sum (Add): its result declares 1e+12 elements [1000000, 1000000]" in refused(proto)


def test_initialiser_that_holds_too_little(relu):
    relu.graph.initializer.append(TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[2, 2], raw_data=b"\0" * 12))
    assert refused(relu) == "tensor 'w' is malformed: shape [2, 2] needs 16 bytes and it holds 12"


def test_element_types(relu):
    relu.graph.initializer.append(numpy_helper.from_array(np.asarray([1j], np.complex64), "w"))
    assert refused(relu) == "tensor 'w' has the element type COMPLEX64, which is not supported"


@pytest.mark.parametrize(
    ("opset", "message"),
    [
        (0, "the model uses ONNX opset 0, and 1 to 28 are understood; convert it with onnx.version_converter"),
        (99, "the model uses ONNX opset 99, and 1 to 28 are understood; convert it with onnx.version_converter"),
    ],
)
def test_opset(opset, message, relu):
    relu.opset_import[0].version = opset
    assert refused(relu) == message


def test_graphs_that_contradict_themselves(make):
    relu = helper.make_node("Relu", ["x"], ["y"], "n")
    assert refused(make([relu, relu], {"x": (1,)})) == "the graph is malformed: 'y' is defined twice"
    unknown = helper.make_node("Relu", ["q"], ["y"], "n")
    assert refused(make([unknown], {"x": (1,)})) == "n (Relu): the graph is malformed: 'q' is used before it is defined"
    twisted = make([relu], {"x": (1, 3)})
    twisted.graph.output[0].CopyFrom(helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, 4)))
    assert refused(twisted) == "the file is malformed: output 'y' is declared [1, 4] and comes out [1, 3]"


def test_attribute_of_another_type(make):
    proto = make([helper.make_node("Flatten", ["x"], ["y"], "n", axis=1.5)], {"x": (1, 3)})
    assert refused(proto) == "n (Flatten): its attribute 'axis' is malformed"


def test_something_that_is_no_model():
    known = "give a path, a torch module, an exported program or an ONNX model"
    assert refused(3) == f"an object of type int is no model; {known}"
