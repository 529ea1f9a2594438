"""Scans compiled for the CPU: recurrent layers step by step, compiled once, saved and loaded."""

import time
from dataclasses import dataclass

import numpy as np
import pytest

from gossamer.backends.base import Infeasible
from gossamer.backends.cpu.artifact import CpuArtifact
from gossamer.backends.cpu.build import compile_module
from gossamer.backends.cpu.hardware import host
from gossamer.ir.build import GraphBuilder
from gossamer.ir.graph import Module, Params
from gossamer.ir.op import Op
from gossamer.ir.ops import Add, Conv2d, GRUCell, LSTMCell, Mul, Param, Reshape, Scan, Slice, Tanh, Transpose
from gossamer.ir.reference import evaluate
from gossamer.ir.types import F32, TensorType, Value


def body_of(types, make):
    b = GraphBuilder()
    return b.finish(make(b, *(b.input(f"i{k}", t) for k, t in enumerate(types))))


def network(inputs, params, make):
    """A module whose inputs and parameters (name -> shape) are handed to `make`."""
    b, rng = GraphBuilder(), np.random.default_rng(0)
    given = [b.input(n, TensorType(F32, s)) for n, s in inputs.items()]
    given += [b.add(Param(n, TensorType(F32, s)), n) for n, s in params.items()]
    held = Params({n: (rng.standard_normal(s) / np.sqrt(s[-1])).astype(np.float32) for n, s in params.items()})
    return Module("scan", b.finish(make(b, *given)), held)


def lstm(steps, units=8, reverse=False):
    def make(b, x, w, r, bias, h, c):
        types = (h.type, c.type, TensorType(F32, x.shape[1:]), w.type, r.type, bias.type)

        def step(s, h, c, x, w, r, bias):
            new = s.add_all(LSTMCell(x, h, c, w, r, bias))
            return (*new, new[0])

        return b.add_all(Scan((h, c, x, w, r, bias), body_of(types, step), 2, 1, steps, reverse))

    shapes = {"w": (4 * units, 5), "r": (4 * units, units), "b": (4 * units,), "h": (2, units), "c": (2, units)}
    return network({"x": (steps, 2, 5)}, shapes, make)


def bidirectional(steps=6):
    """A scan forwards and one backwards over what a convolution gives; their sum through a third, with fixed input."""

    def make(b, x, k, w, r):
        y = b.add(Conv2d(x, k, pads=(1, 1, 1, 1)))  # [steps, 9, 1, 2]: blocked layouts outside of the scans
        rows = b.add(Reshape(b.add(Transpose(y, (0, 2, 3, 1))), (steps, 2, 9)))
        state = b.add(Reshape(b.add(Conv2d(x, k, pads=(1, 1, 1, 1))), (steps * 2, 9)))
        h = b.add(Slice(state, (0, 0), (2, 3), (1, 1)))

        def step(s, h, x, w, r):
            return (new := s.add(GRUCell(x, h, w, r)), s.add(Tanh(new)))

        body = body_of((h.type, TensorType(F32, (2, 9)), w.type, r.type), step)
        there = b.add_all(Scan((h, rows, w, r), body, 1, 1, steps))
        back = b.add_all(Scan((h, rows, w, r), body, 1, 1, steps, reverse=True))
        return there[0], b.add(Add(there[1], back[1]))

    return network({"x": (steps, 4, 1, 2)}, {"k": (9, 4, 3, 3), "w": (9, 9), "r": (9, 3)}, make)


def nested():
    """A loop in a loop: the inner one runs over the columns of the row the outer one is at, and swaps its states."""

    def make(b, a, c, x, k):
        def cell(s, a, c, x, k):
            return c, s.add(Add(s.add(Mul(a, k)), x)), a

        def row(s, a, c, x, k):
            inner = body_of((a.type, c.type, TensorType(F32, x.shape[1:]), k.type), cell)
            return s.add_all(Scan((a, c, x, k), inner, 2, 1, x.shape[0]))

        body = body_of((a.type, c.type, TensorType(F32, x.shape[1:]), k.type), row)
        return b.add_all(Scan((a, c, x, k), body, 2, 1, x.shape[0]))

    return network({"a": (3,), "c": (3,), "x": (4, 5, 3), "k": (3,)}, {}, make)


MODULES = {"lstm": lstm(7), "backwards": lstm(4, reverse=True), "bidirectional": bidirectional(), "nested": nested()}


def random_inputs(module):
    rng = np.random.default_rng(1)
    return {v.name: rng.standard_normal(v.shape).astype(np.float32) for v in module.graph.inputs}


@pytest.mark.parametrize("name", MODULES)
def test_a_scan_runs_as_the_reference_does(name, tmp_path):
    module = MODULES[name]
    artifact, inputs = compile_module(module, host()), random_inputs(module)
    assert isinstance(artifact, CpuArtifact)
    wanted = evaluate(module, inputs)
    artifact.save(tmp_path / "artifact")
    for copy in (artifact, artifact, CpuArtifact.load(tmp_path / "artifact")):
        found = copy.run(inputs)
        for output, array in wanted.items():
            np.testing.assert_allclose(found[output], array, rtol=1e-4, atol=1e-5)
    assert len(artifact.profile(inputs, 2)) == len(artifact.layers)


def test_a_long_sequence_compiles_as_fast_as_a_short_one():
    short, long = lstm(2, 64), lstm(1000, 64)
    compile_module(short, host())
    start = time.perf_counter()
    artifact = compile_module(long, host())
    assert time.perf_counter() - start < 20  # a second on an idle machine
    assert isinstance(artifact, CpuArtifact)
    (row,) = artifact.layers
    assert (row.op, row.algorithm, row.schedule) == ("ir.scan", "loop", "1000 steps")
    assert row.macs == 1000 * 2 * 4 * 64 * (5 + 64)


@dataclass(frozen=True)
class Sorted(Op, name="test_cpu_scan.sorted"):
    """No loop nest."""

    x: Value

    def infer(self) -> tuple[TensorType, ...]:
        return (self.x.type,)


def test_what_a_body_cannot_run_is_said():
    """A loop of no steps inside a body: what it stacks has no elements."""
    two = TensorType(F32, (2,))
    cell = body_of((two,), lambda s, h: (new := s.add(Tanh(h)), new))
    body = body_of((two,), lambda s, h: s.add_all(Scan((h,), cell, 1, 0, 0), ("inside", "none"))[:1])
    b = GraphBuilder()
    module = Module("m", b.finish(b.add_all(Scan((b.input("h", two),), body, 1, 0, 3))))
    refused = compile_module(module, host())
    assert isinstance(refused, Infeasible)
    assert str(refused).startswith("inside (ir.scan): needs %none without elements")
