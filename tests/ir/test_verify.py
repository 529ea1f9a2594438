"""What the verifier says of modules that are not well formed."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from gossamer.ir.errors import IRError
from gossamer.ir.graph import Array, Graph, Module, Node, Params
from gossamer.ir.ops import Concat, Conv2d, Fused, Param, Relu, Softmax, Split
from gossamer.ir.schedule import Schedule, Tile
from gossamer.ir.text import parse_module
from gossamer.ir.types import F32, I4, TensorType, Value
from gossamer.ir.verify import main_stage, same_interface, verify

T = TensorType(F32, (2, 3))
X, Y = Value("x", T), Value("y", T)
RELU = Node(Relu(X), (Y,))

CONV = """\
module m
%x: f32[1,3,8,8] = input
%w: f32[4,3,3,3] = ir.param "stem.weight"
%y: f32[1,4,6,6] = nn.conv2d %x, %w @label "conv1"
%z: f32[1,4,6,6] = ir.fused %y {
  %a: f32[1,4,6,6] = input
  %b: f32[1,4,6,6] = nn.relu %a @label "inner"
  return %b
} @label "block"
return %z
"""


def module(*nodes: Node, outputs: tuple[Value, ...] = (Y,), params: dict[str, Array] | None = None) -> Module:
    return Module("m", Graph((X,), nodes, outputs), Params(params or {}))


def complaint(broken: Module, load: bool = False) -> str:
    with pytest.raises(IRError) as caught:
        verify(broken, load)
    return str(caught.value)


def changed(change: Callable[[Node], Node], at: int = 1) -> Module:
    """The convolution's module with one node changed."""
    m = parse_module(CONV)
    nodes = tuple(change(node) if i == at else node for i, node in enumerate(m.graph.nodes))
    return m.with_graph(Graph(m.graph.inputs, nodes, m.graph.outputs))


def test_a_well_formed_module_is_given_back():
    m = parse_module(CONV, {"stem.weight": np.zeros((4, 3, 3, 3), np.float32)})
    assert verify(m) is m and verify(m, load=True) is m


def test_names_are_unique():
    message = complaint(module(RELU, Node(Relu(Y), (X,))))
    assert message == "x (nn.relu): %x is defined a second time, needed another name: let GraphBuilder name it"
    twice = Module("m", Graph((X, X), (RELU,), (Y,)))
    assert complaint(twice).startswith("input x: %x is defined a second time")
    assert complaint(Module("m", Graph((Value("", T),), (), ()))) == "input : a value without a name, needed one"


def test_operands_are_defined_above():
    late = Node(Relu(Value("yy", T)), (Value("z", T),))
    assert complaint(module(late, RELU)) == "z (nn.relu): %yy is not defined above"
    assert complaint(module(RELU, late)) == "z (nn.relu): %yy is not defined above; did you mean 'y'?"
    own = Node(Relu(Y), (Y,))
    assert complaint(module(own)) == "y (nn.relu): %y is not defined above"


def test_operands_have_the_type_they_were_defined_with():
    other = Value("x", TensorType(F32, (3, 2)))
    broken = module(Node(Relu(other), (Value("y", other.type),)))
    assert complaint(broken) == "y (nn.relu): reads %x as f32[3,2], needed f32[2,3], as which it is defined"


def test_recorded_types_are_the_inferred_ones():
    wrong = TensorType(F32, (6,))
    broken = module(Node(Relu(X), (Value("y", wrong),), label="act"), outputs=(Value("y", wrong),))
    assert complaint(broken) == "act (nn.relu): %y is recorded as f32[6], needed f32[2,3], which its operands give"


def test_there_are_as_many_results_as_inferred():
    broken = module(Node(Split(X, (1, 1), 0), (Y,)))
    assert complaint(broken) == "y (tensor.split): found 1 results, needed 2"
    assert complaint(module(Node(Relu(X), ()))) == "a statement (nn.relu): found 0 results, needed 1"


def test_operands_fit_their_op():
    broken = changed(lambda node: replace(node, op=replace(node.op, groups=3)))
    assert complaint(broken).startswith("conv1 (nn.conv2d): ")


def test_attributes_have_the_type_their_op_declares():
    broken = changed(lambda node: replace(node, op=replace(node.op, strides=[1, 1])))
    assert complaint(broken) == "conv1 (nn.conv2d): strides is [1, 1], needed tuple[int, ...]"


def test_outputs_are_defined_distinct_and_there():
    assert complaint(module(RELU, outputs=(Value("z", T),))) == "return: %z is not defined above"
    assert complaint(module(RELU, outputs=(Y, Y))).startswith("return: %y stands there twice, needed once: ")
    assert complaint(module(RELU, outputs=())) == "return: found no outputs, needed at least one"


def test_params_exist_with_their_type():
    def with_params(**params: Array | Callable[[], Array]) -> Module:
        return replace(parse_module(CONV), params=Params({k.replace("_", "."): v for k, v in params.items()}))

    assert complaint(with_params(stem_weigth=np.zeros(1))) == (
        "w (ir.param): the module has no parameter 'stem.weight'; did you mean 'stem.weigth'?"
    )
    assert complaint(with_params(stem_weight=np.zeros((4, 3), np.float32))) == (
        "w (ir.param): the parameter 'stem.weight' is an array float32[4, 3], needed float32[4, 3, 3, 3] for f32"
    )
    lazy = with_params(stem_weight=lambda: np.zeros((4, 3, 3, 3), np.float64))
    assert verify(lazy) is lazy
    assert "is an array float64[4, 3, 3, 3], needed float32" in complaint(lazy, load=True)


def test_params_stay_within_narrow_types():
    w = Value("w", TensorType(I4, (2,)))
    broken = module(Node(Param("w", w.type), (w,)), outputs=(w,), params={"w": np.array([7, 8], np.int8)})
    assert complaint(broken) == "w (ir.param): the parameter 'w' holds 7 .. 8, needed -8 .. 7, the range of i4"


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        (Schedule(tile=(Tile("occ", (2,)),)), "the schedule's tile names a loop 'occ'; did you mean 'oc'? (known: "),
        (Schedule(unroll=("zz",)), "the schedule's unroll names a loop 'zz' (known: ic, kh, kw, n, oc, oh, ow)"),
        (Schedule(vectorize=Tile("zz", (2,))), "the schedule's vectorize names a loop 'zz' (known: "),
        (Schedule(parallel=("oc", "zz")), "the schedule's parallel names a loop 'zz' (known: "),
        (Schedule(order=("oc", "oh", "oc")), "the schedule's order names the loop 'oc' twice, needed each once"),
    ],
)
def test_schedules_name_loops_of_their_op(schedule: Schedule, message: str):
    assert complaint(changed(lambda node: replace(node, schedule=schedule))).startswith(f"conv1 (nn.conv2d): {message}")


def test_schedules_of_fused_ops_name_loops_of_the_anchor():
    good = changed(lambda node: replace(node, schedule=Schedule(unroll=("ow",))), at=2)
    assert verify(good) is good
    bad = changed(lambda node: replace(node, schedule=Schedule(unroll=("kh",))), at=2)
    assert complaint(bad).startswith("block (ir.fused): the schedule's unroll names a loop 'kh'")


def test_bodies_are_checked_and_say_where():
    def with_body(node: Node, **fields: object) -> Node:
        assert isinstance(node.op, Fused)
        body = node.op.body
        inner = replace(body.nodes[0], **fields)
        return replace(node, op=replace(node.op, body=Graph(body.inputs, (inner,), body.outputs)))

    scheduled = changed(lambda node: with_body(node, schedule=Schedule()), at=2)
    assert complaint(scheduled) == (
        "block (ir.fused) / inner (nn.relu): a schedule inside a body is never read, "
        "put it on the op that holds the body"
    )
    lost = changed(lambda node: with_body(node, op=Relu(X)), at=2)
    assert complaint(lost) == "block (ir.fused) / inner (nn.relu): %x is not defined above"


def test_the_main_stage_is_the_reduction():
    conv = parse_module(CONV).graph.nodes[1].op
    assert isinstance(conv, Conv2d)
    assert [axis.name for axis in main_stage(conv).axes][-3:] == ["ic", "kh", "kw"]
    assert main_stage(Softmax(X)).reduce is not None
    assert main_stage(Concat((X, X), 0)).shape == (4, 3)
    assert main_stage(Param("w", T)) is None


def test_asking_for_a_name_loads_nothing():
    params = Params({"w": lambda: pytest.fail("loaded")})
    assert "w" in params and "v" not in params and params.loaded("w") is None and list(params) == ["w"]


def test_interfaces_are_compared_by_name_and_shape():
    m = parse_module(CONV)
    same_interface(m, m)
    [out] = m.graph.outputs
    renamed = m.with_graph(Graph(m.graph.inputs, m.graph.nodes, (m.graph.nodes[1].result,)))
    with pytest.raises(IRError, match=r"the outputs became %y \[1, 4, 6, 6\], needed %z \[1, 4, 6, 6\]: users address"):
        same_interface(m, renamed)
    with pytest.raises(IRError, match=r"the inputs became none, needed %x \[1, 3, 8, 8\]"):
        same_interface(m, m.with_graph(Graph((), m.graph.nodes, (out,))))
