"""A convolution as a product of matrices: the pixels that some outputs read are gathered, then multiplied.

    A[(ic, kh, kw), p] = x[n, ic, row(p) * stride + kh * dilation - pad, ...]       p = pixel of some rows of the output
    y[oc, p] = epilogue(sum over (ic, kh, kw) of w[oc, ic, kh, kw] * A[(ic, kh, kw), p])

A task gathers A for some rows of the output into the thread's own memory and multiplies it with all weights, register
tile by register tile. Where the input's channels are in blocks, A is gathered block by block.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gossamer.codegen.tvm.adapter import Buffer, Loops, TaskFunction, Tensor, build_tasks, tirx
from gossamer.codegen.tvm.cut import Cut
from gossamer.codegen.tvm.epilogue import Pixels, epilogue_parameters, physical
from gossamer.codegen.tvm.forms import Storage
from gossamer.codegen.tvm.layout import Dim, Layout
from gossamer.codegen.tvm.panel import Operands, Panel, Place, emit_panel, keep, load, splat
from gossamer.codegen.tvm.winograd import Blocking, Epilogue
from gossamer.ir.ops.nn import Conv2d

SERIAL_PRODUCTS = 1 << 16
"""Kernels of fewer products stay on one thread."""


@dataclass(frozen=True)
class Window:
    """A convolution: extents of input channels and result, kernel, and how its window moves."""

    ic: int
    result: tuple[int, int, int, int]
    kernel: tuple[int, int]
    strides: tuple[int, int]
    dilations: tuple[int, int]
    pads: tuple[int, int]

    @staticmethod
    def of(conv: Conv2d) -> "Window":
        batch, oc, oh, ow = conv.infer()[0].shape
        kh, kw = conv.weight.shape[2:]
        (top, left), (sh, sw), (dh, dw) = conv.pads[:2], conv.strides, conv.dilations
        return Window(conv.x.shape[1], (batch, oc, oh, ow), (kh, kw), (sh, sw), (dh, dw), (top, left))

    @property
    def taps(self) -> int:
        return self.kernel[0] * self.kernel[1]


def gathered_weight_layout(window: Window, blocking: Blocking, inner: int) -> Layout:
    """w as the products read it: (oc / wide, ic / inner, kh, kw, inner, wide), wide = vectors * lanes."""
    wide, groups = blocking.vectors * blocking.lanes, -(-window.ic // inner)
    oc, (kh, kw) = window.result[1], window.kernel
    blocks = [Dim(1, inner, groups), Dim(2, 1, kh), Dim(3, 1, kw), *([Dim(1, 1, inner)] if inner > 1 else [])]
    dims = (Dim(0, wide, -(-oc // wide)), *blocks, Dim(0, 1, wide))
    return Layout((oc, window.ic, kh, kw), dims, (0,) * 4, (0,) * 4)


@dataclass(frozen=True)
class Im2col:
    """Kernel (x, w, what the epilogue reads) -> (result). A task is `rows` rows of the result."""

    window: Window
    blocking: Blocking
    rows: int
    epilogue: Epilogue
    x: Storage
    w: Storage

    def function(self, name: str) -> TaskFunction:
        batch, _, oh, ow = self.window.result
        bands = -(-oh // self.rows)

        def body(loops: Loops, buffers: Mapping[str, Any], task: Any) -> None:
            image = tirx.floordiv(task, bands) if batch > 1 else tirx.const(0, "int32")
            first = (tirx.floormod(task, bands) if batch > 1 else task) * self.rows
            here = tirx.min(self.rows, oh - first) if oh % self.rows else self.rows
            _Task(loops, self, buffers, image, first, here).emit()

        params = [Buffer("x", self.x.layout.shape, self.x.dtype), Buffer("x_w", self.w.layout.shape, self.w.dtype)]
        made = build_tasks(name, [*params, *epilogue_parameters(self.epilogue)], batch * bands, body)
        products = batch * oh * ow * self.window.ic * self.window.taps * self.window.result[1]
        return made.run_serially(products < SERIAL_PRODUCTS)


@dataclass(frozen=True)
class _Task:
    """Rows first .. first + here - 1 of one image of the result."""

    loops: Loops
    kernel: Im2col
    buffers: Mapping[str, Any]
    image: Any
    first: Any
    here: Any

    def emit(self) -> None:
        window, blocking = self.kernel.window, self.kernel.blocking
        inner, lanes = self.kernel.x.layout.block(1), blocking.lanes
        points, depth = self.kernel.rows * window.result[3], -(-window.ic // inner) * window.taps
        panel = Panel(Cut.of(points, blocking.points), blocking.vectors, lanes, depth, inner, self._chunk(inner))
        gathered = self.loops.scratch((depth, points, inner), "float32")
        self._gather(gathered, inner)
        sums = self.loops.scratch((points, blocking.vectors, lanes), "float32")
        weights = self.buffers["x_w"]
        limit = None if isinstance(self.here, int) else self.here * window.result[3]
        with self.loops.serial(self.kernel.w.layout.shape[0]) as block:

            def right(group: Any, i: Any, vector: Any) -> Place:
                # the groups' dimensions lie one after another: one index runs through all of them
                step = [0, 0, group] + ([i] if inner > 1 else [])
                return weights, [block, *step, vector * lanes]

            def kept(point: Any, vector: int) -> Place:
                return sums, [point, vector, 0]

            emit_panel(self.loops, panel, Operands(lambda g, i, p: gathered[g, p, i], right, kept), limit)
            self._store(sums, block)

    def _store(self, sums: Tensor, block: Any) -> None:
        """What becomes of the sums of a block of output channels."""
        loops, blocking, columns = self.loops, self.kernel.blocking, self.kernel.window.result[3]
        pixels, vectors = Pixels(self.kernel.epilogue, self.buffers, blocking.lanes), blocking.vectors
        every, lanes = -(-self.kernel.window.result[1] // blocking.lanes), blocking.lanes
        many = tirx.min(vectors, every - block * vectors) if every % vectors else vectors
        with loops.serial(many) as vector, loops.serial(self.here) as row, loops.serial(columns) as column:
            total = keep(loops, load((sums, [row * columns + column, vector, 0]), lanes), lanes)
            pixels.store(loops, total, block * vectors + vector, (self.image, self.first + row, column))

    def _chunk(self, inner: int) -> int:
        return max(1, self.kernel.blocking.depth // inner)

    def _gather(self, gathered: Tensor, inner: int) -> None:
        window, loops = self.kernel.window, self.loops
        columns = window.result[3]
        with loops.nested([-(-window.ic // inner), *window.kernel]) as (group, kh, kw), loops.serial(self.here) as row:
            depth = (group * window.kernel[0] + kh) * window.kernel[1] + kw
            y = (self.first + row) * window.strides[0] + kh * window.dilations[0] - window.pads[0]
            with loops.serial(columns) as column:
                x = column * window.strides[1] + kw * window.dilations[1] - window.pads[1]
                loops.store_vector(gathered, self._pixel(group, y, x), [depth, row * columns + column, 0], inner)

    def _pixel(self, group: Any, y: Any, x: Any) -> Any:
        """The channels of a block at a pixel of the padded input; tested only where no halo of zeros holds it."""
        layout, window = self.kernel.x.layout, self.kernel.window
        inner, framed = layout.block(1), layout.fill == 0
        tests: list[Any] = []
        for axis, at, pad in ((2, y, window.pads[0]), (3, x, window.pads[1])):
            extent, moves = window.result[axis], (axis - 2)
            reach = (extent - 1) * window.strides[moves] + (window.kernel[moves] - 1) * window.dilations[moves]
            if pad > (layout.before[axis] if framed else 0):
                tests.append(at >= 0)
            if reach - pad >= (layout.capacity(axis) if framed else layout.logical[axis]):
                tests.append(at < layout.logical[axis])
        where = physical(layout, (self.image, group, y, x), {1: (inner, group, 0)})
        value = self.buffers["x"].vector(where, inner)
        zero = splat(tirx.const(0.0, "float32"), inner)
        return tirx.if_then_else(tirx.all(*tests), value, zero) if tests else value
