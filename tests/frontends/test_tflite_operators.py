"""TensorFlow Lite operators one at a time against LiteRT, in floats and in integers; and files that are refused."""

import re
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tflite")

from gossamer.frontends import load
from gossamer.ir.errors import FrontendError
from gossamer.ir.reference import evaluate
from gossamer.ir.verify import verify

from .tflite_write import Operator, Tensor, write

RNG = np.random.default_rng(5)
IMAGE, SMALL = (1, 6, 5, 4), (1, 3, 2, 4)
NONE, RELU, RELU6 = 0, 1, 3
SAME, VALID = 0, 1
I8 = {"dtype": "int8", "scale": (0.05,), "zero": (3,)}


def numbers(shape, dtype="float32"):
    if dtype == "float32":
        return RNG.uniform(-3, 3, shape).astype(np.float32)
    info = np.iinfo(dtype)
    return RNG.integers(info.min, info.max + 1, shape).astype(dtype)


def constant(array, **quant):
    array = np.asarray(array)
    return Tensor(array.shape, array.dtype.name, array, **quant)


def file_of(tmp_path, tensors, operators, inputs=(0,), outputs=None):
    path = tmp_path / "net.tflite"
    path.write_bytes(write(tensors, operators, inputs, outputs or (len(tensors) - 1,)))
    return path


def litert(path, arrays):
    interpreter = pytest.importorskip("ai_edge_litert.interpreter").Interpreter(str(path), num_threads=1)
    interpreter.allocate_tensors()
    for given, array in zip(interpreter.get_input_details(), arrays, strict=True):
        interpreter.set_tensor(given["index"], array)
    interpreter.invoke()
    return [interpreter.get_tensor(d["index"]) for d in interpreter.get_output_details()]


def check(path, tolerance=1e-5):
    """Ours against LiteRT: floats to rounding, integers within `tolerance` steps. The module."""
    module = load(path)
    verify(module)
    arrays = [numbers(v.shape, v.dtype.numpy.name) for v in module.graph.inputs]
    found = evaluate(module, {v.name: a for v, a in zip(module.graph.inputs, arrays)})
    for value, wanted in zip(module.graph.outputs, litert(path, arrays), strict=True):
        got = found[value.name]
        assert got.shape == wanted.shape and got.dtype == wanted.dtype
        np.testing.assert_allclose(got.astype(float), wanted.astype(float), rtol=0, atol=tolerance)
    return module


def transposes(module):
    return sum(n.op.name == "tensor.transpose" for n in module.graph.nodes)


def ops(module):
    return [n.op.name for n in module.graph.nodes if n.op.name != "ir.param"]


CONVS = [(SAME, 1, 1), (SAME, 2, 1), (VALID, 2, 1), (SAME, 1, 2)]


@pytest.mark.parametrize("activation", [NONE, RELU, RELU6])
@pytest.mark.parametrize("padding, stride, dilation", CONVS)
@pytest.mark.parametrize("kind", ["CONV_2D", "DEPTHWISE_CONV_2D"])
def test_convolutions(tmp_path, kind, padding, stride, dilation, activation):
    depthwise = kind != "CONV_2D"
    weight = constant(numbers((1, 3, 2, 8) if depthwise else (8, 3, 2, 4)))
    fields = {"Padding": padding, "StrideH": stride, "StrideW": stride, "FusedActivationFunction": activation}
    fields |= {"DilationHFactor": dilation, "DilationWFactor": dilation}
    fields |= {"DepthMultiplier": 2} if depthwise else {}
    rows, columns = ((-(-e // stride) if padding == SAME else (e - k) // stride + 1) for e, k in ((6, 3), (5, 2)))
    tensors = [Tensor(IMAGE), weight, constant(numbers((8,))), Tensor((1, rows, columns, 8))]
    options = ("DepthwiseConv2DOptions" if depthwise else "Conv2DOptions", fields)
    module = check(file_of(tmp_path, tensors, [Operator(kind, [0, 1, 2], [3], options)]))
    assert transposes(module) == 2  # the input and the output, each in the file's own layout


@pytest.mark.parametrize("activation", [NONE, RELU, RELU6])
def test_an_integer_convolution(tmp_path, activation):
    """A zero point in the middle: the activation is a bound that the type has not."""
    scales = np.float32([0.01, 0.02, 0.03, 0.005])
    weight = constant(RNG.integers(-127, 128, (4, 3, 3, 4)).astype(np.int8), scale=scales, axis=0)
    bias = constant(RNG.integers(-900, 900, 4).astype(np.int32), scale=scales * np.float32(0.05), axis=0)
    fields = {"Padding": SAME, "StrideH": 1, "StrideW": 1, "FusedActivationFunction": activation}
    fields |= {"DilationHFactor": 1, "DilationWFactor": 1}
    tensors = [Tensor(IMAGE, **I8), weight, bias, Tensor(IMAGE, "int8", scale=(0.3,), zero=(-20,))]
    path = file_of(tmp_path, tensors, [Operator("CONV_2D", [0, 1, 2], [3], ("Conv2DOptions", fields))])
    module = check(path, tolerance=0)
    product = next(n.op for n in module.graph.nodes if n.op.name == "nn.conv2d")
    assert (product.x.dtype.bits, product.weight.dtype.bits, product.weight.type.quant.axis) == (8, 8, 0)
    assert ("nn.clip" in ops(module)) == (activation != NONE)


@pytest.mark.parametrize("kind", ["AVERAGE_POOL_2D", "MAX_POOL_2D"])
@pytest.mark.parametrize("quant", [{}, I8], ids=["float", "int8"])
@pytest.mark.parametrize("padding", [SAME, VALID])
def test_pools(tmp_path, kind, quant, padding):
    fields = {"Padding": padding, "StrideH": 2, "StrideW": 2, "FilterHeight": 3, "FilterWidth": 2}
    shape = (1, 3, 3, 4) if padding == SAME else (1, 2, 2, 4)
    operators = [Operator(kind, [0], [1], ("Pool2DOptions", fields))]
    path = file_of(tmp_path, [Tensor(IMAGE, **quant), Tensor(shape, **quant)], operators)
    check(path, tolerance=0 if quant else 1e-6)


@pytest.mark.parametrize("kind, options", [
    ("ADD", "AddOptions"), ("SUB", "SubOptions"), ("MUL", "MulOptions"), ("DIV", "DivOptions"),
    ("MAXIMUM", "MaximumMinimumOptions"), ("MINIMUM", "MaximumMinimumOptions"),
])  # fmt: skip
@pytest.mark.parametrize("other", [IMAGE, (4,), (1, 1, 1, 4)])
def test_two_operands(tmp_path, kind, options, other):
    tensors = [Tensor(IMAGE), constant(np.abs(numbers(other)) + 1), Tensor(IMAGE)]
    check(file_of(tmp_path, tensors, [Operator(kind, [0, 1], [2], (options, {}))]))


@pytest.mark.parametrize("kind, options", [("ADD", "AddOptions"), ("MUL", "MulOptions"), ("SUB", "SubOptions")])
def test_two_integer_operands(tmp_path, kind, options):
    y, z = {"dtype": "int8", "scale": (0.03,), "zero": (-7,)}, {"dtype": "int8", "scale": (0.09,), "zero": (5,)}
    tensors = [Tensor(IMAGE, **I8), Tensor(IMAGE, **y), Tensor(IMAGE, **z)]
    path = file_of(tmp_path, tensors, [Operator(kind, [0, 1], [2], (options, {}))], inputs=(0, 1))
    check(path, tolerance=1)  # LiteRT adds in fixed point of 20 bits


UNARY = ["ABS", "EXP", "FLOOR", "HARD_SWISH", "LOGISTIC", "NEG", "RELU", "RELU6", "RELU_N1_TO_1", "ROUND", "SQUARE",
         "TANH", "CEIL", "ELU"]  # fmt: skip


@pytest.mark.parametrize("kind", UNARY)
def test_one_operand(tmp_path, kind):
    options = {"EXP": "ExpOptions", "NEG": "NegOptions", "SQUARE": "SquareOptions", "HARD_SWISH": "HardSwishOptions",
               "ABS": "AbsOptions"}.get(kind)  # fmt: skip
    check(file_of(tmp_path, [Tensor(IMAGE), Tensor(IMAGE)], [Operator(kind, [0], [1], options and (options, {}))]))


@pytest.mark.parametrize("kind, scale, zero", [("LOGISTIC", 1 / 256, -128), ("TANH", 1 / 128, 0), ("RELU", 0.05, 3)])
def test_one_integer_operand(tmp_path, kind, scale, zero):
    tensors = [Tensor(IMAGE, **I8), Tensor(IMAGE, "int8", scale=(scale,), zero=(zero,))]
    check(file_of(tmp_path, tensors, [Operator(kind, [0], [1])]), tolerance=1)


@pytest.mark.parametrize("beta", [1.0, 0.5])
def test_softmax(tmp_path, beta):
    operators = [Operator("SOFTMAX", [0], [1], ("SoftmaxOptions", {"Beta": beta}))]
    check(file_of(tmp_path, [Tensor((3, 7)), Tensor((3, 7))], operators))


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("kind", ["MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN"])
@pytest.mark.parametrize("axes", [(1, 2), (3,), (-1, 1)])
def test_reductions(tmp_path, kind, axes, keep):
    gone = {a % 4 for a in axes}
    shape = [1 if a in gone else e for a, e in enumerate(IMAGE) if keep or a not in gone]
    tensors = [Tensor(IMAGE), constant(np.int32(axes)), Tensor(shape)]
    path = file_of(tmp_path, tensors, [Operator(kind, [0, 1], [2], ("ReducerOptions", {"KeepDims": keep}))])
    check(path)


def test_an_integer_mean_after_a_pool_stays_without_transposes(tmp_path):
    pool = {"Padding": VALID, "StrideH": 1, "StrideW": 1, "FilterHeight": 2, "FilterWidth": 2}
    tensors = [Tensor(IMAGE, **I8), Tensor((1, 5, 4, 4), **I8), constant(np.int32([1, 2])), Tensor((1, 4), **I8)]
    operators = [
        Operator("MAX_POOL_2D", [0], [1], ("Pool2DOptions", pool)),
        Operator("MEAN", [1, 2], [3], ("ReducerOptions", {"KeepDims": False})),
    ]
    assert transposes(check(file_of(tmp_path, tensors, operators), tolerance=1)) == 1


@pytest.mark.parametrize("axis", [1, 3, -1])
def test_concatenation_of_images(tmp_path, axis):
    pool = {"Padding": SAME, "StrideH": 1, "StrideW": 1, "FilterHeight": 2, "FilterWidth": 2}
    shape = [e * (2 if i == axis % 4 else 1) for i, e in enumerate(IMAGE)]
    tensors = [Tensor(IMAGE), Tensor(IMAGE), Tensor(shape)]
    operators = [
        Operator("MAX_POOL_2D", [0], [1], ("Pool2DOptions", pool)),
        Operator("CONCATENATION", [1, 0], [2], ("ConcatenationOptions", {"Axis": axis})),
    ]
    check(file_of(tmp_path, tensors, operators))


@pytest.mark.parametrize("quant", [{}, I8], ids=["float", "int8"])
def test_padding(tmp_path, quant):
    amounts = constant(np.int32([[0, 0], [1, 2], [0, 1], [2, 0]]))
    tensors = [Tensor(IMAGE, **quant), amounts, Tensor((1, 9, 6, 6), **quant)]
    check(file_of(tmp_path, tensors, [Operator("PAD", [0, 1], [2], ("PadOptions", {}))]), tolerance=0)


def test_mirrored_padding(tmp_path):
    tensors = [Tensor(IMAGE), constant(np.int32([[0, 0], [1, 2], [0, 1], [0, 0]])), Tensor((1, 9, 6, 4))]
    check(file_of(tmp_path, tensors, [Operator("MIRROR_PAD", [0, 1], [2], ("MirrorPadOptions", {"Mode": 0}))]))


MOVES = {
    "reshape": (IMAGE, [np.int32([4, -1])], (4, 30), Operator("RESHAPE", [0, 1], [2])),
    "expand": (IMAGE, [np.int32(1)], (1, 1, 6, 5, 4), Operator("EXPAND_DIMS", [0, 1], [2], ("ExpandDimsOptions", {}))),
    "transpose": (IMAGE, [np.int32([0, 2, 1, 3])], (1, 5, 6, 4), Operator("TRANSPOSE", [0, 1], [2])),
    "to nchw": (IMAGE, [np.int32([0, 3, 1, 2])], (1, 4, 6, 5), Operator("TRANSPOSE", [0, 1], [2])),
    "from nchw": (IMAGE, [np.int32([0, 2, 3, 1])], (1, 5, 4, 6), Operator("TRANSPOSE", [0, 1], [2])),
    "slice": (
        IMAGE,
        [np.int32([0, 1, 0, 2]), np.int32([1, 3, -1, 2])],
        (1, 3, 5, 2),
        Operator("SLICE", [0, 1, 2], [3]),
    ),
    "strided slice": (
        IMAGE,
        [np.int32([0, 4, 1, 0]), np.int32([1, 0, 9, 0]), np.int32([1, -2, 2, 1])],
        (1, 2, 2),
        Operator("STRIDED_SLICE", [0, 1, 2, 3], [4], ("StridedSliceOptions", {"EndMask": 1, "ShrinkAxisMask": 8})),
    ),
}


@pytest.mark.parametrize("case", MOVES)
def test_moves(tmp_path, case):
    given, constants, result, operator = MOVES[case]
    check(file_of(tmp_path, [Tensor(given), *map(constant, constants), Tensor(result)], [operator]), tolerance=0)


def test_several_results(tmp_path):
    tensors = [constant(np.int32(3)), Tensor(IMAGE), *[Tensor((1, 6, 5, 2))] * 2]
    split = Operator("SPLIT", [0, 1], [2, 3], ("SplitOptions", {"NumSplits": 2}))
    check(file_of(tmp_path, tensors, [split], inputs=(1,), outputs=(3, 2)), tolerance=0)
    tensors = [Tensor((2, 3)), Tensor((3,)), Tensor((3,)), Tensor((3, 2))]
    operators = [
        Operator("UNPACK", [0], [1, 2], ("UnpackOptions", {"Num": 2, "Axis": 0})),
        Operator("PACK", [2, 1], [3], ("PackOptions", {"ValuesCount": 2, "Axis": 1})),
    ]
    check(file_of(tmp_path, tensors, operators), tolerance=0)


def test_precision(tmp_path):
    """From a scale to twice that scale every other number is a half, which LiteRT rounds up and we to even."""
    tensors = [Tensor(IMAGE), Tensor(IMAGE, **I8), Tensor(IMAGE, "int8", scale=(0.1,)), Tensor(IMAGE)]
    quantise, back = ("QuantizeOptions", {}), ("DequantizeOptions", {})
    operators = [Operator("QUANTIZE", [0], [1], quantise), Operator("QUANTIZE", [1], [2], quantise)]
    check(file_of(tmp_path, tensors, [*operators, Operator("DEQUANTIZE", [2], [3], back)]), tolerance=0.11)


def test_weights_of_16_bit_floats(tmp_path):
    tensors = [Tensor((2, 5)), constant(numbers((3, 5)).astype(np.float16)), Tensor((3, 5)), Tensor((2, 3))]
    operators = [
        Operator("DEQUANTIZE", [1], [2], ("DequantizeOptions", {})),
        Operator("FULLY_CONNECTED", [0, 2, -1], [3], ("FullyConnectedOptions", {})),
    ]
    check(file_of(tmp_path, tensors, operators))


def test_weights_with_a_zero_point(tmp_path):
    """Old files of unsigned integers: their zero points are subtracted from the weight, in 9 bits."""
    x, w = {"dtype": "uint8", "scale": (0.05,), "zero": (120,)}, {"scale": (0.02,), "zero": (130,)}
    result = Tensor((2, 3), "uint8", scale=(0.3,), zero=(9,))
    tensors = [Tensor((2, 5), **x), constant(numbers((3, 5), "uint8"), **w), result]
    path = file_of(tmp_path, tensors, [Operator("FULLY_CONNECTED", [0, 1, -1], [2], ("FullyConnectedOptions", {}))])
    module = check(path, tolerance=1)
    assert next(n.op.b.dtype.bits for n in module.graph.nodes if n.op.name == "nn.gemm") == 9


def test_activations_of_16_bits(tmp_path):
    x = {"dtype": "int16", "scale": (0.0002,)}
    weight = constant(RNG.integers(-127, 128, (3, 5)).astype(np.int8), scale=(0.02,))
    bias = constant(RNG.integers(-90000, 90000, 3), scale=(0.0002 * 0.02,))
    tensors = [Tensor((2, 5), **x), weight, bias, Tensor((2, 3), "int16", scale=(0.001,))]
    operator = Operator("FULLY_CONNECTED", [0, 1, 2], [3], ("FullyConnectedOptions", {}))
    module = check(file_of(tmp_path, tensors, [operator]), tolerance=1)
    assert next(n.op.a.dtype.bits for n in module.graph.nodes if n.op.name == "nn.gemm") == 16


@pytest.mark.parametrize("half, corners", [(0, 0), (1, 0), (0, 1)])
@pytest.mark.parametrize("kind", ["RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"])
@pytest.mark.parametrize("size", [(12, 10), (9, 4)])
def test_resizing(tmp_path, kind, half, corners, size):
    options = "ResizeBilinearOptions" if kind == "RESIZE_BILINEAR" else "ResizeNearestNeighborOptions"
    fields = {"HalfPixelCenters": half, "AlignCorners": corners}
    tensors = [Tensor(IMAGE), constant(np.int32(size)), Tensor((1, *size, 4))]
    check(file_of(tmp_path, tensors, [Operator(kind, [0, 1], [2], (options, fields))]))


@pytest.mark.parametrize("padding, size", [(SAME, (12, 10)), (SAME, (11, 9)), (VALID, (13, 11))])
def test_transposed_convolution(tmp_path, padding, size):
    tensors = [constant(np.int32([1, *size, 3])), constant(numbers((3, 3, 3, 4))), Tensor(IMAGE), Tensor((1, *size, 3))]
    fields = {"Padding": padding, "StrideH": 2, "StrideW": 2}
    operator = Operator("TRANSPOSE_CONV", [0, 1, 2], [3], ("TransposeConvOptions", fields))
    check(file_of(tmp_path, tensors, [operator], inputs=(2,)))


@pytest.mark.parametrize("kind, given, result", [
    ("DEPTH_TO_SPACE", (1, 3, 2, 8), (1, 6, 4, 2)), ("SPACE_TO_DEPTH", (1, 6, 4, 2), (1, 3, 2, 8)),
])  # fmt: skip
def test_depth_and_space(tmp_path, kind, given, result):
    options = ("DepthToSpaceOptions" if kind == "DEPTH_TO_SPACE" else "SpaceToDepthOptions", {"BlockSize": 2})
    check(file_of(tmp_path, [Tensor(given), Tensor(result)], [Operator(kind, [0], [1], options)]), tolerance=0)


@pytest.mark.parametrize("kind", ["ARG_MAX", "ARG_MIN"])
def test_extremes(tmp_path, kind):
    options = ("ArgMaxOptions" if kind == "ARG_MAX" else "ArgMinOptions", {"OutputType": 2})
    tensors = [Tensor(IMAGE), constant(np.int32([-1])), Tensor((1, 6, 5), "int32")]
    check(file_of(tmp_path, tensors, [Operator(kind, [0, 1], [2], options)]), tolerance=0)


def test_gather(tmp_path):
    tensors = [Tensor(IMAGE), constant(np.int32([3, 0, 3])), Tensor((1, 3, 5, 4))]
    check(file_of(tmp_path, tensors, [Operator("GATHER", [0, 1], [2], ("GatherOptions", {"Axis": 1}))]), tolerance=0)


@pytest.mark.parametrize("swapped", [False, True])
def test_batch_matmul(tmp_path, swapped):
    tensors = [Tensor((2, 3, 5)), Tensor((2, 4, 5) if swapped else (2, 5, 4)), Tensor((2, 3, 4))]
    operator = Operator("BATCH_MATMUL", [0, 1], [2], ("BatchMatMulOptions", {"AdjY": swapped}))
    check(file_of(tmp_path, tensors, [operator], inputs=(0, 1)))


# --- what is refused


def relu(tmp_path, given=IMAGE, **more):
    return file_of(tmp_path, [Tensor(given, **more), Tensor(given, **more)], [Operator("RELU", [0], [1])])


def test_an_open_batch_may_be_set_and_nothing_else(tmp_path):
    path = relu(tmp_path, open_batch=True)
    assert load(path, {"t0": (4, 6, 5, 4)}).graph.outputs[0].shape == (4, 6, 5, 4)
    with pytest.raises(FrontendError, match=r"input 't0' has shape \?x6x5x4 in the file, and 4x7x5x4 does not fit it"):
        load(path, {"t0": (4, 7, 5, 4)})
    with pytest.raises(FrontendError, match="there is no input 't9' to give a shape to"):
        load(path, {"t9": (1,)})


def test_every_operator_that_is_not_supported_is_named(tmp_path):
    tensors = [Tensor(IMAGE), Tensor(IMAGE), Tensor(IMAGE), Tensor(IMAGE)]
    operators = [Operator("CUMSUM", [0], [1]), Operator("ATAN2", [1, 0], [2]), Operator("RELU", [2], [3])]
    wanted = r"net.tflite: 2 operators are not supported: CUMSUM \(node t1\), ATAN2 \(node t2\)"
    with pytest.raises(FrontendError, match=wanted):
        load(file_of(tmp_path, tensors, operators))


@pytest.mark.parametrize("tensors, operators, message", [
    ([Tensor(IMAGE), Tensor(IMAGE)], [Operator("RELU", [7], [1])], r"inputs of an operator RELU are tensors \(7,\)"),
    ([Tensor(IMAGE), Tensor(IMAGE)], [Operator("RELU", [1], [1])], "tensor 't1' is used before it is computed"),
    ([Tensor(IMAGE), Tensor(IMAGE)], [Operator("RELU", [0], [0])], "tensor 't0' is defined twice"),
    ([Tensor((1 << 20, 1 << 20)), Tensor((1,))], [Operator("RELU", [0], [1])],
     r"declares 1.1e\+12 elements .* and may have 8.59e\+09"),
    ([Tensor((2, -3)), Tensor((1,))], [Operator("RELU", [0], [1])], r"is malformed: its shape is \[2, -3\]"),
    ([Tensor((2,), "float32", np.zeros(3, np.float32)), Tensor((2,))], [Operator("RELU", [0], [1])],
     r"tensor 't0' is malformed: \[2\] needs 8 bytes and it holds 12"),
    ([Tensor((2,), "int8", scale=(-1.0,)), Tensor((2,))], [Operator("RELU", [0], [1])], "a scale must be > 0"),
    ([Tensor(IMAGE), Tensor(IMAGE)], [Operator("SOFTMAX", [0], [1])], "it is malformed: it has no SoftmaxOptions"),
    ([Tensor(IMAGE), Tensor((1,), "int32"), Tensor(IMAGE)], [Operator("RESHAPE", [0, 1], [2])],
     "its operand 't1' is computed at run time"),
])  # fmt: skip
def test_malformed_files(tmp_path, tensors, operators, message):
    given = [k for k, t in enumerate(tensors[:-1]) if t.data is None]
    with pytest.raises(FrontendError, match=message):
        load(file_of(tmp_path, tensors, operators, inputs=given))


def test_damaged_files_are_refused_and_nothing_worse(tmp_path):
    """Every byte that is not a weight in turn, and many at once: a FrontendError or a network, nothing else."""
    whole = bytearray(relu(tmp_path).read_bytes())
    path = tmp_path / "broken.tflite"
    refused = 0
    for _ in range(800):
        broken = bytearray(whole)
        for place in RNG.integers(8, len(whole), RNG.integers(1, 6)):
            broken[place] = RNG.integers(256)
        path.write_bytes(broken[: RNG.integers(8, len(whole) + 1)] if RNG.random() < 0.2 else broken)
        try:
            load(path)
        except FrontendError as error:
            refused += 1
            assert "\n" not in str(error) and str(error).startswith(str(path))
    assert refused > 200


def test_the_docs_name_every_operator():
    from gossamer.frontends.tflite import importer  # noqa: F401  (fills the table)
    from gossamer.frontends.tflite.table import HANDLERS

    page = (Path(__file__).parents[2] / "docs" / "quantised.md").read_text()
    listed = page.partition("\nOperators: ")[2].partition(".\n")[0]
    assert re.findall(r"`(\w+)`", listed) == sorted(HANDLERS)
