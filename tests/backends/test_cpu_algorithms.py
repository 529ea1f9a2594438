"""Winograd and 8-bit convolutions on the CPU."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from gossamer.backends.base import Infeasible
from gossamer.backends.cpu import backend, steps, target
from gossamer.backends.cpu.artifact import CpuArtifact
from gossamer.backends.cpu.build import compile_module
from gossamer.backends.cpu.hardware import CpuHardware, host
from gossamer.backends.cpu.winograd_plan import winograd_plan
from gossamer.codegen.tvm.winograd import Blocking
from gossamer.ir import ops
from gossamer.ir.build import GraphBuilder
from gossamer.ir.graph import Module, Params
from gossamer.ir.reference import evaluate
from gossamer.ir.schedule import Schedule
from gossamer.ir.types import F32, I8, I32, U8, Quant, TensorType
from gossamer.ir.winograd import transforms


def convolution(ic, oc, extent, kernel=3, pad=1, schedule=None, residual=False):
    """relu(conv(relu(x)) + bias [+ relu(x)]) as one fused node."""
    random = np.random.default_rng(0)
    b, body = GraphBuilder(), GraphBuilder()
    x = b.add(ops.Relu(b.input("x", TensorType(F32, (1, ic, extent, extent)))))
    w = b.add(ops.Param("w", TensorType(F32, (oc, ic, kernel, kernel))))
    c = b.add(ops.Param("c", TensorType(F32, (oc,))))
    inner = [body.input(n, v.type) for n, v in (("x", x), ("w", w), ("c", c))]
    y = body.add(ops.Conv2d(*inner, pads=(pad,) * 4))
    outer = (x, w, c)
    if residual:
        outer, y = (*outer, x), body.add(ops.Add(y, body.input("r", x.type)))
    y = b.add(ops.Fused(outer, body.finish((body.add(ops.Relu(y)),))), "y", schedule=schedule)
    params = {
        "w": random.standard_normal((oc, ic, kernel, kernel)).astype(np.float32),
        "c": random.standard_normal(oc).astype(np.float32),
    }
    return Module("conv", b.finish((y,)), Params(params))


def run(module, inputs, hardware=None):
    artifact = compile_module(module, hardware or host())
    assert isinstance(artifact, CpuArtifact), str(artifact)
    first = artifact.run(inputs)
    second = artifact.run(inputs)
    assert all(np.array_equal(first[k], second[k]) for k in first)
    return artifact, first


@pytest.mark.parametrize("ic, oc, extent, kernel, pad, m, residual", [
    (16, 80, 12, 3, 1, 2, False), (16, 16, 12, 3, 1, 2, True), (48, 32, 12, 3, 1, 4, False),
    (16, 16, 9, 3, 1, 3, True), (32, 32, 13, 3, 1, 6, True),
    (20, 24, 9, 3, 0, 5, False), (3, 8, 10, 3, 1, 2, False), (16, 16, 11, 5, 2, 2, False),
])  # fmt: skip
@pytest.mark.parametrize("form", ["fused", "apart", "late"])
def test_winograd_within_its_expected_error(ic, oc, extent, kernel, pad, m, residual, form, monkeypatch):
    monkeypatch.setattr(steps, "winograd_plan", partial(planned, form=form, columns=5))
    module = convolution(ic, oc, extent, kernel, pad, Schedule(algorithm="winograd", winograd_m=m), residual)
    x = {"x": np.random.default_rng(1).standard_normal((1, ic, extent, extent)).astype(np.float32)}
    artifact, found = run(module, x)
    wanted = evaluate(module, x, exact=True)["y"].astype(np.float64)
    error = np.sqrt(np.mean((found["y"] - wanted) ** 2) / np.mean(wanted**2))
    assert error < 4 * transforms(m, kernel).error() + 1e-6
    own = [launch for launch in artifact.manifest.launches if launch.kernel.endswith("_fused")]
    assert artifact.layers[-1].algorithm == f"winograd(m={m})" and len(own) == (1 if form == "fused" else 3)


@pytest.mark.slow
@pytest.mark.parametrize("form", ["fused", "apart", "late"])
@pytest.mark.parametrize("blocked", [True, False])
def test_winograd_of_several_images_and_sides_that_differ(form, blocked, monkeypatch):
    """Of a row-major input without a frame, and of another layer's result; tasks that end inside an image."""
    monkeypatch.setattr(steps, "winograd_plan", partial(planned, form=form, columns=4, vectors=2))
    b, random = GraphBuilder(), np.random.default_rng(0)
    x = b.input("x", TensorType(F32, (3, 20, 7, 10)))
    weights = {"v": (20, 20, 1, 1), "w": (33, 20, 3, 3)}
    v, w = (b.add(ops.Param(name, TensorType(F32, shape))) for name, shape in weights.items())
    conv = ops.Conv2d(b.add(ops.Conv2d(x, v)) if blocked else x, w, pads=(1, 0, 2, 1))
    y = b.add(conv, "y", schedule=Schedule(algorithm="winograd", winograd_m=4))
    params = {name: random.standard_normal(shape).astype(np.float32) for name, shape in weights.items()}
    module = Module("m", b.finish((y,)), Params(params))
    given = {"x": random.standard_normal(x.shape).astype(np.float32)}
    _, found = run(module, given)
    wanted = evaluate(module, given, exact=True)["y"]
    assert np.abs(found["y"] - wanted).max() < 1e-5 * np.abs(wanted).max()


@pytest.mark.slow
@pytest.mark.parametrize("m", [4, 6])
def test_a_deep_network_of_winograd_layers_stays_exact(m):
    """Errors of layers add up as a random walk: 12 of them, far below 1e-4."""
    b, random, depth = GraphBuilder(), np.random.default_rng(0), 12
    x = b.input("x", TensorType(F32, (1, 16, 14, 14)))
    value, params = x, {}
    for i in range(depth):
        params[f"w{i}"] = (random.standard_normal((16, 16, 3, 3)) / 12).astype(np.float32)
        w = b.add(ops.Param(f"w{i}", TensorType(F32, (16, 16, 3, 3))))
        conv = ops.Conv2d(value, w, pads=(1, 1, 1, 1))
        value = b.add(conv, schedule=Schedule(algorithm="winograd", winograd_m=m))
    module = Module("deep", b.finish((value,)), Params(params))
    given = {"x": random.standard_normal(x.shape).astype(np.float32)}
    _, found = run(module, given)
    wanted = evaluate(module, given, exact=True)[value.name]
    error = np.sqrt(np.mean((found[value.name] - wanted) ** 2) / np.mean(wanted**2))
    assert error < 4 * np.sqrt(depth) * transforms(m, 3).error() < 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("ic, kernel, m, depth", [(80, 3, 4, 32), (2, 3, 2, 1), (48, 5, 2, 16), (37, 3, 5, 32)])
def test_weights_are_transformed_part_by_part(ic, kernel, m, depth, monkeypatch):
    """In parts of several blocks of channels, of different lengths, and of a single channel."""
    monkeypatch.setattr(steps, "winograd_plan", partial(planned, form="late", columns=0, vectors=2, depth=depth))
    module = convolution(ic, 48, 11, kernel, kernel // 2, Schedule(algorithm="winograd", winograd_m=m))
    x = {"x": np.random.default_rng(1).standard_normal((1, ic, 11, 11)).astype(np.float32)}
    _, found = run(module, x)
    wanted = evaluate(module, x, exact=True)["y"]
    assert np.abs(found["y"] - wanted).max() < 2e-5 * np.abs(wanted).max()


def planned(tiling, inner, hardware, form, columns, vectors=None, points=3, depth=16):
    """A Winograd plan of the form and the blocking asked for, with pieces that do not fill the last task."""
    own = winograd_plan(tiling, inner, hardware).blocking
    count = columns if form == "fused" else tiling.tiles
    blocking = Blocking(form, count, own.lanes, vectors or own.vectors, points, max(inner, depth))
    return replace(winograd_plan(tiling, inner, hardware), blocking=blocking)


@pytest.mark.slow
@pytest.mark.parametrize("ic, oc, extent, kernel, stride, dilation, pads, batch", [
    (3, 24, 17, 7, 2, 1, (3, 3, 3, 3), 1), (16, 32, 9, 3, 1, 1, (1, 1, 1, 1), 2), (20, 80, 8, 3, 2, 2, (2, 0, 1, 2), 1),
    (48, 5, 6, 1, 1, 1, (0, 0, 0, 0), 3), (4, 16, 130, 3, 1, 1, (1, 1, 1, 1), 1),
])  # fmt: skip
@pytest.mark.parametrize("first", [True, False])
def test_gathered_convolutions(ic, oc, extent, kernel, stride, dilation, pads, batch, first):
    """Of the network's input, row-major, and of another layer's result, in blocks of channels."""
    b, random = GraphBuilder(), np.random.default_rng(0)
    x = b.input("x", TensorType(F32, (batch, ic, extent, extent)))
    weights = {"v": (ic, ic, 1, 1), "w": (oc, ic, kernel, kernel)}
    v, w = (b.add(ops.Param(name, TensorType(F32, shape))) for name, shape in weights.items())
    source = x if first else b.add(ops.Conv2d(x, v))
    conv = ops.Conv2d(source, w, strides=(stride, stride), dilations=(dilation, dilation), pads=pads)
    y = b.add(conv, "y", schedule=Schedule(algorithm="im2col"))
    params = {name: random.standard_normal(shape).astype(np.float32) for name, shape in weights.items()}
    module = Module("m", b.finish((y,)), Params(params))
    given = {"x": random.standard_normal(x.shape).astype(np.float32)}
    artifact, found = run(module, given)
    wanted = evaluate(module, given, exact=True)["y"]
    assert np.abs(found["y"] - wanted).max() < 1e-6 * np.abs(wanted).max() * max(1, ic * kernel)
    assert artifact.layers[-1].algorithm == "im2col"


def test_gathering_is_a_choice_and_never_the_first():
    for ic, oc, first in ((3, 64, "direct"), (3, 16, "direct"), (32, 64, "winograd")):
        for cores in (1, 2):
            found = backend.schedules(convolution(ic, oc, 56).graph.nodes[-1], CpuHardware(cores=cores))
            assert found[0].algorithm == first and "im2col" in {s.algorithm for s in found}


def test_a_gathered_convolution_with_an_epilogue():
    module = convolution(16, 16, 12, schedule=Schedule(algorithm="im2col"), residual=True)
    x = {"x": np.random.default_rng(1).standard_normal((1, 16, 12, 12)).astype(np.float32)}
    _, found = run(module, x)
    np.testing.assert_allclose(found["y"], evaluate(module, x, exact=True)["y"], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("schedule", [
    Schedule(algorithm="im2col"), Schedule(algorithm="winograd", winograd_m=2), Schedule(),
], ids=lambda s: s.algorithm)  # fmt: skip
@pytest.mark.parametrize("channels", [1, 20])
def test_the_input_of_a_convolution_is_added_to_its_result(channels, schedule):
    """As the fuse pass writes it: the input is one operand, which the sum and the epilogue read."""
    random, b, body = np.random.default_rng(0), GraphBuilder(), GraphBuilder()
    x = b.add(ops.Relu(b.input("x", TensorType(F32, (2, channels, 9, 7)))))
    w = b.add(ops.Param("w", TensorType(F32, (channels, channels, 3, 3))))
    source, weight = (body.input(name, v.type) for name, v in (("x", x), ("w", w)))
    y = body.add(ops.Add(body.add(ops.Conv2d(source, weight, pads=(1, 1, 1, 1))), source))
    y = b.add(ops.Fused((x, w), body.finish((y,))), "y", schedule=schedule)
    module = Module("m", b.finish((y,)), Params({"w": random.standard_normal(w.shape).astype(np.float32) / 9}))
    given = {"x": random.standard_normal(x.shape).astype(np.float32)}
    _, found = run(module, given)
    np.testing.assert_allclose(found["y"], evaluate(module, given, exact=True)["y"], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("groups, words", [(2, "it has 2 groups, needed one"), (1, "its weight must be a parameter")])
def test_gathering_where_it_cannot_be_is_infeasible(groups, words):
    b = GraphBuilder()
    x, w = b.input("x", TensorType(F32, (1, 8, 8, 8))), b.input("w", TensorType(F32, (8, 8 // groups, 3, 3)))
    y = b.add(ops.Conv2d(x, w, groups=groups), label="grouped", schedule=Schedule(algorithm="im2col"))
    reason = backend.compile(Module("m", b.finish((y,))))
    assert isinstance(reason, Infeasible) and words in str(reason) and "algorithm=im2col" in str(reason)


def test_winograd_where_it_cannot_be_is_infeasible():
    b = GraphBuilder()
    x, w = b.input("x", TensorType(F32, (1, 8, 8, 8))), b.input("w", TensorType(F32, (8, 8, 3, 3)))
    b.add(ops.Conv2d(x, w, strides=(2, 2)), "y", label="down", schedule=Schedule(algorithm="winograd", winograd_m=4))
    reason = backend.compile(Module("m", b.finish((b.nodes[-1].result,))))
    assert isinstance(reason, Infeasible)
    assert "down (nn.conv2d)" in str(reason) and "stride 1" in str(reason)


def test_winograd_is_listed_where_it_is_legal():
    small, large = (convolution(c, c, extent).graph.nodes[-1] for c, extent in ((16, 4), (64, 56)))
    for node, first in ((small, "direct"), (large, "winograd")):
        found = backend.schedules(node, CpuHardware())
        assert found[0].algorithm == first
        assert {s.winograd_m for s in found if s.algorithm == "winograd"} == {2, 3, 4, 5, 6}
        assert len(set(found)) == len(found)


def quantised(ic, oc, extent, kernel, stride, zero):
    """u8 -> conv with i8 weights -> i32 -> relu -> u8, as the quantise pass writes it."""
    random = np.random.default_rng(0)
    b, body = GraphBuilder(), GraphBuilder()
    scale, scales = 0.02, tuple(random.uniform(0.001, 0.01, oc).tolist())
    x = b.input("x", TensorType(F32, (1, ic, extent, extent)))
    xq = b.add(ops.Cast(x, TensorType(U8, x.shape, Quant((scale,), (zero,)))))
    w = b.add(ops.Param("w", TensorType(I8, (oc, ic, kernel, kernel), Quant(scales, (0,), 0))))
    c = b.add(ops.Param("c", TensorType(I32, (oc,), Quant(tuple(scale * s for s in scales), (0,), 0))))
    inner = [body.input(n, v.type) for n, v in (("x", xq), ("w", w), ("c", c))]
    y = body.add(ops.Conv2d(*inner, strides=(stride, stride), pads=(kernel // 2,) * 4))
    y = body.add(ops.Relu(body.add(ops.Cast(y, TensorType(F32, y.shape)))))
    y = body.add(ops.Cast(y, TensorType(U8, y.shape, Quant((0.05,), (3,)))))
    y = b.add(ops.Fused((xq, w, c), body.finish((y,))), "y")
    params = {
        "w": random.integers(-127, 128, (oc, ic, kernel, kernel)).astype(np.int8),
        "c": random.integers(-999, 999, oc).astype(np.int32),
    }
    return Module("q", b.finish((y,)), Params(params))


@pytest.mark.parametrize("ic, oc, extent, kernel, stride, zero", [
    (16, 16, 9, 3, 1, 0), (16, 32, 9, 3, 1, 117), (20, 24, 8, 3, 2, 5), (3, 16, 8, 3, 1, 5), (32, 16, 5, 1, 1, 128),
    (17, 1, 6, 3, 1, 128),
])  # fmt: skip
@pytest.mark.parametrize("dot", [True, False])
def test_eight_bit_convolutions_are_exact(ic, oc, extent, kernel, stride, zero, dot):
    hardware = host() if dot else replace(host(), int8_dot=1)
    if dot and hardware.int8_dot != 4:
        pytest.skip("this machine has no 8-bit dot product")
    module = quantised(ic, oc, extent, kernel, stride, zero)
    x = {"x": np.random.default_rng(1).standard_normal((1, ic, extent, extent)).astype(np.float32)}
    _, found = run(module, x, hardware)
    wanted = evaluate(module, x)["y"]
    assert found["y"].dtype == np.uint8 and wanted.std() > 5
    assert np.abs(found["y"].astype(int) - wanted.astype(int)).max() <= 1  # one step where a float rounds the other way
    assert (found["y"] != wanted).mean() < 0.01


@pytest.mark.slow
@pytest.mark.parametrize("changes", [
    {"cpu": "haswell", "vector_bits": 256}, {"vector_bits": 1024}, {"vector_bits": 384}, {"vector_bits": 128},
])  # fmt: skip
def test_dot_products_are_used_only_where_there_is_one(changes):
    """Asking the compiler for one that the instructions lack would end the process."""
    module = quantised(64, 64, 5, 3, 1, 5)
    x = {"x": np.random.default_rng(1).standard_normal((1, 64, 5, 5)).astype(np.float32)}
    _, found = run(module, x, replace(host(), int8_dot=4, **changes))
    assert np.abs(found["y"].astype(int) - evaluate(module, x)["y"].astype(int)).max() <= 1


ISAS = {
    "avx512_vnni": ({"cpu": "icelake-server", "int8_dot": 4}, "vpdpbusd"),
    "avx512_vnni_256": ({"cpu": "icelake-server", "int8_dot": 4, "vector_bits": 256}, "vpdpbusd"),
    "avx512": ({"cpu": "skylake-avx512", "int8_dot": 1}, "pmaddwd"),
    "avx2": ({"cpu": "haswell", "int8_dot": 1, "vector_bits": 256, "vector_registers": 16}, "pmaddwd"),
    "sse": ({"cpu": "haswell", "int8_dot": 1, "vector_bits": 128, "vector_registers": 16}, "pmaddwd"),
    "none": ({"cpu": "skylake-avx512", "int8_dot": 1, "vector_bits": 1024}, None),
}


@pytest.mark.slow
@pytest.mark.parametrize("isa", ISAS)
def test_the_largest_sums_are_exact_with_every_instruction_set(isa):
    """255 * -128 in every place: what adds products in 16 bits would saturate."""
    changes, instruction = ISAS[isa]
    hardware = replace(host(), **changes)
    if target.missing_here(target.cpu_of(hardware)):
        pytest.skip("this machine lacks the instructions")
    found = target.dot_of(hardware)
    assert (found.instruction if found else None) == instruction
    b, ic, oc = GraphBuilder(), 32, 32
    x = b.input("x", TensorType(U8, (1, ic, 7, 7), Quant((1.0,), (7,))))
    w = b.add(ops.Param("w", TensorType(I8, (oc, ic, 3, 3), Quant((1.0,)))))
    y = b.add(ops.Conv2d(x, w, pads=(1, 1, 1, 1)), "y")
    weights = np.random.default_rng(0).choice([-128, 127], (oc, ic, 3, 3)).astype(np.int8)
    weights[0], weights[1] = -128, 127
    module = Module("m", b.finish((y,)), Params({"w": weights}))
    for level in (0, 255):
        inputs = {"x": np.full((1, ic, 7, 7), level, np.uint8)}
        np.testing.assert_array_equal(run(module, inputs, hardware)[1]["y"], evaluate(module, inputs)["y"])


def test_a_split_of_which_a_part_has_no_elements():
    b = GraphBuilder()
    parts = b.add_all(ops.Split(b.input("x", TensorType(F32, (3, 4))), (0, 3), 0))
    artifact = backend.compile(Module("m", b.finish(parts)))
    assert not isinstance(artifact, Infeasible)
    found = artifact.run({"x": np.ones((3, 4), np.float32)})
    assert found[parts[0].name].shape == (0, 4) and found[parts[1].name].sum() == 12


def _flattened(body, x, w):
    y = body.add(ops.Conv2d(x, w))
    return (body.add(ops.Reshape(y, (1, 8 * 36))),)


def _twice(body, x, w):
    y = body.add(ops.Conv2d(x, w))
    return y, body.add(ops.Relu(y))


@pytest.mark.parametrize("make", [_flattened, _twice])
def test_winograd_needs_one_result_of_the_convolution_s_shape(make):
    b, body = GraphBuilder(), GraphBuilder()
    x, w = b.input("x", TensorType(F32, (1, 8, 8, 8))), b.add(ops.Param("w", TensorType(F32, (8, 8, 3, 3))))
    results = make(body, body.input("x", x.type), body.input("w", w.type))
    schedule = Schedule(algorithm="winograd", winograd_m=2)
    outputs = b.add_all(ops.Fused((x, w), body.finish(results)), schedule=schedule)
    params = Params({"w": np.zeros((8, 8, 3, 3), np.float32)})
    reason = backend.compile(Module("m", b.finish(outputs), params))
    assert isinstance(reason, Infeasible) and "another shape than the convolution's" in str(reason)


def test_winograd_needs_weights_known_ahead():
    b = GraphBuilder()
    x, w = (b.input(name, TensorType(F32, (8, 8, 3, 3))) for name in "xw")
    y = b.add(ops.Conv2d(x, w), schedule=Schedule(algorithm="winograd", winograd_m=2))
    reason = backend.compile(Module("m", b.finish((y,))))
    assert isinstance(reason, Infeasible) and "its weight must be a parameter" in str(reason)
