"""The kernels of a Winograd convolution: vectors over channels; transforms column by column, then row by row."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gossamer.codegen.tvm.adapter import Buffer, Loops, TaskFunction, Tensor, build_tasks, tirx
from gossamer.codegen.tvm.cut import Cut
from gossamer.codegen.tvm.epilogue import Pixels, epilogue_parameters, physical
from gossamer.codegen.tvm.forms import Storage
from gossamer.codegen.tvm.panel import Operands, Panel, Place, emit_panel, keep, load, splat, whole
from gossamer.codegen.tvm.winograd import Blocking, FusedWinograd, InputTransform, OutputTransform, Products, Tiling
from gossamer.codegen.tvm.winograd_sums import Registers

SERIAL_VECTORS = 1 << 10
"""Transforms of fewer vectors than this stay on one thread."""

SERIAL_PRODUCTS = 1 << 16


def input_kernel(name: str, kernel: InputTransform) -> TaskFunction:
    """V of every tile; a task is a row of tiles of one block of channels."""
    tiling, layout = kernel.tiling, kernel.v.layout
    groups, rows = -(-tiling.ic // layout.block(1)), tiling.batch * tiling.rows

    def body(loops: Loops, buffers: Mapping[str, Any], task: Any) -> None:
        group, row = tirx.floordiv(task, rows), tirx.floormod(task, rows)
        transform = _Into(loops, tiling, kernel.x, buffers["x"])
        with loops.serial(tiling.columns) as column:
            tile = row * tiling.columns + column
            transform.tile(tile, group, lambda e: (buffers["v"], _lane(layout, [e, group, tile])))

    made = build_tasks(name, [_buffer("x", kernel.x), _buffer("v", kernel.v)], groups * rows, body)
    return made.run_serially(groups * tiling.tiles * tiling.elements < SERIAL_VECTORS)


def product_kernel(name: str, kernel: Products) -> TaskFunction:
    """M; a task is one element and as many output channels as a register tile has."""
    tiling, blocking = kernel.tiling, kernel.blocking
    blocks = kernel.u.layout.shape[0]
    panel = panel_of(tiling, blocking, tiling.tiles, kernel.v.layout.block(1))

    def body(loops: Loops, buffers: Mapping[str, Any], task: Any) -> None:
        block, element = tirx.floordiv(task, tiling.elements), tirx.floormod(task, tiling.elements)
        left, kept = in_buffers(kernel, buffers, block, element)
        emit_panel(loops, panel, Operands(left, _weights(buffers["u"], blocking, panel, block, element), kept))

    made = build_tasks(name, product_parameters(kernel), blocks * tiling.elements, body)
    return made.run_serially(few_products(kernel))


def product_parameters(kernel: Products) -> list[Buffer]:
    return [_buffer("v", kernel.v), _buffer("u", kernel.u), _buffer("m", kernel.m)]


def few_products(kernel: Products) -> bool:
    """So few that one thread does them."""
    tiling, lanes = kernel.tiling, kernel.blocking.lanes
    channels = -(-tiling.oc // lanes) * lanes
    return tiling.elements * tiling.tiles * tiling.ic * channels < SERIAL_PRODUCTS


def in_buffers(
    kernel: Products, buffers: Mapping[str, Any], block: Any, element: Any
) -> tuple[Callable[[Any, Any, Any], Any], Callable[[Any, int], Place]]:
    """(numbers of V, vectors of M) of an element and a block of output channels."""

    def left(group: Any, i: Any, point: Any) -> Any:
        where = [element, group, point]
        return buffers["v"][tuple([*where, i] if kernel.v.layout.block(1) > 1 else where)]

    def kept(point: Any, vector: int) -> Place:
        return buffers["m"], _lane(kernel.m.layout, [element, block * kernel.blocking.vectors + vector, point])

    return left, kept


def output_kernel(name: str, kernel: OutputTransform) -> TaskFunction:
    """The result; a task is a row of tiles of one vector of channels."""
    tiling, layout = kernel.tiling, kernel.m.layout
    lanes = layout.block(1)
    groups, rows = -(-tiling.oc // lanes), tiling.batch * tiling.rows

    def body(loops: Loops, buffers: Mapping[str, Any], task: Any) -> None:
        group, row = tirx.floordiv(task, rows), tirx.floormod(task, rows)
        transform = _Out(loops, tiling, Pixels(kernel.epilogue, buffers, lanes))
        with loops.serial(tiling.columns) as column:
            tile = row * tiling.columns + column
            transform.tile(tile, group, lambda e: (buffers["m"], _lane(layout, [e, group, tile])))

    params = [_buffer("m", kernel.m), *epilogue_parameters(kernel.epilogue)]
    made = build_tasks(name, params, groups * rows, body)
    return made.run_serially(groups * tiling.tiles * tiling.elements < SERIAL_VECTORS)


def fused_kernel(name: str, kernel: FusedWinograd) -> TaskFunction:
    """The result; a task takes some tiles through all steps."""
    tiling, blocking = kernel.tiling, kernel.blocking
    count, inner, lanes = blocking.columns, kernel.x.layout.block(1), blocking.lanes
    panel = panel_of(tiling, blocking, count, inner)
    blocks, vectors = kernel.u.layout.shape[0], -(-tiling.oc // lanes)

    def body(loops: Loops, buffers: Mapping[str, Any], task: Any) -> None:
        # one vector more an element: else all elements of a tile could fall into the same lines of a cache
        v = loops.scratch((tiling.elements, panel.groups * count + 1, inner), "float32")
        m = loops.scratch((tiling.elements, blocking.vectors * count + 1, lanes), "float32")
        first = task * count
        here = tirx.min(count, tiling.tiles - first) if tiling.tiles % count else count
        _all_into(loops, _Into(loops, tiling, kernel.x, buffers["x"]), v, panel, first, here)
        out = _Out(loops, tiling, Pixels(kernel.epilogue, buffers, lanes))
        with loops.serial(blocks) as block:
            with loops.serial(tiling.elements) as element:
                operands = Operands(
                    lambda group, i, point: v[element, group * count + point, i],
                    _weights(buffers["x_u"], blocking, panel, block, element),
                    lambda point, vector: (m, [element, vector * count + point, 0]),
                )
                emit_panel(loops, panel, operands, here if tiling.tiles % count else None)
            own = blocking.vectors if vectors % blocking.vectors == 0 else None
            many = own or tirx.min(blocking.vectors, vectors - block * blocking.vectors)
            with loops.serial(many) as vector, loops.serial(here) as tile:
                group = block * blocking.vectors + vector
                out.tile(first + tile, group, lambda e: (m, [e, vector * count + tile, 0]))

    params = [_buffer("x", kernel.x), _buffer("x_u", kernel.u), *epilogue_parameters(kernel.epilogue)]
    made = build_tasks(name, params, -(-tiling.tiles // count), body)
    return made.run_serially(tiling.elements * tiling.tiles * tiling.ic * vectors * lanes < SERIAL_PRODUCTS)


def _all_into(loops: Loops, transform: "_Into", v: Tensor, panel: Panel, first: Any, here: Any) -> None:
    count = panel.points.extent
    with loops.serial(panel.groups) as group, loops.serial(here) as tile:
        transform.tile(first + tile, group, lambda e: (v, [e, group * count + tile, 0]))


def panel_of(tiling: Tiling, blocking: Blocking, tiles: int, inner: int) -> Panel:
    """The products of one element of all tiles that a task has."""
    points, groups = Cut.of(tiles, blocking.points), -(-tiling.ic // inner)
    return Panel(points, blocking.vectors, blocking.lanes, groups, inner, max(1, blocking.depth // inner))


def _weights(u: Tensor, blocking: Blocking, panel: Panel, block: Any, element: Any) -> Callable[[Any, Any, Any], Place]:
    def right(group: Any, i: Any, vector: Any) -> Place:
        return u, [block, element, group * panel.inner + i, vector * blocking.lanes]

    return right


def _lane(layout: Any, where: list[Any]) -> list[Any]:
    """The first lane of a block of channels in the layout of V or M."""
    return [*where, 0] if layout.block(1) > 1 else where


def _buffer(name: str, storage: Storage) -> Buffer:
    return Buffer(name, storage.layout.shape, storage.dtype)


def _position(tiling: Tiling, tile: Any) -> tuple[Any, Any, Any]:
    """(image, row, column) of a tile."""
    row, plane = tirx.floordiv(tile, tiling.columns), tiling.rows
    image = tirx.floordiv(row, plane) if tiling.batch > 1 else tirx.const(0, "int32")
    return image, tirx.floormod(row, plane) if tiling.batch > 1 else row, tirx.floormod(tile, tiling.columns)


@dataclass(frozen=True)
class _Into:
    """Emits B^T d B of a tile and a block of channels."""

    loops: Loops
    tiling: Tiling
    source: Storage
    x: Tensor

    def tile(self, tile: Any, group: Any, place: Callable[[Any], Place]) -> None:
        """`place(element)`: where the vector of an element goes."""
        loops, n, lanes = self.loops, self.tiling.size, self.source.layout.block(1)
        registers, matrix = Registers(loops, lanes), self.tiling.form.arrays()[2].tolist()
        image, row, column = _position(self.tiling, tile)
        partial = loops.accumulator(lanes, "float32", n * n)
        y, x = row * self.tiling.m, column * self.tiling.m
        with loops.serial(n) as j:
            pixels = [keep(loops, self._pixel(image, group, y + i, x + j), lanes) for i in range(n)]
            for i, value in enumerate(registers.transform(matrix, pixels)):
                loops.store_vector(partial, whole(value, lanes), [i * n + j, 0], lanes)
        with loops.serial(n) as i:
            line = [keep(loops, load((partial, [i * n + j, 0]), lanes), lanes) for j in range(n)]
            for j, value in enumerate(registers.transform(matrix, line)):
                buffer, where = place(i * n + j)
                loops.store_vector(buffer, whole(value, lanes), where, lanes)

    def _pixel(self, image: Any, group: Any, row: Any, column: Any) -> Any:
        """A vector of the padded input; tested only where the layout's halo does not reach."""
        layout, tiling, lanes = self.source.layout, self.tiling, self.source.layout.block(1)
        ys, xs = row - tiling.top, column - tiling.left
        where = physical(layout, (image, group, ys, xs), {1: (lanes, group, 0)})
        tests: list[Any] = []
        for axis, value, before, reach in ((2, ys, tiling.top, tiling.reach[0]), (3, xs, tiling.left, tiling.reach[1])):
            if before > 0 and (layout.before[axis] < before or layout.fill != 0):
                tests.append(value >= 0)
            more = layout.capacity(axis) if layout.fill == 0 else layout.logical[axis]
            if more < reach - before or (layout.fill != 0 and more < reach):
                tests.append(value < layout.logical[axis])
        value = self.x.vector(where, lanes)
        zero = splat(tirx.const(0.0, "float32"), lanes)
        return tirx.if_then_else(tirx.all(*tests), value, zero) if tests else value


@dataclass(frozen=True)
class _Out:
    """Emits A^T M A of a tile and a vector of channels, and what the node does with it."""

    loops: Loops
    tiling: Tiling
    pixels: Pixels

    def tile(self, tile: Any, group: Any, place: Callable[[Any], Place]) -> None:
        """`place(element)`: where the vector of an element lies."""
        loops, tiling, lanes = self.loops, self.tiling, self.pixels.lanes
        n, m = tiling.size, tiling.m
        registers, matrix = Registers(loops, lanes), tiling.form.arrays()[0].tolist()
        image, row, column = _position(tiling, tile)
        partial = loops.accumulator(lanes, "float32", m * n)
        with loops.serial(n) as b:
            products = [keep(loops, load(place(a * n + b), lanes), lanes) for a in range(n)]
            for i, value in enumerate(registers.transform(matrix, products)):
                loops.store_vector(partial, whole(value, lanes), [i * n + b, 0], lanes)
        inside = tirx.min(m, tiling.oh - row * m) if tiling.oh % m else m
        with loops.serial(inside) as i:
            line = [keep(loops, load((partial, [i * n + b, 0]), lanes), lanes) for b in range(n)]
            for j, total in enumerate(registers.transform(matrix, line)):
                beyond = (tiling.columns - 1) * m + j >= tiling.ow
                with loops.when([column * m + j < tiling.ow] if beyond else []):
                    self.pixels.store(loops, total, group, (image, row * m + i, column * m + j))
