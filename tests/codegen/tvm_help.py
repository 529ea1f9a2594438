"""Modules for the tests of the TVM code generator, and the comparison with the reference."""

from collections.abc import Callable, Sequence

import numpy as np

from gossamer.backends.cpu.artifact import CpuArtifact
from gossamer.backends.cpu.build import compile_module
from gossamer.backends.cpu.hardware import CpuHardware, host
from gossamer.ir.build import GraphBuilder
from gossamer.ir.graph import Module, Params
from gossamer.ir.op import Op
from gossamer.ir.ops import Fused, Param
from gossamer.ir.reference import evaluate
from gossamer.ir.schedule import Schedule
from gossamer.ir.types import F32, TensorType, Value


class Net:
    """Builds a module with seeded parameters."""

    def __init__(self, seed: int = 0):
        self.builder = GraphBuilder()
        self.params = {}
        self.random = np.random.default_rng(seed)

    def input(self, *shape, dtype=F32, name="x"):
        return self.builder.input(name, TensorType(dtype, shape))

    def param(self, array, quant=None, dtype=F32):
        name = f"p{len(self.params)}"
        self.params[name] = np.asarray(array).astype(dtype.numpy)
        return self.builder.add(Param(name, TensorType(dtype, np.shape(array), quant)), name)

    def weight(self, *shape):
        return self.param(self.random.standard_normal(shape) / np.sqrt(max(np.prod(shape[1:]), 1)))

    def add(self, op: Op, schedule: Schedule | None = None) -> Value:
        return self.builder.add(op, schedule=schedule)

    def fused(self, inputs: Sequence[Value], make: Callable[..., Value], schedule: Schedule | None = None) -> Value:
        body = GraphBuilder()
        inner = [body.input(f"i{k}", v.type) for k, v in enumerate(inputs)]
        return self.add(Fused(tuple(inputs), body.finish((make(body, *inner),))), schedule)

    def module(self, *outputs: Value) -> Module:
        return Module("test", self.builder.finish(outputs), Params(self.params))

    def data(self, module: Module, low: float = -3.0, high: float = 3.0):
        return {v.name: _random(self.random, v.type, low, high) for v in module.graph.inputs}


def _random(random, type: TensorType, low: float, high: float):
    if type.dtype.floating:
        return random.uniform(low, high, type.shape).astype(type.dtype.numpy)
    if type.dtype.kind == "bool":
        return random.integers(0, 2, type.shape).astype(bool)
    return random.integers(max(type.dtype.low, -100), min(type.dtype.high, 100), type.shape).astype(type.dtype.numpy)


def compiled(module: Module, hardware: CpuHardware | None = None) -> CpuArtifact:
    artifact = compile_module(module, hardware or host())
    assert isinstance(artifact, CpuArtifact), str(artifact)
    return artifact


def check(module: Module, inputs, tolerance: float = 2e-6, hardware: CpuHardware | None = None) -> CpuArtifact:
    """Compile, run twice, compare: error relative to the largest magnitude of the output."""
    artifact = compiled(module, hardware)
    wanted = evaluate(module, inputs)
    for _ in range(2):
        found = artifact.run(inputs)
        for name, value in wanted.items():
            assert found[name].shape == value.shape and found[name].dtype == value.dtype, name
            size = max(float(np.abs(value.astype(np.float64)).max(initial=0)), 1e-6)
            error = float(np.abs(found[name].astype(np.float64) - value.astype(np.float64)).max(initial=0))
            assert error <= tolerance * size, f"{name}: error {error:.3g} of {size:.3g}"
    return artifact
