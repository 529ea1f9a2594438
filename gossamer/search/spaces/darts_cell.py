"""A DARTS cell as IR (Liu, Simonyan and Yang, "DARTS", ICLR 2019, 2.1 and the authors' evaluation network).

    relu(output of the cell before the last), relu(output of the last cell)
      -> two 1x1 convolutions to C channels -> four nodes, each the sum of two operations on earlier ones -> concat, 4 C

The first input is halved where it comes from before a reduction: two 1x1 convolutions of stride 2, the second of the
image moved by one pixel, side by side. In a reduction cell operations on the two inputs have stride 2. Every
convolution is relu -> conv -> batch norm; a relu that several read is computed once, and the batch norm of two
convolutions side by side is one for each: the same numbers.
"""

from dataclasses import dataclass, field

from gossamer.ir.ops.pooling import MaxPool2d
from gossamer.ir.ops.tensor import Concat, Slice
from gossamer.ir.types import Value
from gossamer.search.choices import Genomes
from gossamer.search.spaces.darts_text import INPUTS, edges
from gossamer.search.spaces.drawn import DrawnNetwork


@dataclass(frozen=True)
class Kind:
    """What a cell's structure depends on beside its genes: `reduction`, and whether its first input must be halved."""

    reduction: bool
    halves: bool


@dataclass
class CellWriter:
    """Appends one cell called `name`; `before`, `last`: relu of the outputs of the two cells before it."""

    net: DrawnNetwork
    name: str
    kind: Kind
    rectified: dict[int, Value] = field(default_factory=dict[int, Value])

    def write(self, before: Value, last: Value, genes: Genomes, c: int) -> Value:
        first = self._halved(before, f"{self.name}.in0", c) if self.kind.halves else self._conv(before, "in0", c)
        nodes = [first, self._conv(last, "in1", c)]
        for both in edges(genes):
            where = f"{self.name}.node{len(nodes)}"
            one, other = (
                self._edge(nodes, op, start, f"{where}.edge{place}") for place, (op, start) in enumerate(both, 1)
            )
            nodes.append(self.net.plus(one, other, f"{where}.add"))
        return self.net.add(Concat(tuple(nodes[INPUTS:]), 1), f"{self.name}.join")

    def _conv(self, rectified: Value, slot: str, c: int) -> Value:
        slot = f"{self.name}.{slot}.a"
        return self.net.batch_norm(self.net.conv(rectified, slot, c), f"{slot}.bn")

    def _edge(self, nodes: list[Value], op: str, start: int, slot: str) -> Value:
        stride = 2 if self.kind.reduction and start < INPUTS else 1
        x = nodes[start]
        if op == "max_pool_3x3":
            return self.net.add(MaxPool2d(x, (3, 3), (stride, stride), (1,) * 4), f"{slot}.pool")
        if op == "avg_pool_3x3":
            return self.net.avg_pool(x, f"{slot}.pool", 3, stride, 1)
        if op == "skip_connect":
            return x if stride == 1 else self._halved(self._relu(nodes, start), slot, x.shape[1])
        kernel = int(op[-1])
        rectified = self._relu(nodes, start)
        if op.startswith("dil"):
            return self._pointwise(self.net.dilated(rectified, f"{slot}.a", kernel, stride, 2), f"{slot}.b")
        y = self._pointwise(self._depthwise(rectified, f"{slot}.a", kernel, stride), f"{slot}.b")
        return self._pointwise(self._depthwise(self.net.relu(y, f"{slot}.relu"), f"{slot}.c", kernel, 1), f"{slot}.d")

    def _relu(self, nodes: list[Value], start: int) -> Value:
        if start not in self.rectified:
            self.rectified[start] = self.net.relu(nodes[start], f"{self.name}.relu{start}")
        return self.rectified[start]

    def _depthwise(self, x: Value, slot: str, kernel: int, stride: int) -> Value:
        return self.net.conv(x, slot, x.shape[1], kernel, stride, groups=x.shape[1])

    def _pointwise(self, x: Value, slot: str) -> Value:
        return self.net.batch_norm(self.net.conv(x, slot, x.shape[1]), f"{slot}.bn")

    def _halved(self, rectified: Value, slot: str, c: int) -> Value:
        """Half the side, c channels."""
        _, channels, height, width = rectified.shape
        moved = Slice(rectified, (0, 0, 1, 1), (1, channels, height, width), (1, 1, 1, 1))
        parts = [(rectified, "a", c // 2), (self.net.add(moved, f"{slot}.moved"), "b", c - c // 2)]
        halves = [
            self.net.batch_norm(self.net.conv(x, f"{slot}.{part}", oc, 1, 2), f"{slot}.{part}.bn")
            for x, part, oc in parts
        ]
        return self.net.add(Concat(tuple(halves), 1), f"{slot}.halves")
