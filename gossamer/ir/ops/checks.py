"""What the ops ask of their operands: every message says what was found and what is needed.

`GraphBuilder` puts the node's name in front, so the messages here start with the operand: `x is u8 ...`.
"""

from gossamer.ir.errors import IRError
from gossamer.ir.types import I32, I64, DType, Quant, TensorType, Value


def need_rank(name: str, value: Value, rank: int, layout: str = "") -> None:
    if value.type.rank != rank:
        raise IRError(f"{name} has shape {value.shape}, needed {rank} dimensions{f' ({layout})' if layout else ''}")


def need_float(name: str, value: Value) -> None:
    """Float arithmetic: refuses integers, quantised or not."""
    need_unquantized(name, value)
    if not value.dtype.floating:
        raise IRError(f"{name} is {value.dtype}, needed a float type: cast to f32 first")


def need_arithmetic(name: str, value: Value) -> None:
    """Arithmetic on floats and plain integers: refuses quantised values, whose numbers are not what they stand for."""
    need_unquantized(name, value)
    if value.dtype.kind == "bool":
        raise IRError(f"{name} is bool, needed a number type: cast first")


def need_unquantized(name: str, value: Value) -> None:
    if value.type.quant is not None:
        raise IRError(f"{name} is quantised ({value.dtype} with a scale), needed a plain type: cast to f32 first")


def need_same_dtype(names: str, *values: Value) -> None:
    if len({value.dtype for value in values}) > 1:
        raise IRError(f"{names} have types {', '.join(str(v.dtype) for v in values)}, needed one type: cast first")


def need_vector(name: str, value: Value, extent: int, of: str) -> None:
    """A vector of `extent` numbers, one per `of`."""
    if value.shape != (extent,):
        raise IRError(f"{name} has shape {value.shape}, needed ({extent},): one per {of}")


def need_axis(axis: int, rank: int) -> int:
    """The axis counted from the front; IRError when there is no such axis."""
    if not -rank <= axis < rank:
        raise IRError(f"axis is {axis}, needed {-rank}..{rank - 1} for a tensor of {rank} dimensions")
    return axis % rank


_SIDES = {1: "one whole number >= 1 (width)", 2: "two whole numbers >= 1 (height, width)"}
_ENDS = {1: "two numbers >= 0 (left, right)", 2: "four numbers >= 0 (top, left, bottom, right)"}


def need_positive(name: str, values: tuple[int, ...], rank: int = 2) -> None:
    """Whole numbers from 1, one per spatial side."""
    if len(values) != rank or any(v < 1 for v in values):
        needed = _SIDES.get(rank, "three whole numbers >= 1 (depth, height, width)")
        raise IRError(f"{name} is {values}, needed {needed}")


def need_groups(groups: int) -> None:
    if groups < 1:
        raise IRError(f"groups is {groups}, needed a whole number >= 1")


def need_pads(pads: tuple[int, ...], rank: int = 2) -> None:
    """Padding of every spatial side: all begins, then all ends."""
    if len(pads) != 2 * rank or any(p < 0 for p in pads):
        needed = _ENDS.get(rank, "six numbers >= 0 (front, top, left, back, bottom, right)")
        raise IRError(f"pads is {pads}, needed {needed}")


def broadcast(x: tuple[int, ...], y: tuple[int, ...], names: str = "x and y") -> tuple[int, ...]:
    """numpy's broadcasting of two shapes."""
    rank = max(len(x), len(y))
    wide_x, wide_y = (1,) * (rank - len(x)) + x, (1,) * (rank - len(y)) + y
    if any(a != b and a != 1 and b != 1 for a, b in zip(wide_x, wide_y)):
        raise IRError(f"{names} have shapes {x} and {y}, needed shapes that broadcast (equal extents, or 1)")
    return tuple(b if a == 1 else a for a, b in zip(wide_x, wide_y))


def product_type(x: Value, weight: Value, shape: tuple[int, ...], terms: int, oc_axis: int, axis: int) -> TensorType:
    """Type of sum(x * weight) over `terms` products; output channels are `oc_axis` of the weight, `axis` of the result.

    Floats keep their type. Integers give the exact accumulator: i32, or i64 where i32 could overflow.
    """
    if x.dtype.floating and weight.dtype.floating:
        need_same_dtype("x and weight", x, weight)
        return TensorType(x.dtype, shape)
    if not (x.dtype.integer and weight.dtype.integer):
        raise IRError(f"x is {x.dtype}, the weight {weight.dtype}, needed both float or both integer: cast one first")
    quant = _product_quant(x.type, weight.type, oc_axis, axis)
    return TensorType(accumulator(x.type, weight.type, terms), shape, quant)


def accumulator(x: TensorType, weight: TensorType, terms: int) -> DType:
    """i32, or i64 where a sum of `terms` products (and a bias as large) may not fit i32."""
    zero = x.quant.zero_point[0] if x.quant else 0
    largest = max(x.dtype.high - zero, zero - x.dtype.low) * max(weight.dtype.high, -weight.dtype.low)
    return I32 if largest * terms < 1 << 30 else I64


def _product_quant(x: TensorType, weight: TensorType, oc_axis: int, axis: int) -> Quant | None:
    if x.quant is None and weight.quant is None:
        return None
    if x.quant is None or weight.quant is None:
        given, missing = ("x", "the weight") if weight.quant is None else ("the weight", "x")
        raise IRError(f"{given} is quantised but {missing} is not, needed a scale on both or on neither")
    if x.quant.axis is not None:
        raise IRError(f"x has one scale per index of axis {x.quant.axis}, needed one scale for all of x")
    if not weight.quant.symmetric:
        raise IRError(f"the weight has zero points {weight.quant.zero_point[:3]}, needed 0: a symmetric weight")
    if weight.quant.axis not in (None, oc_axis):
        raise IRError(f"the weight has scales on axis {weight.quant.axis}, needed axis {oc_axis} (oc) or one scale")
    scales = tuple(x.quant.scale[0] * s for s in weight.quant.scale)
    return Quant(scales, (0,), None if weight.quant.axis is None else axis)


def need_bias(bias: Value | None, result: TensorType, extent: int) -> None:
    """A bias fits a product when it is one number per output channel of the result's own type and scale."""
    if bias is None:
        return
    need_vector("the bias", bias, extent, "output channel")
    if bias.dtype != result.dtype:
        raise IRError(f"the bias is {bias.dtype}, needed {result.dtype}: the type of the sum it is added to")
    if (bias.type.quant is None) != (result.quant is None):
        raise IRError("the bias must be quantised exactly when x and the weight are")
    if bias.type.quant and result.quant and not _same_scales(bias.type.quant, result.quant):
        found, needed = bias.type.quant.scale[:3], result.quant.scale[:3]
        raise IRError(f"the bias has scale {found}, needed x scale * weight scale = {needed} and zero point 0")


def _same_scales(bias: Quant, result: Quant) -> bool:
    # Relative 1e-6: files keep scales in float32, the product here is in double.
    if not bias.symmetric or len(bias.scale) not in (1, len(result.scale)):
        return False
    scales = bias.scale * len(result.scale) if len(bias.scale) == 1 else bias.scale
    return all(abs(b - r) <= 1e-6 * r for b, r in zip(scales, result.scale))
