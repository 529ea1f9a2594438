"""What comparisons, gathers, scatters, orders and paddings refuse, and in which words; and their text form."""

import pytest

from gossamer.ir import ops
from gossamer.ir.build import GraphBuilder
from gossamer.ir.errors import IRError, ParseError
from gossamer.ir.graph import Module
from gossamer.ir.text import parse_module, print_module
from gossamer.ir.types import BOOL, F32, I8, I32, I64, Quant, TensorType, Value


def v(*shape, dtype=F32, quant=None):
    return Value("v", TensorType(dtype, shape, quant))


SCALED = Quant((0.5,))
PER_ROW = Quant((0.5, 0.25), axis=0)

REFUSED = [
    (ops.Less(v(2), v(2, dtype=I32)), "x and y have types f32, i32, needed one type"),
    (ops.Equal(v(2), v(3)), "x and y have shapes (2,) and (3,), needed shapes that broadcast"),
    (ops.LessEqual(v(2, dtype=I8, quant=SCALED), v(2)), "x is quantised"),
    (ops.And(v(2), v(2, dtype=BOOL)), "x is f32, needed bool: compare it, or cast it"),
    (ops.Or(v(2, dtype=BOOL), v(2, dtype=I8)), "y is i8, needed bool"),
    (ops.Not(v(2)), "x is f32, needed bool"),
    (ops.Where(v(2), v(2), v(2)), "the condition is f32, needed bool"),
    (ops.Where(v(2, dtype=BOOL), v(2), v(2, dtype=I8)), "x and y have types f32, i8"),
    (ops.Where(v(3, dtype=BOOL), v(2), v(2)), "the condition and x with y have shapes (3,) and (2,)"),
    (ops.Bitwise(v(2), v(2), "and"), "x is f32, needed an integer type"),
    (ops.Bitwise(v(2, dtype=BOOL), v(2, dtype=BOOL), "and"), "use math.and on bool"),
    (ops.Bitwise(v(2, dtype=I8), v(2, dtype=I8), "nand"), "function is 'nand', needed one of and, or, xor, shl, shr"),
    (ops.Sin(v(2, dtype=I32)), "x is i32, needed a float type"),
    (ops.ReduceMax(v(2, 0, dtype=I32), (1,)), "needed elements along axes (1,): i32 has no infinity"),
    (ops.ArgMax(v(2, 0), 1), "x has shape (2, 0), needed at least one element along axis 1"),
    (ops.ArgMin(v(2), 1), "axis is 1, needed -1..0"),
    (ops.TopK(v(2, 3), 4), "k is 4, needed 0..3, the extent of axis 1"),
    (ops.CumSum(v(2, dtype=BOOL), 0), "x is bool, needed a number type"),
    (ops.CumProd(v(), 0), "axis is 0, needed"),
    (ops.Gather(v(2, 3), v(2)), "the indices are f32, needed a plain integer type"),
    (ops.Gather(v(0, 3), v(2, dtype=I64)), "needed at least one element along axis 0 to choose from"),
    (ops.Gather(v(2, 3, dtype=I8, quant=PER_ROW), v(1, dtype=I64)), "one scale per index of axis 0, needed one scale"),
    (ops.GatherElements(v(2, 3), v(3, dtype=I64), 1), "the indices have shape (3,), needed 2 dimensions as x has"),
    (ops.GatherElements(v(2, 3), v(3, 9, dtype=I64), 1), "needed no more than (2, 3) but for axis 1"),
    (ops.GatherND(v(2, 3), v(4, 3, dtype=I64)), "the indices name 3 axes, needed at most 2"),
    (ops.GatherND(v(2, 3), v(4, 1, dtype=I64), 1), "needed equal batch axes in front"),
    (ops.ScatterElements(v(2, 3), v(1, 3, dtype=I64), v(2, 3), 0), "updates has shape (2, 3), needed (1, 3)"),
    (ops.ScatterElements(v(2), v(1, dtype=I64), v(1, dtype=I8), 0), "x and updates have types f32, i8"),
    (ops.ScatterElements(v(2), v(1, dtype=I64), v(1), 0, "sub"), "reduction is 'sub', needed one of none, add"),
    (ops.ScatterND(v(2, 3), v(1, 3, dtype=I64), v(1)), "needed a last axis of at most 2: a place in x"),
    (ops.ScatterND(v(2, 3), v(4, 1, dtype=I64), v(4)), "updates has shape (4,), needed (4, 3): the rest of x"),
    (ops.Tile(v(2, 3), (2,)), "repeats is (2,), needed 2 numbers >= 0"),
    (ops.Expand(v(2, 3), (3,)), "shape is (3,), needed one that x of shape (2, 3) broadcasts to"),
    (ops.Pad(v(2, 3), ((0, 1), (-1, 0)), mode="edge"), "needed numbers >= 0 in mode edge: crop with a slice first"),
    (ops.Pad(v(0, 3), ((0, 1), (0, 0)), mode="wrap"), "needed elements to repeat"),
]


@pytest.mark.parametrize("op, message", REFUSED, ids=lambda x: x.name if hasattr(x, "infer") else "")
def test_refusals(op, message):
    with pytest.raises(IRError) as error:
        op.infer()
    assert message in str(error.value)


TEXT = """module m

%x: f32[2,3] = input
%i: i64[4] = input
%c: bool[3] = input
%1: f32[4,3] = tensor.gather %x, %i
%2: f32[2,3] = tensor.pad %x pads=((0,0),(0,0)) mode="reflect"
%3: f32[2,1], %4: i64[2,1] = tensor.top_k %x k=1
%5: bool[2,3] = math.less %x, %2
%6: f32[2,3] = math.where %5, %x, %2
%7: i64[4] = math.bitwise %i, %i function="xor"
%8: bool[2,3] = math.and %5, %c
return %1, %3, %4, %6, %7, %8
"""


def test_text_comes_back():
    module = parse_module(TEXT)
    assert parse_module(print_module(module)) == module
    assert [n.op.name for n in module.graph.nodes][0] == "tensor.gather"
    assert 'function="xor"' in print_module(module) and 'mode="reflect"' in print_module(module)


def test_a_mode_that_is_none_is_refused_where_it_stands():
    with pytest.raises(ParseError, match="mode, needed one of 'constant', 'reflect', 'edge', 'wrap'"):
        parse_module(TEXT.replace('"reflect"', '"mirror"'))


def test_messages_name_the_statement():
    b = GraphBuilder()
    x = b.input("x", TensorType(F32, (2,)))
    with pytest.raises(IRError, match=r"pick \(tensor.gather\): the indices are f32"):
        b.add(ops.Gather(x, x), "pick")
    assert Module("m", b.finish((x,))).graph.nodes == ()
