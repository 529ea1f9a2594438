"""The transforms of a Winograd convolution as tvm functions: plain loops over tiles, vectors over channels."""

from collections.abc import Mapping
from typing import Any

from gossamer.codegen.tvm.adapter import Buffer, build_loops, tirx
from gossamer.codegen.tvm.forms import Form, Storage
from gossamer.codegen.tvm.layout import Layout
from gossamer.codegen.tvm.lower import Coordinate, stage_value
from gossamer.codegen.tvm.numbers import number
from gossamer.codegen.tvm.structure import anchored
from gossamer.codegen.tvm.winograd import InputTransform, OutputTransform, Tiling, combination


def _scaled(value: Any, factor: float) -> Any:
    return value * tirx.const(factor, "float32")


def input_transform(name: str, kernel: InputTransform) -> Any:
    """V = B^T d B of every tile and channel."""
    tiling, layout, size = kernel.tiling, kernel.x.layout, kernel.tiling.m + kernel.tiling.r - 1
    block = kernel.v.layout.block(1)
    matrix = tiling.form.arrays()[2].tolist()

    def body(loops: Any, buffers: Mapping[str, Any]) -> None:
        groups = -(-tiling.ic // block)
        with loops.parallel(tiling.batch * groups * tiling.rows) as task:
            image, group, row = (
                tirx.floordiv(task, groups * tiling.rows),
                tirx.floormod(tirx.floordiv(task, tiling.rows), groups),
                tirx.floormod(task, tiling.rows),
            )
            with loops.serial(tiling.columns) as column:
                tile = (image * tiling.rows + row) * tiling.columns + column
                for element in range(tiling.elements):
                    with loops.vectorized(block) as lane:
                        pixels = {
                            (i, j): _pixel(
                                buffers["x"],
                                layout,
                                tiling,
                                image,
                                (group, lane, block),
                                row * tiling.m + i,
                                column * tiling.m + j,
                            )
                            for i in range(size)
                            for j in range(size)
                        }
                        value = combination(
                            matrix, pixels, element // size, element % size, _scaled, number(0, "float32")
                        )
                        where = [element, group, tile, lane] if block > 1 else [element, group, tile]
                        loops.store(buffers["v"], value, where)

    return build_loops(
        name, [Buffer("x", layout.shape, kernel.x.dtype), Buffer("v", kernel.v.layout.shape, kernel.v.dtype)], body
    )


def _pixel(
    buffer: Any, layout: Layout, tiling: Tiling, image: Any, channel: tuple[Any, Any, int], row: Any, column: Any
) -> Any:
    """One element of the padded input; tested only where the layout's halo does not reach."""
    group, lane, block = channel
    ys, xs = row - tiling.top, column - tiling.left
    index = group * block + lane if layout.block(1) == 1 else group
    where = [image, index, ys + layout.before[2], xs + layout.before[3]] + ([lane] if layout.block(1) > 1 else [])
    tests: list[Any] = []
    for axis, value, before, reach in ((2, ys, tiling.top, tiling.reach[0]), (3, xs, tiling.left, tiling.reach[1])):
        if layout.before[axis] < before or layout.fill != 0:
            tests.append(value >= 0)
        if layout.capacity(axis) < reach - before or layout.fill != 0:
            tests.append(value < layout.logical[axis])
    value = buffer[tuple(where)]
    return tirx.if_then_else(tirx.all(*tests), value, number(0, "float32")) if tests else value


def output_transform(name: str, kernel: OutputTransform) -> Any:
    """Y = A^T M A of every tile, then what the node does with it."""
    tiling, size = kernel.tiling, kernel.tiling.m + kernel.tiling.r - 1
    block = kernel.tiles.layout.block(1)
    matrix = tiling.form.arrays()[0].tolist()
    passed = [k for k in range(len(kernel.operands)) if k not in kernel.skipped]
    params = [Buffer(f"i{k}", kernel.operands[k].layout.shape, kernel.operands[k].dtype) for k in passed]
    params += [
        Buffer("m", kernel.tiles.layout.shape, kernel.tiles.dtype),
        Buffer("y", kernel.result.layout.shape, kernel.result.dtype),
    ]

    def body(loops: Any, buffers: Mapping[str, Any]) -> None:
        groups = -(-tiling.oc // block)
        with loops.parallel(tiling.batch * groups * tiling.rows) as task:
            image, group, row = (
                tirx.floordiv(task, groups * tiling.rows),
                tirx.floormod(tirx.floordiv(task, tiling.rows), groups),
                tirx.floormod(task, tiling.rows),
            )
            with loops.serial(tiling.columns) as column:
                tile = (image * tiling.rows + row) * tiling.columns + column
                for i, j in ((i, j) for i in range(tiling.m) for j in range(tiling.m)):
                    inside = _inside(tiling, row * tiling.m + i, column * tiling.m + j, i, j)
                    with loops.when(inside), loops.vectorized(block) as lane:
                        products = {
                            (a, b): _tile_element(buffers["m"], a * size + b, group, tile, lane, block)
                            for a in range(size)
                            for b in range(size)
                        }
                        total = combination(matrix, products, i, j, _scaled, number(0, "float32"))
                        _store(
                            loops,
                            kernel,
                            buffers,
                            total,
                            (image, group, lane, block),
                            (row * tiling.m + i, column * tiling.m + j),
                        )

    return build_loops(name, params, body)


def _tile_element(buffer: Any, element: int, group: Any, tile: Any, lane: Any, block: int) -> Any:
    return buffer[(element, group, tile, lane) if block > 1 else (element, group, tile)]


def _inside(tiling: Tiling, row: Any, column: Any, i: int, j: int) -> list[Any]:
    """Tests that the pixel is part of the output; none where every tile is whole."""
    tests = [row < tiling.oh] if (tiling.rows - 1) * tiling.m + i >= tiling.oh else []
    return tests + ([column < tiling.ow] if (tiling.columns - 1) * tiling.m + j >= tiling.ow else [])


def _store(
    loops: Any,
    kernel: OutputTransform,
    buffers: Mapping[str, Any],
    total: Any,
    place: tuple[Any, Any, Any, int],
    pixel: tuple[Any, Any],
) -> None:
    (image, group, lane, block), (row, column) = place, pixel
    tiling, layout = kernel.tiling, kernel.result.layout
    channels = {block: group, 1: lane} if block > 1 else {1: group}
    channel = group * block + lane
    values = (
        Coordinate(image, {1: image}, tiling.batch - 1, tiling.batch),
        Coordinate(channel, channels, -(-tiling.oc // block) * block - 1, tiling.oc),
        Coordinate(row, {1: row}, tiling.oh - 1, tiling.oh),
        Coordinate(column, {1: column}, tiling.ow - 1, tiling.ow),
    )
    value = stage_value(kernel.program, _form_of(kernel), buffers, values, total)
    rest = [row + layout.before[2], column + layout.before[3]]
    loops.store(buffers["y"], value, [image, group, *rest, lane] if layout.block(1) > 1 else [image, channel, *rest])


def _form_of(kernel: OutputTransform) -> Form:
    pair = anchored(kernel.program)
    assert pair is not None
    stored: tuple[tuple[int, Storage], ...] = tuple(
        sorted({pair[0]: kernel.tiles, pair[1]: kernel.result}.items(), key=lambda item: item[0])
    )
    return Form(kernel.operands, stored, ())
