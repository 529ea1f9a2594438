"""Compile a module: layouts, kernel calls, one kernel per distinct spec, buffers, packed parameters -> an artifact."""

from typing import Any

import numpy as np

from gossamer.backends.base import Infeasible
from gossamer.backends.cpu.algorithms import operand_obstacle, tilings_of
from gossamer.backends.cpu.artifact import CpuArtifact
from gossamer.backends.cpu.hardware import CpuHardware
from gossamer.backends.cpu.layouts import plan_layouts
from gossamer.backends.cpu.manifest import BufferSpec, Manifest, Port
from gossamer.backends.cpu.reports import layer_reports
from gossamer.backends.cpu.steps import Packed, Planner, Spec, Step
from gossamer.backends.cpu.support import unsupported
from gossamer.backends.cpu.tensors import Launch, share_buffers
from gossamer.codegen.tvm.forms import Storage, storage_dtype
from gossamer.codegen.tvm.integer import offset_weight, without_offset
from gossamer.codegen.tvm.layout import Layout
from gossamer.codegen.tvm.program import Program, program_of
from gossamer.ir.graph import Module, Node
from gossamer.ir.ops.structure import Param
from gossamer.ir.types import Value


def compile_module(module: Module, hardware: CpuHardware) -> CpuArtifact | Infeasible:
    """The compiled module, or why it cannot run here. Raises BackendError when code generation fails."""
    params = {n.result for n in module.graph.nodes if isinstance(n.op, Param)}
    for node in module.graph.nodes:
        reason = unsupported(node) or operand_obstacle(node, params)
        if reason is not None:
            return reason
    from gossamer.backends.cpu.target import target_obstacle  # tvm takes seconds to import

    return target_obstacle(hardware) or _Build(module, hardware).artifact()


class _Build:
    """State of one compilation."""

    def __init__(self, module: Module, hardware: CpuHardware) -> None:
        from gossamer.backends.cpu.target import dot_lanes

        self.dot_lanes = dot_lanes(hardware)
        self.module, self.hardware, graph = module, hardware, module.graph
        self.refs = {n.result: n.op.ref for n in graph.nodes if isinstance(n.op, Param)}
        self.nodes = [n for n in graph.nodes if not isinstance(n.op, Param)]
        programs = {n.result: self._program(n) for n in self.nodes}
        tilings = tilings_of(self.nodes)
        layouts = plan_layouts(graph, programs, set(self.refs), hardware.lanes, tilings)
        storage = {v: Storage(layout, storage_dtype(v.dtype)) for v, layout in layouts.items()}
        self.planner = Planner(module, hardware, self.refs, programs, tilings, storage, self.dot_lanes)
        self.packed: dict[Packed, int] = {}
        self.kernels: dict[Spec, str] = {}

    def artifact(self) -> CpuArtifact:
        graph, storage = self.module.graph, self.planner.storage
        steps = [step for node in self.nodes for step in self.planner.steps(node)]
        uses = [([v for v in s.operands if isinstance(v, Value)], list(s.results)) for s in steps]
        buffers, placed = share_buffers(storage, uses, {*graph.inputs, *graph.outputs})
        launches = tuple(self._launch(step, len(buffers), placed) for step in steps)
        from gossamer.backends.cpu.target import cpu_of

        manifest = Manifest(
            name=self.module.name,
            cpu=cpu_of(self.hardware),
            hardware=self.hardware,
            inputs=tuple(self._port(v, len(buffers), placed) for v in graph.inputs),
            outputs=tuple(self._port(v, len(buffers), placed) for v in graph.outputs),
            buffers=(*(_scratch(s) for s in buffers), *(_held(p.storage, i) for p, i in self.packed.items())),
            launches=launches,
            layers=layer_reports(self.nodes, self.planner, set(self.refs)),
        )
        params = {_key(i): p.storage.layout.pack(p.make().astype(p.storage.dtype)) for p, i in self.packed.items()}
        return CpuArtifact(manifest, self._library(), params)

    def _program(self, node: Node) -> Program:
        """The node's program; offsets of integer inputs become a correction where there are 8-bit dot products."""
        program = program_of(node)
        offset = offset_weight(program) if self.dot_lanes else None
        if offset is None or offset[0] >= len(node.op.operands) or node.op.operands[offset[0]] not in self.refs:
            return program
        return without_offset(program, np.asarray(self.module.params[self.refs[node.op.operands[offset[0]]]]))

    def _launch(self, step: Step, base: int, placed: dict[Value, int]) -> Launch:
        word = step.node.op.name.rpartition(".")[2]
        name = self.kernels.setdefault(step.spec, f"k{len(self.kernels)}_{word}")
        numbers = [placed[o] if isinstance(o, Value) else self._hold(o, base) for o in step.operands]
        return Launch(name, self.nodes.index(step.node), (*numbers, *(placed[v] for v in step.results)))

    def _hold(self, packed: Packed, base: int) -> int:
        return base + self.packed.setdefault(packed, len(self.packed))

    def _port(self, value: Value, base: int, placed: dict[Value, int]) -> Port:
        if value not in self.refs:
            return Port(value.name, value.type, placed[value], self.planner.storage[value].layout)
        layout = Layout.plain(value.shape)
        packed = self.planner.param(self.refs[value], Storage(layout, storage_dtype(value.dtype)))
        return Port(value.name, value.type, self._hold(packed, base), layout)

    def _library(self) -> Any:
        from gossamer.backends.cpu.target import build_library

        return build_library(self.kernels, self.hardware)


def _key(index: int) -> str:
    return f"p{index}"


def _scratch(storage: Storage) -> BufferSpec:
    return BufferSpec(storage.layout.shape, storage.dtype, storage.layout.fill, "")


def _held(storage: Storage, index: int) -> BufferSpec:
    return BufferSpec(storage.layout.shape, storage.dtype, 0.0, _key(index))
