"""layout: IR text in, IR text out, on a machine of sixteen lanes; what is written stays; the numbers do not change."""

import re

import pytest

from gossamer.backends.cpu.hardware import CpuHardware
from gossamer.backends.cpu.layout_choice import Conversion
from gossamer.backends.cpu.layout_names import LayoutName
from gossamer.ir.errors import PassError
from gossamer.ir.hardware import Hardware
from gossamer.ir.text import parse_module
from gossamer.passes.layout import Layout, with_copies
from gossamer.passes.pipeline import run_pipeline

MACHINE = CpuHardware(
    cores=2, clock_hz=2.6e9, vector_bits=512, vector_registers=32, int8_dot=4, l2_bytes=1 << 20, l3_bytes=32 << 20
)


def layouts(module):
    return {n.result.name: n.schedule.layout for n in module.graph.nodes if n.schedule}


def chosen(lab, text):
    old = lab.module(text).with_hardware(MACHINE)
    new = run_pipeline(old, "layout")
    lab.same(old, new, 1e-6)
    assert run_pipeline(new, "layout") == new
    return new


def annotated(text, written):
    """The text with a layout under each of these statements."""
    lines = text.splitlines()
    for name, layout in written.items():
        (place,) = (i for i, line in enumerate(lines) if line.startswith(f"%{name}: ") and not line.endswith("input"))
        lines.insert(place + 1, f"    @schedule layout={layout}")
    return "\n".join(lines)


def test_convolutions_exchange_blocks_and_padding_is_held_by_a_halo(lab):
    text = """
    %x: f32[1,3,32,32] = input
    %w: f32[32,3,3,3] = ir.param "w"
    %v: f32[32,32,3,3] = ir.param "v"
    %u: f32[64,32,1,1] = ir.param "u"
    %1 = nn.conv2d %x, %w pads=(1,1,1,1)
    %2 = nn.conv2d %1, %v pads=(1,1,1,1)
    %3 = nn.conv2d %2, %u
    %y = math.reduce_mean %3 axes=(2,3) keepdims=true
    return %y
    """
    new = chosen(lab, text)
    written = {"1": "NCHW16c.halo", "2": "NCHW16c", "3": "NCHW16c", "y": layouts(new)["y"]}
    assert lab.body(new) == annotated(lab.body(lab.module(text)), written)


def test_a_residual_keeps_both_branches_in_one_layout(lab):
    new = chosen(
        lab,
        """
        %x: f32[1,32,16,16] = input
        %w: f32[32,32,3,3] = ir.param "w"
        %1 = nn.conv2d %x, %w pads=(1,1,1,1)
        %2 = nn.conv2d %1, %w pads=(1,1,1,1)
        %3 = math.add %1, %2
        %4 = nn.conv2d %3, %w pads=(1,1,1,1)
        return %4
        """,
    )
    found = layouts(new)
    assert [found[name] for name in "123"] == ["NCHW16c.halo", "NCHW16c", "NCHW16c.halo"]


def test_few_channels_take_few_lanes(lab):
    new = chosen(
        lab,
        """
        %x: f32[1,4,32,32] = input
        %w: f32[8,4,3,3] = ir.param "w"
        %v: f32[4,8,3,3] = ir.param "v"
        %1 = nn.conv2d %x, %w pads=(1,1,1,1)
        %2 = nn.conv2d %1, %v pads=(1,1,1,1)
        %3 = nn.conv2d %2, %w pads=(1,1,1,1)
        return %3
        """,
    )
    found = layouts(new)
    assert found["1"] == "NCHW8c.halo" and found["2"] == "NCHW4c.halo"


def test_nothing_is_split_where_nothing_is_summed_over_channels(lab):
    new = chosen(
        lab,
        """
        %x: f32[1,24,16,16] = input
        %1 = nn.relu %x
        %2 = nn.channel_shuffle %1 groups=2
        %3 = tensor.concat %1, %2 axis=1
        %4 = tensor.reshape %3 shape=(1,12288)
        return %4
        """,
    )
    assert layouts(new) == {"1": "NCHW", "2": "NCHW", "3": "NCHW", "4": "NC"}


def test_attention_packs_keys_as_the_product_reads_them(lab):
    new = chosen(
        lab,
        """
        %q: f32[3,64,32] = input
        %x: f32[3,64,32] = input
        %k = math.exp %x
        %t = tensor.transpose %k perm=(0,2,1)
        %s = nn.matmul %q, %t
        return %s
        """,
    )
    assert layouts(new)["t"] in ("NTC", "NTC16t")


def test_what_is_written_stays_and_the_rest_goes_with_it(lab):
    new = chosen(
        lab,
        """
        %x: f32[1,32,16,16] = input
        %1 = nn.relu %x
            @schedule layout=NCHW8c
        %2 = nn.sigmoid %1
        %3 = nn.tanh %2
        return %3
        """,
    )
    found = layouts(new)
    assert found["1"] == "NCHW8c" and found["3"] == "NCHW"


def test_a_copy_is_an_identity_with_a_layout():
    module = parse_module(
        "module m\n%x: f32[1,32,4,4] = input\n%1 = nn.relu %x\n%2 = nn.tanh %1\n%3 = nn.sigmoid %1\nreturn %2, %3\n"
    )
    relu, _, sigmoid = module.graph.nodes
    graph = with_copies(module.graph, [Conversion(relu.result, LayoutName(), (sigmoid,))])
    text = str(module.with_graph(graph))
    assert re.search(r"%1_NCHW: f32\[1,32,4,4\] = quant.cast %1\n +@schedule layout=NCHW\n", text)
    assert "nn.tanh %1\n" in text and "nn.sigmoid %1_NCHW" in text


@pytest.mark.parametrize(
    ("layout", "message"),
    [
        (
            "NHWC",
            r"1 \(nn.relu\): found layout=NHWC on a value of shape \[1, 32, 4, 4\], needed one like NCHW, NCHW16c",
        ),
        ("NCHW12c", "splits by 12, needed a power of two from 2 to 64"),
        ("NCHW16x", "splits 'x', which is none of its axes NCHW"),
    ],
)
def test_refuses_a_layout_that_a_value_cannot_have(lab, layout, message):
    module = lab.module(f"%x: f32[1,32,4,4] = input\n%1 = nn.relu %x\n    @schedule layout={layout}\nreturn %1")
    with pytest.raises(PassError, match=message):
        run_pipeline(module, "layout")


def test_refuses_a_module_for_another_target_and_leaves_targets_without_layouts_alone(lab):
    module = lab.module("%x: f32[1,32,4,4] = input\n%1 = nn.relu %x\nreturn %1")
    assert Layout("systolic").run(module) is module

    class Elsewhere(Hardware, target="elsewhere"):
        pass

    with pytest.raises(PassError, match="module 'test' is for target 'elsewhere', not 'cpu'; use layout{target="):
        run_pipeline(module.with_hardware(Elsewhere()), "layout")


def test_tiles_keep_the_layout(lab):
    text = '%x: f32[1,32,8,8] = input\n%w: f32[32,32,1,1] = ir.param "w"\n%1 = nn.conv2d %x, %w\nreturn %1'
    module = lab.module(text).with_hardware(MACHINE)
    one, other = run_pipeline(module, "layout,tile"), run_pipeline(module, "tile,layout")
    assert one == other
    assert layouts(one) == {"1": "NCHW16c"}
