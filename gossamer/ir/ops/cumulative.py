"""Running sums and products along one axis, which may count from the end.

Their meaning is a reduction over all shifts of the row, in which what lies before its start counts as nothing: n * n
steps for n elements, every one of which can be done at once.
"""

from dataclasses import dataclass
from typing import Literal

from gossamer.ir.nest import Axis, Kernel, Load, Nest, at, single
from gossamer.ir.op import Op
from gossamer.ir.ops.checks import need_arithmetic, need_axis
from gossamer.ir.ops.nests import axes_of, compute_type, reduced_name
from gossamer.ir.types import TensorType, Value


@dataclass(frozen=True)
class CumSum(Op, name="math.cum_sum"):
    """out[i] = x[0] + .. + x[i] along `axis`; `exclusive` leaves x[i] out, `reverse` runs from the end to i."""

    x: Value
    axis: int
    exclusive: bool = False
    reverse: bool = False

    def infer(self) -> tuple[TensorType, ...]:
        return _running_type(self)

    def kernel(self) -> Kernel:
        return _running(self, "sum", 0.0)


@dataclass(frozen=True)
class CumProd(Op, name="math.cum_prod"):
    """out[i] = x[0] * .. * x[i] along `axis`; `exclusive` leaves x[i] out, `reverse` runs from the end to i."""

    x: Value
    axis: int
    exclusive: bool = False
    reverse: bool = False

    def infer(self) -> tuple[TensorType, ...]:
        return _running_type(self)

    def kernel(self) -> Kernel:
        return _running(self, "prod", 1.0)


def _running_type(op: CumSum | CumProd) -> tuple[TensorType, ...]:
    need_arithmetic("x", op.x)
    need_axis(op.axis, op.x.type.rank)
    return (TensorType(op.x.dtype, op.x.shape),)


def _running(op: CumSum | CumProd, reduce: Literal["sum", "prod"], nothing: float) -> Kernel:
    axes, axis = axes_of(op.x.shape), op.axis % op.x.type.rank
    loop = Axis(reduced_name(axis, len(axes)), op.x.shape[axis], reduce=True)
    back = at(loop.name) + int(op.exclusive)
    index = [at(a.name) for a in axes]
    index[axis] = index[axis] + (back if op.reverse else back * -1)
    kind = compute_type(op.x.dtype)
    return single(1, Nest((*axes, loop), Load(0, tuple(index), nothing), kind, op.x.dtype, reduce))
