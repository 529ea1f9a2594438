"""The text form: what each thing prints as, and that it comes back."""

import math
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest

from gossamer.ir import registry
from gossamer.ir.build import GraphBuilder
from gossamer.ir.errors import IRError, RegistryError
from gossamer.ir.graph import Graph, Module, Node, Params
from gossamer.ir.hardware import Hardware, parameter
from gossamer.ir.op import Op
from gossamer.ir.ops import Clip, Concat, Conv2d, Fused, Param, Relu, Reshape, Split
from gossamer.ir.schedule import Schedule, Tile
from gossamer.ir.text import MAX_NESTING, parse_graph, parse_module, print_graph, print_module
from gossamer.ir.types import F32, I8, U8, Quant, TensorType, Value

T = TensorType(F32, (1, 8, 4, 4))
X = Value("x", T)

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


@dataclass(frozen=True)
class Odd(Op, name="test_text.odd"):
    """Every shape a field can have."""

    a: Value
    rest: tuple[Value, ...]
    b: Value | None = None
    flag: bool = False
    ratio: float = 0.0
    word: str = "none"
    limit: int | None = None
    nested: tuple[tuple[int, float], ...] = ()
    kind: TensorType | None = None
    then: Graph | None = None

    def infer(self) -> tuple[TensorType, ...]:
        return (self.a.type,)


@dataclass(frozen=True)
class Toy(Hardware, target="test_toy"):
    lanes: int = parameter(8, unit="lanes", low=1, high=64, doc="multipliers")
    clock_hz: float = parameter(1e9, unit="Hz", low=1e6, high=5e9, doc="clock")
    flow: str = parameter("ws", unit="", choices=("ws", "output first"), doc="dataflow")


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch):
    def load(self: registry.Registry, name: str) -> object:
        if name != "test_toy":
            raise RegistryError(f"unknown target '{name}'; did you mean 'test_toy'? (known: test_toy)")
        return SimpleNamespace(hardware=Toy)

    monkeypatch.setattr(registry.Registry, "load", load)


def module(op: Op, *inputs: Value, schedule: Schedule | None = None, label: str = "") -> Module:
    results = tuple(Value(f"r{i}", type) for i, type in enumerate(op.infer()))
    return Module("m", Graph(inputs, (Node(op, results, schedule, label),), results))


def statement(m: Module) -> str:
    """The text of the op of a one-op module, checked to come back."""
    text = print_module(m)
    assert parse_module(text) == m and print_module(parse_module(text)) == text
    [line] = [line for line in text.splitlines() if line.startswith("%r0")]
    return line.split(" = ", 1)[1]


def odd(**fields: object) -> str:
    return statement(module(Odd(X, fields.pop("rest", ()), **fields), X, Value("y", T))).removeprefix("test_text.odd ")


def test_a_module_comes_back_and_prints_as_it_was_written():
    m = parse_module(RESNET)
    assert print_module(m) == str(m) == RESNET and parse_module(str(m)) == m


def test_parsed_parts_are_what_they_say():
    conv = parse_module(RESNET).graph.nodes[2]
    assert isinstance(conv.op, Conv2d) and conv.label == "conv1" and conv.op.pads == (1, 1, 1, 1)
    assert conv.schedule == Schedule(
        "winograd", 4, (Tile("oc", (16, 8)), Tile("oh", (8,)), Tile("ow", (8,))), unroll=("kh", "kw"),
        vectorize=Tile("oc", (16,)),
    )  # fmt: skip
    fused = parse_module(RESNET).graph.nodes[3].op
    assert isinstance(fused, Fused) and [n.op.name for n in fused.body.nodes] == ["nn.relu", "math.add"]


def test_params_are_handed_to_the_module():
    params = Params({"stem.weight": np.zeros((16, 3, 3, 3), np.float32)})
    assert parse_module(RESNET, params).params is params
    assert list(parse_module(RESNET, dict(params)).params) == ["stem.weight"]


def test_a_graph_prints_without_a_header():
    graph = parse_module(RESNET).graph
    assert print_graph(graph) == RESNET.split("\n", 1)[1] and parse_graph(print_graph(graph)) == graph


def test_types_may_be_left_out_where_the_op_gives_them():
    text = "module m\n%x: f32[1,8,4,4] = input\n%y = nn.relu %x\n%a, %b = tensor.split %y sizes=(2,6) axis=1\nreturn %b"
    assert [v.shape for v in parse_module(text).graph.nodes[1].results] == [(1, 2, 4, 4), (1, 6, 4, 4)]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1.0"), (-0.0, "-0.0"), (1e-5, "1e-05"), (1e300, "1e+300"), (1 / 3, "0.3333333333333333"),
        (math.inf, "inf"), (-math.inf, "-inf"), (math.nan, "nan"), (5e-324, "5e-324"), (2, "2.0"),
        (np.float32(0.1), "0.10000000149011612"),
    ],
)  # fmt: skip
def test_floats_come_back_exactly(value: float, text: str):
    assert odd(ratio=value) == f"%x ratio={text}"


def test_minus_zero_comes_back_as_minus_zero():
    node = parse_module(print_module(module(Odd(X, (), ratio=-0.0), X))).graph.nodes[0]
    assert math.copysign(1, node.op.ratio) == -1


@pytest.mark.parametrize(
    "value",
    [
        "",
        "plain",
        'a "quoted" \\ word',
        "line\nbreak\ttab\rreturn",
        "\x00\x1f\x7f\x85\u2028",
        "Größe 量子",
        "\ud800",
        "// no comment",
        "#s0",
    ],
)
def test_strings_come_back(value: str):
    odd(word=value)


def test_other_attributes():
    assert odd(flag=True) == "%x flag=true"
    assert odd(limit=-3) == "%x limit=-3"
    assert odd(nested=((1, 2.0),)) == "%x nested=((1,2.0),)"
    assert odd(nested=((1, 2.0), (3, math.inf))) == "%x nested=((1,2.0),(3,inf))"
    assert odd(word="true") == '%x word="true"'
    assert odd(limit=10**40) == f"%x limit={10**40}"


def test_attributes_equal_to_their_default_are_not_printed():
    assert odd(flag=False, ratio=0.0, word="none", limit=None) == "%x"


def test_a_whole_number_for_a_float_is_a_float():
    parsed = parse_module("module m\n%x: f32[2] = input\n%y = nn.clip %x low=0 high=6\nreturn %y").graph.nodes[0].op
    assert isinstance(parsed, Clip) and type(parsed.low) is float and parsed == Clip(parsed.x, 0, 6)


def test_optional_and_variadic_operands():
    y = Value("y", T)
    assert odd(rest=(X, y)) == "%x rest=(%x, %y)"
    assert odd(rest=(y,), b=X) == "%x rest=(%y) b=%x"
    assert odd(b=y) == "%x b=%y"
    assert statement(module(Concat((X, y, X), 1), X, y)) == "tensor.concat %x, %y, %x axis=1"


def test_an_optional_operand_stands_in_place_or_goes_by_name():
    head = "module m\n%x: f32[1,3,8,8] = input\n%w: f32[4,3,1,1] = input\n%b: f32[4] = input\n"
    text = head + "%y: f32[1,4,8,8] = nn.conv2d {}\nreturn %y\n"
    in_place, by_name = text.format("%x, %w, %b"), text.format("%x, %w bias=%b")
    assert parse_module(in_place) == parse_module(by_name) and print_module(parse_module(by_name)) == in_place


def test_types_as_attributes():
    assert odd(kind=TensorType(F32, ())) == "%x kind=f32[]"
    assert odd(kind=TensorType(I8, (2, 0), Quant((0.5,)))) == "%x kind=i8[2,0]{scale=0.5}"


def test_quantised_types():
    def line(type: TensorType) -> str:
        return (
            statement(module(Param("w", type))).removeprefix('ir.param "w"')
            + print_module(module(Param("w", type))).splitlines()[1]
        )

    assert line(TensorType(U8, (1, 16, 8, 8), Quant((0.02,), (7,)))).startswith(
        "%r0: u8[1,16,8,8]{scale=0.02, zero_point=7} = "
    )
    assert line(TensorType(I8, (2, 3), Quant((0.1, 0.2), axis=0))).startswith(
        "%r0: i8[2,3]{axis=0, scale=(0.1, 0.2)} = "
    )
    assert line(TensorType(I8, (2,), Quant((0.1, 0.2), (1, 2), 0))).startswith(
        "%r0: i8[2]{axis=0, scale=(0.1, 0.2), zero_point=(1, 2)} = "
    )
    assert line(TensorType(I8, (1,), Quant((math.inf,), (0,), 0))).startswith("%r0: i8[1]{axis=0, scale=inf} = ")


def test_long_lists_are_aliases_shared_by_equal_ones():
    scales, zeros = (0.1, 0.2, 0.3, 0.4, 0.5), (1, 2, 3, 4, 5)
    types = [
        TensorType(I8, (5,), Quant(scales, zeros, 0)),
        TensorType(I8, (5, 2), Quant(scales, (0,), 0)),
        TensorType(I8, (5,), Quant((9.0,) * 5, (0,), 0)),
    ]
    inputs = tuple(Value(f"x{i}", type) for i, type in enumerate(types))
    m = Module("m", Graph(inputs, (), ()))
    assert print_module(m).splitlines()[1:] == [
        "%x0: i8[5]{axis=0, scale=#s0, zero_point=#z0} = input",
        "%x1: i8[5,2]{axis=0, scale=#s0} = input",
        "%x2: i8[5]{axis=0, scale=#s1} = input",
        "return",
        "#s0 = (0.1, 0.2, 0.3, 0.4, 0.5)",
        "#z0 = (1, 2, 3, 4, 5)",
        "#s1 = (9.0, 9.0, 9.0, 9.0, 9.0)",
    ]
    assert parse_module(print_module(m)) == m


def test_aliases_may_stand_anywhere_between_statements():
    first = "#s = (0.5, 0.25)\n%x: i8[2]{axis=0, scale=#s} = input\n"
    text = f"module m\n{first}#t = 2.5\n%y: i8[2]{{scale=#t}} = input\nreturn %x"
    assert [v.type.quant for v in parse_module(text).graph.inputs] == [Quant((0.5, 0.25), axis=0), Quant((2.5,))]


@pytest.mark.parametrize(
    "name", ["x", "0", "a.b", "conv/out:0", "with space", '"', "%", "", "é", "a\nb", "onnx::Conv_3"]
)
def test_value_names(name: str):
    value = Value(name or "?", T)
    m = Module(name, Graph((value,), (), (value,)))
    assert parse_module(print_module(m)) == m


def test_identifiers_are_not_quoted_and_others_are():
    assert print_graph(Graph((Value("a.b_1", T), Value("a/b", T)), (), ())).splitlines()[:2] == [
        "%a.b_1: f32[1,8,4,4] = input",
        '%"a/b": f32[1,8,4,4] = input',
    ]


@pytest.mark.parametrize(
    ("schedule", "text"),
    [
        (Schedule(), "algorithm=direct"),
        (Schedule("im2col"), "algorithm=im2col"),
        (Schedule(tile=(Tile("d0", ()), Tile("d1", (4, 2)))), "tile=(d0, d1:4:2)"),
        (Schedule(order=("n",), layout="NCHW16c", dataflow="ws"), "order=(n) layout=NCHW16c dataflow=ws"),
        (Schedule(unroll=("my axis",), layout="4x4"), 'unroll=("my axis") layout="4x4"'),
    ],
)
def test_schedules(schedule: Schedule, text: str):
    m = module(Relu(X), X, schedule=schedule)
    assert print_module(m).splitlines()[3] == f"    @schedule {text}" and parse_module(print_module(m)) == m


def test_label_schedule_and_attributes_come_in_any_order_and_on_any_line():
    clip = '%y = nn.clip %x // why\n  @label "c" low=0.0\n  high=1.0\n @schedule unroll=(d0)\n'
    text = f"module m\n%x: f32[2] = input\n{clip}return %y"
    node = parse_module(text).graph.nodes[0]
    assert (node.label, node.schedule) == ("c", Schedule(unroll=("d0",)))


def test_comments_and_blank_lines_are_skipped():
    text = "// head\nmodule m // the name\n\n%x: f32[2] = input//\n// %y = nothing\nreturn %x\r\n"
    assert print_module(parse_module(text)) == "module m\n%x: f32[2] = input\nreturn %x\n"


def test_hardware(toy: None):
    m = Module("m", Graph((X,), (), (X,)), hardware=Toy(16, 5e8, "output first"))
    head = print_module(m).splitlines()[0]
    assert head == 'module m target=test_toy(lanes=16, clock_hz=500000000.0, flow="output first")'
    assert parse_module(print_module(m)) == m
    assert parse_module("module m target=test_toy\nreturn").hardware == Toy()
    assert parse_module("module m target=test_toy(clock_hz=500e6)\nreturn").hardware == Toy(clock_hz=5e8)


def test_graphs_as_named_attributes():
    inner = parse_graph("%x: f32[2] = input\n%y = nn.relu %x\nreturn %y")
    assert odd(then=inner) == "%x then={"


def test_nesting_goes_deep_but_not_without_end():
    def nested(depth: int) -> Graph:
        graph = parse_graph("%x: f32[2] = input\n%y = nn.relu %x\nreturn %y")
        for _ in range(depth):
            b = GraphBuilder()
            graph = b.finish((b.add(Fused((b.input("x", TensorType(F32, (2,))),), graph)),))
        return graph

    deep = nested(MAX_NESTING)
    assert parse_graph(print_graph(deep)) == deep
    with pytest.raises(IRError, match="graphs are nested more than 64 deep"):
        print_graph(nested(MAX_NESTING + 1))


def test_what_is_no_attribute_does_not_print():
    with pytest.raises(IRError, match="an attribute is a list, needed an int, float, bool, str, None, type, graph or"):
        print_module(module(Odd(X, (), word=["a"]), X))  # type: ignore[arg-type]


def test_split_prints_a_type_for_each_result():
    assert statement(module(Split(X, (4, 4), 1), X)).startswith("tensor.split")
    assert "%r0: f32[1,4,4,4], %r1: f32[1,4,4,4] = tensor.split" in print_module(module(Split(X, (4, 4), 1), X))


def test_empty_tuples_come_back():
    assert statement(module(Reshape(Value("x", TensorType(F32, (1,))), ()), Value("x", TensorType(F32, (1,))))) == (
        "tensor.reshape %x shape=()"
    )
