"""Compile a module: layouts, kernel calls, one kernel per distinct spec, memory, packed parameters -> an artifact."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from gossamer.backends.base import Infeasible
from gossamer.backends.cpu.algorithms import operand_obstacle, tilings_of
from gossamer.backends.cpu.artifact import CpuArtifact
from gossamer.backends.cpu.copies import frame_boxes
from gossamer.backends.cpu.hardware import CpuHardware
from gossamer.backends.cpu.layout_choice import PAIRS, LayoutQuestion
from gossamer.backends.cpu.layouts import plan_layouts
from gossamer.backends.cpu.linking import checkable, compiler, compiler_version, link, objects_of_runtime
from gossamer.backends.cpu.manifest import LIBRARY, Manifest, Port
from gossamer.backends.cpu.memory import Interval
from gossamer.backends.cpu.native import Library, file_checksum
from gossamer.backends.cpu.network import Network, Task, placed_network
from gossamer.backends.cpu.params import write_params
from gossamer.backends.cpu.reports import layer_reports
from gossamer.backends.cpu.scans import Carried, body_module, passed
from gossamer.backends.cpu.steps import Packed, Planner, Spec, Step, computed
from gossamer.backends.cpu.support import unsupported
from gossamer.backends.cpu.tensors import Action, Buffer, Fill, Launch
from gossamer.codegen.tvm.forms import Storage, storage_dtype
from gossamer.codegen.tvm.integer import offset_weight, without_offset
from gossamer.codegen.tvm.layout import Layout
from gossamer.codegen.tvm.program import Program, program_of
from gossamer.ir.graph import Module, Node
from gossamer.ir.ops.scan import Scan
from gossamer.ir.ops.structure import Param
from gossamer.ir.types import Value


def compile_module(module: Module, hardware: CpuHardware) -> CpuArtifact | Infeasible:
    """The compiled module, or what the target cannot compute. Raises BackendError when code generation fails."""
    params = {n.result for n in module.graph.nodes if isinstance(n.op, Param)}
    for node in module.graph.nodes:
        reason = unsupported(node) or operand_obstacle(node, params)
        if reason is not None:
            return reason
    return Build(module, hardware, Store()).artifact()


@dataclass
class Store:
    """What a module and the bodies of its scans have in common: buffers and their lives, packed parameters, kernels."""

    buffers: list[Buffer] = field(default_factory=list[Buffer])
    lives: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    packed: dict[Packed, int] = field(default_factory=dict[Packed, int])
    kernels: dict[Spec, str] = field(default_factory=dict[Spec, str])
    clock: int = 0

    def room(self, storage: Storage) -> int:
        """The number of a new buffer, alive now."""
        self.buffers.append(Buffer(storage))
        self.lives.append((self.clock, self.clock))
        return len(self.buffers) - 1

    def touch(self, buffer: int) -> None:
        """The buffer is alive until now."""
        self.lives[buffer] = (self.lives[buffer][0], self.clock)

    def hold(self, packed: Packed) -> int:
        """The number of the buffer that holds a parameter."""
        if packed not in self.packed:
            self.packed[packed] = len(self.buffers)
            self.buffers.append(Buffer(packed.storage, param=True))
            self.lives.append((0, 0))
        return self.packed[packed]

    def kernel(self, spec: Spec, word: str) -> str:
        return self.kernels.setdefault(spec, f"k{len(self.kernels)}_{word}")

    def intervals(self) -> list[Interval]:
        """The lives of all buffers, in bytes."""
        return [Interval(b.bytes, *life) for b, life in zip(self.buffers, self.lives, strict=True)]


class Build:
    """State of the compilation of a module, or of the body of a scan in it."""

    def __init__(self, module: Module, hardware: CpuHardware, store: Store) -> None:
        from gossamer.backends.cpu.target import dot_of

        self.dot = dot_of(hardware)
        self.module, self.hardware, self.store, graph = module, hardware, store, module.graph
        self.refs = {n.result: n.op.ref for n in graph.nodes if isinstance(n.op, Param)}
        self.nodes = [n for n in graph.nodes if not isinstance(n.op, Param) and computed(n)]
        self.empty = {v for n in graph.nodes for v in n.results if 0 in v.shape} - set(self.refs)
        programs = {n.result: self._program(n) for n in self.nodes if not isinstance(n.op, Scan)}
        tilings = tilings_of(self.nodes)
        dot = max(hardware.int8_dot, PAIRS) if self.dot else 1
        question = LayoutQuestion(graph, programs, frozenset(self.refs), hardware, tilings, dot, copies=False)
        layouts = plan_layouts(graph, programs, question.plan().names, tilings)
        layouts |= {v: Layout.plain(v.shape) for v in self.empty}
        storage = {v: Storage(layout, storage_dtype(v.dtype)) for v, layout in layouts.items()}
        self.planner = Planner(module, hardware, self.refs, programs, tilings, storage, self.dot)
        self.placed: dict[Value, int] = {}

    def artifact(self) -> CpuArtifact:
        from gossamer.backends.cpu.kernels import compiled_kernels

        folder = TemporaryDirectory(prefix="gossamer-")
        place = Path(folder.name)
        actions = self.actions()
        with ThreadPoolExecutor(1) as pool:
            runtime = pool.submit(objects_of_runtime, place)
            objects, tasks = compiled_kernels(self.store.kernels, self.hardware, place)
            network = self._network(actions, tasks)
            link(place, network, (*objects, *runtime.result()))
        for path in objects:
            path.unlink()
        held = {i: p.storage.layout.pack(p.make().astype(p.storage.dtype)) for p, i in self.store.packed.items()}
        library = Library(place / LIBRARY)
        checksum = write_params(place, network, held, library)
        return CpuArtifact(self._manifest(network, file_checksum(place / LIBRARY), checksum), library, place, folder)

    def _network(self, actions: tuple[Action, ...], tasks: dict[str, Task]) -> Network:
        from gossamer.backends.cpu.target import cpu_of
        from gossamer.codegen.tvm.adapter import instructions

        graph, cpu = self.module.graph, cpu_of(self.hardware)
        return placed_network(
            self.ports(graph.inputs), self.ports(graph.outputs), self.store.buffers, self.store.intervals(), actions,
            tasks, self.hardware.cores, cpu, checkable(instructions(cpu)),
        )  # fmt: skip

    def _manifest(self, network: Network, library: str, checksum: str) -> Manifest:
        return Manifest(
            name=self.module.name,
            cpu=network.made_for,
            features=network.features,
            hardware=self.hardware,
            inputs=network.inputs,
            outputs=network.outputs,
            launches=network.rows(),
            layers=layer_reports(self.nodes, self.planner, set(self.refs)),
            arena_bytes=network.arena_bytes,
            scratch_bytes=network.scratch_bytes,
            params_bytes=network.params_bytes,
            library_checksum=library,
            params_checksum=checksum,
            compiler=compiler_version(compiler()),
        )

    def actions(self) -> tuple[Action, ...]:
        """What runs, in order; gives every value its buffer. The outputs are alive at the end."""
        graph, found = self.module.graph, list[Action]()
        found += self.frames(graph.inputs)
        for layer, node in enumerate(self.nodes):
            found += self.actions_of(node, layer)
        self.store.clock += 1
        for value in graph.outputs:
            if value not in self.refs:
                self.store.touch(self._buffer(value))
        return tuple(found)

    def actions_of(self, node: Node, layer: int) -> tuple[Action, ...]:
        """What one node runs, as layer number `layer`."""
        found: list[Action] = []
        for step in self._steps(node):
            self.store.clock += 1
            found += self._actions(layer, step)
        return tuple(found)

    def placed_anew(self, store: Store) -> "Build":
        """The same, with its values in buffers of another store."""
        other = copy(self)
        other.store, other.placed = store, {}
        return other

    def frames(self, values: Sequence[Value]) -> tuple[Fill, ...]:
        """What writes the frames of values that come from outside."""
        return tuple(fill for value in values for fill in self._frame(0, self._buffer(value), surplus=True))

    def _buffer(self, value: Value) -> int:
        if value not in self.placed:
            self.placed[value] = self.store.room(self.planner.storage[value])
        return self.placed[value]

    def _frame(self, layer: int, buffer: int, surplus: bool = False) -> tuple[Fill, ...]:
        layout = self.store.buffers[buffer].storage.layout
        return (Fill(layer, buffer, surplus),) if frame_boxes(layout, surplus) else ()

    def _actions(self, layer: int, step: Step) -> list[Action]:
        values = (*(o for o in step.operands if isinstance(o, Value)), *step.results)
        for value in values:
            if value not in self.refs:
                self.store.touch(self._buffer(value))
        frames = [fill for value in step.results for fill in self._frame(layer, self._buffer(value))]
        if step.spec is None:
            found = [*frames, *self._scan(layer, step)]
            for value in values:
                if value not in self.refs:
                    self.store.touch(self._buffer(value))
            return found
        name = self.store.kernel(step.spec, step.node.op.name.rpartition(".")[2])
        numbers = [self._buffer(o) if isinstance(o, Value) else self.store.hold(o) for o in step.operands]
        return [*frames, Launch(name, layer, (*numbers, *(self._buffer(v) for v in step.results)))]

    def _steps(self, node: Node) -> tuple[Step, ...]:
        if isinstance(node.op, Scan):
            return (Step(node, None, passed(node.op, self.refs), node.results),)
        return self.planner.steps(node)

    def _program(self, node: Node) -> Program:
        """The node's program; offsets of integer inputs become a correction where there are 8-bit dot products."""
        program = program_of(node)
        offset = offset_weight(program) if self.dot else None
        if offset is None or offset[0] >= len(node.op.operands) or node.op.operands[offset[0]] not in self.refs:
            return program
        return without_offset(program, np.asarray(self.module.params[self.refs[node.op.operands[offset[0]]]]))

    def _scan(self, layer: int, step: Step) -> tuple[Action, ...]:
        op = step.node.op
        assert isinstance(op, Scan)
        inner = Build(body_module(step.node, self.module, self.refs), self.hardware, self.store)
        actions, graph = inner.actions(), inner.module.graph
        frames = [a for a in actions if isinstance(a, Fill) and a.buffer in {inner.placed[v] for v in graph.inputs}]
        carried = Carried(
            layer, op,
            operands=self.ports(tuple(v for v in step.operands if isinstance(v, Value))),
            results=self.ports(step.results),
            inputs=inner.ports(graph.inputs),
            outputs=inner.ports(graph.outputs),
        )  # fmt: skip
        found = carried.actions([a for a in actions if a not in frames], inner._spare)
        for value in graph.inputs:
            self.store.touch(inner.placed[value])
        return (*frames, *found)

    def _spare(self, port: Port) -> Port:
        return replace(port, buffer=self.store.room(self.store.buffers[port.buffer].storage))

    def ports(self, values: Sequence[Value]) -> tuple[Port, ...]:
        """Where values lie, for what comes from outside and goes there."""
        return tuple(self._port(value) for value in values)

    def _port(self, value: Value) -> Port:
        if value not in self.refs:
            return Port(value.name, value.type, self._buffer(value), self.planner.storage[value].layout)
        layout = Layout.plain(value.shape)
        packed = self.planner.param(self.refs[value], Storage(layout, storage_dtype(value.dtype)))
        return Port(value.name, value.type, self.store.hold(packed), layout)
