"""Which element types runtimes compute an operator in: ONNX allows more than onnxruntime's CPU kernels have.

Float types below f32 are computed in f32 and stored back, as the IR means it. Integers and bools beyond what is listed
here go by the op's loop nest, which computes in i32 or i64.
"""

from gossamer.ir import ops
from gossamer.ir.op import Op
from gossamer.ir.types import BOOL, I8, I32, I64, U8

_ANY: tuple[type[Op], ...] = (
    ops.Reshape, ops.Transpose, ops.Concat, ops.Slice, ops.Split, ops.Gather, ops.GatherElements, ops.GatherND,
    ops.Tile, ops.Expand, ops.ChannelShuffle,
)  # fmt: skip
"""Movement: every element type."""
_WHOLE: tuple[type[Op], ...] = (
    ops.Add, ops.Sub, ops.Mul, ops.Maximum, ops.Minimum, ops.Neg, ops.Abs, ops.Sign, ops.Less, ops.LessEqual, ops.Equal,
    ops.Where, ops.ReduceSum, ops.ReduceMax, ops.ReduceMin, ops.ReduceProd, ops.ArgMax, ops.ArgMin, ops.CumSum,
    ops.TopK, ops.Bitwise, ops.Pad, ops.ScatterElements, ops.ScatterND, ops.Resize,
)  # fmt: skip
"""Arithmetic that has kernels for i32 and i64."""
_LOGIC: tuple[type[Op], ...] = (ops.And, ops.Or, ops.Not)


def has_kernel(op: Op) -> bool:
    """Whether ONNX's own operator is to be used, going by the plain types of the operands."""
    kinds = {v.dtype for v in op.operands if v.type.quant is None and not v.dtype.floating}
    kinds -= {BOOL} if isinstance(op, (*_LOGIC, ops.Equal)) or (isinstance(op, ops.Where) and not _bools(op)) else set()
    if not kinds or isinstance(op, _ANY):
        return True
    if isinstance(op, ops.MaxPool2d):
        return kinds <= {I8, U8}
    return isinstance(op, _WHOLE) and kinds <= {I32, I64}


def in_f32(op: Op) -> bool:
    """Whether the op is on floats that are to be computed in f32."""
    return not isinstance(op, _ANY) and any(v.dtype.floating and v.dtype.bits < 32 for v in op.operands)


def _bools(op: ops.Where) -> bool:
    return op.x.dtype == BOOL
