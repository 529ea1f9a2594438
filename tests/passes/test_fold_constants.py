"""fold-constants: what becomes a parameter, when it is computed, what is declined."""

import numpy as np

from gossamer.ir.graph import Graph, Module, Node, Params
from gossamer.ir.ops import Param, Scan
from gossamer.ir.types import F32, TensorType, Value
from gossamer.passes.fold_constants import FoldConstants


def test_subgraph_of_parameters(lab):
    new = lab.check(
        "fold-constants",
        """
        %x: f32[2,3] = input
        %w: f32[4,3] = ir.param "w"
        %s: f32[3,1] = ir.param "s"
        %1: f32[3,4] = tensor.transpose %w perm=(1,0)
        %2: f32[3,4] = math.mul %1, %s
        %3: f32[2,4] = nn.gemm %x, %2
        return %3
        """,
        """
        %x: f32[2,3] = input
        %2: f32[3,4] = ir.param "2"
        %3: f32[2,4] = nn.gemm %x, %2
        return %3
        """,
    )
    assert list(new.params) == ["2"]


def test_several_results_and_a_constant_output(lab):
    lab.check(
        "fold-constants",
        """
        %x: f32[2] = input
        %w: f32[5] = ir.param "w"
        %a: f32[2], %b: f32[3] = tensor.split %w sizes=(2,3) axis=0
        %1: f32[2] = math.add %x, %a
        return %1, %b
        """,
        """
        %x: f32[2] = input
        %a: f32[2] = ir.param "a"
        %b: f32[3] = ir.param "b"
        %1: f32[2] = math.add %x, %a
        return %1, %b
        """,
    )


def test_a_name_that_a_parameter_has_is_not_taken_twice(lab):
    lab.check(
        "fold-constants",
        """
        %x: f32[2] = input
        %w: f32[2] = ir.param "1"
        %1: f32[2] = nn.relu %w
        %2: f32[2] = math.add %1, %x
        %3: f32[2] = math.add %2, %w
        return %3
        """,
        """
        %x: f32[2] = input
        %w: f32[2] = ir.param "1"
        %1: f32[2] = ir.param "1'"
        %2: f32[2] = math.add %1, %x
        %3: f32[2] = math.add %2, %w
        return %3
        """,
    )


def test_nothing_is_computed_before_it_is_read(lab):
    text = '%x: f32[2] = input\n%w: f32[2] = ir.param "w"\n%1 = nn.relu %w\n%2 = math.add %x, %1\nreturn %2'
    module = lab.module(text)
    read = []
    lazy = Params({"w": lambda: (read.append("w"), module.params["w"])[1]})
    new = FoldConstants().run(module.with_graph(module.graph, lazy))
    assert read == []
    np.testing.assert_array_equal(new.params["1"], np.maximum(module.params["w"], 0))
    assert read == ["w"]


def test_declines_what_costs_more_than_the_budget(lab):
    text = """
    %x: f32[8,8] = input
    %w: f32[8,8] = ir.param "w"
    %1: f32[8,8] = nn.gemm %w, %w
    %2: f32[8,8] = math.add %x, %1
    return %2
    """
    lab.check("fold-constants{budget=511}", text, None)
    folded = """
    %x: f32[8,8] = input
    %1: f32[8,8] = ir.param "1"
    %2: f32[8,8] = math.add %x, %1
    return %2
    """
    lab.check("fold-constants{budget=512}", text, folded)


def test_declines_to_widen_stored_integers(lab):
    lab.check(
        "fold-constants",
        """
        %x: f32[2] = input
        %w: i8[2]{scale=0.1} = ir.param "w"
        %1: f32[2] = quant.cast %w
        %2: f32[2] = math.add %x, %1
        return %2
        """,
        None,
    )


def test_widens_stored_integers_when_asked(lab):
    lab.check(
        "fold-constants{dequantise=true}",
        """
        %x: f32[2] = input
        %w: i8[2]{scale=0.5} = ir.param "w"
        %1: f32[2] = quant.cast %w
        %2: f32[2] = math.add %x, %1
        return %2
        """,
        """
        %x: f32[2] = input
        %1: f32[2] = ir.param "1"
        %2: f32[2] = math.add %x, %1
        return %2
        """,
    )


def test_a_scan_without_a_body_counts_its_steps():
    """Else a constant scan of a billion steps, which does nothing in each, would be run for its stacked results."""
    state = Value("s", TensorType(F32, ()))
    scan = Scan((state,), Graph((state,), (), (state, state)), 1, 0, 1 << 30)
    results = tuple(Value(n, t) for n, t in zip(("last", "all"), scan.infer(), strict=True))
    nodes = (Node(Param("s", state.type), (state,)), Node(scan, results))
    before = Module("test", Graph((), nodes, results), Params({"s": np.float32(1)}))
    assert FoldConstants().run(before) is before
