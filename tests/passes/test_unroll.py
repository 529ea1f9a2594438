"""Scans written out; passes inside the bodies of scans; what passes do with recurrent cells and volumes."""

import numpy as np
import pytest

from gossamer.ir.errors import PassError
from gossamer.ir.ops import Scan
from gossamer.passes.dce import DeadCode
from gossamer.passes.fold_constants import FoldConstants
from gossamer.passes.fuse import Fuse
from gossamer.passes.simplify import Simplify
from gossamer.passes.unroll import Unroll

SCAN = """
    %h: f32[2,3] = input
    %x: f32[2,2,9] = input
    %r: f32[9,3] = ir.param "r"
    %last: f32[2,3], %all: f32[2,2,3] = ir.scan %h, %x, %r states=1 scanned=1 steps=2{reverse} {
      %ht: f32[2,3] = input
      %xt: f32[2,9] = input
      %rt: f32[9,3] = input
      %1: f32[2,3] = nn.gru_cell %xt, %ht recurrence=%rt
      return %1, %1
    }
    return %last, %all
    """


def test_steps_become_copies(lab):
    lab.check(
        Unroll(),
        SCAN.replace("{reverse}", ""),
        """
        %h: f32[2,3] = input
        %x: f32[2,2,9] = input
        %r: f32[9,3] = ir.param "r"
        %1: f32[1,2,9] = tensor.slice %x starts=(0,0,0) stops=(1,2,9) steps=(1,1,1)
        %x.0: f32[2,9] = tensor.reshape %1 shape=(2,9)
        %1.0: f32[2,3] = nn.gru_cell %x.0, %h recurrence=%r
        %2: f32[1,2,9] = tensor.slice %x starts=(1,0,0) stops=(2,2,9) steps=(1,1,1)
        %x.1: f32[2,9] = tensor.reshape %2 shape=(2,9)
        %last: f32[2,3] = nn.gru_cell %x.1, %1.0 recurrence=%r
        %3: f32[1,2,3] = tensor.reshape %1.0 shape=(1,2,3)
        %4: f32[1,2,3] = tensor.reshape %last shape=(1,2,3)
        %all: f32[2,2,3] = tensor.concat %3, %4 axis=0
        return %last, %all
        """,
    )


def test_a_reverse_scan_steps_backwards_and_stacks_forwards(lab):
    module = lab.module(SCAN.replace("{reverse}", " reverse=true"))
    unrolled = Unroll().run(module)
    assert not any(isinstance(node.op, Scan) for node in unrolled.graph.nodes)
    lab.same(module, unrolled, 1e-6)


def test_a_scan_in_a_scan_is_unrolled_too(lab):
    module = lab.module(
        """
        %a: f32[2] = input
        %x: f32[3,4,2] = input
        %z: f32[2], %rows: f32[3,4,2] = ir.scan %a, %x states=1 scanned=1 steps=3 {
          %s: f32[2] = input
          %row: f32[4,2] = input
          %t: f32[2], %each: f32[4,2] = ir.scan %s, %row states=1 scanned=1 steps=4 {
            %s: f32[2] = input
            %cell: f32[2] = input
            %1: f32[2] = math.add %s, %cell
            return %1, %1
          }
          return %t, %each
        }
        return %z, %rows
        """
    )
    unrolled = Unroll().run(module)
    assert sum(node.op.name == "math.add" for node in unrolled.graph.nodes) == 12
    lab.same(module, unrolled, 1e-6)


def test_long_scans_and_empty_ones_stay_and_it_says_why(lab):
    module = lab.check(Unroll(limit=1), SCAN.replace("{reverse}", ""), None)
    assert Unroll(limit=1).refusals(module) == {"last": "2 steps exceed limit=1"}
    assert Unroll().refusals(module) == {}
    empty = lab.module(SCAN.replace("{reverse}", "").replace("steps=2", "steps=0").replace("[2,2,", "[0,2,"))
    assert Unroll().refusals(empty) == {"last": "no steps: what it stacks is empty"}
    assert Unroll().run(empty) is empty
    with pytest.raises(PassError, match="limit=0 needs to be at least 1"):
        Unroll(limit=0)


BODY = """
    %x: f32[5,1,4,4] = input
    %w: f32[4,4,3,3] = ir.param "w"
    %h: f32[1,4,4,4] = ir.param "h"
    %last: f32[1,4,4,4] = ir.scan %h, %x, %w states=1 scanned=1 steps=5 {
      %ht: f32[1,4,4,4] = input
      %xt: f32[1,4,4] = input
      %wt: f32[4,4,3,3] = input
    {statements}
    }
    return %last
    """


def body(*statements):
    return BODY.replace("    {statements}", "\n".join(f"      {s}" for s in statements))


def test_bodies_are_simplified_and_cleaned(lab):
    reshape = "%0: f32[1,4,4] = tensor.reshape %xt shape=(1,4,4)"
    unused = "%2: f32[1,4,4,4] = nn.sigmoid %1"
    add, relu = "%1: f32[1,4,4,4] = math.add %ht, %xt", "%3: f32[1,4,4,4] = nn.relu %1"
    after = body(add, relu, "return %3")
    lab.check(Simplify(), body(reshape, add.replace("%xt", "%0"), relu, "return %3"), after)
    lab.check(DeadCode(), body(add, unused, relu, "return %3"), after)


def test_bodies_are_fused(lab):
    module = lab.module(
        body(
            "%1: f32[1,4,4,4] = nn.conv2d %ht, %wt pads=(1,1,1,1)",
            "%2: f32[1,4,4,4] = math.add %1, %xt",
            "%3: f32[1,4,4,4] = nn.tanh %2",
            "return %3",
        )
    )
    fused = Fuse().run(module)
    (statement,) = fused.graph.nodes[-1].op.body.nodes
    assert [node.op.name for node in statement.op.body.nodes] == ["nn.conv2d", "math.add", "nn.tanh"]
    assert Fuse().run(fused) == fused
    lab.same(module, fused, 1e-6)
    lab.same(module, Unroll().run(fused), 1e-6)


def test_a_scan_of_constants_is_folded_within_the_budget_of_all_its_steps(lab):
    text = body("%1: f32[1,4,4,4] = math.add %ht, %xt", "return %1").replace("%x: f32[5,1,4,4] = input", "")
    text = text.replace('    %w: f32', '    %x: f32[5,1,4,4] = ir.param "x"\n    %w: f32')
    module = lab.module(text)
    folded = FoldConstants(budget=5 * 64).run(module)
    assert [node.op.name for node in folded.graph.nodes] == ["ir.param"]
    lab.same(module, folded, 1e-6)
    assert FoldConstants(budget=5 * 64 - 1).run(module) is module


@pytest.mark.parametrize("op", ["nn.conv3d", "nn.conv_transpose"])
def test_pointwise_statements_go_into_volumes_and_transposed_convolutions(lab, op):
    shape = "1,4,5,5,5"
    sides = "strides=(1,1,1) pads=(0,0,0,0,0,0) dilations=(1,1,1) output_padding=(0,0,0)"
    options = "" if op == "nn.conv3d" else f" {sides}"
    module = lab.module(
        f"""
        %x: f32[{shape}] = input
        %w: f32[4,4,1,1,1] = ir.param "w"
        %1: f32[{shape}] = {op} %x, %w{options}
        %2: f32[{shape}] = math.add %1, %x
        %3: f32[{shape}] = nn.relu %2
        return %3
        """
    )
    fused = Fuse().run(module)
    assert [n.op.name for n in fused.graph.nodes] == ["ir.param", "ir.fused"]
    assert fused.graph.nodes[-1].op.anchor.op.name == op
    lab.same(module, fused, 1e-6)


def test_unrolled_names_stay_unique_with_many_steps(lab):
    text = SCAN.replace("{reverse}", "").replace("steps=2", "steps=40").replace("[2,2,", "[40,2,")
    module = lab.module(text)
    unrolled = Unroll().run(module)
    names = [v.name for n in unrolled.graph.nodes for v in n.results]
    assert len(names) == len(set(names)) and "1.38" in names
    assert np.isfinite(lab.outputs(unrolled)["all"]).all()
