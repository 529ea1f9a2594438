"""What a node takes when it reads its operands and writes its results in given layouts: the costs of the layout pass.

    seconds(node) = writing(result layout) + sum over operands of read(operand layout, result layout)

`writing` includes the arithmetic, in vectors of the result's lanes; `read` is bringing an operand in, plus what it
takes where its lanes are not the result's: numbers turned over in registers, tile by tile, or fetched one by one.
Invariant: only differences between layouts of the same node mean anything; `cost.py` predicts time.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import gcd, prod

from gossamer.backends.cpu.hardware import CpuHardware
from gossamer.backends.cpu.layout_names import LayoutName
from gossamer.backends.cpu.terms import LAUNCH_S, MOVED_BYTES_PER_CYCLE
from gossamer.codegen.tvm.indices import bare_axis
from gossamer.codegen.tvm.program import Program, loads
from gossamer.codegen.tvm.structure import anchored, shared_factor, vector_width, weighted_product
from gossamer.ir.graph import Node
from gossamer.ir.index import axes_in, bounds
from gossamer.ir.nest import Affine, Index, Load, Nest
from gossamer.ir.types import I8, U8, Value

TURNED = 0.36
"""Cycles a number takes to be turned over in a tile; measured on copies between NCHW and NCHW16c."""

IRREGULAR = 1.2
"""Cycles to fetch a number by itself."""

PIECES = 4.0
"""Cycles, per number that one piece of a block holds, where blocks are cut: 0.5 for halves of sixteen channels."""

DENSE, WINDOW, POINTWISE = 0.7, 0.8, 1.5
"""Share of peak of products with a shared factor; cycles per vector and tap of a window, and per vector of a copy."""

SINGLY = 2.8
"""Cycles of a vector of 8-bit products where their factors do not lie in fours: they are made wider one by one."""

ACROSS = 4.0
"""Cycles of a product or a tap where the result's lanes are not those of the kernel: no vectors, no reuse."""

UNPACKED = 3.0
"""Part by which products with a parameter take longer where the result is not split, as the parameter then is not."""

TESTED = 0.5, 1.0
"""Cycles more per vector of products of a shared factor, and per vector and tap of a window, where it tests for the
border instead of reading a halo."""

PORT = 2.0
"""Cycles per number of copying a graph's output from another layout than row-major."""


@dataclass
class NodeCost:
    """Costs of one node. `dot`: products per lane of 8-bit sums; `winograd`: its share of the direct products."""

    node: Node
    program: Program
    hardware: CpuHardware
    fills: Mapping[Value, float]
    vector: int | None
    params: frozenset[Value] = frozenset()
    dot: int = 1
    winograd: float = 1.0
    known: dict[LayoutName, float] = field(default_factory=dict[LayoutName, float])

    def writing(self, out: LayoutName) -> float:
        """Seconds of arithmetic and of writing the results."""
        if out not in self.known:
            self.known[out] = self._own(out)
        return self.known[out]

    def _own(self, out: LayoutName) -> float:
        kernel = self.program.kernel
        pair, cycles = anchored(kernel), 0.0
        for stage, nest in enumerate(kernel.stages):
            if pair is not None and stage == pair[0]:
                cycles += self._sums(nest, out)
            elif nest.reduce is not None:
                cycles += prod(a.extent for a in nest.axes) / self.hardware.lanes
            elif stage in kernel.results:
                cycles += POINTWISE * _vectors(nest.shape, out, self.hardware.lanes)
        cycles += sum(bytes_in(v, out) for v in self.node.results) / MOVED_BYTES_PER_CYCLE
        return cycles / self.hardware.clock_hz / self.hardware.cores

    def read(self, operand: int, given: LayoutName, out: LayoutName) -> float:
        """Seconds of reading an operand."""
        value, cycles = self.node.op.operands[operand], 0.0
        for stage, nest in enumerate(self.program.kernel.stages):
            for load in loads(nest.body):
                if load.operand == operand:
                    cycles += self._load(stage, nest, load, value, given, out)
        cycles += bytes_in(value, given) / MOVED_BYTES_PER_CYCLE
        return cycles / self.hardware.clock_hz / self.hardware.cores

    def turns(self, operand: int, given: LayoutName, out: LayoutName) -> bool:
        """Whether the operand's numbers are turned over or fetched one by one."""
        shape = self.node.op.operands[operand].shape
        return any(
            foreign(load, shape, self._lane(nest, out), out.block, given) > 0
            for nest in self.program.kernel.stages
            for load in loads(nest.body)
            if load.operand == operand
        )

    def _sums(self, nest: Nest, out: LayoutName) -> float:
        """Cycles of the anchor."""
        steps = prod(a.extent for a in nest.reduction)
        if self.vector is None:
            return prod(nest.shape) * steps / self.hardware.lanes
        if out.block > 1 and out.axis == self.vector:
            vectors = _vectors(nest.shape, out, self.hardware.lanes)
        elif out.block == 1 and self.vector == len(nest.shape) - 1:
            vectors = prod(nest.shape) / vector_width(nest.shape[-1], self.hardware.lanes)
            vectors *= UNPACKED if self._weighs(nest) else 1.0
        else:
            return prod(nest.shape) * steps * ACROSS
        if shared_factor(nest, self.vector):
            return vectors * steps * self.winograd / (self.hardware.fma_units * DENSE * self._products())
        return vectors * steps * WINDOW

    def _weighs(self, nest: Nest) -> bool:
        """Whether a factor is a parameter, which is packed as the result is split."""
        operands = self.node.op.operands
        factors = [load.operand for load in weighted_product(nest) or ()]
        return any(k < len(operands) and operands[k] in self.params for k in factors)

    def _products(self) -> int:
        """Products per lane and instruction when everything is laid out for it."""
        narrow = all(v.dtype in (I8, U8) for v in self.node.op.operands[:2])
        return self.dot if narrow else 1

    def _load(self, stage: int, nest: Nest, load: Load, value: Value, given: LayoutName, out: LayoutName) -> float:
        steps = prod(a.extent for a in nest.axes)
        lane = self._lane(nest, out)
        cycles = steps * foreign(load, value.shape, lane, out.block if out.axis >= 0 else 1, given)
        if nest.reduce is None:
            return cycles
        product = weighted_product(nest)
        if product is not None and self._products() > 1 and load == product[0] and given.block % 4:
            cycles += SINGLY * steps / (out.block if out.block > 1 else self.hardware.lanes)
        if self._tests(nest, load, value, given):
            shared = self.vector is not None and shared_factor(nest, self.vector)
            cycles += TESTED[0 if shared else 1] * steps * self.winograd / self.hardware.lanes / (2 if shared else 1)
        return cycles

    def _lane(self, nest: Nest, out: LayoutName) -> str:
        """The axis of a nest along which the vectors run; '' for none."""
        axis = out.axis if 0 <= out.axis < len(nest.parallel) else len(nest.parallel) - 1
        return nest.parallel[axis].name if nest.parallel else ""

    def _tests(self, nest: Nest, load: Load, value: Value, given: LayoutName) -> bool:
        """Whether the load may be outside the value and no halo holds what it reads there."""
        if load.fill is None or (given.halo and self.fills.get(value) == load.fill):
            return False
        extents = {a.name: a.extent for a in nest.axes}
        ends = (bounds(index, extents) for index in load.index)
        return any(low < 0 or high >= size for (low, high), size in zip(ends, value.shape, strict=True))


def foreign(load: Load, shape: tuple[int, ...], lane: str, block: int, given: LayoutName) -> float:
    """Cycles that every number costs because of where it lies; 0 where lanes are neighbours, or all read one number."""
    runs = [k for k, index in enumerate(load.index) if lane and lane in axes_in(index)]
    if not runs:
        return 0.0
    if given.axis == len(shape) - 1 and shape[-1] % given.block == 0:
        given = LayoutName()  # whole blocks of the last axis lie as in a row
    last = given.axis if given.axis >= 0 else len(shape) - 1
    if len(runs) == 1 and last in runs:
        index = load.index[last]
        bare = _along(index, lane, given.block)
        if given.block == 1 or shape[last] == 1:
            return 0.0 if bare or given.block == 1 and block == 1 else IRREGULAR / 4
        if bare:
            return 0.0 if given.block == block else TURNED / 2
        pieces = gcd(given.block, index.constant) if isinstance(index, Affine) and _along(index, lane, 1) else 1
        return min(IRREGULAR, PIECES / pieces)
    neighbours = bare_axis(load.index[last]) if load.index else ""
    return TURNED if neighbours and shape[last] > 1 else IRREGULAR


def _along(index: Index, lane: str, block: int) -> bool:
    """Whether an index is the lanes' axis, moved by whole blocks at most."""
    return isinstance(index, Affine) and index.terms == ((lane, 1),) and index.constant % block == 0


def _vectors(shape: tuple[int, ...], out: LayoutName, lanes: int) -> float:
    """Vectors that hold a tensor."""
    if out.block > 1 and out.axis < len(shape):
        return prod(shape) / shape[out.axis] * -(-shape[out.axis] // out.block) * max(1.0, out.block / lanes)
    return prod(shape) / lanes + prod(shape[:-1]) / 4 if shape else 1.0


def bytes_in(value: Value, name: LayoutName) -> float:
    """Bytes of a value in a layout, one row of halo on either side where it has one."""
    shape, size = value.shape, max(1.0, value.dtype.bits / 8)
    if name.block > 1 and name.axis < len(shape):
        size *= -(-shape[name.axis] // name.block) * name.block / shape[name.axis]
    frame = prod((e + 2) / e for e in shape[2:]) if name.halo else 1.0
    return prod(shape) * size * frame


def copy_s(value: Value, given: LayoutName, to: LayoutName, hardware: CpuHardware) -> float:
    """Seconds of a conversion by a kernel of its own."""
    moved = (bytes_in(value, given) + bytes_in(value, to)) / MOVED_BYTES_PER_CYCLE
    turned = 0.0 if (given.axis, given.block) == (to.axis, to.block) else TURNED * prod(value.shape)
    return (moved + turned) / hardware.clock_hz / hardware.cores + LAUNCH_S


def port_s(value: Value, given: LayoutName, hardware: CpuHardware) -> float:
    """Seconds of handing a graph's output to the caller, who gets it row-major."""
    per_number = PORT if given.block > 1 else 0.25
    return prod(value.shape) * per_number / hardware.clock_hz
