"""Compile a module: layouts, one kernel per distinct program, buffers, packed parameters -> an artifact.

Nodes with equal programs, storages and schedules share one kernel. Weights are packed here, once.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gossamer.backends.base import Infeasible
from gossamer.backends.cpu.artifact import CpuArtifact
from gossamer.backends.cpu.hardware import CpuHardware
from gossamer.backends.cpu.layouts import plan_layouts
from gossamer.backends.cpu.manifest import BufferSpec, LayerReport, Manifest, Port
from gossamer.backends.cpu.schedules import default_schedule
from gossamer.backends.cpu.support import unsupported
from gossamer.backends.cpu.tensors import Launch, share_buffers
from gossamer.codegen.tvm.forms import DOT, Form, Operand, Storage, choose_form, storage_dtype
from gossamer.codegen.tvm.integer import offset_weight, without_offset
from gossamer.codegen.tvm.kernel import KernelSpec
from gossamer.codegen.tvm.layout import Layout
from gossamer.codegen.tvm.program import Array, Program, program_of
from gossamer.ir.graph import Module, Node
from gossamer.ir.ops.structure import Param
from gossamer.ir.schedule import Schedule
from gossamer.ir.types import TensorType, Value


def compile_module(module: Module, hardware: CpuHardware) -> CpuArtifact | Infeasible:
    """The compiled module, or why it cannot run here. Raises BackendError when code generation fails."""
    for node in module.graph.nodes:
        reason = unsupported(node)
        if reason is not None:
            return reason
    return _Build(module, hardware).artifact()


@dataclass
class _Kernels:
    """Distinct kernels by what they are made from."""

    names: dict[KernelSpec, str] = field(default_factory=dict[KernelSpec, str])

    def name(self, spec: KernelSpec, node: Node) -> str:
        word = node.op.name.rpartition(".")[2]
        return self.names.setdefault(spec, f"k{len(self.names)}_{word}")


class _Build:
    """State of one compilation."""

    def __init__(self, module: Module, hardware: CpuHardware) -> None:
        self.module, self.hardware, graph = module, hardware, module.graph
        self.refs = {n.result: n.op.ref for n in graph.nodes if isinstance(n.op, Param)}
        self.nodes = [n for n in graph.nodes if not isinstance(n.op, Param)]
        self.programs: dict[Value, Program] = {n.result: self._program(n) for n in self.nodes}
        self.layouts = plan_layouts(graph, self.programs, set(self.refs), hardware.lanes)
        self.kernels = _Kernels()
        self.params: dict[tuple[str, Storage], Array] = {}

    def artifact(self) -> CpuArtifact:
        forms = [self._form(node) for node in self.nodes]
        schedules = [self._schedule(node) for node in self.nodes]
        storage = {v: Storage(layout, storage_dtype(v.dtype)) for v, layout in self.layouts.items()}
        graph = self.module.graph
        uses = [([v for v in n.op.operands if v in storage], list(n.results)) for n in self.nodes]
        buffers, placed = share_buffers(storage, uses, {*graph.inputs, *graph.outputs})
        launches = [self._launch(*item, buffers, placed) for item in zip(self.nodes, forms, schedules, strict=True)]
        outputs = tuple(self._port(v, buffers, placed) for v in graph.outputs)
        manifest = Manifest(
            name=self.module.name,
            hardware=self.hardware,
            inputs=tuple(self._port(v, buffers, placed) for v in graph.inputs),
            outputs=outputs,
            buffers=tuple(self._buffer_specs(buffers)),
            launches=tuple(launches),
            layers=tuple(_report(n, s) for n, s in zip(self.nodes, schedules, strict=True)),
        )
        arrays = {self._key(i): array for i, array in enumerate(self.params.values())}
        return CpuArtifact(manifest, self._library(), arrays)

    def _program(self, node: Node) -> Program:
        """The node's program; offsets of integer inputs become a correction where the machine has 8-bit dot products."""
        program = program_of(node)
        offset = offset_weight(program) if self.hardware.int8_dot == DOT else None
        if offset is None or offset[0] >= len(node.op.operands) or node.op.operands[offset[0]] not in self.refs:
            return program
        return without_offset(program, np.asarray(self.module.params[self.refs[node.op.operands[offset[0]]]]))

    def _form(self, node: Node) -> Form:
        program = self.programs[node.result]
        operands = [Operand(v.type, None if v in self.refs else self.layouts[v]) for v in node.op.operands]
        operands += [Operand(TensorType(dtype, (len(values),)), None) for dtype, values in program.constants]
        return choose_form(program.kernel, operands, [self.layouts[v] for v in node.results], self._dot_lanes())

    def _dot_lanes(self) -> int:
        return self.hardware.lanes if self.hardware.int8_dot == DOT else 0

    def _schedule(self, node: Node) -> Schedule:
        return node.schedule or default_schedule(self.programs[node.result].kernel, self.hardware)

    def _launch(self, node: Node, form: Form, schedule: Schedule, buffers: list[Storage], placed: dict[Value, int]) -> Launch:
        program = self.programs[node.result]
        name = self.kernels.name(KernelSpec(program.kernel, form, schedule, self.hardware.lanes), node)
        sources = [*node.op.operands, *program.arrays()]
        numbers: list[int] = []
        for source, storage in zip(sources, form.operands, strict=True):
            if isinstance(source, Value) and source not in self.refs:
                numbers.append(placed[source])
            else:
                numbers.append(self._param(source, storage, len(buffers)))
        return Launch(name, node.title, node.op.name, (*numbers, *(placed[v] for v in node.results)))

    def _param(self, source: Any, storage: Storage, base: int) -> int:
        """Number of the buffer that holds a parameter (or constant) in this storage; packed when first asked for."""
        name = self.refs[source] if isinstance(source, Value) else f"constant {source.dtype} {source.tobytes().hex()}"
        key = (name, storage)
        if key not in self.params:
            array = self.module.params[name] if isinstance(source, Value) else source
            self.params[key] = storage.layout.pack(np.asarray(array).astype(storage.dtype))
        return base + list(self.params).index(key)

    def _port(self, value: Value, buffers: list[Storage], placed: dict[Value, int]) -> Port:
        if value in self.refs:
            layout = Layout.plain(value.shape)
            return Port(value.name, value.type, self._param(value, Storage(layout, storage_dtype(value.dtype)), len(buffers)), layout)
        return Port(value.name, value.type, placed[value], self.layouts[value])

    def _buffer_specs(self, buffers: list[Storage]) -> list[BufferSpec]:
        found = [BufferSpec(s.layout.shape, s.dtype, s.layout.fill, "") for s in buffers]
        return found + [BufferSpec(s.layout.shape, s.dtype, 0.0, self._key(i)) for i, (_, s) in enumerate(self.params)]

    def _key(self, index: int) -> str:
        return f"p{index}"

    def _library(self) -> Any:
        from gossamer.backends.cpu.target import build_library  # tvm takes seconds to import

        return build_library(self.kernels.names, self.hardware)


def _report(node: Node, schedule: Schedule) -> LayerReport:
    algorithm = f"winograd(m={schedule.winograd_m})" if schedule.algorithm == "winograd" else schedule.algorithm
    tiles = " ".join(f"{t.axis}:{':'.join(map(str, t.sizes))}" for t in schedule.tile)
    return LayerReport(node.title, node.op.name, algorithm, tiles)
