"""Compile a module: layouts, kernel calls, one kernel per distinct spec, buffers, packed parameters -> an artifact."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from gossamer.backends.base import Infeasible
from gossamer.backends.cpu.algorithms import operand_obstacle, tilings_of
from gossamer.backends.cpu.artifact import CpuArtifact
from gossamer.backends.cpu.hardware import CpuHardware
from gossamer.backends.cpu.layouts import plan_layouts
from gossamer.backends.cpu.manifest import BufferSpec, Loop, Manifest, Port
from gossamer.backends.cpu.reports import layer_reports
from gossamer.backends.cpu.scans import body_module, passed
from gossamer.backends.cpu.steps import Packed, Planner, Spec, Step, computed
from gossamer.backends.cpu.support import unsupported
from gossamer.backends.cpu.tensors import Launch, share_buffers
from gossamer.codegen.tvm.forms import Storage, storage_dtype
from gossamer.codegen.tvm.integer import offset_weight, without_offset
from gossamer.codegen.tvm.layout import Layout
from gossamer.codegen.tvm.program import Program, program_of
from gossamer.ir.graph import Module, Node
from gossamer.ir.ops.scan import Scan
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

    return target_obstacle(hardware) or _Build(module, hardware, _Store()).artifact()


@dataclass
class _Store:
    """What a module and the bodies of its scans have in common: buffers, packed parameters, kernels."""

    buffers: list[BufferSpec] = field(default_factory=list[BufferSpec])
    packed: dict[Packed, int] = field(default_factory=dict[Packed, int])
    kernels: dict[Spec, str] = field(default_factory=dict[Spec, str])

    def scratch(self, storage: Storage) -> int:
        """The number of a new buffer."""
        self.buffers.append(BufferSpec(storage.layout.shape, storage.dtype, storage.layout.fill, ""))
        return len(self.buffers) - 1

    def hold(self, packed: Packed) -> int:
        """The number of the buffer that holds a parameter."""
        if packed not in self.packed:
            self.packed[packed] = len(self.buffers)
            shape, dtype = packed.storage.layout.shape, packed.storage.dtype
            self.buffers.append(BufferSpec(shape, dtype, 0.0, _key(len(self.buffers))))
        return self.packed[packed]

    def kernel(self, spec: Spec, word: str) -> str:
        return self.kernels.setdefault(spec, f"k{len(self.kernels)}_{word}")


class _Build:
    """State of the compilation of a module, or of the body of a scan in it."""

    def __init__(self, module: Module, hardware: CpuHardware, store: _Store) -> None:
        from gossamer.backends.cpu.target import dot_lanes

        self.dot_lanes = dot_lanes(hardware)
        self.module, self.hardware, self.store, graph = module, hardware, store, module.graph
        self.refs = {n.result: n.op.ref for n in graph.nodes if isinstance(n.op, Param)}
        self.nodes = [n for n in graph.nodes if not isinstance(n.op, Param) and computed(n)]
        self.empty = {v for n in graph.nodes for v in n.results if 0 in v.shape} - set(self.refs)
        programs = {n.result: self._program(n) for n in self.nodes if not isinstance(n.op, Scan)}
        tilings = tilings_of(self.nodes)
        layouts = plan_layouts(graph, programs, set(self.refs), hardware.lanes, tilings)
        layouts |= {v: Layout.plain(v.shape) for v in self.empty}
        storage = {v: Storage(layout, storage_dtype(v.dtype)) for v, layout in layouts.items()}
        self.planner = Planner(module, hardware, self.refs, programs, tilings, storage, self.dot_lanes)
        self.placed: dict[Value, int] = {}

    def artifact(self) -> CpuArtifact:
        graph, launches = self.module.graph, self.launches()
        from gossamer.backends.cpu.target import build_library, cpu_of

        manifest = Manifest(
            name=self.module.name,
            cpu=cpu_of(self.hardware),
            hardware=self.hardware,
            inputs=self._ports(graph.inputs),
            outputs=self._ports(graph.outputs),
            buffers=tuple(self.store.buffers),
            launches=launches,
            layers=layer_reports(self.nodes, self.planner, set(self.refs)),
        )
        held = self.store.packed.items()
        params = {_key(i): p.storage.layout.pack(p.make().astype(p.storage.dtype)) for p, i in held}
        return CpuArtifact(manifest, build_library(self.store.kernels, self.hardware), params)

    def launches(self) -> tuple[Launch | Loop, ...]:
        """What runs, in order; places every value in a buffer."""
        graph = self.module.graph
        steps = [(i, s) for i, n in enumerate(self.nodes) for s in self._steps(n)]
        uses = [([v for v in s.operands if isinstance(v, Value)], list(s.results)) for _, s in steps]
        buffers, placed = share_buffers(self.planner.storage, uses, {*graph.inputs, *graph.outputs, *self.empty})
        numbers = [self.store.scratch(storage) for storage in buffers]
        self.placed = {value: numbers[i] for value, i in placed.items()}
        return tuple(self._launch(layer, step) for layer, step in steps)

    def _steps(self, node: Node) -> tuple[Step, ...]:
        if isinstance(node.op, Scan):
            return (Step(node, None, passed(node.op, self.refs), node.results),)
        return self.planner.steps(node)

    def _program(self, node: Node) -> Program:
        """The node's program; offsets of integer inputs become a correction where there are 8-bit dot products."""
        program = program_of(node)
        offset = offset_weight(program) if self.dot_lanes else None
        if offset is None or offset[0] >= len(node.op.operands) or node.op.operands[offset[0]] not in self.refs:
            return program
        return without_offset(program, np.asarray(self.module.params[self.refs[node.op.operands[offset[0]]]]))

    def _launch(self, layer: int, step: Step) -> Launch | Loop:
        if step.spec is None:
            return self._loop(layer, step)
        name = self.store.kernel(step.spec, step.node.op.name.rpartition(".")[2])
        numbers = [self.placed[o] if isinstance(o, Value) else self.store.hold(o) for o in step.operands]
        return Launch(name, layer, (*numbers, *(self.placed[v] for v in step.results)))

    def _loop(self, layer: int, step: Step) -> Loop:
        op = step.node.op
        assert isinstance(op, Scan)
        inner = _Build(body_module(step.node, self.module, self.refs), self.hardware, self.store)
        launches, graph = inner.launches(), inner.module.graph
        return Loop(
            layer, op.steps, op.states, op.scanned, op.reverse,
            operands=self._ports(tuple(v for v in step.operands if isinstance(v, Value))),
            results=self._ports(step.results),
            body_inputs=inner._ports(graph.inputs),
            body_outputs=inner._ports(graph.outputs),
            launches=launches,
        )  # fmt: skip

    def _ports(self, values: Sequence[Value]) -> tuple[Port, ...]:
        return tuple(self._port(value) for value in values)

    def _port(self, value: Value) -> Port:
        if value not in self.refs:
            return Port(value.name, value.type, self.placed[value], self.planner.storage[value].layout)
        layout = Layout.plain(value.shape)
        packed = self.planner.param(self.refs[value], Storage(layout, storage_dtype(value.dtype)))
        return Port(value.name, value.type, self.store.hold(packed), layout)


def _key(index: int) -> str:
    return f"p{index}"
