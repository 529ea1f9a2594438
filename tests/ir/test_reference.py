"""Evaluating modules: whole networks, inputs that do not fit, what is freed, opaque ops, observed values."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from gossamer.ir.build import GraphBuilder
from gossamer.ir.errors import DataError, IRError
from gossamer.ir.graph import Module, Params
from gossamer.ir.nest import Acc, Axis, Const, Div, IndexValue, Load, Mod, Nest, Table, apply, at
from gossamer.ir.op import Op
from gossamer.ir.ops import Add, Conv2d, Gemm, MaxPool2d, Param, ReduceMean, Relu, Reshape, Softmax, Split
from gossamer.ir.reference import evaluate, evaluate_graph, evaluate_op
from gossamer.ir.reference_nest import evaluate_nest
from gossamer.ir.reference_split import split_axes
from gossamer.ir.types import F32, F64, I4, I32, U8, TensorType, Value

RNG = np.random.default_rng(5)


def normal(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


def small_net():
    """conv - relu - pool - depthwise conv - residual add - mean - gemm, and the same in torch."""
    arrays = {"w1": normal(8, 3, 3, 3), "b1": normal(8), "w2": normal(8, 1, 3, 3), "w3": normal(8, 5), "b3": normal(5)}
    b = GraphBuilder()
    x = b.input("x", TensorType(F32, (2, 3, 17, 16)))
    p = {name: b.add(Param(name, TensorType(F32, a.shape)), name) for name, a in arrays.items()}
    y = b.add(Relu(b.add(Conv2d(x, p["w1"], p["b1"], (2, 2), (1, 1, 1, 1)), "conv")))
    y = b.add(MaxPool2d(y, (2, 2), (1, 1)))
    y = b.add(Add(y, b.add(Conv2d(y, p["w2"], pads=(1, 1, 1, 1), groups=8))))
    y = b.add(Reshape(b.add(ReduceMean(y, (2, 3))), (2, 8)))
    return Module("small", b.finish((b.add(Gemm(y, p["w3"], p["b3"]), "logits"),)), Params(arrays)), arrays


def small_torch(x, a):
    t = {name: torch.tensor(array) for name, array in a.items()}
    y = F.max_pool2d(F.conv2d(torch.tensor(x), t["w1"], t["b1"], 2, 1).relu(), 2, 1)
    y = y + F.conv2d(y, t["w2"], None, 1, 1, 1, 8)
    return (y.mean((2, 3)) @ t["w3"] + t["b3"]).numpy()


def test_a_network_computes_what_torch_computes():
    module, arrays = small_net()
    x = normal(2, 3, 17, 16)
    result = evaluate(module, {"x": x})
    assert list(result) == ["logits"]
    np.testing.assert_allclose(result["logits"], small_torch(x, arrays), rtol=1e-4, atol=1e-5)


def test_exact_evaluation_differs_only_by_rounding():
    module, arrays = small_net()
    x = normal(2, 3, 17, 16)
    exact = evaluate(module, {"x": x}, exact=True)["logits"]
    wanted = small_torch(x.astype(np.float64), {n: a.astype(np.float64) for n, a in arrays.items()})
    assert exact.dtype == np.float64
    np.testing.assert_allclose(exact, wanted, rtol=1e-12, atol=1e-12)


def test_every_value_is_observed_once_in_order():
    module, _ = small_net()
    seen = []
    evaluate(module, {"x": normal(2, 3, 17, 16)}, observe=lambda value, array: seen.append((value.name, array.shape)))
    wanted = [*module.graph.inputs, *(v for node in module.graph.nodes for v in node.results)]
    assert seen == [(v.name, v.shape) for v in wanted]


def test_an_output_that_is_read_on_and_an_unused_result():
    b = GraphBuilder()
    x = b.input("x", TensorType(F32, (4,)))
    first, _ = b.add_all(Split(x, (1, 3), 0), ("first", "rest"))
    graph = b.finish((first, b.add(Relu(first), "y"), x))
    found = evaluate_graph(graph, {"x": np.float32([-1, 2, 3, 4])})
    assert {name: array.tolist() for name, array in found.items()} == {"first": [-1], "y": [0], "x": [-1, 2, 3, 4]}


BAD_INPUTS = [
    ({}, "input 'x' of type f32[2,3,17,16] is missing; given: nothing"),
    ({"X": 0}, "input 'x' of type f32[2,3,17,16] is missing; given: X"),
    ({"x": normal(2, 3, 17, 16), "z": 0}, "there is no input 'z' (known: x)"),
    ({"x": normal(2, 3, 17)}, "input 'x' has shape (2, 3, 17), needed (2, 3, 17, 16)"),
    ({"x": np.zeros((2, 3, 17, 16), complex)}, "input 'x' is complex128, needed f32 (numpy float32)"),
]


@pytest.mark.parametrize(("inputs", "message"), BAD_INPUTS)
def test_unfit_inputs_are_named(inputs, message):
    with pytest.raises(DataError) as error:
        evaluate(small_net()[0], inputs)
    assert str(error.value) == message


def test_integers_out_of_range_and_floats_for_integers_are_refused():
    b = GraphBuilder()
    graph = b.finish((b.input("x", TensorType(I4, (2,))),))
    with pytest.raises(DataError, match=r"input 'x' holds -3\.\.9, needed -8\.\.7 for i4"):
        evaluate_graph(graph, {"x": np.array([-3, 9])})
    with pytest.raises(DataError, match="input 'x' is float64, needed i4"):
        evaluate_graph(graph, {"x": np.array([1.0, 2.0])})
    assert evaluate_graph(graph, {"x": np.array([-8, 7])})["x"].dtype == np.int8


def test_a_missing_or_misshapen_parameter_is_named():
    module, arrays = small_net()
    x = {"x": normal(2, 3, 17, 16)}
    with pytest.raises(IRError, match=r"^b1 \(ir.param\): the module has no parameter 'b1'; did you mean"):
        evaluate(module.with_graph(module.graph, Params({n: a for n, a in arrays.items() if n != "b1"})), x)
    with pytest.raises(DataError, match=r"^parameter 'b1' has shape \(7,\), needed \(8,\)"):
        evaluate(module.with_graph(module.graph, module.params.updated({"b1": normal(7)})), x)


@dataclass(frozen=True)
class Cumulated(Op, name="test.cumulated"):
    """Running sum: not affine, so opaque."""

    x: Value

    def infer(self):
        return (self.x.type,)

    def reference(self, x):
        return np.cumsum(x, dtype=x.dtype)


@dataclass(frozen=True)
class Hollow(Op, name="test.hollow"):
    """Says nothing of what it means."""

    x: Value

    def infer(self):
        return (self.x.type,)


def test_an_opaque_op_is_evaluated_by_its_reference():
    x = Value("x", TensorType(F32, (3,)))
    assert evaluate_op(Cumulated(x), (np.float32([1, 2, 3]),))[0].tolist() == [1, 3, 6]
    with pytest.raises(IRError, match="test.hollow has no meaning: it needs a `kernel`, or a `reference`"):
        evaluate_op(Hollow(x), (np.float32([1, 2, 3]),))


def test_div_and_mod_that_do_not_split_are_gathered():
    axis = Axis("i", 10)
    odd = Mod(Div(at("i") * 3 + 1, 4), 5)
    nest = Nest((axis,), apply("add", Load(0, (odd,)), IndexValue(odd)), F32, F32)
    x, places = normal(5), (np.arange(10) * 3 + 1) // 4 % 5
    np.testing.assert_allclose(evaluate_nest(nest, (x,)), x[places] + places, rtol=1e-6)


def test_a_gathered_read_outside_gives_the_fill():
    nest = Nest((Axis("i", 6),), Load(0, (Div(at("i") * 3 - 4, 2),), -1.0), F32, F32)
    places = (np.arange(6) * 3 - 4) // 2
    wanted = [float(p + 1) if 0 <= p < 3 else -1.0 for p in places]
    np.testing.assert_array_equal(evaluate_nest(nest, (np.float32([1, 2, 3]),)), wanted)


def test_grouped_channels_become_strided():
    x, w = Value("x", TensorType(F32, (1, 6, 5, 5))), Value("w", TensorType(F32, (9, 2, 3, 3)))
    stage = Conv2d(x, w, groups=3).kernel().stages[0]
    names = [a.name for a in split_axes(stage).axes]
    assert names == ["n", "oc.o", "oc.i", "oh", "ow", "ic", "kh", "kw"]


def test_products_and_minima_over_axes_the_body_does_not_use():
    axes = (Axis("i", 3), Axis("k", 4, reduce=True))
    x = np.float32([1, 2, 3])
    load = Load(0, (at("i"),))
    for reduce, wanted in (("prod", x**4), ("min", x), ("sum", 4 * x)):
        np.testing.assert_array_equal(evaluate_nest(Nest(axes, load, F32, F32, reduce), (x,)), wanted)
    squares = Nest(axes, apply("mul", load, load), F32, F32, "sum", apply("sub", Acc(), Const(1.0)))
    np.testing.assert_array_equal(evaluate_nest(squares, (x,)), 4 * x * x - 1)


def test_sums_of_nothing_are_0_and_softmax_of_nothing_is_nothing():
    a, b, bias = normal(2, 0), normal(0, 3), normal(3)
    values = [Value(n, TensorType(F32, x.shape)) for n, x in (("a", a), ("b", b), ("bias", bias))]
    np.testing.assert_array_equal(evaluate_op(Gemm(*values), (a, b, bias))[0], [bias, bias])
    x, w = Value("x", TensorType(F32, (1, 0, 4, 4))), Value("w", TensorType(F32, (2, 0, 3, 3)))
    found = evaluate_op(Conv2d(x, w, pads=(1, 1, 1, 1)), (normal(1, 0, 4, 4), normal(2, 0, 3, 3)))[0]
    np.testing.assert_array_equal(found, np.zeros((1, 2, 4, 4)))
    assert evaluate_op(Softmax(values[0]), (a,))[0].shape == (2, 0)


def test_tables_are_read_by_index_and_integers_wrap_as_stored():
    axes = (Axis("i", 3),)
    scaled = apply("mul", Load(0, (at("i"),)), Table((0.5, 2.0, 4.0), at("i")))
    np.testing.assert_array_equal(evaluate_nest(Nest(axes, scaled, F64, F64), (np.ones(3),)), [0.5, 2, 4])
    wrapped = Nest(axes, apply("add", Load(0, (at("i"),)), Const(1.0)), I32, U8)
    np.testing.assert_array_equal(evaluate_nest(wrapped, (np.uint8([0, 254, 255]),)), [1, 255, 0])
