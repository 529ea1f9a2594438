"""The layouts of a whole graph, chosen together so that reading, writing and converting take least time.

A variable is a node, its choices what its results may be written as, alone or with a copy in a second layout for those
readers that it serves better; a pair is a reader's cost of an operand in each. `Assignment` solves it: to the optimum
on chains and series-parallel graphs, near it where concatenations tie many values together.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gossamer.backends.cpu.algorithms import tilings_of
from gossamer.backends.cpu.hardware import CpuHardware
from gossamer.backends.cpu.layout_cost import NodeCost, bytes_in, copy_s, port_s
from gossamer.backends.cpu.layout_names import LayoutName, parse_layout
from gossamer.backends.cpu.layouts import block_size, halos_of, vector_axis
from gossamer.backends.cpu.support import unsupported
from gossamer.codegen.tvm.indices import bare_axis
from gossamer.codegen.tvm.program import Program, program_of
from gossamer.codegen.tvm.structure import weighted_product
from gossamer.codegen.tvm.winograd import Tiling
from gossamer.ir.graph import Graph, Module, Node
from gossamer.ir.ops.scan import Scan
from gossamer.ir.ops.structure import Param
from gossamer.ir.types import Value
from gossamer.passes.assignment import Assignment

PLAIN = LayoutName()

PAIRS = 2
"""8-bit products per lane of pmaddwd, which every machine with vectors has."""


@dataclass(frozen=True)
class Option:
    """What a node may write: its results in a layout, and perhaps its first result in another as well."""

    name: LayoutName
    copy: LayoutName | None = None

    def given(self) -> tuple[LayoutName, ...]:
        return (self.name,) if self.copy is None else (self.name, self.copy)


@dataclass(frozen=True)
class Conversion:
    """A value that is copied into a second layout; the nodes that read the copy."""

    value: Value
    name: LayoutName
    readers: tuple[Node, ...]

    @property
    def layout(self) -> str:
        """As it is written."""
        return self.name.text(self.value.type.rank)


@dataclass(frozen=True)
class LayoutPlan:
    """Value -> layout; copies; expected seconds that depend on layouts; whether it is the optimum of the model.

    `foreign_bytes`: bytes of operands that are turned over or gathered as they are read, and of copies.
    """

    names: Mapping[Value, LayoutName]
    conversions: tuple[Conversion, ...]
    latency_s: float
    exact: bool
    foreign_bytes: int

    def written(self, graph: Graph) -> dict[Value, str]:
        """First result of every node -> its layout as it is written."""
        results = (node.result for node in graph.nodes if node.result in self.names)
        return {value: self.names[value].text(value.type.rank) for value in results}


@dataclass(frozen=True)
class LayoutQuestion:
    """What layouts are chosen for. `dot`: products per lane of an 8-bit dot product, 1 without one."""

    graph: Graph
    programs: Mapping[Value, Program]
    params: frozenset[Value]
    hardware: CpuHardware
    tilings: Mapping[Value, Tiling]
    dot: int
    copies: bool = True

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        return tuple(node for node in self.graph.nodes if node.result not in self.params)

    @cached_property
    def fills(self) -> dict[Value, float]:
        """What every value's halo would hold."""
        halos = halos_of(self.graph, self.programs, {})
        return {v: fill for v, (fill, before, after) in halos.items() if any(before) or any(after)}

    @cached_property
    def costs(self) -> dict[Value, NodeCost]:
        found: dict[Value, NodeCost] = {}
        for node in self.nodes:
            program, tiling = self.programs.get(node.result), self.tilings.get(node.result)
            if program is not None:
                share = 1.0 if tiling is None else tiling.elements / (tiling.m * tiling.m * tiling.r * tiling.r) * 1.5
                vector = vector_axis(program.kernel)
                found[node.result] = NodeCost(
                    node, program, self.hardware, self.fills, vector, self.params, self.dot, share
                )
        return found

    @cached_property
    def wanted(self) -> dict[Value, set[int]]:
        """Axes of values along which a reader's vectors run though they are not its last axis."""
        found: dict[Value, set[int]] = {}
        for node in self.nodes:
            cost = self.costs.get(node.result)
            for nest in cost.program.kernel.stages if cost is not None and cost.vector is not None else ():
                product = weighted_product(nest)
                lane = nest.parallel[cost.vector].name if product and cost and cost.vector is not None else ""
                for load in product or ():
                    if load.operand < len(node.op.operands):
                        value = node.op.operands[load.operand]
                        axes = {k for k, index in enumerate(load.index[:-1]) if bare_axis(index) == lane}
                        found.setdefault(value, set()).update(axes)
        return found

    def plan(self) -> LayoutPlan:
        """The cheapest layouts; those that are written on nodes stay. Raises BackendError for one that cannot be."""
        return _Solver(self).plan()


def layouts_of(module: Module, hardware: CpuHardware) -> LayoutPlan:
    """The layouts of a module before it is compiled. Ops that the target cannot run keep row-major results."""
    return question_of(module, hardware).plan()


def question_of(module: Module, hardware: CpuHardware) -> LayoutQuestion:
    """What there is to choose in a module."""
    graph = module.graph
    params = frozenset(n.result for n in graph.nodes if isinstance(n.op, Param))
    nodes = [n for n in graph.nodes if n.result not in params and unsupported(n) is None]
    programs = {n.result: program_of(n) for n in nodes if not isinstance(n.op, Scan) and 0 not in n.result.shape}
    return LayoutQuestion(graph, programs, params, hardware, tilings_of(nodes), max(hardware.int8_dot, PAIRS))


@dataclass(frozen=True)
class _Columns:
    """The distinct layouts of options, and which of them each option writes first and second."""

    names: tuple[LayoutName, ...]
    first: list[int]
    second: list[int]

    @staticmethod
    def of(options: tuple[Option, ...]) -> "_Columns":
        number = {name: i for i, name in enumerate(dict.fromkeys(option.name for option in options))}
        return _Columns(
            tuple(number), [number[o.given()[0]] for o in options], [number[o.given()[-1]] for o in options]
        )


class _Solver:
    def __init__(self, question: LayoutQuestion) -> None:
        self.question, graph = question, question.graph
        self.problem = Assignment()
        self.options: list[tuple[Option, ...]] = []
        self.variables: dict[Value, int] = {}
        self.axes: dict[Value, frozenset[int]] = {}
        for value in graph.inputs:
            self._add((value,), tuple(self._inputs(value)), lambda option, value=value: self._port(value, option.name))
        for node in question.nodes:
            self._add(node.results, tuple(self._options(node)), lambda option, node=node: self._own(node, option))
        for node in question.nodes:
            for operand, value in enumerate(node.op.operands):
                if value in self.variables:
                    self._pair(node, operand, value)

    def _add(self, results: tuple[Value, ...], options: tuple[Option, ...], cost: Callable[[Option], float]) -> None:
        number = self.problem.variable([cost(option) for option in options])
        self.options.append(options)
        self.variables |= dict.fromkeys(results, number)

    def _inputs(self, value: Value) -> Iterator[Option]:
        """The caller's row-major tensor as it is copied in. Bytes may lie in blocks for the 8-bit dot product."""
        halo = value in self.question.fills
        yield Option(LayoutName(halo=halo))
        if value.type.rank >= 4 and value.dtype.bits <= 8 and value.dtype.integer:
            block = max(4, block_size(value.shape[1], self.question.hardware.lanes))
            self.axes[value] = frozenset((1,))
            yield Option(LayoutName(1, block, halo))

    def _port(self, value: Value, name: LayoutName) -> float:
        return port_s(value, name, self.question.hardware) if name.block > 1 else 0.0

    def _options(self, node: Node) -> Iterator[Option]:
        value, written = node.result, node.schedule.layout if node.schedule else ""
        if written:
            yield Option(parse_layout(written, value.shape, f"{node.title} ({node.op.name})"))
            return
        if value not in self.question.costs or 0 in value.shape:  # a scan gives row-major tensors
            yield Option(PLAIN)
            return
        names = tuple(dict.fromkeys(self._names(node)))
        yield from map(Option, names)
        if self.question.copies and len(node.results) == 1:
            for name in names:
                for other in names:
                    if (name.axis, name.block) != (other.axis, other.block):
                        yield Option(name, other)

    def _names(self, node: Node) -> Iterator[LayoutName]:
        halos = (False, True) if any(v in self.question.fills for v in node.results) else (False,)
        for axis, block in ((-1, 1), *self._splits(node)):
            yield from (LayoutName(axis, block, halo) for halo in halos)

    def _splits(self, node: Node) -> Iterator[tuple[int, int]]:
        value, vector = node.result, self.question.costs[node.result].vector
        axes = set(self.question.wanted.get(value, ()))
        axes |= {vector} if vector is not None else set()
        axes |= {1} if value.type.rank >= 4 else set()
        axes |= {axis for operand in node.op.operands for axis in self.axes.get(operand, ()) if _alike(operand, value)}
        self.axes |= dict.fromkeys(node.results, frozenset(axes))
        lanes = self.question.hardware.lanes
        for axis in sorted(axes):
            block = block_size(value.shape[axis], lanes)
            block = max(block, 4) if value.dtype.bits <= 8 else block
            last = axis == value.type.rank - 1  # then whole blocks are as good as row-major, but for packed parameters
            if block > 1 and (not last or axis == vector or value.shape[axis] % block):
                yield axis, block
                if block == lanes > 8 and 0 < value.shape[axis] % lanes <= lanes // 2:
                    yield axis, lanes // 2

    def _own(self, node: Node, option: Option) -> float:
        question, hardware = self.question, self.question.hardware
        cost = question.costs.get(node.result)
        total = 0.0 if cost is None else cost.writing(option.name)
        if option.copy is not None:
            total += copy_s(node.result, option.name, option.copy, hardware)
        for value in node.results:
            if value in question.graph.outputs:
                total += min(port_s(value, name, hardware) for name in option.given())
        return total

    def _pair(self, node: Node, operand: int, value: Value) -> None:
        first, second = self.variables[value], self.variables[node.result]
        cost, hardware = self.question.costs.get(node.result), self.question.hardware
        given = _Columns.of(self.options[first])
        if cost is None:
            table = np.array([[port_s(value, name, hardware)] for name in given.names])
        else:
            outs = _Columns.of(self.options[second])
            each = np.array([[cost.read(operand, name, out) for out in outs.names] for name in given.names])
            table = each[:, outs.first]
        self.problem.pair(first, second, np.minimum(table[given.first], table[given.second]))

    def plan(self) -> LayoutPlan:
        solution = self.problem.solve()
        chosen = {v: self.options[i][solution.choices[i]] for v, i in self.variables.items()}
        names = {v: _fitting(option.name, v) for v, option in chosen.items()}
        conversions = tuple(self._conversions(chosen))
        return LayoutPlan(names, conversions, solution.cost, solution.exact, self._foreign(chosen, conversions))

    def _conversions(self, chosen: Mapping[Value, Option]) -> Iterator[Conversion]:
        for value, option in chosen.items():
            if option.copy is None:
                continue
            readers = tuple(n for n in self.question.graph.users.get(value, ()) if self._prefers(n, value, chosen))
            if readers:
                yield Conversion(value, option.copy, readers)

    def _prefers(self, node: Node, value: Value, chosen: Mapping[Value, Option]) -> bool:
        """Whether a reader is faster with the copy."""
        cost, option = self.question.costs.get(node.result), chosen[value]
        if cost is None or option.copy is None:
            return False
        out = chosen[node.result].name
        places = [k for k, operand in enumerate(node.op.operands) if operand == value]
        return sum(cost.read(k, option.copy, out) - cost.read(k, option.name, out) for k in places) < 0

    def _foreign(self, chosen: Mapping[Value, Option], conversions: tuple[Conversion, ...]) -> int:
        copied = {(c.value, reader.result) for c in conversions for reader in c.readers}
        total = sum(bytes_in(c.value, chosen[c.value].name) for c in conversions)
        for node in self.question.nodes:
            cost = self.question.costs.get(node.result)
            for k, value in enumerate(node.op.operands):
                if cost is None or value not in chosen or (value, node.result) in copied:
                    continue
                if cost.turns(k, chosen[value].name, chosen[node.result].name):
                    total += bytes_in(value, chosen[value].name)
        return round(total)


def _alike(operand: Value, result: Value) -> bool:
    """Whether an operand may hand its split on: it has the result's axes."""
    return operand.type.rank == result.type.rank


def _fitting(name: LayoutName, value: Value) -> LayoutName:
    """The layout of a node's further results: row-major where they have other axes than the first."""
    whole = name.axis < value.type.rank and 0 not in value.shape
    return name if whole else PLAIN
