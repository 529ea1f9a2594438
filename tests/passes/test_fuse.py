"""fuse: what goes into one statement, what must not, and that taking apart undoes it."""

from dataclasses import dataclass
from textwrap import dedent

import pytest

from gossamer.ir.nest import Axis, Load, Nest, apply, at, single
from gossamer.ir.op import Op
from gossamer.ir.schedule import Schedule
from gossamer.ir.types import F32, Value
from gossamer.passes.dce import live
from gossamer.passes.fuse import fused, inlined
from gossamer.passes.pipeline import run_pipeline

CONV = """
%x: f32[1,3,4,4] = input
%w: f32[4,3,1,1] = ir.param "w"
"""


def fused_lines(module):
    """`anchor's label or result: the ops inside, in order` for every fused statement."""
    found = {}
    for node in module.graph.nodes:
        if node.op.name == "ir.fused":
            found[node.title] = " ".join(n.op.name.split(".")[1] for n in node.op.body.nodes)
    return found


def fuse(lab, text, expected):
    """Fuse and compare what is inside each fused statement; numbers, form and idempotence are checked too."""
    old = lab.module(text)
    new = run_pipeline(old, "fuse")
    lab.same(old, new, 1e-5)
    assert run_pipeline(new, "fuse") == new
    assert set(live(inlined(new.graph)).nodes) == set(live(old.graph).nodes)
    assert fused_lines(new) == expected
    return new


def test_residual_block(lab):
    lab.check(
        "fuse",
        CONV
        + '%r: f32[1,4,4,4] = input\n%1: f32[1,4,4,4] = nn.conv2d %x, %w @label "conv"\n'
        + "    @schedule tile=(oc:2)\n%2: f32[1,4,4,4] = math.add %1, %r\n%3: f32[1,4,4,4] = nn.relu %2\nreturn %3",
        """
        %x: f32[1,3,4,4] = input
        %r: f32[1,4,4,4] = input
        %w: f32[4,3,1,1] = ir.param "w"
        %3: f32[1,4,4,4] = ir.fused %x, %w, %r {
          %x: f32[1,3,4,4] = input
          %w: f32[4,3,1,1] = input
          %r: f32[1,4,4,4] = input
          %1: f32[1,4,4,4] = nn.conv2d %x, %w @label "conv"
          %2: f32[1,4,4,4] = math.add %1, %r
          %3: f32[1,4,4,4] = nn.relu %2
          return %3
        } @label "conv"
            @schedule tile=(oc:2)
        return %3
        """,
    )


def test_a_value_read_twice_inside_is_computed_once(lab):
    text = CONV + "%1 = nn.conv2d %x, %w\n%2 = nn.sigmoid %1\n%3 = math.mul %1, %2\nreturn %3"
    fuse(lab, text, {"3": "conv2d sigmoid mul"})


def test_a_value_read_outside_too_ends_the_region(lab):
    text = CONV + "%1 = nn.conv2d %x, %w\n%2 = nn.relu %1\n%3 = nn.relu %2\n%4 = nn.max_pool2d %2 kernel_shape=(2,2)"
    text += " strides=(2,2)\nreturn %3, %4"
    fuse(lab, text, {"2": "conv2d relu"})


def test_an_output_inside_ends_the_region(lab):
    fuse(lab, CONV + "%1 = nn.conv2d %x, %w\n%2 = nn.relu %1\n%3 = nn.tanh %2\nreturn %2, %3", {"2": "conv2d relu"})


def test_refuses_a_cycle(lab):
    """%4 depends on %1 through the pooled %2, which cannot be inside: fused with %4, %1 would wait for itself."""
    text = CONV + "%1 = nn.conv2d %x, %w\n%2 = math.reduce_mean %1 axes=(2,3)\n%3 = nn.sigmoid %2\n"
    fuse(lab, text + "%4 = math.mul %1, %3\nreturn %4", {"3": "reduce_mean sigmoid"})


def test_squeeze_excite_factor_from_elsewhere(lab):
    text = "%s: f32[1,4,1,1] = input" + CONV + "%1 = nn.conv2d %x, %w\n%2 = math.mul %s, %1\n"
    fuse(lab, text + "%3 = nn.hard_swish %2\nreturn %3", {"3": "conv2d mul hard_swish"})


def test_refuses_to_widen(lab):
    """[n,c,1,1] times [n,c,h,w]: inside the small producer it would run over the large shape."""
    text = "%y: f32[1,4,4,4] = input\n%x: f32[1,3,1,1] = input\n" + '%w: f32[4,3,1,1] = ir.param "w"\n'
    text += "%1 = nn.conv2d %x, %w\n%2 = nn.sigmoid %1\n%3 = math.mul %y, %2\nreturn %3"
    fuse(lab, text, {"2": "conv2d sigmoid"})


@pytest.mark.parametrize(
    "statement, fuses",
    [
        ("math.add %1, %c", True),
        ("nn.clip %1 low=0.0 high=6.0", True),
        ("nn.batch_norm %1, %v, %v, %v, %v", True),
        ("tensor.transpose %1 perm=(0,1,3,2)", False),
        ("nn.softmax %1 axis=1", False),
        ("nn.channel_shuffle %1 groups=2", False),
        ("tensor.concat %1, %1 axis=1", False),
        ("math.reduce_sum %1 axes=(1,)", False),
    ],
)
def test_what_counts_as_pointwise(lab, statement, fuses):
    text = CONV + '%c: f32[4,1,1] = ir.param "c"\n%v: f32[4] = ir.param "var"\n%1 = nn.conv2d %x, %w\n'
    name = statement.split()[0].partition(".")[2]
    fuse(lab, text + f"%2 = {statement}\nreturn %2", {"2": f"conv2d {name}"} if fuses else {})


@pytest.mark.parametrize(
    "anchor",
    [
        "nn.max_pool2d %x kernel_shape=(2,2) strides=(2,2)",
        "nn.avg_pool2d %x kernel_shape=(2,2) strides=(2,2) pads=(0,0,0,0)",
        "math.reduce_mean %x axes=(2,3)",
        "nn.matmul %x, %x",
    ],
)
def test_anchors_other_than_convolutions(lab, anchor):
    text = f"%x: f32[1,3,4,4] = input\n%1 = {anchor}\n%2 = nn.relu %1\nreturn %2"
    fuse(lab, text, {"2": f"{anchor.split()[0].split('.')[1]} relu"})


def test_pointwise_chain_without_a_reduction(lab):
    text = "%x: f32[2,3] = input\n%y: f32[2,3] = input\n%1 = math.add %x, %y\n%2 = nn.relu %1\n%3 = math.mul %2, %y\n"
    fuse(lab, text + "return %3", {"3": "add relu mul"})


def test_of_two_producers_the_later_takes_what_both_could(lab):
    text = CONV + '%1 = nn.conv2d %x, %w @label "a"\n%2 = nn.conv2d %x, %w @label "b"\n'
    fuse(lab, text + "%3 = math.add %1, %2\n%4 = nn.relu %3\nreturn %4", {"b": "conv2d add relu"})
    first = '%2 = nn.conv2d %x, %w @label "b"\n%1 = nn.conv2d %x, %w @label "a"\n'
    fuse(lab, CONV + first + "%3 = math.add %1, %2\nreturn %3", {"a": "conv2d add"})


def test_stored_integers_are_read_back_by_each_reader(lab):
    text = """
    %x: u8[1,3,4,4]{scale=0.1, zero_point=3} = input
    %w: i8[3,3,1,1]{scale=0.02} = ir.param "w"
    %1 = nn.conv2d %x, %w @label "conv"
    %2: f32[1,3,4,4] = quant.cast %1
    %3: f32[1,3,4,4] = quant.cast %x
    %4 = math.add %2, %3
    %5: u8[1,3,4,4]{scale=0.2} = quant.cast %4
    %6 = math.reduce_mean %3 axes=(2,3)
    return %5, %6
    """
    new = fuse(lab, text, {"conv": "cast conv2d cast add cast", "6": "cast reduce_mean"})
    assert [n.op.name for n in new.graph.nodes] == ["ir.param", "ir.fused", "ir.fused"]


def test_stored_integers_stay_stored(lab):
    """The cast back to f32 goes to the reader, not to the producer, which would then store four times as much."""
    text = """
    %x: u8[1,3,4,4]{scale=0.1} = input
    %1 = nn.max_pool2d %x kernel_shape=(2,2) strides=(2,2)
    %2: f32[1,3,2,2] = quant.cast %1
    %3 = math.reduce_mean %2 axes=(2,3)
    return %3
    """
    fuse(lab, text, {"3": "cast reduce_mean"})


def test_integers_that_only_a_residual_sum_reads_are_never_stored(lab):
    text = """
    %x: u8[1,3,4,4]{scale=0.1} = input
    %w: i8[3,3,1,1]{scale=0.02} = ir.param "w"
    %1 = nn.conv2d %x, %w @label "conv"
    %2: u8[1,3,4,4]{scale=0.3, zero_point=128} = quant.cast %1
    %3: f32[1,3,4,4] = quant.cast %2
    %4: f32[1,3,4,4] = quant.cast %x
    %5 = math.add %3, %4
    %6: u8[1,3,4,4]{scale=0.2} = quant.cast %5
    return %6
    """
    fuse(lab, text, {"conv": "cast conv2d cast cast add cast"})
    fuse(lab, text.replace("return %6", "return %6, %2"), {"conv": "conv2d cast", "6": "cast cast add cast"})


def test_a_float_product_does_not_read_integers_back_inside(lab):
    text = """
    %x: u8[1,3,4,4]{scale=0.1} = input
    %w: f32[3,3,1,1] = ir.param "w"
    %1: f32[1,3,4,4] = quant.cast %x
    %2 = nn.conv2d %1, %w
    %3 = nn.relu %2
    return %3
    """
    fuse(lab, text, {"3": "conv2d relu"})


def test_branches_that_meet(lab):
    text = "%x: f32[2,3] = input\n%1 = nn.relu %x\n%2 = nn.tanh %x\n%3 = nn.sigmoid %2\n%4 = math.mul %1, %3\n"
    fuse(lab, text + "%5 = math.add %4, %3\nreturn %5", {"5": "relu tanh sigmoid mul add"})


def test_nothing_to_fuse_gives_the_same_module(lab):
    lab.check("fuse", CONV + "%1: f32[1,4,4,4] = nn.conv2d %x, %w\nreturn %1", None)


def test_taking_apart_renames_what_clashes(lab):
    text = dedent("""
    %x: f32[2] = input
    %1: f32[2] = ir.fused %x {
      %a: f32[2] = input
      %b: f32[2] = nn.relu %a
      %c: f32[2] = nn.tanh %b
      return %c
    }
    %b: f32[2] = ir.fused %1 {
      %x: f32[2] = input
      %1: f32[2] = nn.sigmoid %x
      %b: f32[2] = nn.relu %1
      return %b
    }
    return %b
    """)
    module = lab.module(text)
    flat = module.with_graph(inlined(module.graph))
    lab.same(module, flat, 0)
    assert [n.result.name for n in flat.graph.nodes] == ["b_1", "1", "1_1", "b"]


def test_bodies_that_say_the_same_are_taken_apart_each(lab):
    body = "{\n  %x: f32[2] = input\n  %a: f32[2] = nn.relu %x\n  return %a\n}\n"
    text = f"%x: f32[2] = input\n%1: f32[2] = ir.fused %x {body}%2: f32[2] = ir.fused %x {body}return %1, %2"
    module = lab.module(text)
    lab.same(module, module.with_graph(inlined(module.graph)), 0)


def test_a_cast_that_a_float_product_reads_too_is_one_again_when_taken_apart(lab):
    graph = lab.module(
        """
        %x: u8[1,2,4,4]{scale=0.1} = input
        %w: f32[2,2,1,1] = ir.param "w"
        %1: f32[1,2,4,4] = quant.cast %x
        %2: f32[1,2,4,4] = nn.relu %1
        %3: f32[1,2,4,4] = nn.conv2d %1, %w
        return %2, %3
        """
    ).graph
    together = fused(graph)
    assert [n.op.name for n in together.nodes].count("ir.fused") == 1
    assert inlined(together) == graph


def test_the_schedule_follows_the_anchor(lab):
    text = CONV + "%1 = nn.conv2d %x, %w\n    @schedule algorithm=im2col\n%2 = nn.relu %1\nreturn %2"
    graph = lab.module(text).graph
    together = fused(graph)
    assert [n.schedule for n in together.nodes] == [None, Schedule("im2col")]
    assert inlined(together) == graph


def test_a_pointwise_op_from_elsewhere_fuses(lab):
    """Fusion looks at the loop nest, so an op that a third party defines needs nothing more."""

    @dataclass(frozen=True)
    class Twice(Op, name="test_fuse.twice"):
        x: Value

        def infer(self):
            return (self.x.type,)

        def kernel(self):
            axes = tuple(Axis(f"d{k}", extent) for k, extent in enumerate(self.x.shape))
            here = Load(0, tuple(at(axis.name) for axis in axes))
            return single(1, Nest(axes, apply("add", here, here), F32, F32))

    fuse(lab, CONV + "%1 = nn.conv2d %x, %w\n%2 = test_fuse.twice %1\nreturn %2", {"2": "conv2d twice"})
