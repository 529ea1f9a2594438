"""Which statements may run as one: the regions that `fuse` turns into `ir.fused`.

A region is a reduction and pointwise statements after it, or pointwise statements alone, all of one result shape, of
which only the last one's result is read from outside. That single way out is what makes fusion safe: nothing outside
the region can stand between two of its members, so no cycle can arise, and nothing is computed twice.
"""

from dataclasses import dataclass, field
from heapq import heappop, heappush

from gossamer.ir.graph import Graph, Node
from gossamer.ir.nest import Affine, Apply, Convert, Expr, Load, at
from gossamer.ir.op import Op
from gossamer.ir.ops.convolution3d import Conv3d
from gossamer.ir.ops.nn import Conv2d, Gemm, MatMul
from gossamer.ir.ops.quant import Cast
from gossamer.ir.ops.structure import Param
from gossamer.ir.ops.transposed import ConvTranspose
from gossamer.ir.types import Value

PRODUCTS = (Conv2d, Conv3d, ConvTranspose, Gemm, MatMul)
"""Anchors that read their operands many times over, so that nothing is computed inside their loads."""


@dataclass(frozen=True)
class Meaning:
    """What fusion needs to know of an op: is it a single reduction, is it pointwise, and in which operands exactly.

    `through`: operands read only at the very point that is computed (not broadcast, moved or permuted).
    """

    reduces: bool = False
    pointwise: bool = False
    through: frozenset[Value] = frozenset()


def meaning(op: Op) -> Meaning:
    """Derived from the op's loop nest, so that an op from elsewhere fuses as the built-in ones do."""
    if isinstance(op, PRODUCTS):
        return Meaning(reduces=True)
    if isinstance(op, Cast) and reads_back(op):
        return Meaning(through=frozenset({op.x}))
    kernel = None if isinstance(op, Param) else op.kernel()
    if kernel is None or len(kernel.stages) != 1:
        return Meaning()
    nest = kernel.stages[0]
    if nest.reduce is not None:
        return Meaning(reduces=True)
    here = tuple(at(axis.name) for axis in nest.axes)
    found = list(loads(nest.body))
    elsewhere = {load.operand for load in found if load.index != here}
    through = frozenset(v for k, v in enumerate(op.operands) if k not in elsewhere)
    return Meaning(pointwise=bool(through) and all(_stays_inside(load) for load in found), through=through)


def loads(expr: Expr) -> list[Load]:
    """Every read in an expression."""
    if isinstance(expr, Load):
        return [expr]
    if isinstance(expr, Apply):
        return [load for arg in expr.args for load in loads(arg)]
    return loads(expr.value) if isinstance(expr, Convert) else []


def _stays_inside(load: Load) -> bool:
    return load.fill is None and all(isinstance(index, Affine) and len(index.terms) <= 1 for index in load.index)


def reads_back(op: Op) -> bool:
    """A cast from stored integers to floats. It belongs to whoever reads it: the integers are what should be stored.

    Where the statement that makes the integers is in a region, and nobody else wants them, the cast is in it too.
    """
    return isinstance(op, Cast) and op.x.type.quant is not None and op.x.dtype.bits <= 16 and op.type.dtype.floating


@dataclass(frozen=True)
class Region:
    """Statements in order of execution, and the one that a schedule speaks of: the reduction, else the last."""

    nodes: tuple[Node, ...]
    anchor: Node

    @property
    def result(self) -> Value:
        return self.nodes[-1].result


@dataclass
class Regions:
    """All regions of a graph, found greedily, those with a reduction first.

    Of two reductions that could absorb a statement the later one does: it comes last anyway, so that fusing what was
    taken apart finds the same regions.
    """

    graph: Graph
    meanings: dict[Value, Meaning] = field(default_factory=dict[Value, Meaning])
    taken: set[Value] = field(default_factory=set[Value])

    def __post_init__(self) -> None:
        self.place = {value: k for k, node in enumerate(self.graph.nodes) for value in node.results}
        self.outputs = set(self.graph.outputs)

    def find(self) -> list[Region]:
        """The regions; a pointwise statement or a reduction that stands alone is a region of one."""
        backwards = self.graph.nodes[::-1]
        found = [self._after(node) for node in backwards if self._of(node).reduces]
        return found + [self._before(n) for n in backwards if self._of(n).pointwise and n.result not in self.taken]

    def _of(self, node: Node) -> Meaning:
        if node.result not in self.meanings:
            self.meanings[node.result] = meaning(node.op)
        return self.meanings[node.result]

    def _after(self, seed: Node) -> Region:
        """Absorb what reads the seed, in order of execution; keep the longest run that has a single way out."""
        members, whole = [seed], 1
        inside = {seed.result}
        queue: list[int] = []
        self._push(queue, seed)
        while queue:
            node = self.graph.nodes[heappop(queue)]
            if node.result in inside or not self._fits(node, inside, seed):
                continue
            members.append(node)
            inside.add(node.result)
            self._push(queue, node)
            if not reads_back(node.op) and self._ways_out(members, inside) == [node.result]:
                whole = len(members)
        return self._taking(members[:whole], seed)

    def _before(self, end: Node) -> Region:
        """Absorb the pointwise statements that only the region reads, latest first."""
        members, inside = [end], {end.result}
        queue = [-self.place[end.result]]
        while queue:
            node = self.graph.nodes[-heappop(queue)]
            for value in self._of(node).through - inside:
                producer = self.graph.producers.get(value)
                if producer is not None and self._fits(producer, set(), end) and self._read_only_in(value, inside):
                    members.append(producer)
                    inside.add(value)
                    heappush(queue, -self.place[value])
        return self._taking(sorted(members, key=lambda node: self.place[node.result]), end)

    def _taking(self, members: list[Node], anchor: Node) -> Region:
        self.taken.update(node.result for node in members)
        return Region(tuple(members), anchor if self._of(anchor).reduces else members[-1])

    def _push(self, queue: list[int], node: Node) -> None:
        for user in self.graph.users.get(node.result, ()):
            heappush(queue, self.place[user.result])

    def _fits(self, node: Node, inside: set[Value], seed: Node) -> bool:
        if node.result in self.taken or len(node.results) > 1 or node.result.shape != seed.result.shape:
            return False
        own = self._of(node)
        found = [v for v in node.op.operands if v in inside]
        return (own.pointwise or (reads_back(node.op) and bool(found))) and all(v in own.through for v in found)

    def _ways_out(self, members: list[Node], inside: set[Value]) -> list[Value]:
        return [node.result for node in members if not self._read_only_in(node.result, inside)]

    def _read_only_in(self, value: Value, inside: set[Value]) -> bool:
        """Whether all who read the value are in the region, and read it at their own point."""
        users = self.graph.users.get(value, ())
        return value not in self.outputs and all(u.result in inside and value in self._of(u).through for u in users)
