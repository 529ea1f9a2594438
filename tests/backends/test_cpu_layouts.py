"""Layouts that a user writes are obeyed or refused; none changes a number. A plan is the optimum of its costs."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from gossamer.backends.base import Infeasible
from gossamer.backends.cpu.build import compile_module
from gossamer.backends.cpu.hardware import CpuHardware, host
from gossamer.backends.cpu.layout_choice import layouts_of
from gossamer.backends.cpu.layout_names import LayoutName, parse_layout
from gossamer.ir.graph import Params
from gossamer.ir.reference import evaluate
from gossamer.ir.schedule import Schedule
from gossamer.ir.text import parse_module
from gossamer.passes.pipeline import run_pipeline

NET = """module net
%x: f32[1,3,10,10] = input
%w: f32[20,3,3,3] = ir.param "w"
%v: f32[20,20,3,3] = ir.param "v"
%1 = nn.conv2d %x, %w pads=(1,1,1,1)
%2 = nn.relu %1
%3 = nn.conv2d %2, %v pads=(1,1,1,1)
%4 = math.add %2, %3
%5 = tensor.concat %4, %1 axis=1
%6 = nn.max_pool2d %5 kernel_shape=(3,3) strides=(2,2) pads=(1,1,1,1)
return %6, %4
"""


def net(**written):
    module, random = parse_module(NET), np.random.default_rng(0)
    params = {n.op.ref: random.standard_normal(n.result.shape) for n in module.graph.nodes if n.op.name == "ir.param"}
    nodes = tuple(
        replace(n, schedule=Schedule(layout=written[f"v{n.result.name}"])) if f"v{n.result.name}" in written else n
        for n in module.graph.nodes
    )
    held = Params({name: array.astype(np.float32) for name, array in params.items()})
    return module.with_graph(replace(module.graph, nodes=nodes), held)


def check(module):
    x = {"x": np.random.default_rng(1).standard_normal((1, 3, 10, 10)).astype(np.float32)}
    artifact = compile_module(module, host())
    assert not isinstance(artifact, Infeasible), str(artifact)
    found = artifact.run(x)
    for name, wanted in evaluate(module, x).items():
        np.testing.assert_allclose(found[name], wanted, rtol=0, atol=1e-5 * np.abs(wanted).max())
    return artifact


@pytest.mark.slow
@pytest.mark.parametrize(
    "written",
    [
        {},
        {"v1": "NCHW"},
        {"v1": "NCHW16c", "v2": "NCHW.halo", "v3": "NCHW8c"},
        {"v2": "NCHW4c.halo", "v4": "NCHW16w", "v5": "NCHW8c.halo", "v6": "NCHW4c"},
        {"v5": "NCHW2h", "v6": "NCHW16c"},
    ],
    ids=str,
)
def test_any_layout_gives_the_same_numbers(written):
    check(net(**written))


def test_the_pass_and_the_compiler_agree():
    module = net()
    placed = run_pipeline(module.with_hardware(host()), "tile,layout")
    check(placed)
    assert all(n.schedule and n.schedule.layout for n in placed.graph.nodes if n.op.name != "ir.param")


def bytes_in_and_out(channels, outputs):
    text = f"""module net
%x: u8[1,{channels},9,9]{{scale=0.5, zero_point=3}} = input
%w: i8[{outputs},{channels},3,3]{{scale=0.5}} = ir.param "w"
%1 = nn.conv2d %x, %w pads=(1,1,1,1)
%2: u8[1,{outputs},9,9]{{scale=40.0, zero_point=128}} = quant.cast %1
return %2
"""
    weight = np.random.default_rng(0).integers(-127, 128, (outputs, channels, 3, 3)).astype(np.int8)
    module = parse_module(text)
    return module.with_graph(module.graph, Params({"w": weight}))


@pytest.mark.slow
@pytest.mark.parametrize("channels", [3, 13, 40])
@pytest.mark.parametrize("outputs", [1, 2, 3, 5, 40])
def test_bytes_of_few_and_many_channels_are_multiplied_exactly(channels, outputs):
    """Dot products of 4, 8 and 16 lanes, and lanes that are not used."""
    module = bytes_in_and_out(channels, outputs)
    x = {"x": np.random.default_rng(1).integers(0, 256, (1, channels, 9, 9)).astype(np.uint8)}
    (found,), (wanted,) = compile_module(module, host()).run(x).values(), evaluate(module, x).values()
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.slow
@pytest.mark.parametrize("zero_point", [0, 3])
@pytest.mark.parametrize("kernel, stride", [(3, 2), (2, 2), (3, 3), (5, 2)])
def test_transposed_convolutions_of_bytes_are_exact(kernel, stride, zero_point):
    """Also where the last tap of some positions falls outside of the kernel."""
    text = f"""module net
%f: f32[1,8,8,8] = input
%x: u8[1,8,8,8]{{scale=0.5, zero_point={zero_point}}} = quant.cast %f
%w: i8[8,24,{kernel},{kernel}]{{scale=0.5}} = ir.param "w"
%1 = nn.conv_transpose %x, %w strides=({stride},{stride})
return %1
"""
    random, module = np.random.default_rng(0), parse_module(text)
    weight = random.integers(-127, 128, (8, 24, kernel, kernel)).astype(np.int8)
    module = module.with_graph(module.graph, Params({"w": weight}))
    x = {"f": random.uniform(0, 100, (1, 8, 8, 8)).astype(np.float32)}
    (found,), (wanted,) = compile_module(module, host()).run(x).values(), evaluate(module, x).values()
    np.testing.assert_array_equal(found, wanted)


def test_an_input_of_bytes_is_laid_out_for_the_dot_product():
    module = bytes_in_and_out(40, 40)
    names = layouts_of(module, CpuHardware()).names
    assert names[module.graph.inputs[0]] == LayoutName(1, 16, True)


@pytest.mark.parametrize(
    ("layout", "message"),
    [
        ("NHWC", "found layout=NHWC on a value of shape [1, 20, 10, 10], needed one like NCHW, NCHW16c"),
        ("NCHW128c", "splits by 128, needed a power of two from 2 to 64"),
    ],
)
def test_refuses_layouts_that_values_cannot_have(layout, message):
    found = compile_module(net(v2=layout), host())
    assert isinstance(found, Infeasible)
    assert message in str(found)


def test_a_plan_is_no_dearer_than_any_other():
    best = layouts_of(net(), host())
    assert best.exact
    for names in product(("NCHW", "NCHW16c", "NCHW.halo", "NCHW16c.halo"), repeat=3):
        other = layouts_of(net(**dict(zip(("v1", "v2", "v4"), names))), host())
        assert other.latency_s >= best.latency_s - 1e-12


@pytest.mark.parametrize(
    ("shape", "text", "name"),
    [
        ((1, 32, 8, 8), "NCHW16c.halo", LayoutName(1, 16, True)),
        ((2, 3, 40), "NTC16t", LayoutName(1, 16)),
        ((5,), "C", LayoutName()),
        ((1, 2, 3, 4, 5), "NCDHW8d", LayoutName(2, 8)),
    ],
)
def test_names(shape, text, name):
    assert parse_layout(text, shape, "here") == name
    assert name.text(len(shape)) == text
