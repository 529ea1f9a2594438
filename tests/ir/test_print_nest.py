"""Loop nests as pseudo-code: golden texts, and every op of the box prints."""

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from textwrap import dedent

import pytest

from gossamer.ir.nest import Axis, Computed, Const, IndexValue, Kernel, Load, Nest, Table, apply, at, single
from gossamer.ir.op import op_class, op_names
from gossamer.ir.print_nest import operand_names, print_kernel, print_nest
from gossamer.ir.text import parse_module
from gossamer.ir.types import F32, I64

HEAD = "module t\n%x: f32[1,4,8,8] = input\n%w: f32[6,2,3,3] = input\n%b: f32[6] = input\n%s: f32[3,2] = input\n"


def nest_of(statement: str) -> str:
    graph = parse_module(f"{HEAD}{dedent(statement).strip()}\nreturn %y\n").graph
    return print_nest(next(node.op for node in graph.nodes if "y" in {v.name for v in node.results}))


def golden(text: str) -> str:
    return dedent(text).strip()


def test_a_grouped_convolution_with_padding() -> None:
    text = nest_of("%y = nn.conv2d %x, %w, %b strides=(2,1) pads=(1,1,1,1) groups=2")
    assert text == golden("""
        for n in 0..1, oc in 0..6, oh in 0..4, ow in 0..8:
          acc = 0
          for ic in 0..2, kh in 0..3, kw in 0..3:
            acc += x[n, (oc // 3)*2 + ic, oh*2 + kh - 1, ow + kw - 1] * weight[oc, ic, kh, kw]  # x is 0 outside
          out[n, oc, oh, ow] = acc + bias[oc]
    """)


def test_a_fused_region_is_the_nest_it_is_compiled_to() -> None:
    text = nest_of("""
        %y = ir.fused %x, %w {
          %x: f32[1,4,8,8] = input
          %w: f32[6,2,3,3] = input
          %a = nn.conv2d %x, %w groups=2
          %y = nn.clip %a low=0.0 high=6.0
          return %y
        }
    """)
    assert text == golden("""
        for n in 0..1, oc in 0..6, oh in 0..6, ow in 0..6:
          acc = 0
          for ic in 0..2, kh in 0..3, kw in 0..3:
            acc += x[n, (oc // 3)*2 + ic, oh + kh, ow + kw] * weight[oc, ic, kh, kw]
          out[n, oc, oh, ow] = clip(acc, 0, 6)
    """)


def test_types_are_said_where_they_change() -> None:
    text = nest_of("%y = quant.cast %s type=u8[3,2]{scale=0.5, zero_point=3}")
    assert text.splitlines()[0] == "for d0 in 0..3, d1 in 0..2:  # computed in f32, stored as u8"
    assert text.splitlines()[1].startswith("  out[d0, d1] = u8(clip(round(")


def test_several_stages_have_names() -> None:
    assert nest_of("%y = nn.softmax %s axis=1") == golden("""
        for d0 in 0..3, d1 in 0..1:
          acc = lowest
          for k1 in 0..2:
            acc = max(acc, x[d0, k1])
          t0[d0, d1] = acc
        for d0 in 0..3, d1 in 0..2:
          t1[d0, d1] = exp(x[d0, d1] - t0[d0, 0])
        for d0 in 0..3, d1 in 0..1:
          acc = 0
          for k1 in 0..2:
            acc += t1[d0, k1]
          t2[d0, d1] = acc
        for d0 in 0..3, d1 in 0..2:
          out[d0, d1] = t1[d0, d1] / t2[d0, 0]
    """)


def test_a_scan_is_a_loop_over_steps() -> None:
    text = nest_of("""
        %h: f32[2] = input
        %y, %z = ir.scan %h, %s states=1 scanned=1 steps=3 reverse=true {
          %h: f32[2] = input
          %s: f32[2] = input
          %n = math.add %h, %s
          %o = math.neg %n
          return %n, %o
        }
    """)
    assert text == golden("""
        for t in 2 down to 0:
          # math.add
          for d0 in 0..2:
            v2[d0] = x[d0] + y[t][d0]
          # math.neg
          for d0 in 0..2:
            v3[d0] = -v2[d0]
          x = v2
          out1[t] = v3
        out0 = x
    """)


def test_computed_indices_and_tables() -> None:
    row = Computed(apply("add", Load(1, (at("d0"),)), Table((0.0, 2.0), at("d0"))), 5)
    nest = Nest((Axis("d0", 2),), apply("mul", Load(0, (row,)), Const(0.5)), F32, F32)
    assert print_kernel(single(2, nest), ("x", "rows"), ((5,), (2,)), ("y",)) == golden("""
        table0 = (0, 2)
        for d0 in 0..2:
          y[d0] = x[clip(rows[d0] + table0[d0], 0, 4)] * 0.5
    """)


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        (apply("sub", Const(1), apply("sub", Const(2), Const(3))), "1 - (2 - 3)"),
        (apply("sub", apply("sub", Const(1), Const(2)), Const(3)), "1 - 2 - 3"),
        (apply("mul", Const(4), apply("div", Const(5), Const(2))), "4 * (5 / 2)"),
        (apply("mul", apply("add", Const(4), Const(5)), Const(-2)), "(4 + 5) * -2"),
        (apply("neg", apply("add", Const(4), Const(5))), "-(4 + 5)"),
        (apply("pow", apply("pow", Const(2), Const(3)), Const(4)), "(2 ** 3) ** 4"),
        (apply("eq", apply("lt", Const(1), Const(2)), Const(0)), "(1 < 2) == 0"),
        (apply("not", apply("and", Const(1), Const(0))), "not (1 and 0)"),
        (apply("where", apply("lt", Const(1), Const(2)), Const(3), Const(float("-inf"))), "where(1 < 2, 3, -inf)"),
        (apply("minimum", apply("maximum", Const(9), Const(0)), Const(6)), "clip(9, 0, 6)"),
        (IndexValue(at("d0") * -2 + 7), "-d0*2 + 7"),
    ],
)
def test_parentheses_say_what_is_computed_first(expression, text: str) -> None:
    nest = Nest((Axis("d0", 2),), expression, I64, I64)
    assert print_kernel(Kernel(0, (nest,), (0,)), (), (), ("y",)).endswith(f"y[d0] = {text}")


def test_every_op_has_a_name_for_each_operand() -> None:
    assert {"nn.conv2d", "ir.scan", "ir.fused"} <= set(op_names())
    for text, names in (
        ("%y = tensor.concat %s, %s axis=0", ("inputs0", "inputs1")),
        ("%y = math.add %s, %s", ("x", "y")),
        ("%y = nn.conv2d %x, %w, %b groups=2", ("x", "weight", "bias")),
    ):
        graph = parse_module(f"{HEAD}{text}\nreturn %y\n").graph
        assert operand_names(graph.nodes[0].op) == names


def test_every_op_of_the_box_prints() -> None:
    """The small networks that every exporter is tried on; ir.fused stands above."""
    path = Path(__file__).parents[1] / "codegen" / "op_cases.py"
    spec = spec_from_file_location("op_cases_for_print_nest", path)
    assert spec and spec.loader
    cases = module_from_spec(spec)
    spec.loader.exec_module(cases)
    nodes = [node for name in cases.CASES for node in cases.case(name).graph.nodes if node.op.name != "ir.param"]
    for node in nodes:
        text = print_nest(node.op)
        assert "no loop nest" not in text and " = " in text and "out" in text, (node.op.name, text)
        assert all(text.count(left) == text.count(right) for left, right in ("()", "[]")), text
    assert {"ir.scan", "nn.lstm_cell", "nn.resize", "tensor.scatter_nd"} <= {node.op.name for node in nodes}


def test_an_opaque_op_says_so() -> None:
    from dataclasses import dataclass

    from gossamer.ir.op import Op
    from gossamer.ir.types import TensorType, Value

    @dataclass(frozen=True)
    class Opaque(Op, name="test.opaque"):
        """svd(x)."""

        x: Value

        def infer(self) -> tuple[TensorType, ...]:
            return (self.x.type,)

    assert op_class("test.opaque") is Opaque
    assert print_nest(Opaque(Value("x", TensorType(F32, (2,))))) == "# test.opaque has no loop nest: svd(x)."
