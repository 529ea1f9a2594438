"""unsigned: signed 8-bit activations become unsigned ones where products read them, and nowhere else."""

import numpy as np

from gossamer.ir import ops
from gossamer.ir.build import GraphBuilder
from gossamer.ir.reference import evaluate
from gossamer.ir.types import I8, Quant, TensorType
from gossamer.passes.pipeline import run_pipeline
from gossamer.passes.unsigned import Unsigned
from tests.codegen.tvm_help import Net

WEIGHT = '%w: i8[3,2,3,3]{axis=0, scale=(0.01, 0.02, 0.03)} = ir.param "w"'
ACC = "i32[1,3,5,5]{axis=1, scale=(0.005, 0.01, 0.015)}"


def lines(*parts):
    return "\n".join(parts)


def test_what_a_convolution_reads(lab):
    before = lines(
        "%x: f32[1,2,5,5] = input",
        WEIGHT,
        "%1: i8[1,2,5,5]{scale=0.5} = quant.cast %x",
        f"%2: {ACC} = nn.conv2d %1, %w pads=(1,1,1,1)",
        "%3: f32[1,3,5,5] = quant.cast %2",
        "return %3",
    )
    after = lines(
        "%x: f32[1,2,5,5] = input",
        WEIGHT,
        "%1.u: u8[1,2,5,5]{scale=0.5, zero_point=128} = quant.cast %x",
        f"%2: {ACC} = nn.conv2d %1.u, %w pads=(1,1,1,1)",
        "%3: f32[1,3,5,5] = quant.cast %2",
        "return %3",
    )
    lab.check("unsigned", before, after, tolerance=0)


def test_inputs_and_outputs_keep_their_types_and_zero_points_move(lab):
    before = lines(
        "%x: i8[1,2,10,10]{scale=0.5, zero_point=-3} = input",
        WEIGHT,
        "%1: i8[1,2,5,5]{scale=0.5, zero_point=-3} = nn.max_pool2d %x kernel_shape=(2,2) strides=(2,2)",
        f"%2: {ACC} = nn.conv2d %1, %w pads=(1,1,1,1)",
        "%3: i8[1,3,5,5]{scale=0.1} = quant.cast %2",
        "return %1, %3",
    )
    after = lines(
        "%x: i8[1,2,10,10]{scale=0.5, zero_point=-3} = input",
        "%x.u: u8[1,2,10,10]{scale=0.5, zero_point=125} = quant.cast %x",
        WEIGHT,
        "%1.u: u8[1,2,5,5]{scale=0.5, zero_point=125} = nn.max_pool2d %x.u kernel_shape=(2,2) strides=(2,2)",
        f"%2: {ACC} = nn.conv2d %1.u, %w pads=(1,1,1,1)",
        "%3: i8[1,3,5,5]{scale=0.1} = quant.cast %2",
        "%1: i8[1,2,5,5]{scale=0.5, zero_point=-3} = quant.cast %1.u",
        "return %1, %3",
    )
    lab.check("unsigned", before, after, tolerance=0)


def test_bodies_of_fused_statements(lab):
    """What crosses the border of a body changes on both sides."""
    text = """
    %x: f32[1,2,5,5] = input
    %w: i8[2,2,3,3]{scale=0.01} = ir.param "w"
    %1: i8[1,2,5,5]{scale=0.5} = quant.cast %x
    %2: i32[1,2,5,5]{scale=0.005} = nn.conv2d %1, %w pads=(1,1,1,1)
    %3: i32[1,2,5,5]{scale=0.005} = nn.relu %2
    %4: i8[1,2,5,5]{scale=0.1} = quant.cast %3
    %5: i32[1,2,5,5]{scale=0.001} = nn.conv2d %4, %w pads=(1,1,1,1)
    %6: i8[1,2,5,5]{scale=0.2} = quant.cast %5
    %7: f32[1,2,5,5] = quant.cast %6
    %8: f32[1,2,5,5] = quant.cast %4
    %9 = math.add %7, %8
    %10: i8[1,2,5,5]{scale=0.3} = quant.cast %9
    return %10
    """
    old = lab.module(text)
    new = run_pipeline(old, "fuse,unsigned")
    lab.same(old, new, 0)
    assert run_pipeline(new, "unsigned") == new
    stored = [str(n.result.dtype) for n in new.graph.nodes if n.op.name != "ir.param"]
    assert stored == ["u8", "u8", "i8"]
    assert [v.name for v in new.graph.outputs] == ["10"]


def test_values_that_no_product_reads_and_factors_that_both_vary_stay(lab):
    lab.check(
        "unsigned",
        lines(
            "%x: f32[1,2,4,4] = input",
            "%1: i8[1,2,4,4]{scale=0.5} = quant.cast %x",
            "%2: i8[1,2,2,2]{scale=0.5} = nn.max_pool2d %1 kernel_shape=(2,2) strides=(2,2)",
            "return %2",
        ),
        None,
    )


def test_a_value_that_a_body_reads_as_u8_and_as_i8_is_there_under_two_names():
    net = Net()
    x = net.builder.input("x", TensorType(I8, (1, 4, 3, 3), Quant((0.1,))))
    weight = net.param(np.ones((2, 4, 1, 1)), Quant((0.1,)), I8)
    body = GraphBuilder()
    inner, factor = body.input("x", x.type), body.input("w", weight.type)
    ends = body.add(ops.Conv2d(inner, factor)), body.add(ops.View(inner, TensorType(I8, x.shape)))
    results = net.builder.add_all(ops.Fused((x, weight), body.finish(ends)))
    module = net.module(*results)
    changed = run_pipeline(module, (Unsigned(),))
    data = net.data(module)
    for name, value in evaluate(module, data).items():
        assert np.array_equal(evaluate(changed, data)[name], value)
