"""winograd: which convolutions it takes, what it says of the others, and how exact the choice is."""

import numpy as np
import pytest

from gossamer.ir.errors import PassError
from gossamer.ir.winograd import transforms, winograd_conv2d
from gossamer.passes.pipeline import run_pipeline
from gossamer.passes.winograd import Winograd

CONV = """
%x: f32[1,8,14,14] = input
%w: f32[8,8,3,3] = ir.param "w"
"""


def test_chosen(lab):
    text = CONV + "%1: f32[1,8,14,14] = nn.conv2d %x, %w pads=(1,1,1,1)\nreturn %1"
    lab.check("winograd{m=4}", text, text.replace("\nreturn", "\n    @schedule algorithm=winograd(m=4)\nreturn"))


def test_in_a_fused_statement_and_over_an_earlier_choice(lab):
    text = CONV + "%1 = nn.conv2d %x, %w pads=(1,1,1,1)\n    @schedule tile=(oc:4)\n%2 = nn.relu %1\nreturn %2"
    module = lab.module(text)
    for m in (2, 6):
        module = run_pipeline(module, f"fuse,winograd{{m={m}}}")
        assert [str(n.schedule.algorithm) for n in module.graph.nodes if n.schedule] == ["winograd"]
        assert module.graph.nodes[-1].schedule.winograd_m == m


REFUSED = {
    "nn.conv2d %x, %w strides=(2,2)": "strides (2, 2); it needs (1, 1)",
    "nn.conv2d %x, %w dilations=(2,2)": "dilations (2, 2); it needs (1, 1)",
    "nn.conv2d %x, %g groups=8": "groups 8; it needs 1",
    "nn.conv2d %x, %p": "kernel 1x1; it needs r x r with r >= 2",
    "nn.conv2d %x, %o": "kernel 1x3; it needs r x r with r >= 2",
    "nn.conv2d %x, %big": "tiles of 17 x 17 exceed 16 x 16",
    "nn.conv2d %h, %hw": "expected error 9.1e-03 in f16 exceeds max_error=0.0001",
    "nn.conv2d %q, %qw": "u8 input; quantized=true allows it",
}


@pytest.mark.parametrize("statement, reason", REFUSED.items())
def test_refuses(lab, statement, reason):
    head = CONV + """
    %h: f16[1,8,14,14] = input
    %q: u8[1,8,14,14]{scale=0.1, zero_point=3} = input
    %g: f32[8,1,3,3] = ir.param "g"
    %p: f32[8,8,1,1] = ir.param "p"
    %o: f32[8,8,1,3] = ir.param "o"
    %big: f32[8,8,14,14] = ir.param "big"
    %hw: f16[8,8,3,3] = ir.param "hw"
    %qw: i8[8,8,3,3]{scale=0.1} = ir.param "qw"
    """
    lines = [line.strip() for line in head.strip().splitlines()]
    module = lab.module("\n".join([*lines, f'%1 = {statement} @label "conv7"', "return %1"]))
    item = Winograd(m=4)
    assert item.run(module) is module
    assert item.refusals(module) == {"conv7": reason}


def test_refuses_where_it_saves_nothing(lab):
    small = '%x: f32[1,8,3,3] = input\n%w: f32[8,8,3,3] = ir.param "w"\n%1 = nn.conv2d %x, %w @label "c"\nreturn %1'
    why = "36 multiplications on 1x1 where direct loops need 9"
    assert Winograd(m=4).refusals(lab.module(small)) == {"c": why}


def test_options_lift_two_refusals(lab):
    text = '%q: u8[1,8,14,14]{scale=0.1} = input\n%w: i8[8,8,3,3]{scale=0.1} = ir.param "w"\n%1 = nn.conv2d %q, %w\n'
    module = lab.module(text + "return %1")
    assert Winograd(m=4, quantized=True).run(module).graph.nodes[-1].schedule.winograd_m == 4
    text = text.replace("{scale=0.1}", "").replace("u8", "f16").replace("i8", "f16")
    half = lab.module(text + "return %1")
    assert Winograd(m=4, max_error=0.02).run(half).graph.nodes[-1].schedule.winograd_m == 4


@pytest.mark.parametrize("m, tolerance", [(2, 5e-7), (4, 3.5e-6), (6, 6.5e-6)])
def test_numbers_stay_within_the_predicted_error(lab, m, tolerance):
    """The tolerance on the relative rms error is three times what the error model expects of F(m, 3) in float32."""
    assert tolerance == pytest.approx(3 * transforms(m, 3).error(), rel=0.1)
    module = lab.module(CONV + "%1 = nn.conv2d %x, %w pads=(1,1,1,1)\nreturn %1")
    want = lab.outputs(module)["1"].astype(float)
    x = lab.random(module.graph.inputs[0].type, "x")
    error = winograd_conv2d(x, module.params["w"], m, (1, 1, 1, 1)) - want
    assert np.sqrt((error**2).mean() / (want**2).mean()) < tolerance


@pytest.mark.parametrize("m", [1, 16])
def test_impossible_tiles(m):
    with pytest.raises(PassError, match=f"winograd: m={m} needs to be from 2 to 15"):
        Winograd(m=m)
