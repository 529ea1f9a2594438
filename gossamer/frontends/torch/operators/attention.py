"""Scaled dot-product attention (Vaswani et al. 2017): softmax(q k^T * scale + mask) v in every head."""

from math import inf, sqrt

import numpy as np

from gossamer.frontends.problems import Unsupported
from gossamer.frontends.torch.call import Call
from gossamer.frontends.torch.table import Result, operator
from gossamer.ir.ops import Add, Expand, MatMul, Mul, Reshape, Softmax, Transpose, Where
from gossamer.ir.types import BOOL, Value


@operator("scaled_dot_product_attention", "_scaled_dot_product_flash_attention_for_cpu")
def attention(call: Call) -> Result:
    """q [..., L, E], k [..., S, E], v [..., S, Ev] -> [..., L, Ev]."""
    if call["dropout_p"]:
        raise Unsupported("it has dropout; call model.eval() first")
    q, k, v = call.value("query"), call.value("key"), call.value("value")
    if call.get("enable_gqa"):
        k, v = (_repeated(call, x, q.shape[-3]) for x in (k, v))
    scale = call["scale"] if call.has("scale") else 1 / sqrt(q.shape[-1])
    scaled = call.step(Mul(q, call.number(float(scale), q)))
    perm = (*range(k.type.rank - 2), k.type.rank - 1, k.type.rank - 2)
    scores = _masked(call, call.step(MatMul(scaled, call.step(Transpose(k, perm)))))
    return call.emit(MatMul(call.step(Softmax(scores, -1)), v))


def _masked(call: Call, scores: Value) -> Value:
    """-inf where a query may not look."""
    if call["is_causal"]:
        rows, columns = scores.shape[-2:]
        numbers = np.where(np.tri(rows, columns, dtype=bool), 0.0, -inf).astype(scores.dtype.numpy)
        scores = call.step(Add(scores, call.param("causal.number", numbers, scores.dtype)))
    mask = call.optional("attn_mask")
    if mask is None:
        return scores
    if mask.dtype == BOOL:
        return call.step(Where(mask, scores, call.number(-inf, scores)))
    return call.step(Add(scores, call.cast(mask, scores.dtype)))


def _repeated(call: Call, x: Value, heads: int) -> Value:
    """Every head of k and v serves several of q, one after the other."""
    *outer, own, length, width = x.shape
    apart = call.step(Reshape(x, (*outer, own, 1, length, width)))
    wide = call.step(Expand(apart, (*outer, own, heads // own, length, width)))
    return call.step(Reshape(wide, (*outer, heads, length, width)))
