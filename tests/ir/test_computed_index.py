"""Indices computed from tables and operands: what they are, their bounds, and what inlining does with them."""

import numpy as np
import pytest

from gossamer.ir.index import axes_in, bounds, substitute_index
from gossamer.ir.inline import inline_pointwise
from gossamer.ir.interval import reach
from gossamer.ir.nest import (
    Axis,
    Computed,
    Const,
    Convert,
    Div,
    IndexValue,
    Kernel,
    Load,
    Mod,
    Nest,
    Sum,
    Table,
    apply,
    at,
    computed,
    parts,
)  # fmt: skip
from gossamer.ir.reference_nest import evaluate_kernel
from gossamer.ir.types import F32, I32, I64

EXTENTS = {"d0": 4, "d1": 3}
X = np.arange(12, dtype=np.float32).reshape(4, 3)


def pick(index, extent=4):
    """out[d0, d1] = x[index, d1]."""
    return Nest((Axis("d0", 4), Axis("d1", 3)), Load(0, (Computed(index, extent), at("d1"))), F32, F32)


def run(*stages, operands=(X,), result=-1):
    kernel = Kernel(len(operands), stages, (len(stages) + result,))
    return evaluate_kernel(kernel, operands)[0]


def test_tables_choose_rows():
    np.testing.assert_array_equal(run(pick(Table((3.0, 0.0, 0.0, 2.0), at("d0")))), X[[3, 0, 0, 2]])


def test_operands_choose_rows_and_are_clipped():
    rows = np.array([7, -5, 1, 2])
    found = run(pick(Load(1, (at("d0"),))), operands=(X, rows))
    np.testing.assert_array_equal(found, X[[3, 0, 1, 2]])


def test_a_position_computed_in_floats():
    third = apply("floor", apply("div", IndexValue(at("d0")), Const(3.0)))
    np.testing.assert_array_equal(run(pick(Convert(third, F32, I64))), X[[0, 0, 0, 1]])


def test_computed_indices_combine_with_others():
    flat = Computed(Load(1, (at("d0"),)), 12)
    nest = Nest((Axis("d0", 3),), Load(0, (Div(flat, 3), Mod(flat, 3))), F32, F32)
    np.testing.assert_array_equal(run(nest, operands=(X, np.array([11, 4, 0]))), [11, 4, 0])
    row = Sum(((Computed(Load(1, (at("d0"),)), 2), 2), (at("d0"), 1)))
    shifted = Nest((Axis("d0", 2),), Load(0, (row, at("d0"))), F32, F32)
    np.testing.assert_array_equal(run(shifted, operands=(X, np.array([1, 0]))), [X[2, 0], X[1, 1]])


def test_bounds_are_those_of_the_extent_or_tighter():
    assert bounds(Computed(Load(0, (at("d0"),)), 10), EXTENTS) == (0, 9)
    assert bounds(Computed(Table((3.0, 5.0, 4.0, 3.0), at("d0")), 10), EXTENTS) == (3, 5)
    assert bounds(Computed(IndexValue(at("d0") - 2), 10), EXTENTS) == (0, 1)
    assert bounds(Computed(IndexValue(at("d0") + 20), 10), EXTENTS) == (9, 9)


@pytest.mark.parametrize(
    "expr, wanted",
    [
        (apply("sub", Const(9.0), IndexValue(at("d0"))), (6, 9)),
        (apply("abs", IndexValue(at("d0") - 2)), (0, 2)),
        (apply("mul", IndexValue(at("d0") - 1), Const(-3.0)), (-6, 3)),
        (apply("minimum", IndexValue(at("d0")), Const(1.0)), (0, 1)),
        (apply("where", Load(0, ()), Const(2.0), Const(5.0)), (2, 5)),
        (apply("add", Load(0, ()), Const(2.0)), None),
        (Const(0.5), None),
        (Table((), at("d0")), None),
    ],
)
def test_ranges(expr, wanted):
    assert reach(expr, lambda index: bounds(index, EXTENTS)) == wanted


def test_axes_are_found_and_replaced_inside():
    index = Computed(apply("add", Load(1, (at("d0"),)), IndexValue(at("d1"))), 4)
    assert axes_in(index) == {"d0", "d1"}
    swapped = substitute_index(index, {"d0": at("d1"), "d1": at("d0")}, EXTENTS)
    assert swapped == Computed(apply("add", Load(1, (at("d1"),)), IndexValue(at("d0"))), 4)


def test_reads_inside_of_indices_are_seen():
    nest = pick(Load(1, (at("d0"),)))
    assert [load.operand for load in nest.loads] == [0, 1]
    assert computed(Mod(Computed(Const(1.0), 4), 2)) == (Computed(Const(1.0), 4),)
    assert Const(1.0) in list(parts(IndexValue(Computed(Const(1.0), 4))))


def inlined(kernel, *operands):
    small = inline_pointwise(kernel, [a.shape for a in operands])
    wanted = evaluate_kernel(kernel, operands)
    for found, value in zip(evaluate_kernel(small, operands), wanted, strict=True):
        np.testing.assert_array_equal(found, value)
    return small


def test_a_stage_melts_into_the_gather_of_it():
    doubled = Nest((Axis("d0", 4), Axis("d1", 3)), apply("mul", Load(0, (at("d0"), at("d1"))), Const(2.0)), F32, F32)
    gather = Nest((Axis("d0", 4), Axis("d1", 3)), Load(2, (Computed(Load(1, (at("d0"),)), 4), at("d1"))), F32, F32)
    small = inlined(Kernel(2, (doubled, gather), (1,)), X, np.array([3, 3, -1, 0]))
    assert len(small.stages) == 1


def test_a_gather_melts_into_what_reads_it():
    after = Nest((Axis("d0", 4), Axis("d1", 3)), apply("neg", Load(2, (at("d0"), at("d1")))), F32, F32)
    small = inlined(Kernel(2, (pick(Load(1, (at("d0"),))), after), (1,)), X, np.array([3, 3, -1, 0]))
    assert len(small.stages) == 1


@pytest.mark.parametrize("reduce", [None, "max"])
def test_nothing_melts_into_an_index(reduce):
    """The stage that computes the index stays a stage: as it is, with or without a reduction."""
    axes = (Axis("d0", 4), Axis("k", 2, reduce=True)) if reduce else (Axis("d0", 4),)
    body = Load(1, (at("d0"), at("k"))) if reduce else apply("add", Load(1, (at("d0"), at("d0") * 0)), Const(1.0))
    places = Nest(axes, body, I32, I32, reduce)
    gather = Nest((Axis("d0", 4),), Load(0, (Computed(Load(2, (at("d0"),)), 4), at("d0") * 0)), F32, F32)
    small = inlined(Kernel(2, (places, gather), (1,)), X, np.array([[0, 1], [2, 1], [1, 1], [0, 0]], np.int32))
    assert len(small.stages) == 2


def test_a_padded_read_of_a_gather_reads_no_index_outside():
    after = Nest((Axis("d0", 6), Axis("d1", 3)), Load(2, (at("d0") - 1, at("d1")), 7.0), F32, F32)
    small = inlined(Kernel(2, (pick(Load(1, (at("d0"),))), after), (1,)), X, np.array([3, 2, 1, 0]))
    assert len(small.stages) == 1
