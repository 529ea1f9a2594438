"""Operators that give the same numbers another shape or order; they see the file's own layout."""

from math import prod

from tflite import ReshapeOptions

from gossamer.frontends.tflite.call import Call
from gossamer.frontends.tflite.scope import TO_NCHW, TO_NHWC, Placed, reordered
from gossamer.frontends.tflite.table import operator
from gossamer.ir.errors import FrontendError
from gossamer.ir.ops import Reshape
from gossamer.ir.types import Value


@operator("RESHAPE")
def reshape(call: Call) -> Placed:
    """The shape is an operand in new files and an option in old ones."""
    if call.has(1):
        return _reshaped(call, call.whole(1))
    options = call.options(ReshapeOptions)
    return _reshaped(call, tuple(options.NewShape(i) for i in range(options.NewShapeLength())))


@operator("SQUEEZE", "EXPAND_DIMS")
def same_numbers(call: Call) -> Placed:
    """The file says what shape comes out."""
    return _reshaped(call, call.out().type.shape)


@operator("TRANSPOSE")
def transpose(call: Call) -> Placed:
    """One that only says what the IR does anyway, from NHWC to NCHW or back, costs nothing."""
    perm = call.whole(1)
    if sorted(perm) != list(range(call.tensor(0).type.rank)):
        raise FrontendError(f"it is malformed: it puts the axes in order {perm}")
    if call.computed_nchw(0) and perm == TO_NCHW:
        return Placed(call.emit(_same(call.image(0))))
    if not call.computed_nchw(0) and perm == TO_NHWC:
        return Placed(call.emit(_same(call.plain(0)), nchw=True), nchw=True)
    return Placed(call.emit(reordered(call.plain(0), perm)))


def _same(x: Value) -> Reshape:
    return Reshape(x, x.shape)


def _reshaped(call: Call, wanted: tuple[int, ...]) -> Placed:
    x = call.plain(0)
    return Placed(call.emit(Reshape(x, _solved(wanted, x, call.tensor(0).type.shape))))


def _solved(wanted: tuple[int, ...], x: Value, declared: tuple[int, ...]) -> tuple[int, ...]:
    """A -1 takes what is left; so does the first extent when the batch is another than the file's."""
    if x.shape != declared and wanted and -1 not in wanted:
        wanted = (-1, *wanted[1:])
    rest = prod(n for n in wanted if n != -1)
    total = prod(x.shape)
    fits = total % rest == 0 if -1 in wanted and rest else total == rest
    if wanted.count(-1) > 1 or any(n < -1 for n in wanted) or not fits or (-1 in wanted and not rest):
        raise FrontendError(f"it is malformed: its shape {list(wanted)} does not fit {list(x.shape)}")
    return tuple(total // rest if n == -1 else n for n in wanted)
