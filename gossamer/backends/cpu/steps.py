"""A node -> the kernel calls that compute it: one for most, three for a Winograd convolution."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from gossamer.backends.cpu.hardware import CpuHardware
from gossamer.backends.cpu.layouts import block_size
from gossamer.backends.cpu.schedules import default_schedule, product_schedule
from gossamer.codegen.tvm.forms import Form, Operand, Storage, choose_form, storage_dtype
from gossamer.codegen.tvm.kernel import KernelSpec
from gossamer.codegen.tvm.layout import Layout
from gossamer.codegen.tvm.program import Array, Program
from gossamer.codegen.tvm.structure import anchored, weighted_product
from gossamer.codegen.tvm.winograd import (
    InputTransform,
    OutputTransform,
    Tiling,
    product_program,
    tile_layout,
    transformed_weight,
)
from gossamer.ir.graph import Module, Node
from gossamer.ir.schedule import Schedule
from gossamer.ir.types import F32, TensorType, Value

Spec: TypeAlias = KernelSpec | InputTransform | OutputTransform
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

    `dot_lanes`: lanes of the 8-bit dot product, 0 without one.
    """

    module: Module
    hardware: CpuHardware
    refs: Mapping[Value, str]
    programs: Mapping[Value, Program]
    tilings: Mapping[Value, Tiling]
    storage: dict[Value, Storage]
    dot_lanes: int

    def schedule(self, node: Node) -> Schedule:
        """The node's own schedule, or the default."""
        return node.schedule or default_schedule(self.programs[node.result].kernel, self.hardware)

    def steps(self, node: Node) -> tuple[Step, ...]:
        program = self.programs[node.result]
        form = self._form(node, program)
        operands = self._operands(node, program, form)
        tiling = self.tilings.get(node.result)
        if tiling is not None:
            return self._winograd(node, program, form, operands, tiling)
        spec = KernelSpec(program.kernel, form, self.schedule(node), self.hardware.lanes)
        return (Step(node, spec, operands, computed(node)),)

    def _form(self, node: Node, program: Program) -> Form:
        operands = [Operand(v.type, None if v in self.refs else self.storage[v].layout) for v in node.op.operands]
        operands += [Operand(TensorType(dtype, (len(values),)), None) for dtype, values in program.constants]
        return choose_form(program.kernel, operands, [self.storage[v].layout for v in computed(node)], self.dot_lanes)

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
        source, weight = operands[x], operands[w]
        assert isinstance(source, Value) and isinstance(weight, Packed)
        split = self.storage[source].layout.block(1)
        v = self._scratch(node, "v", tiling, tiling.ic, split)
        m = self._scratch(node, "m", tiling, tiling.oc, block_size(tiling.oc, self.hardware.lanes))
        product, product_form = self._product(tiling, v, m)
        ref = self.refs[node.op.operands[w]]
        u = Packed(
            f"{ref} winograd {tiling.m}",
            product_form.operands[1],
            lambda: transformed_weight(np.asarray(self.module.params[ref]), tiling),
        )
        into = InputTransform(tiling, self.storage[source], self.storage[v])
        result = self.storage[node.result]
        out = OutputTransform(tiling, program.kernel, form.operands, self.storage[m], result, (x, w))
        rest = tuple(o for k, o in enumerate(operands) if k not in (x, w))
        return (
            Step(node, into, (source,), (v,)),
            Step(node, product, (v, u), (m,)),
            Step(node, out, (*rest, m), node.results),
        )

    def _scratch(self, node: Node, name: str, tiling: Tiling, channels: int, block: int) -> Value:
        layout = tile_layout(tiling, channels, block)
        value = Value(f"{node.result.name}~{name}", TensorType(F32, layout.logical))
        self.storage[value] = Storage(layout, storage_dtype(F32))
        return value

    def _product(self, tiling: Tiling, v: Value, m: Value) -> tuple[KernelSpec, Form]:
        program = product_program(tiling)
        weight = Operand(TensorType(F32, (tiling.elements, tiling.oc, tiling.ic)), None)
        layouts: list[Layout] = [self.storage[m].layout]
        form = choose_form(program, [Operand(v.type, self.storage[v].layout), weight], layouts)
        return KernelSpec(program, form, product_schedule(program, self.hardware), self.hardware.lanes), form


def computed(node: Node) -> tuple[Value, ...]:
    """The results that have elements: the others are there without being computed."""
    return tuple(value for value in node.results if 0 not in value.shape)


def convolution_operands(program: Program) -> tuple[int, int]:
    """Positions of the input and the weight among the operands of a program anchored on their product."""
    pair = anchored(program.kernel)
    product = weighted_product(program.kernel.stages[pair[0]]) if pair else None
    assert product is not None
    return product[0].operand, product[1].operand
