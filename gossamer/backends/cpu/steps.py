"""A node -> the kernel calls that compute it: one for most, one or three for a Winograd convolution."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import numpy as np

from gossamer.backends.cpu.algorithms import convolution
from gossamer.backends.cpu.hardware import CpuHardware
from gossamer.backends.cpu.im2col_plan import im2col_plan
from gossamer.backends.cpu.schedules import default_schedule
from gossamer.backends.cpu.winograd_plan import winograd_plan
from gossamer.codegen.tvm.forms import Dot, Form, Operand, Storage, choose_form, storage_dtype
from gossamer.codegen.tvm.im2col import Im2col, Window, gathered_weight_layout
from gossamer.codegen.tvm.kernel import KernelSpec, launches_of
from gossamer.codegen.tvm.program import Array, Program
from gossamer.codegen.tvm.structure import anchored, weighted_product
from gossamer.codegen.tvm.winograd import (
    Blocking,
    Epilogue,
    FusedWinograd,
    InputTransform,
    OutputTransform,
    Products,
    Tiling,
    late_weight_layout,
    tile_layout,
    transformed_weight,
    weight_layout,
)
from gossamer.ir.graph import Module, Node
from gossamer.ir.nest import Kernel
from gossamer.ir.ops.nn import Conv2d
from gossamer.ir.schedule import Schedule
from gossamer.ir.types import F32, TensorType, Value

Spec: TypeAlias = KernelSpec | Im2col | FusedWinograd | InputTransform | Products | OutputTransform
"""What a kernel is made from: equal specs are one kernel."""


@dataclass(frozen=True)
class Packed:
    """A parameter, or something made from one, in the storage a kernel wants; `make` gives the logical array."""

    name: str
    storage: Storage
    make: Callable[[], Array] = field(compare=False)


@dataclass(frozen=True)
class Step:
    """One kernel call: a kernel on values and packed parameters. A scan has no kernel (`spec`) of its own."""

    node: Node
    spec: Spec | None
    operands: tuple[Value | Packed, ...]
    results: tuple[Value, ...]


@dataclass
class Planner:
    """Turns nodes into steps. `storage` grows by the scratch values of Winograd convolutions.

    `dot`: the 8-bit dot product, None without one.
    """

    module: Module
    hardware: CpuHardware
    refs: Mapping[Value, str]
    programs: Mapping[Value, Program]
    tilings: Mapping[Value, Tiling]
    storage: dict[Value, Storage]
    dot: Dot | None

    def schedule(self, node: Node) -> Schedule:
        """The node's own schedule, or the default for one that says nothing, or nothing but a layout."""
        if node.schedule is not None and replace(node.schedule, layout="") != Schedule():
            return node.schedule
        return default_schedule(self.programs[node.result].kernel, self.hardware)

    def steps(self, node: Node) -> tuple[Step, ...]:
        program = self.programs[node.result]
        form = self._form(node, program)
        operands = self._operands(node, program, form)
        tiling = self.tilings.get(node.result)
        if tiling is not None:
            return self._winograd(node, program, form, operands, tiling)
        conv = convolution(node)
        if conv is not None and node.schedule is not None and node.schedule.algorithm == "im2col":
            return self._im2col(node, program, form, operands, conv)
        return self._launches(node, program.kernel, form, operands)

    def _launches(
        self, node: Node, program: Kernel, form: Form, operands: Sequence[Value | Packed]
    ) -> tuple[Step, ...]:
        """One step per kernel of the program; what one stores for another to read is a scratch value."""
        return self._stages(node, program, form, operands, launches_of(program, form))[0]

    def _stages(
        self,
        node: Node,
        program: Kernel,
        form: Form,
        operands: Sequence[Value | Packed],
        kernels: Sequence[tuple[int, ...]],
    ) -> tuple[tuple[Step, ...], dict[int, Value]]:
        """(a step for each of these kernels, stored stage -> its value)."""
        results = dict(zip(program.results, computed(node), strict=True))
        values = {j: results.get(j) or self._stored(node, j, storage) for j, storage in form.stored}
        steps: list[Step] = []
        for stages in kernels:
            spec = KernelSpec(program, form, stages, self.schedule(node), self.hardware.lanes)
            read, stored = spec.reads()
            given = (*(operands[k] for k in read), *(values[j] for j in stored))
            steps.append(Step(node, spec, given, (values[spec.written[0]],)))
        return tuple(steps), values

    def _stored(self, node: Node, stage: int, storage: Storage) -> Value:
        program = self.programs[node.result].kernel
        value = Value(f"{node.result.name}~{stage}", TensorType(program.stages[stage].dtype, storage.layout.logical))
        self.storage[value] = storage
        return value

    def _form(self, node: Node, program: Program) -> Form:
        operands = [Operand(v.type, None if v in self.refs else self.storage[v].layout) for v in node.op.operands]
        operands += [Operand(TensorType(dtype, (len(values),)), None) for dtype, values in program.constants]
        return choose_form(program.kernel, operands, [self.storage[v].layout for v in computed(node)], self.dot)

    def _operands(self, node: Node, program: Program, form: Form) -> tuple[Value | Packed, ...]:
        sources = [*node.op.operands, *program.arrays()]
        return tuple(self._operand(source, storage) for source, storage in zip(sources, form.operands, strict=True))

    def _operand(self, source: Value | Array, storage: Storage) -> Value | Packed:
        if not isinstance(source, Value):
            return Packed(f"constant {source.dtype} {source.tobytes().hex()}", storage, lambda: source)
        return self.param(self.refs[source], storage) if source in self.refs else source

    def param(self, ref: str, storage: Storage) -> Packed:
        """A parameter of the module in a storage."""
        return Packed(ref, storage, lambda: np.asarray(self.module.params[ref]))

    def _winograd(
        self, node: Node, program: Program, form: Form, operands: tuple[Value | Packed, ...], tiling: Tiling
    ) -> tuple[Step, ...]:
        x, w = convolution_operands(program)
        source = operands[x]
        assert isinstance(source, Value)
        inner = self.storage[source].layout.block(1)
        blocking = winograd_plan(tiling, inner, self.hardware).blocking
        u = self._winograd_weight(self.refs[node.op.operands[w]], tiling, blocking, inner)
        made, epilogue, rest = self._epilogue(node, program, form, operands)
        if blocking.form == "fused":
            spec = FusedWinograd(tiling, blocking, epilogue, self.storage[source], u.storage)
            return (*made, Step(node, spec, (source, u, *rest), computed(node)))
        v = self._scratch(node, "v", tiling, tiling.ic, inner)
        channels = u.storage.layout.shape[0] * blocking.vectors * blocking.lanes
        m = self._scratch(node, "m", tiling, channels, blocking.lanes)
        product = Products(tiling, blocking, self.storage[v], u.storage, self.storage[m])
        return (
            *made,
            Step(node, InputTransform(tiling, self.storage[source], self.storage[v]), (source,), (v,)),
            Step(node, product, (v, u), (m,)),
            Step(node, OutputTransform(tiling, epilogue, self.storage[m]), (m, *rest), computed(node)),
        )

    def _im2col(
        self, node: Node, program: Program, form: Form, operands: tuple[Value | Packed, ...], conv: Conv2d
    ) -> tuple[Step, ...]:
        x, w = convolution_operands(program)
        source, window = operands[x], Window.of(conv)
        assert isinstance(source, Value)
        inner = self.storage[source].layout.block(1)
        plan = im2col_plan(window.result[1], window.result[2:], inner, self.hardware)
        layout = gathered_weight_layout(window, plan.blocking, inner)
        weight = self.param(self.refs[node.op.operands[w]], Storage(layout, storage_dtype(F32)))
        made, epilogue, rest = self._epilogue(node, program, form, operands)
        spec = Im2col(window, plan.blocking, plan.rows, epilogue, self.storage[source], weight.storage)
        return (*made, Step(node, spec, (source, weight, *rest), computed(node)))

    def _epilogue(
        self, node: Node, program: Program, form: Form, operands: tuple[Value | Packed, ...]
    ) -> tuple[tuple[Step, ...], Epilogue, tuple[Value | Packed, ...]]:
        """(steps that go before, what becomes of the sums, what it reads)."""
        *before, pair = launches_of(program.kernel, form)
        epilogue = Epilogue(program.kernel, form, (pair[0], pair[1]))
        made, values = self._stages(node, program.kernel, form, operands, before)
        read, stored = epilogue.reads()
        return made, epilogue, (*(operands[k] for k in read), *(values[j] for j in stored))

    def _winograd_weight(self, ref: str, tiling: Tiling, blocking: Blocking, inner: int) -> Packed:
        if blocking.form == "late":
            return self.param(ref, Storage(late_weight_layout(tiling, blocking, inner), storage_dtype(F32)))
        storage = Storage(weight_layout(tiling, blocking, inner), storage_dtype(F32))
        name = f"{ref} winograd {tiling.m}"
        return Packed(name, storage, lambda: transformed_weight(np.asarray(self.module.params[ref]), tiling))

    def _scratch(self, node: Node, name: str, tiling: Tiling, channels: int, block: int) -> Value:
        layout = tile_layout(tiling, channels, block)
        value = Value(f"{node.result.name}~{name}", TensorType(F32, layout.logical))
        self.storage[value] = Storage(layout, storage_dtype(F32))
        return value


def computed(node: Node) -> tuple[Value, ...]:
    """The results that have elements: the others are there without being computed."""
    return tuple(value for value in node.results if 0 not in value.shape)


def convolution_operands(program: Program) -> tuple[int, int]:
    """Positions of the input and the weight among the operands of a program anchored on their product."""
    pair = anchored(program.kernel)
    product = weighted_product(program.kernel.stages[pair[0]]) if pair else None
    assert product is not None
    return product[0].operand, product[1].operand
