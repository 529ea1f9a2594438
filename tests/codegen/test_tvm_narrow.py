"""Floats narrower than 16 bits or of fewer mantissa bits, and tensors without elements, compiled."""

import numpy as np
import pytest

from gossamer.ir import ops
from gossamer.ir.reference import evaluate
from gossamer.ir.types import BF16, BOOL, F16, F32, I32, I64, DType, TensorType

from .tvm_help import Net, check, compiled

SPECIAL = [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, -np.nan, 448.0, 464.0, 465.0, 480.0, 57344.0, 61439.0]
SPECIAL += [61440.0, 1e38, 3.4e38, 3.39e38, 1e-38, 1e-40, -1e-45, 2.0**-6, 2.0**-7, 2.0**-9, 2.0**-10, 3 * 2.0**-11]


@pytest.mark.parametrize("name", ["bf16", "f8e4m3", "f8e5m2"])
def test_rounding_is_that_of_the_reference(name):
    net, kind = Net(), DType.parse(name)
    random = np.random.default_rng(0)
    spread = random.standard_normal(4000) * 2.0 ** random.integers(-20, 20, 4000)
    x = np.concatenate([SPECIAL, spread]).astype(np.float32)
    module = net.module(net.add(ops.Cast(net.input(len(x)), TensorType(kind, x.shape))))
    (wanted,) = evaluate(module, {"x": x}).values()
    (found,) = compiled(module).run({"x": x}).values()
    np.testing.assert_array_equal(found, wanted)


def test_arithmetic_in_narrow_floats():
    net = Net()
    x, y = net.input(3, 20, dtype=BF16), net.input(20, 8, dtype=BF16, name="y")
    total = net.add(ops.MatMul(x, y))
    half = net.add(ops.Cast(total, TensorType(F16, (3, 8))))
    module = net.module(net.add(ops.Relu(total)), half, net.add(ops.Add(x, x)))
    given = {k: np.float32(np.round(v * 16) / 16) for k, v in net.data(module).items()}
    check(module, given, 4e-3)


def test_tensors_without_elements():
    net = Net()
    x, i = net.input(0, 4), net.input(0, dtype=I64, name="i")
    y, n = net.input(3, 4, name="y"), net.input(2, 0, dtype=I32, name="n")
    doubled = net.add(ops.Add(x, x))
    module = net.module(
        net.add(ops.Relu(x)), doubled, net.add(ops.Concat((doubled, y, x), 0)), net.add(ops.Gather(y, i)),
        net.add(ops.ReduceSum(x, (0,))), net.add(ops.ReduceProd(n, (1,))), net.add(ops.ReduceMax(x, (0,), False)),
        net.add(ops.ReduceMean(x, (), False)), net.add(ops.Pad(x, ((1, 1), (0, 0)), 2.5)),
        net.add(ops.ScatterElements(y, net.input(0, 4, dtype=I64, name="j"), x, 0)),
        net.add(ops.MatMul(net.add(ops.Transpose(x, (1, 0))), x)), net.add(ops.Softmax(x, 1)),
        net.add(ops.Equal(x, x)), net.add(ops.Where(net.input(1, dtype=BOOL, name="c"), x, doubled)),
        *net.builder.add_all(ops.TopK(y, 0)),
    )  # fmt: skip
    given = net.data(module)
    found, wanted = compiled(module).run(given), evaluate(module, given)
    for name, value in wanted.items():
        assert found[name].shape == value.shape and found[name].dtype == value.dtype
        np.testing.assert_array_equal(found[name], value, err_msg=name)


def test_a_scalar_beside_nothing():
    net = Net()
    x = net.input(0, dtype=F32)
    module = net.module(net.add(ops.Add(net.add(ops.ReduceSum(x, (), False)), net.input(name="s"))))
    check(module, {"x": np.zeros(0, np.float32), "s": np.float32(3)}, 0)
