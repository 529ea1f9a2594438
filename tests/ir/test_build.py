"""Building and rewriting: names, types, and the promise that outputs keep their names."""

from collections.abc import Callable

import pytest

from gossamer.ir.build import GraphBuilder, Rewriter, renamed, rewrite
from gossamer.ir.errors import IRError
from gossamer.ir.graph import Graph, Node
from gossamer.ir.ops import Add, Cast, Concat, Neg, Relu, Reshape, Sigmoid, Split, Tanh
from gossamer.ir.text import parse_graph, print_graph
from gossamer.ir.types import F16, F32, TensorType

T = TensorType(F32, (2, 3))


def graph(*lines: str) -> Graph:
    return parse_graph("\n".join(["%x: f32[2,3] = input", *lines]))


def text(result: Graph) -> list[str]:
    return [line.replace(": f32[2,3]", "") for line in print_graph(result).splitlines()[1:]]


def dropping(kind: type) -> Callable[[Node, Rewriter], bool]:
    """A rule that removes every op of a kind."""

    def rule(node: Node, r: Rewriter) -> bool:
        if isinstance(node.op, kind):
            r.replace(node.result, node.op.operands[0])
        return isinstance(node.op, kind)

    return rule


def test_names_are_made_unique_and_invented_where_missing():
    b = GraphBuilder()
    x = b.input("x", T)
    assert [b.add(Relu(x), "x").name, b.add(Relu(x)).name, b.add(Relu(x), "x").name] == ["x_1", "2", "x_3"]


def test_several_results_take_the_names_given_and_fresh_ones():
    b = GraphBuilder()
    parts = b.add_all(Split(b.input("x", T), (1, 2), 1), ("left",))
    assert [(v.name, v.shape) for v in parts] == [("left", (2, 1)), ("1", (2, 2))]


def test_an_unfit_op_says_which_one_it_is():
    b = GraphBuilder()
    x = b.input("x", T)
    with pytest.raises(IRError, match=r"^flat \(tensor.reshape\): shape is \(5,\), needed extents whose product is 6"):
        b.add(Reshape(x, (5,)), "flat")


def test_a_rule_that_declines_everything_gives_the_same_graph():
    g = graph("%y = nn.relu %x", "return %y")
    assert rewrite(g, lambda node, r: False) is g


def test_a_dropped_output_passes_its_name_on():
    g = graph("%a = nn.tanh %x", "%b = nn.sigmoid %a", "%y = nn.relu %b", "return %y")
    assert text(rewrite(g, dropping(Relu))) == ["%a = nn.tanh %x", "%y = nn.sigmoid %a", "return %y"]


def test_a_chain_of_dropped_nodes_passes_the_name_on():
    g = graph("%a = nn.tanh %x", "%b = nn.relu %a", "%c = nn.relu %b", "%y = nn.relu %c", "return %y")
    assert text(rewrite(g, dropping(Relu))) == ["%y = nn.tanh %x", "return %y"]


def test_an_output_that_becomes_an_input_gets_its_name_by_a_reshape():
    g = graph("%y = nn.relu %x", "return %y")
    assert text(rewrite(g, dropping(Relu))) == ["%y = tensor.reshape %x shape=(2,3)", "return %y"]


def test_two_outputs_that_become_one_value_keep_both_names():
    g = graph("%a = nn.tanh %x", "%y = nn.relu %a", "%z = nn.relu %a", "return %y, %z")
    assert text(rewrite(g, dropping(Relu))) == [
        "%y = nn.tanh %x", "%z = tensor.reshape %y shape=(2,3)", "return %y, %z",
    ]  # fmt: skip


def test_an_output_that_becomes_another_output_keeps_its_name():
    g = graph("%y = nn.tanh %x", "%z = nn.relu %y", "return %z, %y")
    assert text(rewrite(g, dropping(Relu))) == [
        "%y = nn.tanh %x", "%z = tensor.reshape %y shape=(2,3)", "return %z, %y",
    ]  # fmt: skip


def test_dropping_again_changes_nothing_more():
    g = graph("%y = nn.relu %x", "return %y")
    once = rewrite(g, dropping(Relu))
    assert rewrite(once, dropping(Reshape)) is once


def test_a_statement_after_an_output_takes_its_name_and_the_output_another():
    def rule(node: Node, r: Rewriter) -> bool:
        r.keep(node)
        r.replace(node.result, r.add(Relu(node.result)))
        return True

    g = graph("%y = nn.tanh %x", "return %y")
    assert text(rewrite(g, rule)) == ["%y_2 = nn.tanh %x", "%y = nn.relu %y_2", "return %y"]


def test_an_output_that_is_an_input_stays_it():
    def rule(node: Node, r: Rewriter) -> bool:
        r.replace(r.graph.inputs[0], r.add(Neg(r.graph.inputs[0])))
        return False

    g = graph("%y = nn.tanh %x", "return %x, %y")
    assert text(rewrite(g, rule))[-1] == "return %x, %y"


def test_what_stands_for_a_value_inherits_its_name_unless_it_was_given_one():
    def rule(node: Node, r: Rewriter) -> bool:
        if isinstance(node.op, Relu):
            r.replace(node.result, r.add(Sigmoid(node.op.x)))
        elif isinstance(node.op, Tanh):
            r.replace(node.result, r.add(Neg(node.op.x), "flipped"))
        return isinstance(node.op, Relu | Tanh)

    g = graph("%a = nn.relu %x", "%b = nn.tanh %a", "%y = math.neg %b", "return %y")
    assert text(rewrite(g, rule)) == [
        "%a = nn.sigmoid %x", "%flipped = math.neg %a", "%y = math.neg %flipped", "return %y",
    ]  # fmt: skip


def test_types_are_inferred_anew_down_the_line():
    half = TensorType(F16, (2, 3))

    def rule(node: Node, r: Rewriter) -> bool:
        if isinstance(node.op, Tanh):
            r.replace(node.result, r.add(Cast(node.op.x, half), "half"))
        return isinstance(node.op, Tanh)

    g = graph("%a = nn.tanh %x", "%b = nn.relu %a", "%c = math.add %b, %b", "return %c")
    result = rewrite(g, rule)
    assert [node.result.type for node in result.nodes] == [half] * 3 and result.outputs[0] == result.nodes[-1].result


def test_a_replacement_that_does_not_fit_its_user_says_where():
    def rule(node: Node, r: Rewriter) -> bool:
        if isinstance(node.op, Tanh):
            r.replace(node.result, r.add(Reshape(node.op.x, (6,))))
        return isinstance(node.op, Tanh)

    g = graph("%a = nn.tanh %x", '%y = math.add %a, %x @label "join"', "return %y")
    with pytest.raises(IRError, match=r"^join \(math.add\): x and y have shapes"):
        rewrite(g, rule)


def test_replacing_in_a_circle_ends():
    r = Rewriter(graph("%a = nn.relu %x", "%b = nn.tanh %a", "return %b"))
    a, b = (node.result for node in r.graph.nodes)
    r.replace(a, b)
    r.replace(b, a)
    assert r.value(a) == r.value(b) == b


def test_later_replacements_carry_earlier_ones_along():
    r = Rewriter(graph("%a = nn.relu %x", "%b = nn.tanh %a", "%c = nn.relu %b", "return %c"))
    a, b, c = (node.result for node in r.graph.nodes)
    r.replace(a, b)
    r.replace(b, c)
    assert r.value(a) == c


def test_a_ready_made_node_under_an_old_name_stands_for_the_old_value():
    half = TensorType(F16, (2, 3))

    def rule(node: Node, r: Rewriter) -> bool:
        if isinstance(node.op, Tanh):
            r.emit(Node(op := Cast(node.op.x, half), (type(node.result)(node.result.name, op.type),)))
        return isinstance(node.op, Tanh)

    result = rewrite(graph("%a = nn.tanh %x", "%b = nn.relu %a", "return %b"), rule)
    assert [(n.result.name, n.result.type) for n in result.nodes] == [("a", half), ("b", half)]


def test_emitted_names_are_not_given_again():
    r = Rewriter(graph("return %x"))
    x = r.graph.inputs[0]
    r.emit(Node(Relu(x), (type(x)("1", T),)))
    assert r.add(Relu(x)).name == "2"


def test_renaming_can_swap_two_names():
    g = graph("%a = nn.tanh %x", "%b = nn.relu %a", "return %a, %b")
    assert text(renamed(g, {"a": "b", "b": "a"})) == ["%b = nn.tanh %x", "%a = nn.relu %b", "return %b, %a"]


def test_variadic_operands_are_redirected_each():
    g = graph("%a = nn.relu %x", "%b = nn.tanh %x", "%y: f32[6,3] = tensor.concat %a, %b, %a axis=0", "return %y")
    [*_, last] = rewrite(g, dropping(Relu)).nodes
    assert isinstance(last.op, Concat) and [v.name for v in last.op.inputs] == ["x", "b", "x"]


def test_a_long_chain_is_rewritten_in_linear_time():
    b = GraphBuilder()
    value = b.input("x", T)
    for _ in range(5000):
        value = b.add(Relu(b.add(Add(value, value))))
    result = rewrite(b.finish((value,)), dropping(Relu))
    assert len(result.nodes) == 5000 and result.outputs[0].name == value.name
