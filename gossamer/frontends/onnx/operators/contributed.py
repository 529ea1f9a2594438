"""Operators that onnxruntime's own optimiser and exporters write (domain com.microsoft), made of the standard's."""

from collections.abc import Callable

from gossamer.frontends.onnx.call import Call
from gossamer.frontends.onnx.operators.attention import grouped_product, merged_heads, softmax_of_rows, split_heads
from gossamer.frontends.onnx.operators.convolutions import convolved
from gossamer.frontends.onnx.operators.gates import gated
from gossamer.frontends.onnx.operators.normalise import layer_normalised, rms_normalised, statistics
from gossamer.frontends.onnx.operators.products import product_of_matrices
from gossamer.frontends.onnx.table import Result, operator
from gossamer.frontends.problems import Unsupported
from gossamer.ir.errors import FrontendError
from gossamer.ir.op import Op
from gossamer.ir.ops import (
    Add,
    Clip,
    Concat,
    Gelu,
    HardSigmoid,
    LeakyRelu,
    MatMul,
    Mul,
    Relu,
    Sigmoid,
    Slice,
    Tanh,
    Transpose,
)
from gossamer.ir.types import Value

_DOMAIN = "com.microsoft"
_ACTIVATIONS: dict[str, Callable[..., Op]] = {
    "Relu": Relu, "Sigmoid": Sigmoid, "Tanh": Tanh, "LeakyRelu": LeakyRelu, "Clip": Clip, "HardSigmoid": HardSigmoid,
}  # fmt: skip


@operator("Gelu", "BiasGelu", domain=_DOMAIN)
def gelu(call: Call) -> Result:
    return call.emit(Gelu(_biased(call)))


@operator("FastGelu", domain=_DOMAIN)
def fast_gelu(call: Call) -> Result:
    return call.emit(Gelu(_biased(call), approximate=True))


@operator("QuickGelu", domain=_DOMAIN)
def quick_gelu(call: Call) -> Result:
    return call.emit(gated(call, call.value(0), call.attr_float("alpha", 1.702)))


@operator("FusedMatMul", domain=_DOMAIN)
def fused_matmul(call: Call) -> Result:
    """alpha * a @ b, either transposed first."""
    if call.attr_int("transBatchA", 0) or call.attr_int("transBatchB", 0):
        raise Unsupported("it transposes batch axes")
    a, b = (_transposed(call, i, name) for i, name in enumerate(("transA", "transB")))
    alpha, product = call.attr_float("alpha", 1.0), MatMul(a, b)
    return call.emit(product if alpha == 1.0 else Mul(call.step(product), call.number(alpha, a, "alpha")))


@operator("FusedConv", domain=_DOMAIN)
def fused_conv(call: Call) -> Result:
    found = convolved(call)
    if call.has(3):
        found = Add(call.step(found), call.value(3))
    params = call.attribute("activation_params")
    return call.emit(_activated(call, found, tuple(params.floats) if params is not None else ()))


@operator("FusedGemm", domain=_DOMAIN)
def fused_gemm(call: Call) -> Result:
    names = ("activation_alpha", "activation_beta")
    numbers = tuple(call.attr_float(n, 0.0) for n in names if call.attribute(n) is not None)
    return call.emit(_activated(call, product_of_matrices(call), numbers))


@operator("SkipLayerNormalization", "SkipSimplifiedLayerNormalization", domain=_DOMAIN)
def skip_layer_norm(call: Call) -> Result:
    """Layer norm, or its form without a mean, of x + skip (+ bias). Output 3 is that sum."""
    simplified = call.node.op_type.startswith("SkipSimplified")
    x, bias = call.step(Add(call.value(0), call.value(1))), call.optional(3 if simplified else 4)
    if bias is not None:
        x = call.step(Add(x, bias))
    axis, epsilon = x.type.rank - 1, call.attr_float("epsilon", 1e-12)
    if simplified:
        y = call.emit(rms_normalised(call, x, call.value(2), axis, epsilon))
    else:
        y = call.emit(layer_normalised(call, x, call.value(2), call.optional(3), axis, epsilon))
    if simplified and (call.wants(1) or call.wants(2)):
        raise Unsupported("its outputs 1 and 2 (the statistics) are not supported")
    mean, inverse = statistics(call, x, axis, epsilon) if call.wants(1) or call.wants(2) else (y, y)
    return y, mean, inverse, x


@operator("SimplifiedLayerNormalization")
@operator("SimplifiedLayerNormalization", domain=_DOMAIN)
def simplified_layer_norm(call: Call) -> Result:
    if call.wants(1):
        raise Unsupported("its second output (the inverse deviation) is not supported")
    x = call.value(0)
    return call.emit(
        rms_normalised(call, x, call.value(1), call.axis(x.type.rank, -1), call.attr_float("epsilon", 1e-5))
    )


@operator("MultiHeadAttention", domain=_DOMAIN)
def multi_head_attention(call: Call) -> Result:
    """Query, key and value [B, steps, heads * size], one bias for all three, a cache in front, scores biased."""
    heads = call.attr_int("num_heads", 0)
    if not call.has(1) or not call.has(2) or any(call.value(i).type.rank != 3 for i in range(3)):
        raise Unsupported("its query, key and value are packed into one tensor, or come with heads of their own")
    if call.has(4) or call.attr_int("unidirectional", 0):
        raise Unsupported("it has a key padding mask or is causal; export it as the standard's Attention")
    if heads < 1 or any(call.value(i).shape[2] % heads for i in range(3)):
        raise FrontendError(f"its num_heads is {heads}, needed a divisor of the last axis of its operands")
    q, k, v = (split_heads(call, x, heads) for x in _projected(call))
    k, v = (call.step(Concat((call.value(i), x), 2)) if call.has(i) else x for i, x in ((6, k), (7, v)))
    scale = call.attr_float("scale", 0.0) or q.shape[3] ** -0.5
    scaled = call.step(Mul(q, call.number(scale, q, "scale")))
    scores = grouped_product(call, scaled, call.step(Transpose(k, (0, 1, 3, 2))))
    if call.has(5):
        scores = call.step(Add(scores, call.value(5)))
    y = grouped_product(call, softmax_of_rows(call, scores, call.has(5)), v)
    shape = (y.shape[0], y.shape[2], heads * y.shape[3])
    return call.emit(merged_heads(call, y, shape)), k, v


def _projected(call: Call) -> list[Value]:
    """Query, key and value with their parts of the bias [all three side by side] added."""
    operands = [call.value(i) for i in range(3)]
    bias = call.optional(3)
    if bias is None:
        return operands
    found: list[Value] = []
    start = 0
    for x in operands:
        part = call.step(Slice(bias, (start,), (start + x.shape[2],), (1,)))
        found.append(call.step(Add(x, part)))
        start += x.shape[2]
    return found


def _biased(call: Call) -> Value:
    return call.step(Add(call.value(0), call.value(1))) if call.has(1) else call.value(0)


def _transposed(call: Call, index: int, name: str) -> Value:
    x = call.value(index)
    if x.type.rank < 2:
        raise Unsupported(f"operand {index} has {x.type.rank} axes, and at least 2 are supported")
    rest = tuple(range(x.type.rank - 2))
    return call.step(Transpose(x, (*rest, x.type.rank - 1, x.type.rank - 2))) if call.attr_int(name, 0) else x


def _activated(call: Call, op: Op, numbers: tuple[float, ...]) -> Op:
    name = call.attr_text("activation", "")
    if not name:
        return op
    if name not in _ACTIVATIONS:
        raise Unsupported(f"its activation '{name}' is not supported")
    return _ACTIVATIONS[name](call.step(op), *numbers)
