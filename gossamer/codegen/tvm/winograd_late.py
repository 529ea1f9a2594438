"""Products of a Winograd convolution whose tasks transform the weights that they use."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gossamer.codegen.tvm.adapter import Loops, TaskFunction, Tensor, build_tasks, tirx
from gossamer.codegen.tvm.cut import Cut
from gossamer.codegen.tvm.panel import (
    Operands,
    Panel,
    Part,
    Place,
    emit_part,
    keep,
    load,
    parts_of,
    shared_vectors,
    whole,
)
from gossamer.codegen.tvm.winograd import Products, Tiling
from gossamer.codegen.tvm.winograd_kernels import few_products, in_buffers, panel_of, product_parameters
from gossamer.codegen.tvm.winograd_sums import Registers


def late_product_kernel(name: str, kernel: Products) -> TaskFunction:
    """M; a task is as many output channels as a register tile has, of all elements."""
    tiling, blocking = kernel.tiling, kernel.blocking
    panel = panel_of(tiling, blocking, tiling.tiles, kernel.v.layout.block(1))
    depth = -(-panel.groups // Cut.of(panel.groups, panel.chunk).count) * panel.inner
    wide = blocking.vectors * blocking.lanes

    def body(loops: Loops, buffers: Mapping[str, Any], block: Any) -> None:
        u = loops.scratch((tiling.elements, depth * wide + blocking.lanes), "float32")
        with parts_of(loops, panel) as part:
            _transform(loops, tiling, panel, part, (buffers["u"], block), u)
            with loops.serial(tiling.elements) as element:
                left, kept = in_buffers(kernel, buffers, block, element)
                later = _Later(tiling, panel, part, buffers["u"], block, element, depth)

                def right(group: Any, i: Any, vector: Any, element: Any = element) -> Place:
                    return u, [element, later.step(group, i) * wide + vector * blocking.lanes]

                def ahead(number: Any, group: Any, i: Any) -> list[Place]:
                    near = [right(group, i, vector, element + 1) for vector in shared_vectors(panel, number)]
                    return [*near, *later.places(number, group, i)]

                emit_part(loops, panel, Operands(left, right, kept, ahead), part)

    made = build_tasks(name, product_parameters(kernel), kernel.u.layout.shape[0], body)
    return made.run_serially(few_products(kernel))


@dataclass(frozen=True)
class _Later:
    """The weights of the next part, for which every step of the products of this one asks for a share."""

    tiling: Tiling
    panel: Panel
    part: Part
    weights: Tensor
    block: Any
    element: Any
    depth: int

    def step(self, group: Any, i: Any) -> Any:
        """Number of an input channel within its part."""
        return (group - self.part.start) * self.panel.inner + i

    def places(self, number: Any, group: Any, i: Any) -> list[Place]:
        if self.part.count == 1:
            return []
        vectors, pieces = self.panel.vectors, self.panel.points.count
        lines = -(-self.depth * self.tiling.r**2 * vectors // self.tiling.elements)
        steps = pieces * self.depth
        many, rarely = max(1, -(-lines // steps)), max(1, steps // lines)
        first = self.element * lines + tirx.floordiv(number * self.depth + self.step(group, i), rarely) * many
        start = (self.part.start + self.part.length) * self.panel.inner * self.tiling.r**2 * vectors
        return [self._line(start + first + k) for k in range(many)]

    def _line(self, number: Any) -> Place:
        return self.weights, [self.block, 0, 0, 0, number * self.panel.lanes]


def _transform(loops: Loops, tiling: Tiling, panel: Panel, part: Part, source: tuple[Tensor, Any], u: Tensor) -> None:
    """u = G w G^T of a part's input channels and a block of output channels."""
    (weights, block), lanes, r = source, panel.lanes, tiling.r
    registers, matrix = Registers(loops, lanes), tiling.form.arrays()[1].tolist()
    with loops.serial(part.length) as step, loops.serial(panel.inner) as i, loops.serial(panel.vectors) as vector:
        channel = (step + part.start) * panel.inner + i
        columns = [
            registers.transform(
                matrix,
                [keep(loops, load((weights, [block, channel, a, b, vector * lanes]), lanes), lanes) for a in range(r)],
            )
            for b in range(r)
        ]
        for y, row in enumerate(zip(*columns, strict=True)):
            for x, value in enumerate(registers.transform(matrix, row)):
                where = [y * tiling.size + x, ((step * panel.inner + i) * panel.vectors + vector) * lanes]
                loops.store_vector(u, whole(value, lanes), where, lanes)
