"""Scaled dot-product attention, with grouped heads, masks, windows, soft caps and a cache.

B batch, H query heads, G key and value heads (G divides H), S queries, T keys, d head size. The H / G query heads that
share a key head are rows of one product: q [B, H, S, d] as [B, G, H/G * S, d], so that no key is copied.
"""

from math import inf, sqrt

from gossamer.frontends.onnx.call import Call
from gossamer.frontends.onnx.operators.masks import Mask, mask_of
from gossamer.frontends.onnx.operators.normalise import cast_to
from gossamer.frontends.onnx.table import Result, operator
from gossamer.frontends.onnx.tensors import dtype_of
from gossamer.ir.errors import FrontendError
from gossamer.ir.op import Op
from gossamer.ir.ops import Add, Concat, Div, Equal, MatMul, Mul, ReduceMax, Reshape, Softmax, Tanh, Transpose, Where
from gossamer.ir.types import F32, Value

_STAGES = 4


@operator("Attention")
def attention(call: Call) -> Result:
    """Outputs Y, the keys and values with those of the cache in front, and one of the stages of the scores."""
    q, k, v = _heads(call, 0, "q_num_heads"), _heads(call, 1, "kv_num_heads"), _heads(call, 2, "kv_num_heads")
    if k.shape[:3] != v.shape[:3] or not k.shape[1] or q.shape[1] % k.shape[1]:
        found = f"{list(q.shape)}, {list(k.shape)} and {list(v.shape)}"
        raise FrontendError(f"its query, key and value of {found} (batch, heads, steps, size) do not fit each other")
    past = call.value(4).shape[2] if call.has(4) else 0
    k, v = _with_cache(call, 4, k), _with_cache(call, 5, v)
    stages = _stages(call, q, k, mask_of(call, q, k, past))
    y = _merged(call, grouped_product(call, stages[-1], v))
    stage = call.attr_int("qk_matmul_output_mode", 0)
    if not 0 <= stage < _STAGES:
        raise FrontendError(f"its qk_matmul_output_mode is {stage}, needed 0 to 3")
    return y, k, v, stages[stage]


def _heads(call: Call, index: int, heads: str) -> Value:
    """Operand `index` as [B, heads, steps, size]; the file may have it as [B, steps, heads * size]."""
    x = call.value(index)
    if x.type.rank == 4:
        return x
    count = call.attr_int(heads, 0)
    if x.type.rank != 3 or count < 1 or x.shape[2] % count:
        raise FrontendError(f"its {heads} is {count} and an operand has shape {list(x.shape)}: they do not fit")
    return split_heads(call, x, count)


def split_heads(call: Call, x: Value, count: int) -> Value:
    """[B, steps, heads * size] as [B, heads, steps, size]."""
    split = call.step(Reshape(x, (*x.shape[:2], count, x.shape[2] // count)))
    return call.step(Transpose(split, (0, 2, 1, 3)))


def _with_cache(call: Call, index: int, new: Value) -> Value:
    return call.step(Concat((call.value(index), new), 2)) if call.has(index) else new


def _stages(call: Call, q: Value, k: Value, mask: Mask) -> tuple[Value, ...]:
    """The scores [B, H, S, T]: products, soft-capped, masked, softmax."""
    raw = _scores(call, q, k)
    cap = call.attr_float("softcap", 0.0)
    capped = raw if not cap else _capped(call, raw, call.number(cap, raw))
    masked = _masked(call, capped, mask)
    precision = call.attr_int("softmax_precision", 0)
    wide = cast_to(call, masked, dtype_of(precision, "its softmax") if precision else masked.dtype)
    return raw, capped, masked, cast_to(call, softmax_of_rows(call, wide, mask.may_hide_all), q.dtype)


def _scores(call: Call, q: Value, k: Value) -> Value:
    """q @ k.T * scale. Narrow floats scale both operands, as the standard does, since a product could overflow."""
    scale = call.attr_float("scale", 0.0) or 1 / sqrt(q.shape[3])
    if q.dtype == F32:
        q = call.step(Mul(q, call.number(scale, q, "scale")))
    else:
        root = call.number(sqrt(scale), q, "scale")
        q, k = call.step(Mul(q, root)), call.step(Mul(k, root))
    return grouped_product(call, q, call.step(Transpose(k, (0, 1, 3, 2))))


def grouped_product(call: Call, x: Value, y: Value) -> Value:
    """x [B, H, S, k] @ y [B, G, k, n]: each G of y serves H / G heads of x."""
    batch, heads, rows, terms = x.shape
    groups = y.shape[1]
    if heads == groups:
        return call.step(MatMul(x, y))
    stacked = call.step(Reshape(x, (batch, groups, heads // groups * rows, terms)))
    return call.step(Reshape(call.step(MatMul(stacked, y)), (batch, heads, rows, y.shape[3])))


def _capped(call: Call, x: Value, cap: Value) -> Value:
    return call.step(Mul(cap, call.step(Tanh(call.step(Div(x, cap))))))


def _masked(call: Call, scores: Value, mask: Mask) -> Value:
    if mask.bias is not None:
        scores = call.step(Add(scores, mask.bias))
    if mask.allowed is not None:
        scores = call.step(Where(mask.allowed, scores, call.number(-inf, scores)))
    return scores


def softmax_of_rows(call: Call, x: Value, may_hide_all: bool) -> Value:
    """Softmax along the last axis; a row of nothing but -inf gives zeros."""
    if not may_hide_all:
        return call.step(Softmax(x, -1))
    hidden = call.step(Equal(call.step(ReduceMax(x, (-1,))), call.number(-inf, x)))
    zero = call.number(0.0, x)
    return call.step(Where(hidden, zero, call.step(Softmax(call.step(Where(hidden, zero, x)), -1))))


def _merged(call: Call, y: Value) -> Value:
    """Y as the file wants it: [B, H, S, size], or [B, S, H * size] where the query came so."""
    if call.value(0).type.rank == 4:
        return y
    batch, heads, steps, size = y.shape
    return call.emit(merged_heads(call, y, (batch, steps, heads * size)))


def merged_heads(call: Call, y: Value, shape: tuple[int, ...]) -> Op:
    """[B, heads, steps, size] as [B, steps, heads * size]."""
    return Reshape(call.step(Transpose(y, (0, 2, 1, 3))), shape)
