"""Arithmetic on what is known at import: the shapes of static networks, and the small constants around them.

The onnx package's own reference evaluator does the work, one node at a time.
"""

import warnings
from collections.abc import Sequence
from functools import lru_cache
from math import prod
from typing import TYPE_CHECKING

import numpy as np
from onnx import NodeProto

from gossamer.frontends.onnx.call import whole
from gossamer.frontends.onnx.tensors import MADE_MAX, check_made
from gossamer.ir.errors import FrontendError
from gossamer.ir.graph import Array

if TYPE_CHECKING:
    from onnx.reference import ReferenceEvaluator

SMALL = 1 << 16
"""More elements than this are weights, and stay for the IR's own passes."""

_POINTWISE = frozenset((
    "Add", "And", "BitShift", "BitwiseAnd", "BitwiseOr", "BitwiseXor", "Clip", "Div", "Equal", "Greater",
    "GreaterOrEqual", "Less", "LessOrEqual", "Max", "Mean", "Min", "Mod", "Mul", "Or", "PRelu", "Pow", "Sub", "Sum",
    "Where", "Xor",
))  # fmt: skip
_NO_LARGER = frozenset((
    "Abs", "Acos", "Acosh", "ArgMax", "ArgMin", "Asin", "Asinh", "Atan", "Atanh", "BitwiseNot",
    "Cast", "CastLike", "Ceil", "Celu", "Compress", "Concat", "Cos",
    "Cosh", "CumSum", "DepthToSpace", "Elu", "Erf", "Exp", "EyeLike", "Flatten", "Floor", "GatherElements", "Gelu",
    "HardSigmoid", "HardSwish", "Hardmax", "Identity", "IsInf", "IsNaN", "LeakyRelu", "Log", "LogSoftmax", "Neg",
    "NonZero", "Not", "Reciprocal", "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax",
    "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum", "ReduceSumSquare", "Relu", "Reshape", "ReverseSequence",
    "Round", "ScatterElements", "ScatterND", "Selu", "Shape", "Sigmoid", "Sign", "Sin", "Sinh", "Size", "Slice",
    "Softmax", "Softplus", "Softsign", "SpaceToDepth", "Split", "Sqrt", "Squeeze", "Tan", "Tanh", "TopK", "Transpose",
    "Trilu", "Unique", "Unsqueeze",
))  # fmt: skip
"""Operators whose results are at most a few times as large as their operands."""
_MEASURED = frozenset((
    "BlackmanWindow", "Expand", "Gather", "GatherND", "HammingWindow", "HannWindow", "MatMul",
    "MelWeightMatrix", "OneHot", "Pad", "Range", "Tile",
))  # fmt: skip
"""Operators whose results `_result_size` measures before they are made."""
FOLDED = _POINTWISE | _NO_LARGER | _MEASURED


def foldable(operator: str, elements: int, known: bool) -> bool:
    """Is the operator to be computed here from constants of so many elements? `known`: the table has it as well."""
    return operator in FOLDED and (elements <= SMALL or not known)


def folded(node: NodeProto, opset: int, arrays: Sequence[Array | None]) -> tuple[Array, ...]:
    """The outputs of a node all of whose operands are known (None: left out)."""
    if opset < 13 and node.op_type in ("Squeeze", "Unsqueeze"):  # the evaluator knows the newer form only
        axes = [np.asarray(a.ints, np.int64) for a in node.attribute if a.name == "axes"]
        node, arrays, opset = NodeProto(op_type=node.op_type, output=node.output), [*arrays, *axes], 13
    _check_size(node, arrays)
    given = {f"i{i}": array for i, array in enumerate(arrays) if array is not None}
    try:
        evaluator = _evaluator(_anonymous(node, arrays), opset)
        with np.errstate(all="ignore"), warnings.catch_warnings():  # infinities and NaNs are the file's own business
            warnings.simplefilter("ignore", RuntimeWarning)
            return tuple(np.asarray(out) for out in evaluator.run(None, given))
    except Exception as error:  # the evaluator raises whatever its numpy code does on operands that do not fit
        reason = str(error).split("\n")[0][:200]
        raise FrontendError(f"it cannot be computed from its constants: {reason}") from error


def _anonymous(node: NodeProto, arrays: Sequence[Array | None]) -> bytes:
    """The node without its names, so that equal nodes share an evaluator."""
    plain = NodeProto(op_type=node.op_type, attribute=node.attribute)
    plain.input.extend("" if array is None else f"i{i}" for i, array in enumerate(arrays))
    plain.output.extend(f"o{i}" for i in range(len(node.output)))
    return plain.SerializeToString(deterministic=True)


@lru_cache(maxsize=256)
def _evaluator(node: bytes, opset: int) -> "ReferenceEvaluator":
    from onnx.reference import ReferenceEvaluator  # takes long to import, and many networks need no arithmetic

    return ReferenceEvaluator(NodeProto.FromString(node), opsets={"": opset})


def _check_size(node: NodeProto, arrays: Sequence[Array | None]) -> None:
    """Refuse what would make much out of little before it is made."""
    present = [a for a in arrays if a is not None]
    try:
        size = _result_size(node, present)
    except ValueError as error:
        raise FrontendError(f"its operands do not fit each other: {error}") from None
    check_made(size)


def _result_size(node: NodeProto, arrays: Sequence[Array]) -> int:
    match node.op_type:
        case "Split":
            return next((a.i for a in node.attribute if a.name == "num_outputs"), 0)
        case "BlackmanWindow" | "HammingWindow" | "HannWindow":
            return int(np.ravel(arrays[0])[0])
        case "MelWeightMatrix":
            return int(np.ravel(arrays[0])[0]) * (int(np.ravel(arrays[1])[0]) // 2 + 1)
        case "MatMul":
            return arrays[0].size * max(1, arrays[1].shape[-1] if arrays[1].ndim else 1)
        case "OneHot":
            return arrays[0].size * int(np.ravel(arrays[1])[0])
        case "Pad":
            return _padded(node, arrays)
        case "Expand":
            return prod(np.broadcast_shapes(arrays[0].shape, tuple(min(n, MADE_MAX + 1) for n in whole(arrays[1]))))
        case "Tile":
            return arrays[0].size * prod(whole(arrays[1]))
        case "Range":
            start, stop, step = (float(np.ravel(a)[0]) for a in arrays)
            return int(abs(stop - start) / abs(step)) if step else MADE_MAX + 1
        case "Gather" | "GatherND":
            return arrays[0].size * max(1, arrays[1].size)
        case _:
            return prod(np.broadcast_shapes(*(a.shape for a in arrays))) if node.op_type in _POINTWISE else 0


def _padded(node: NodeProto, arrays: Sequence[Array]) -> int:
    attribute = next((a.ints for a in node.attribute if a.name == "pads"), ())
    pads = whole(arrays[1]) if len(arrays) > 1 else tuple(attribute)
    return (max(arrays[0].shape, default=1) + max(0, *pads)) ** arrays[0].ndim if pads else arrays[0].size
