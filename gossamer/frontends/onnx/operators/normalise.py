"""Normalisation of instances, groups and layers, and of vectors; over a batch's known statistics.

An instance or a group is a row of the tensor under another shape, so that the IR's layer norm does them all.
"""

from math import prod

from gossamer.frontends.onnx.call import Call, from_front
from gossamer.frontends.onnx.table import Result, operator
from gossamer.frontends.problems import Unsupported
from gossamer.ir.errors import FrontendError
from gossamer.ir.op import Op
from gossamer.ir.ops import (
    Abs,
    Add,
    BatchNorm,
    Cast,
    Div,
    Equal,
    Mul,
    ReduceMean,
    ReduceSum,
    Reshape,
    Sqrt,
    Sub,
    Where,
)
from gossamer.ir.ops.normalise import LayerNorm
from gossamer.ir.types import F32, DType, TensorType, Value


@operator("BatchNormalization")
def batch_norm(call: Call) -> Result:
    if call.attr_int("training_mode", 0) or not call.attr_int("spatial", 1) or any(call.node.output[1:]):
        raise Unsupported("it is in training mode; export the model for inference (model.eval())")
    x = call.value(0)
    scale, bias, mean, variance = (cast_to(call, call.value(i), x.dtype) for i in range(1, 5))
    return call.emit(BatchNorm(x, scale, bias, mean, variance, call.attr_float("epsilon", 1e-5)))


@operator("LayerNormalization")
def layer_norm(call: Call) -> Result:
    """Over all axes from `axis` on. The other two outputs are the mean and 1 / deviation that were used."""
    x = call.value(0)
    axis, epsilon = call.axis(x.type.rank, -1), call.attr_float("epsilon", 1e-5)
    y = call.emit(layer_normalised(call, x, call.optional(1), call.optional(2), axis, epsilon))
    return (y, *statistics(call, x, axis, epsilon)) if call.wants(1) or call.wants(2) else y


@operator("InstanceNormalization")
def instance_norm(call: Call) -> Result:
    """Every channel of every sample by itself: a layer norm over the spatial axes, then a factor per channel."""
    x, scale, bias = (call.value(i) for i in range(3))
    if x.type.rank < 3:
        raise FrontendError(f"its input has shape {list(x.shape)}, needed at least 3 axes (N, C, D1 ...)")
    plain = call.step(LayerNorm(x, None, None, 2, call.attr_float("epsilon", 1e-5)))
    return call.emit(per_channel(call, plain, scale, bias))


@operator("GroupNormalization")
def group_norm(call: Call) -> Result:
    """Channels in groups (Wu and He 2018). Before opset 21 scale and bias are one number per group."""
    x, scale, bias = (call.value(i) for i in range(3))
    groups = call.attr_int("num_groups", 0)
    if x.type.rank < 2 or groups < 1 or x.shape[1] % groups:
        raise FrontendError(f"its num_groups is {groups}, needed a divisor of the channels of {list(x.shape)}")
    rows = call.step(Reshape(x, (x.shape[0], groups, prod(x.shape[1:]) // groups)))
    plain = call.step(LayerNorm(rows, None, None, 2, call.attr_float("epsilon", 1e-5)))
    if scale.shape == (groups,) and groups != x.shape[1]:
        return call.emit(Reshape(call.step(per_channel(call, plain, scale, bias)), x.shape))
    return call.emit(per_channel(call, call.step(Reshape(plain, x.shape)), scale, bias))


@operator("RMSNormalization")
def rms_norm(call: Call) -> Result:
    x = call.value(0)
    axis = call.axis(x.type.rank, -1)
    return call.emit(rms_normalised(call, x, call.value(1), axis, call.attr_float("epsilon", 1e-5)))


@operator("MeanVarianceNormalization")
def mean_variance_norm(call: Call) -> Result:
    """(x - mean) / (deviation + 1e-9) over `axes`, as the operator's own function body has it."""
    x = call.value(0)
    axes = tuple(from_front(a, x.type.rank) for a in call.attr_ints("axes", (0, 2, 3)))
    centred = call.step(Sub(x, call.step(ReduceMean(x, axes))))
    variance = call.step(ReduceMean(call.step(Mul(centred, centred)), axes))
    return call.emit(Div(centred, call.step(Add(call.step(Sqrt(variance)), call.number(1e-9, x)))))


@operator("LpNormalization")
def lp_norm(call: Call) -> Result:
    """x / (sum of |x|^p along `axis`)^(1/p), p 1 or 2; a vector of zeros stays one."""
    x, p = call.value(0), call.attr_int("p", 2)
    if p not in (1, 2):
        raise FrontendError(f"its p is {p}, needed 1 or 2")
    axes = (call.axis(x.type.rank, -1),)
    sums = call.step(ReduceSum(call.step(Abs(x) if p == 1 else Mul(x, x)), axes))
    norm = sums if p == 1 else call.step(Sqrt(sums))
    zero = call.step(Equal(norm, call.number(0.0, x)))
    return call.emit(Div(x, call.step(Where(zero, call.number(1.0, x), norm))))


def layer_normalised(call: Call, x: Value, scale: Value | None, bias: Value | None, axis: int, epsilon: float) -> Op:
    """The IR's layer norm; scale and bias that only broadcast to its rows come after it."""
    rows = x.shape[axis:]
    if all(v is None or (v.shape == rows and v.dtype == x.dtype) for v in (scale, bias)):
        return LayerNorm(x, scale, bias, axis, epsilon)
    found: Op = LayerNorm(x, None, None, axis, epsilon)
    for kind, value in ((Mul, scale), (Add, bias)):
        if value is not None:
            found = kind(call.step(found), cast_to(call, value, x.dtype))
    return found


def statistics(call: Call, x: Value, axis: int, epsilon: float) -> tuple[Value, Value]:
    """Outputs 1 and 2 of a layer norm, in the type that its `stash_type` names: the mean, 1 / deviation."""
    wide = cast_to(call, x, F32) if call.attr_int("stash_type", 1) == 1 else x
    axes = tuple(range(axis, x.type.rank))
    mean = call.emit_at(1, ReduceMean(wide, axes))
    centred = call.step(Sub(wide, mean))
    variance = call.step(ReduceMean(call.step(Mul(centred, centred)), axes))
    deviation = call.step(Sqrt(call.step(Add(variance, call.number(epsilon, wide)))))
    return mean, call.emit_at(2, Div(call.number(1.0, wide), deviation))


def rms_normalised(call: Call, x: Value, scale: Value | None, axis: int, epsilon: float) -> Op:
    """x / sqrt(mean of x^2 + epsilon) * scale (Zhang and Sennrich 2019); squares of f16 are taken in f32."""
    wide = cast_to(call, x, F32) if x.dtype.bits < 32 and call.attr_int("stash_type", 1) == 1 else x
    squares = call.step(ReduceMean(call.step(Mul(wide, wide)), tuple(range(axis, x.type.rank))))
    root = call.step(Sqrt(call.step(Add(squares, call.number(epsilon, wide)))))
    plain: Op = Div(wide, root)
    if wide is not x:
        plain = Cast(call.step(plain), x.type)
    return plain if scale is None else Mul(call.step(plain), cast_to(call, scale, x.dtype))


def per_channel(call: Call, x: Value, scale: Value, bias: Value) -> Op:
    """x * scale + bias, both one number per index of axis 1."""
    shape = (x.shape[1], *(1,) * (x.type.rank - 2))
    factor, summand = (call.step(Reshape(cast_to(call, v, x.dtype), shape)) for v in (scale, bias))
    return Add(call.step(Mul(x, factor)), summand)


def cast_to(call: Call, x: Value, dtype: DType) -> Value:
    return x if x.dtype == dtype else call.step(Cast(x, TensorType(dtype, x.shape)))
