"""Random modules come back from their text; random damage to text only ever gives a ParseError."""

from dataclasses import dataclass, fields
from math import inf
from random import Random
from typing import Any, get_args, get_origin

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gossamer.ir.build import GraphBuilder
from gossamer.ir.errors import IRError
from gossamer.ir.fields import fields_of
from gossamer.ir.graph import Graph, Module
from gossamer.ir.op import Op, op_class, op_names
from gossamer.ir.ops import (
    AvgPool2d,
    Cast,
    Concat,
    Conv2d,
    Fused,
    Gemm,
    MaxPool2d,
    Pad,
    Param,
    Reshape,
    Slice,
    Split,
    Transpose,
)
from gossamer.ir.schedule import Schedule, Tile
from gossamer.ir.text import parse_graph, parse_module, print_graph, print_module
from gossamer.ir.types import BF16, BOOL, F16, F32, F64, I4, I8, I16, I32, U8, Quant, TensorType, Value
from gossamer.ir.verify import verify

BUILT_IN = [name for name in op_names() if name.split(".")[0] in ("nn", "math", "tensor", "quant")]
names = st.one_of(st.sampled_from(["x", "y", "conv1", "a/b:0", "1", "%", "é", ""]), st.text(max_size=6))
extents = st.sampled_from([1, 2, 3, 4, 8])
scales = st.floats(1e-300, 1e300)


@st.composite
def types(draw: Any, shape: tuple[int, ...] | None = None) -> TensorType:
    shape = tuple(draw(st.lists(extents, max_size=4))) if shape is None else shape
    if draw(st.booleans()):
        return TensorType(draw(st.sampled_from([F32, F16, F64, BF16, BOOL, I32])), shape)
    axis = draw(st.sampled_from([None, *range(len(shape))]))
    count = 1 if axis is None else shape[axis]
    zeros = st.lists(st.integers(-128, 127), min_size=count, max_size=count)
    points = tuple(draw(zeros)) if draw(st.booleans()) else (draw(st.integers(0, 3)),)
    quant = Quant(tuple(draw(st.lists(scales, min_size=count, max_size=count))), points, axis)
    return TensorType(draw(st.sampled_from([I8, U8, I4, I16])), shape, quant)


axes = st.sampled_from(["n", "oc", "oh", "ow", "kh", "d0", "my axis", "é", "1"])
axis_lists = st.lists(axes, unique=True, max_size=3).map(tuple)
tiles = st.builds(Tile, axes, st.lists(st.integers(1, 64), max_size=3).map(tuple))
schedules = st.builds(
    lambda algorithm, **rest: Schedule(*algorithm, **rest),
    algorithm=st.sampled_from([("direct", None), ("im2col", None), ("winograd", 4)]),
    tile=st.lists(tiles, max_size=3, unique_by=lambda tile: tile.axis).map(tuple), order=axis_lists,
    unroll=axis_lists, vectorize=st.none() | tiles, parallel=axis_lists, layout=st.sampled_from(["", "NCHW16c", "4 x"]),
    dataflow=st.sampled_from(["", "ws", "os"]),
)  # fmt: skip


def attributes(hint: Any) -> st.SearchStrategy[Any]:
    """Values for an annotated attribute, such that an op often accepts them."""
    if get_origin(hint) is tuple:
        inner, *more = get_args(hint)
        if more == [Ellipsis]:
            return st.integers(1, 4).flatmap(lambda n: st.tuples(*[attributes(inner)] * n))
        return st.tuples(*map(attributes, get_args(hint)))
    if get_args(hint):
        return st.sampled_from(get_args(hint)).flatmap(attributes)
    simple: dict[Any, st.SearchStrategy[Any]] = {
        int: st.integers(0, 3), float: st.floats(allow_nan=False), bool: st.booleans(), str: names, TensorType: types(),
    }  # fmt: skip
    return simple.get(hint, st.none())


@st.composite
def moving_op(draw: Any, values: list[Value]) -> Op:
    """An op whose attributes have to fit the operand's shape, made to fit."""
    x: Value = draw(st.sampled_from(values))
    rank = x.type.rank
    axis = draw(st.integers(0, max(0, rank - 1)))
    kernel, pads = (draw(st.integers(1, 3)), draw(st.integers(1, 3))), tuple(draw(st.integers(0, 1)) for _ in range(4))
    extent = x.shape[axis] if rank else 0
    cut = draw(st.integers(0, extent))
    bounds = [sorted((draw(st.integers(0, e)), draw(st.integers(0, e)))) for e in x.shape]
    return draw(st.sampled_from([
        lambda: Reshape(x, tuple(reversed(x.shape))),
        lambda: Transpose(x, tuple(draw(st.permutations(range(rank))))),
        lambda: Split(x, (cut, extent - cut), axis),
        lambda: Slice(x, tuple(b[0] for b in bounds), tuple(b[1] for b in bounds), (draw(st.integers(1, 3)),) * rank),
        lambda: Pad(x, tuple((cut, 1) for _ in x.shape), draw(st.sampled_from([0.0, -0.0, 1.5, -inf]))),
        lambda: Concat((x, *draw(st.lists(st.just(x), max_size=2))), axis),
        lambda: MaxPool2d(x, kernel, (1, 2), pads, ceil_mode=draw(st.booleans())),
        lambda: AvgPool2d(x, kernel, (2, 1), pads, count_include_pad=draw(st.booleans())),
        lambda: Cast(x, draw(types(x.shape))),
        lambda: Conv2d(x, x, None, kernel, pads),
        lambda: Gemm(x, x, transpose_b=True),
    ]))()  # fmt: skip


@st.composite
def random_op(draw: Any, values: list[Value]) -> Op:
    """Some op of these values; it may refuse them."""
    cls = op_class(draw(st.sampled_from(BUILT_IN)))
    plan = fields_of(cls)
    found: dict[str, Any] = {}
    for name, arity in plan.operands:
        one = st.sampled_from(values)
        kinds = {"one": one, "optional": st.none() | one, "many": st.lists(one, max_size=3).map(tuple)}
        found[name] = draw(kinds[arity])
    for item in plan.attributes.values():
        found[item.name] = draw(attributes(item.hint))
    if cls.name == "quant.cast":
        found["type"] = draw(types(found["x"].shape))
    return cls(**found)


@st.composite
def graphs(draw: Any, inputs: tuple[TensorType, ...] | None = None, depth: int = 0) -> Graph:
    b = GraphBuilder()
    given = draw(st.lists(types(), min_size=1, max_size=3)) if inputs is None else inputs
    values = [b.input(draw(names), type) for type in given]
    if not depth:
        values += [b.input("image", TensorType(F32, (1, 4, 8, 8))), b.input("matrix", TensorType(F32, (4, 8)))]
        weight = b.add(Param(draw(names) or "w", TensorType(F32, (8, 4, 3, 3))))
        conv = Conv2d(values[-2], weight, pads=(1, 1, 1, 1))
        values.append(b.add(conv, label=draw(names), schedule=draw(st.none() | schedules)))
    for _ in range(draw(st.integers(0, 7))):
        kind = draw(st.sampled_from([random_op, moving_op, moving_op, random_op if depth else fused]))
        try:
            op = draw(kind(values))
            made = b.add_all(op, (draw(names),), label=draw(names), schedule=draw(st.none() | schedules))
        except IRError:
            continue
        values += made
    made = [v for node in b.nodes for v in node.results]
    return b.finish(draw(st.lists(st.sampled_from(made), min_size=1, max_size=3, unique=True)) if made else ())


@st.composite
def fused(draw: Any, values: list[Value]) -> Op:
    inputs = tuple(draw(st.lists(st.sampled_from(values), min_size=1, max_size=2)))
    return Fused(inputs, draw(graphs(tuple(v.type for v in inputs), depth=1)))


@pytest.mark.slow
@given(graphs(), names)
@settings(max_examples=70, deadline=None, suppress_health_check=list(HealthCheck))
def test_random_modules_come_back(graph: Graph, name: str):
    module = Module(name, graph)
    text = print_module(module)
    again = parse_module(text)
    assert again == module
    assert print_module(again) == text


@given(graphs())
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_random_graphs_pass_the_verifier_once_their_schedules_are_taken_off(graph: Graph):
    text = "\n".join(line for line in print_graph(graph).split("\n") if not line.strip().startswith("@schedule"))
    if graph.outputs:
        verify(Module("m", parse_graph(text)))


@dataclass(frozen=True)
class Anything(Op, name="test_text.anything"):
    """Every kind of attribute."""

    x: Value
    word: str
    number: float = 0.0
    count: int = 0
    flag: bool = False
    maybe: float | int | None = None
    table: tuple[tuple[int, float], ...] = ()
    pair: tuple[str, bool] = ("", False)
    kind: TensorType | None = None

    def infer(self) -> tuple[TensorType, ...]:
        return (self.x.type,)


@given(st.builds(
    Anything, st.just(Value("x", TensorType(F32, (2,)))), st.text(), st.floats(allow_nan=False), st.integers(),
    st.booleans(),
    st.none() | st.floats(allow_nan=False) | st.integers(),
    st.lists(st.tuples(st.integers(), st.floats(allow_nan=False))).map(tuple),
    st.tuples(st.text(), st.booleans()), st.none() | types(),
))  # fmt: skip
@settings(max_examples=150, deadline=None)
def test_random_attributes_come_back_with_their_types(op: Anything):
    b = GraphBuilder()
    b.inputs.append(op.x)
    graph = b.finish((b.add(op, "y"),))
    [node] = parse_graph(print_graph(graph)).nodes
    assert node.op == op
    assert [type(getattr(node.op, f.name)) for f in fields(op)] == [type(getattr(op, f.name)) for f in fields(op)]


RESNET = """\
module resnet8
%x: f32[1,3,32,32] = input
%w: f32[16,3,3,3] = ir.param "stem.weight"
%b: f32[16] = ir.param "stem.bias"
%1: f32[1,16,32,32] = nn.conv2d %x, %w, %b pads=(1,1,1,1) @label "conv1"
    @schedule algorithm=winograd(m=4) tile=(oc:16:8, oh:8, ow:8) unroll=(kh, kw) vectorize=(oc:16)
%2: f32[1,16,32,32] = ir.fused %1 {
  %x: f32[1,16,32,32] = input
  %1: f32[1,16,32,32] = nn.relu %x
  %2: f32[1,16,32,32] = math.add %1, %1 @label "twice"
  return %2
} @label "relu1"
    @schedule parallel=(oc)
%3: f32[1,8,32,32], %4: f32[1,8,32,32] = tensor.split %2 sizes=(8,8) axis=1
return %3, %4
"""
QUANTISED = """\
module q
%x: u8[1,3,8,8]{scale=0.5, zero_point=3} = input
%w: i8[6,3,3,3]{axis=0, scale=#s0} = ir.param "w"
%y: i32[1,6,6,6]{axis=1, scale=#s1} = nn.conv2d %x, %w
%z: f32[1,6,6,6] = quant.cast %y
%p: f32[1,6,10,8] = tensor.pad %z pads=((0,0),(0,0),(2,2),(1,1)) value=-inf
%m: f32[1,6,1,1] = math.reduce_max %p axes=(2,3)
%s: f32[1,3,1,1] = tensor.slice %m starts=(0,0,0,0) stops=(1,6,1,1) steps=(1,2,1,1)
%t: f32[1,1,3,1] = tensor.transpose %s perm=(0,2,1,3)
return %t, %m
#s0 = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6)
#s1 = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3)
"""
PIECES = [
    "%", "%x", "%2", "=", ":", ",", "(", ")", "{", "}", "[", "]", '"', "\\", "\n", " ", "//", "@label",
    "@schedule ", "#s0",
    "return", "input", "nn.relu", "ir.fused", "-1", "0", "1e400", "-inf", "nan", "true", "none", "f32[2]", "i4",
    "99999999999",
    "axis=", "shape=", "\x00", "é", "((", "{scale=", "\u2028",
]  # fmt: skip


def damaged(text: str, random: Random) -> str:
    """The text with one to three pieces cut out, put in, doubled or moved."""
    for _ in range(random.randint(1, 3)):
        i = random.randrange(len(text) + 1)
        j = min(len(text), i + random.choice((0, 1, 1, 2, 5, 20)))
        piece = random.choice((random.choice(PIECES), "", text[i:j] * 2, text[j : j + 15]))
        text = text[:i] + piece + text[j:]
    return text


@pytest.mark.parametrize("text", [RESNET, QUANTISED], ids=["float", "quantised"])
def test_damaged_text_parses_or_says_why_not(text: str):
    assert print_module(parse_module(text)) == text
    random = Random(0)
    accepted = 0
    for _ in range(400):
        broken = damaged(text, random)
        try:
            module = parse_module(broken)
        except IRError as error:
            assert str(error)[0].isdigit() and ":" in str(error)
            continue
        accepted += 1
        assert parse_module(print_module(module)) == module or "nan" in broken
    assert 0 < accepted < 200
