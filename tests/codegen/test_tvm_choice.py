"""Comparisons, gathers, scatters, orders, bits and NaN, compiled, against the numpy reference; several ops a module."""

from dataclasses import dataclass

import numpy as np
import pytest

from gossamer.ir import ops
from gossamer.ir.nest import Axis, Computed, Kernel, Load, Nest, Table, at, single
from gossamer.ir.op import Op
from gossamer.ir.reference import evaluate
from gossamer.ir.types import BOOL, F16, F32, F64, I8, I32, I64, U8, U64, DType, TensorType, Value

from .tvm_help import Net, check, compiled

ROWS = np.array([[0, -1, 2, 1], [1, 1, 0, 0]])
PLACES = np.array([[[0, 1]], [[2, -1]], [[0, 1]]])


def test_gathers():
    net = Net()
    x, i = net.input(3, 4, 5), net.input(2, 2, dtype=I64, name="i")
    e, n = net.input(2, 4, 3, dtype=I32, name="e"), net.input(3, 1, 2, dtype=I64, name="n")
    module = net.module(
        net.add(ops.Gather(x, i, 1)), net.add(ops.Gather(x, i)), net.add(ops.GatherElements(x, e, 2)),
        net.add(ops.GatherND(x, n)), net.add(ops.GatherND(x, net.param(np.array([[[1]], [[0]], [[3]]]), dtype=I64), 1)),
        net.add(ops.Gather(net.add(ops.Add(x, x)), net.add(ops.Add(i, i)), 2)),
    )  # fmt: skip
    rows = np.array([[0, -1], [70, -90]])
    check(module, {**net.data(module), "i": rows, "n": PLACES, "e": np.arange(24).reshape(2, 4, 3).astype("i4") - 12})


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [F32, I32, I64])
def test_scatters(dtype):
    net = Net()
    y, r, u = net.input(3, 4, dtype=dtype), net.input(2, 4, dtype=I64, name="r"), net.input(2, 4, dtype=dtype, name="u")
    x, n = net.input(3, 4, 5, dtype=dtype, name="z"), net.input(3, 1, 2, dtype=I64, name="n")
    v = net.input(3, 1, 5, dtype=dtype, name="v")
    every = ("none", "add", "mul", "max", "min")
    made = [net.add(ops.ScatterElements(y, r, u, 0, how)) for how in every]
    made += [net.add(ops.ScatterND(x, n, v, how)) for how in every]
    module = net.module(*made)
    check(module, {**net.data(module), "r": ROWS, "n": PLACES})


@pytest.mark.parametrize("dtype", [U8, I8])
def test_narrow_indices_of_a_long_axis(dtype):
    """The mark for "no update here" lies beyond what the type of the indices can hold."""
    net = Net()
    x, i, u = net.input(2, 300), net.input(1, 3, dtype=dtype, name="i"), net.input(1, 3, name="u")
    module = net.module(net.add(ops.ScatterElements(x, i, u, 1)), net.add(ops.Gather(x, i, 1)))
    check(module, {**net.data(module), "i": np.array([[0, 44, 127]], dtype.numpy)})


@pytest.mark.parametrize("how", ["none", "add"])
def test_one_place_is_scattered_to(how):
    net = Net()
    x, i, u = net.input(3, 2), net.input(1, dtype=I64, name="i"), net.input(2, name="u")
    module = net.module(net.add(ops.ScatterND(x, i, u, how)))
    check(module, {**net.data(module), "i": np.array([-1])})


@pytest.mark.parametrize("shape", [(), (5,)])
def test_indices_of_64_unsigned_bits_stay_inside(shape):
    net = Net()
    x, i = net.input(5), net.input(*shape, dtype=U64, name="i")
    module = net.module(net.add(ops.Gather(x, i)))
    for place in (2**64 - 1, 2**64 - 9, 2**63, 2**32 + 1, 3):
        check(module, {**net.data(module), "i": np.full(shape, place, np.uint64)})


def test_an_index_that_overflows_stays_inside():
    """46341 squared is negative in 32 bits, which compilers hold for impossible."""
    net = Net()
    x, i = net.input(5), net.input(4, dtype=I32, name="i")
    made = net.fused((x, i), lambda b, x, i: b.add(ops.Gather(x, b.add(ops.Mul(i, i)))))
    module = net.module(made)
    check(module, {**net.data(module), "i": np.array([46341, 65536, 2, 0], np.int32)})


def test_unsigned_numbers_of_64_bits():
    net = Net()
    x, y = (net.input(4, dtype=U64, name=n) for n in "xy")
    made = [net.add(op(x)) for op in (ops.Neg, ops.Abs, ops.Sign)]
    made += [net.add(ops.Sub(x, y)), net.add(ops.Bitwise(x, y, "shl")), net.add(ops.Bitwise(x, y, "shr"))]
    module = net.module(*made)
    data = {"x": np.array([2**64 - 1, 5, 2**63, 0], np.uint64), "y": np.array([2**64 - 1, 6, 2**63 + 1, 3], np.uint64)}
    found, wanted = compiled(module).run(data), evaluate(module, data)
    for name, value in wanted.items():
        np.testing.assert_array_equal(found[name], value)


def test_a_gather_from_channels_in_blocks():
    """The gather reads a convolution's result, whose channels are split; 20 of them leave surplus lanes."""
    net = Net()
    y = net.add(ops.Conv2d(net.input(1, 20, 6, 6), net.weight(20, 20, 1, 1)))
    picked = net.add(ops.Gather(y, net.input(7, dtype=I64, name="i"), 1))
    module = net.module(net.add(ops.Conv2d(picked, net.weight(8, 7, 3, 3))), net.add(ops.Relu(picked)))
    check(module, {**net.data(module), "i": np.array([19, 3, -20, 0, 18, -1, 7])}, 1e-5)


@pytest.mark.slow
def test_order():
    net = Net()
    x, k = net.input(3, 4, 5), net.input(3, 9, dtype=I8, name="k")
    made = [net.add(ops.ArgMax(v, 1, *more)) for v in (x, k) for more in ((), (False, True))]
    made += [net.add(ops.ArgMin(v, 0)) for v in (x, k)]
    for v in (x, k):
        made += [r for axis, big in ((-1, True), (0, False)) for r in net.builder.add_all(ops.TopK(v, 2, axis, big))]
    module = net.module(*made)
    check(module, {**net.data(module), "k": np.random.default_rng(1).integers(-2, 3, (3, 9)).astype("i1")}, 0)


def test_running_sums_repetition_and_pads():
    net = Net()
    x = net.input(3, 4, 5)
    made = [net.add(op(x, 1, *more)) for op in (ops.CumSum, ops.CumProd) for more in ((), (True, True))]
    made += [net.add(ops.Pad(x, ((1, 2), (0, 3), (5, 9)), mode=mode)) for mode in ("reflect", "edge", "wrap")]
    made += [net.add(ops.Tile(x, (2, 1, 3))), net.add(ops.Expand(x, (2, 3, 4, 5))), net.add(ops.ReduceProd(x, (1,)))]
    module = net.module(*made)
    check(module, net.data(module))


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [F32, F64, F16, I8, U8, I64, BOOL], ids=str)
def test_comparisons_and_choice(dtype):
    net = Net()
    x, y, c = net.input(3, 5, dtype=dtype), net.input(5, dtype=dtype, name="y"), net.input(3, 1, dtype=BOOL, name="c")
    less, equal = net.add(ops.Less(x, y)), net.add(ops.Equal(x, y))
    made = [net.add(ops.LessEqual(x, y)), net.add(ops.Where(c, x, y)), net.add(ops.Where(less, y, x))]
    made += [net.add(ops.And(less, c)), net.add(ops.Or(equal, c)), net.add(ops.Not(equal))]
    module = net.module(*made)
    data = net.data(module, -2, 2)
    data["y"] = data["x"][1].copy()
    check(module, data, 0)


@pytest.mark.parametrize("dtype", ["u1", "i1", "i4", "i8", "u8"])
def test_bits(dtype):
    net = Net()
    own = DType(dtype[0], 8 * int(dtype[1]))
    x, y = net.input(6, dtype=own), net.input(6, dtype=own, name="y")
    module = net.module(*(net.add(ops.Bitwise(x, y, how)) for how in ("and", "or", "xor", "shl", "shr")))
    low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
    numbers, places = [low, high, 5, 77, low, high], [1, 3, 0, 100, 7, 127]
    check(module, {"x": np.array(numbers, dtype), "y": np.array(places, dtype)}, 0)


@dataclass(frozen=True)
class Lookup(Op, name="test_tvm_choice.lookup"):
    """out[d0, d1] = x[rows[d0], columns[d1]] with places fixed at compile time."""

    x: Value

    def infer(self) -> tuple[TensorType, ...]:
        return (TensorType(F32, (5, 33)),)

    def kernel(self) -> Kernel:
        rows = Computed(Table((3.0, 0.0, 2.0, 2.0, 1.0), at("d0")), 4)
        columns = Computed(Table(tuple(float(i * 7 % 33) for i in range(33)), at("d1")), 33)
        return single(1, Nest((Axis("d0", 5), Axis("d1", 33)), Load(0, (rows, columns)), F32, F32))


def test_places_fixed_at_compile_time():
    net = Net()
    module = net.module(net.add(Lookup(net.input(4, 33))))
    check(module, net.data(module), 0)


ONE = [
    ops.Relu, ops.Sigmoid, ops.Tanh, ops.HardSigmoid, ops.HardSwish, ops.Silu, ops.LeakyRelu, ops.Gelu, ops.Elu,
    lambda x: ops.Clip(x, -1.0, 2.0), ops.Neg, ops.Abs, ops.Exp, ops.Erf, ops.Floor, ops.Ceil, ops.Round, ops.Sign,
    ops.Sqrt, ops.Log, ops.Sin, ops.Cos, ops.Atan, lambda x: ops.ReduceMax(x, (0,)), lambda x: ops.ReduceMin(x, (0,)),
    lambda x: ops.ArgMax(x, 0),
]  # fmt: skip
TWO = [
    ops.Add, ops.Sub, ops.Mul, ops.Div, ops.Maximum, ops.Minimum, ops.Pow, ops.Less, ops.LessEqual, ops.Equal,
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("dtype, size", [(F32, 23), (F32, 3), (F64, 23), (F16, 16)])
def test_nan_and_infinity(dtype, size):
    """What numpy makes of them, alone, in vectors and in the rest of a loop."""
    net = Net()
    x, y = net.input(size, dtype=dtype), net.input(size, dtype=dtype, name="y")
    made = [net.add(make(x)) for make in ONE] + [net.add(make(x, y)) for make in TWO]
    made.append(net.fused((x, y), lambda b, p, q: b.add(ops.Not(b.add(ops.Less(p, q))))))
    made.append(net.fused((x,), lambda b, p: b.add(ops.Not(b.add(ops.Equal(p, p))))))
    module = net.module(*made)
    left = np.array([np.nan, np.inf, -np.inf, 1, -0.0, 0, -3, 0.3, -np.nan], dtype.numpy)
    given = {"x": np.resize(left, size), "y": np.resize(np.array([1, np.nan, 2, np.nan, 0], dtype.numpy), size)}
    found = compiled(module).run(given)
    for name, wanted in evaluate(module, given).items():
        np.testing.assert_allclose(found[name], wanted, rtol=2e-3, atol=1e-6, err_msg=name)
