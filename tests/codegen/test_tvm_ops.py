"""Every op of the IR, compiled, against the numpy reference."""

import numpy as np
import pytest

from gossamer.ir import ops
from gossamer.ir.types import BOOL, F64, I32, I64, U8, TensorType

from .tvm_help import Net, check, compiled

ACTIVATIONS = [
    ops.Relu, ops.Sigmoid, ops.Tanh, ops.HardSigmoid, ops.HardSwish, ops.Silu, ops.LeakyRelu, ops.Gelu,
    lambda x: ops.Gelu(x, approximate=True), lambda x: ops.Elu(x, 0.7), lambda x: ops.Clip(x, -1.0, 0.5),
    ops.Neg, ops.Abs, ops.Exp, ops.Erf, ops.Floor, ops.Ceil, ops.Round, ops.Sign,
]  # fmt: skip
BINARY = [ops.Add, ops.Sub, ops.Mul, ops.Div, ops.Maximum, ops.Minimum]


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(3, 37), (1, 20, 5, 7)])
def test_activations(shape):
    net = Net()
    x = net.input(*shape)
    module = net.module(*(net.add(make(x)) for make in ACTIVATIONS))
    check(module, net.data(module))


def test_functions_of_positive_numbers():
    net = Net()
    x = net.input(4, 33)
    module = net.module(net.add(ops.Log(x)), net.add(ops.Sqrt(x)), net.add(ops.Pow(x, net.param(np.full((1,), 1.7)))))
    check(module, net.data(module, 0.1, 9.0), 1e-5)


def test_rounding_is_half_to_even():
    net = Net()
    x = net.input(6)
    module = net.module(net.add(ops.Round(x)))
    check(module, {"x": np.array([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5], np.float32)}, 0)


@pytest.mark.slow
@pytest.mark.parametrize(
    "left, right",
    [((2, 3, 17), (2, 3, 17)), ((2, 1, 5), (3, 1)), ((1, 18, 4, 4), (18, 1, 1)), ((1, 18, 4, 4), (1, 18, 1, 1))],
)
def test_binary_with_broadcasting(left, right):
    net = Net()
    x, y = net.input(*left), net.input(*right, name="y")
    module = net.module(*(net.add(make(x, y)) for make in BINARY))
    check(module, net.data(module, 0.5, 2.0))


def test_integer_arithmetic():
    net = Net()
    x, y = net.input(5, 9, dtype=I32), net.input(5, 9, dtype=I32, name="y")
    module = net.module(*(net.add(make(x, y)) for make in (ops.Add, ops.Sub, ops.Mul, ops.Maximum, ops.Minimum)))
    check(module, net.data(module), 0)


def test_integer_division_by_zero_and_overflow():
    """The machine's instruction would end the process."""
    net = Net()
    x, y = net.input(4, dtype=I32), net.input(4, dtype=I32, name="y")
    low = -(2**31)
    given = {"x": np.array([7, -7, 5, low], np.int32), "y": np.array([0, 2, -3, -1], np.int32)}
    (found,) = compiled(net.module(net.add(ops.Div(x, y)))).run(given).values()
    assert found.tolist() == [0, -3, -1, low]


def test_scalars():
    net = Net()
    x, y = net.input(), net.input(3, 4, name="y")
    module = net.module(net.add(ops.Relu(x)), net.add(ops.Add(x, y)), net.add(ops.ReduceSum(y, (0, 1), False)))
    check(module, net.data(module))


def test_padded_channels_beside_surplus_lanes():
    """The halo holds the padding of 1.5; the lanes beyond 20 channels hold 0 and must not be taken for it."""
    net = Net()
    y = net.add(ops.Conv2d(net.input(1, 20, 6, 6), net.weight(20, 20, 1, 1)))
    pads = ((0, 0), (0, 3), (1, 1), (1, 1))
    summed = net.fused((y,), lambda b, y: b.add(ops.ReduceSum(b.add(ops.Pad(y, pads, 1.5)), (2, 3), True)))
    module = net.module(summed)
    check(module, net.data(module), 1e-5)


def test_double_precision():
    net = Net()
    x = net.input(3, 20, dtype=F64)
    module = net.module(net.add(ops.Sigmoid(x)), net.add(ops.Tanh(x)), net.add(ops.Erf(x)))
    check(module, net.data(module), 2e-7)


@pytest.mark.slow
@pytest.mark.parametrize(
    "axes, keepdims", [((2, 3), True), ((2, 3), False), ((1,), True), ((0, 1, 2, 3), True), ((3,), False)]
)
def test_reductions(axes, keepdims):
    net = Net()
    x = net.input(2, 18, 5, 6)
    kinds = (ops.ReduceMean, ops.ReduceSum, ops.ReduceMax, ops.ReduceMin)
    module = net.module(*(net.add(make(x, axes, keepdims)) for make in kinds))
    check(module, net.data(module), 1e-5)


@pytest.mark.parametrize("shape, axis", [((3, 10), -1), ((2, 5, 7), 1), ((1, 20, 3, 3), 1)])
def test_softmax(shape, axis):
    net = Net()
    module = net.module(net.add(ops.Softmax(net.input(*shape), axis)))
    check(module, net.data(module))


def _movements(x):
    shape = x.shape
    yield ops.Reshape(x, (shape[0], shape[1] * shape[2] * shape[3]))
    yield ops.Reshape(x, (shape[0], shape[1], shape[2] * shape[3]))
    yield ops.Transpose(x, (0, 2, 3, 1))
    yield ops.Transpose(x, (0, 2, 1, 3))
    yield ops.Slice(x, (0, 1, 0, 1), (1, shape[1], 4, 4), (1, 2, 1, 2))
    yield ops.Pad(x, ((0, 0), (1, 2), (1, 1), (0, 3)), 1.5)
    yield ops.ChannelShuffle(x, 2)
    yield ops.Concat((x, x, x), 1)
    yield ops.Concat((x, x), 3)


@pytest.mark.slow
@pytest.mark.parametrize("channels", [16, 20])
def test_data_movement_from_rows_and_from_blocks(channels):
    """Once on the row-major input, once on the blocked result of a convolution."""
    net = Net()
    x = net.input(1, channels, 6, 5)
    y = net.add(ops.Conv2d(x, net.weight(channels, channels, 1, 1)))
    halves = (
        *net.builder.add_all(ops.Split(x, (4, channels - 4), 1)),
        *net.builder.add_all(ops.Split(y, (2, 2, channels - 4), 1)),
    )
    module = net.module(*(net.add(op) for v in (x, y) for op in _movements(v)), *halves)
    check(module, net.data(module))


def test_casts():
    net = Net()
    x, i, b = net.input(3, 21), net.input(3, 21, dtype=I64, name="i"), net.input(3, 21, dtype=BOOL, name="b")
    kinds = ((x, I32), (x, F64), (x, BOOL), (i, U8), (b, I32))
    module = net.module(*(net.add(ops.Cast(v, TensorType(d, v.shape))) for v, d in kinds if d is not U8))
    check(module, net.data(module), 0)


def test_batch_norm():
    net = Net()
    x = net.input(2, 20, 3, 4)
    scale, bias, mean, variance = (net.param(net.random.uniform(0.5, 2, 20)) for _ in range(4))
    module = net.module(net.add(ops.BatchNorm(x, scale, bias, mean, variance)))
    check(module, net.data(module))


@pytest.mark.slow
@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("rows, columns", [(1, 10), (7, 40)])
def test_gemm(transposed, rows, columns):
    net = Net()
    a = net.input(rows, 30)
    b = net.weight(columns, 30) if transposed else net.weight(30, columns)
    module = net.module(net.add(ops.Gemm(a, b, net.weight(columns), transpose_b=transposed)))
    check(module, net.data(module))


def test_gemm_fused_with_a_reshape_to_another_rank():
    """The result is not the sum's shape, so the program is not anchored: two stages in one kernel."""
    net = Net()
    x = net.input(3, 20)
    y = net.fused(
        (x, net.weight(20, 48), net.weight(48)),
        lambda b, x, w, c: b.add(ops.Relu(b.add(ops.Reshape(b.add(ops.Gemm(x, w, c)), (3, 3, 4, 4))))),
    )
    module = net.module(y, net.add(ops.Conv2d(y, net.weight(5, 3, 3, 3), pads=(1, 1, 1, 1))))
    check(module, net.data(module))


@pytest.mark.parametrize("left, right", [((5, 12), (12, 9)), ((2, 3, 4, 6), (2, 3, 6, 5)), ((3, 4, 6), (6, 5))])
def test_matmul(left, right):
    net = Net()
    x, y = net.input(*left), net.input(*right, name="y")
    module = net.module(net.add(ops.MatMul(x, y)), net.add(ops.MatMul(x, net.weight(*right))))
    check(module, net.data(module))


@pytest.mark.slow
@pytest.mark.parametrize("make", [
    lambda x: ops.MaxPool2d(x, (3, 3), (2, 2), (1, 1, 1, 1)),
    lambda x: ops.MaxPool2d(x, (2, 2), (2, 2), ceil_mode=True),
    lambda x: ops.AvgPool2d(x, (3, 3), (2, 2), (1, 1, 1, 1)),
    lambda x: ops.AvgPool2d(x, (2, 3), (1, 2), (0, 1, 1, 1), count_include_pad=True),
])  # fmt: skip
def test_pooling_from_rows_and_from_blocks(make):
    net = Net()
    x = net.input(1, 20, 11, 9)
    y = net.add(ops.Conv2d(x, net.weight(20, 20, 1, 1)))
    module = net.module(net.add(make(x)), net.add(make(y)))
    check(module, net.data(module))


def test_many_clips_in_one_kernel_compile():
    """Each repeats what it clips; written out, twelve of them take longer than any test may."""
    net = Net()
    y = net.input(2, 40)
    low, high = (net.param(np.full((1,), v)) for v in (-1.0, 1.0))

    def chain(body, x, low, high):
        for _ in range(6):
            x = body.add(ops.Maximum(body.add(ops.Minimum(body.add(ops.Add(x, x)), high)), low))
        return x

    module = net.module(net.fused([y, low, high], chain))
    check(module, net.data(module))
