"""Stages without register tiles: rows in one kernel, regions, vectors along any axis; extents that fill no vector."""

import numpy as np
import pytest

from gossamer.codegen.tvm.forms import Operand, choose_form
from gossamer.codegen.tvm.kernel import launches_of
from gossamer.codegen.tvm.layout import Layout
from gossamer.codegen.tvm.program import program_of
from gossamer.codegen.tvm.regions import regions_of
from gossamer.ir import ops
from gossamer.ir.nest import Load, parts
from gossamer.ir.schedule import Schedule

from .tvm_help import Net, check, compiled


def launches(op):
    net = Net()
    value = net.add(op(net))
    node = net.module(value).graph.nodes[-1]
    program = program_of(node).kernel
    operands = [Operand(v.type, Layout.plain(v.shape)) for v in node.op.operands]
    return launches_of(program, choose_form(program, operands, [Layout.plain(value.shape)]))


@pytest.mark.slow
@pytest.mark.parametrize("shape, axis", [((2, 3, 197), -1), ((1, 20, 9, 7), 1), ((40, 1000), 1), ((2, 65, 33), 1)])
def test_softmax_is_one_kernel(shape, axis):
    assert len(launches(lambda net: ops.Softmax(net.input(*shape), axis))) == 1
    net = Net()
    module = net.module(net.add(ops.Softmax(net.input(*shape), axis)))
    check(module, net.data(module, -20, 20))


@pytest.mark.slow
@pytest.mark.parametrize("channels", [16, 20, 58])
def test_softmax_over_the_channels_of_a_convolution(channels):
    net = Net()
    y = net.add(ops.Conv2d(net.input(1, channels, 6, 5), net.weight(channels, channels, 1, 1)))
    module = net.module(net.add(ops.Softmax(y, 1)), net.add(ops.Softmax(y, 3)))
    check(module, net.data(module))


def test_stages_that_share_no_axis_stay_apart_when_they_are_long():
    assert len(launches(lambda net: ops.Softmax(net.input(1 << 16), 0))) > 1
    net = Net()
    module = net.module(net.add(ops.Softmax(net.input(1 << 16), 0)))
    check(module, net.data(module), 1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("axes", [(0,), (1,), (2,), (1, 2), (0, 2), (0, 1, 2)])
@pytest.mark.parametrize("reduction", [ops.ReduceSum, ops.ReduceMax])
def test_reductions_along_any_axes(reduction, axes):
    net = Net()
    x = net.input(5, 37, 71)
    module = net.module(net.add(reduction(x, axes)), net.add(reduction(x, axes, keepdims=False)))
    check(module, net.data(module), 4e-6)


def test_nan_goes_through_the_maximum_of_a_row():
    net = Net()
    artifact = compiled(net.module(net.add(ops.ReduceMax(net.input(3, 197), (1,)))))
    for place in (0, 17, 196):
        x = np.zeros((3, 197), np.float32)
        x[1, place] = np.nan
        (found,) = artifact.run({"x": x}).values()
        assert np.isnan(found).ravel().tolist() == [False, True, False]


@pytest.mark.slow
@pytest.mark.parametrize("channels, extent", [(16, 16), (48, 7), (58, 9), (20, 17), (3, 40)])
def test_between_rows_and_blocks(channels, extent):
    net = Net()
    x = net.input(2, channels, extent, extent)
    y = net.add(ops.Conv2d(x, net.weight(channels, channels, 1, 1)))
    flat = net.add(ops.Reshape(y, (2, channels, extent * extent)))
    module = net.module(flat, net.add(ops.Transpose(flat, (0, 2, 1))), net.add(ops.Transpose(y, (0, 2, 3, 1))))
    check(module, net.data(module), 1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("widths", [(16, 32), (58, 58), (5, 40, 19)])
def test_concatenated_channels_of_convolutions(widths):
    net = Net()
    x = net.input(1, 8, 5, 6)
    made = tuple(net.add(ops.Conv2d(x, net.weight(width, 8, 1, 1))) for width in widths)
    whole = net.add(ops.Concat(made, 1))
    begin, stop = widths[0], sum(widths)
    tail = net.add(ops.Slice(whole, (0, begin, 0, 0), (1, stop, 5, 6), (1, 1, 1, 1)))
    module = net.module(whole, tail)
    check(module, net.data(module), 1e-5)


def test_regions_decide_what_depends_on_the_place():
    net = Net()
    x = net.input(4, 10)
    node = net.module(net.add(ops.Pad(x, ((1, 0), (0, 3)), 2.0))).graph.nodes[-1]
    nest = program_of(node).kernel.stages[0]
    regions = regions_of(nest, {0: (4, 10)})
    assert [r.nest.shape for r in regions] == [(1, 13), (4, 10), (4, 3)]
    assert [dict(r.starts) for r in regions][2] == {nest.parallel[0].name: 1, nest.parallel[1].name: 10}
    loads = [[p for p in parts(r.nest.body) if isinstance(p, Load)] for r in regions]
    assert [len(found) for found in loads] == [0, 1, 0] and loads[1][0].fill is None


def test_attention_of_rows_that_fill_no_vector():
    net = Net()
    q, k, v = net.input(3, 37, 24), net.input(3, 24, 37, name="k"), net.input(3, 37, 24, name="v")
    scores = net.add(ops.Softmax(net.add(ops.MatMul(q, k)), -1))
    module = net.module(scores, net.add(ops.MatMul(scores, v)))
    check(module, net.data(module), 1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("axis", [1, 2, -1])
@pytest.mark.parametrize("channels", [16, 20, 24])
def test_softmax_over_blocks_narrower_than_a_vector(channels, axis):
    """The maximum and the sum, which lie in no blocks, are taken for as many channels at a time as a block has."""
    net, narrow = Net(), Schedule(layout="NCHW8c")
    y = net.add(ops.Conv2d(net.input(2, 8, 3, 14), net.weight(channels, 8, 1, 1)), narrow)
    module = net.module(net.add(ops.Softmax(y, axis), narrow))
    check(module, net.data(module), 4e-6)
