"""Batch norm, padding, Winograd and quantisation around volumes, transposed convolutions and recurrent cells."""

import numpy as np
import pytest

from gossamer.ir.reference import evaluate
from gossamer.passes.calibrate import calibrate
from gossamer.passes.fold_bn import FoldBatchNorm
from gossamer.passes.quantize import Quantize
from gossamer.passes.simplify import Simplify
from gossamer.passes.winograd import Winograd

NORM = """
    %s: f32[6] = ir.param "s"
    %b: f32[6] = ir.param "b"
    %m: f32[6] = ir.param "m"
    %v: f32[6] = ir.param "var"
    %2: {type} = nn.batch_norm %1, %s, %b, %m, %v
    return %2
    """

CONVOLUTIONS = {
    "volumes": ("f32[1,6,4,4,4]", "%w: f32[6,4,1,1,1]", "%x: f32[1,4,4,4,4]", "nn.conv3d %x, %w"),
    "transposed": ("f32[1,6,7,7]", "%w: f32[4,6,3,3]", "%x: f32[1,4,3,3]", "nn.conv_transpose %x, %w strides=(2,2)"),
    "grouped": (
        "f32[1,6,7,7]", "%w: f32[4,3,3,3]", "%x: f32[1,4,3,3]", "nn.conv_transpose %x, %w strides=(2,2) groups=2",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_batch_norm_folds(lab, name):
    type, weight, x, op = CONVOLUTIONS[name]
    module = lab.module(f'{x} = input\n{weight} = ir.param "w"\n%1: {type} = {op}' + NORM.format(type=type))
    folded = FoldBatchNorm().run(module)
    assert [n.op.name for n in folded.graph.nodes if n.op.name != "ir.param"] == [op.split()[0]]
    lab.same(module, folded, 1e-5)


def test_padding_goes_into_a_convolution_of_volumes_but_only_zeros(lab):
    before = """
        %x: f32[1,2,4,4,4] = input
        %w: f32[3,2,3,3,3] = ir.param "w"
        %1: f32[1,2,5,7,4] = tensor.pad %x pads=((0,0),(0,0),(1,0),(1,2),(0,0)){mode}
        %2: f32[1,3,3,7,2] = nn.conv3d %1, %w pads=(0,1,0,0,1,0)
        return %2
        """
    after = """
        %x: f32[1,2,4,4,4] = input
        %w: f32[3,2,3,3,3] = ir.param "w"
        %2: f32[1,3,3,7,2] = nn.conv3d %x, %w pads=(1,2,0,0,3,0)
        return %2
        """
    lab.check(Simplify(), before.replace("{mode}", ""), after)
    lab.check(Simplify(), before.replace("{mode}", ' mode="edge"'), None)


MIXED = """
    %x: f32[1,4,6,6] = input
    %y: f32[1,2,4,4,4] = input
    %h: f32[1,3] = input
    %g: f32[1,9] = input
    %w: f32[4,6,3,3] = ir.param "w"
    %k: f32[4,2,3,3] = ir.param "k"
    %u: f32[3,2,3,3,3] = ir.param "u"
    %r: f32[9,3] = ir.param "r"
    %1: f32[1,6,13,13] = nn.conv_transpose %x, %w strides=(2,2) @label "up"
    %2: f32[1,3,2,2,2] = nn.conv3d %y, %u @label "volume"
    %3: f32[1,4,13,13] = nn.conv_transpose %x, %k strides=(2,2) groups=2 @label "grouped"
    %4: f32[1,3] = nn.gru_cell %g, %h recurrence=%r @label "cell"
    return %1, %2, %3, %4
    """


def test_winograd_says_why_it_leaves_other_convolutions_alone(lab):
    module = lab.check(Winograd(), MIXED, None)
    assert Winograd().refusals(module) == {
        "up": "a transposed convolution; it needs a plain one",
        "volume": "a 3-D convolution; it needs a 2-D one",
        "grouped": "a transposed convolution; it needs a plain one",
    }


def test_volumes_and_transposed_convolutions_are_quantised_and_it_says_what_is_not(lab):
    module = lab.module(MIXED)
    rng = np.random.default_rng(0)
    inputs = {v.name: rng.standard_normal(v.shape).astype(np.float32) for v in module.graph.inputs}
    pass_ = Quantize().calibrated(calibrate(module, inputs))
    assert pass_.refusals(module) == {
        "grouped": "groups 2 of a transposed convolution; it needs 1, since groups share the scales",
        "cell": "recurrent: its state would be rounded again in every step",
    }
    quantised = pass_.run(module)
    kinds = {n.title: n.op.x.dtype.integer for n in quantised.graph.nodes if n.op.name.startswith("nn.conv")}
    assert kinds == {"up": True, "volume": True, "grouped": False}
    wanted, found = evaluate(module, inputs), evaluate(quantised, inputs)
    for name, array in wanted.items():
        assert np.abs(found[name] - array).max() < 0.05 * np.abs(array).max()
    assert pass_.run(quantised) == quantised
