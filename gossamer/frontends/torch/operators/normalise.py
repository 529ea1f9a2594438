"""Normalisation: by stored statistics (batch norm), or by those of the sample itself."""

from math import prod

from gossamer.frontends.problems import Unsupported
from gossamer.frontends.torch.call import Call
from gossamer.frontends.torch.table import Result, operator
from gossamer.ir.ops import Add, BatchNorm, Div, LayerNorm, Mul, ReduceMean, Reshape, Sqrt
from gossamer.ir.types import Value


@operator("batch_norm", "_native_batch_norm_legit_no_training")
def batch_norm(call: Call) -> Result:
    if call.operator == "batch_norm" and call["training"]:
        raise Unsupported("it is in training mode; call model.eval() first")
    x, mean, variance = call.value("input"), call.value("running_mean"), call.value("running_var")
    scale = call.optional("weight") or call.filled(1.0, mean.shape, mean)
    bias = call.optional("bias") or call.filled(0.0, mean.shape, mean)
    return call.emit(BatchNorm(x, scale, bias, mean, variance, float(call["eps"])))


@operator("layer_norm", "native_layer_norm")
def layer_norm(call: Call) -> Result:
    x = call.value("input")
    axis = x.type.rank - len(call.ints("normalized_shape"))
    return call.emit(LayerNorm(x, call.optional("weight"), call.optional("bias"), axis, float(call["eps"])))


@operator("rms_norm")
def rms_norm(call: Call) -> Result:
    """x / sqrt(mean(x^2) + eps) * weight (Zhang and Sennrich 2019); eps None: the type's smallest step from 1."""
    x, weight = call.value("input"), call.optional("weight")
    axes = tuple(range(x.type.rank - len(call.ints("normalized_shape")), x.type.rank))
    epsilon = float(call["eps"]) if call.has("eps") else 2.0 ** -{16: 10, 32: 23, 64: 52}[x.dtype.bits]
    mean = call.step(ReduceMean(call.step(Mul(x, x)), axes))
    root = call.step(Sqrt(call.step(Add(mean, call.number(epsilon, mean)))))
    found = Div(x, root)
    return call.emit(Mul(call.step(found), weight)) if weight else call.emit(found)


@operator("group_norm", "native_group_norm")
def group_norm(call: Call) -> Result:
    """Layer norm over each group's channels and positions, then a scale and a shift per channel (Wu and He 2018)."""
    x = call.value("input")
    groups = int(call["num_groups" if call.operator == "group_norm" else "group"])
    return _grouped(call, x, groups)


@operator("instance_norm")
def instance_norm(call: Call) -> Result:
    """One group per channel; with stored statistics it is a batch norm."""
    if not call["use_input_stats"]:
        return _stored(call)
    x = call.value("input")
    return _grouped(call, x, x.shape[1])


def _stored(call: Call) -> Value:
    x, mean, variance = call.value("input"), call.value("running_mean"), call.value("running_var")
    scale = call.optional("weight") or call.filled(1.0, mean.shape, mean)
    bias = call.optional("bias") or call.filled(0.0, mean.shape, mean)
    return call.emit(BatchNorm(x, scale, bias, mean, variance, float(call["eps"])))


def _grouped(call: Call, x: Value, groups: int) -> Value:
    n, c = x.shape[:2]
    flat = call.step(Reshape(x, (n, groups, c // groups * prod(x.shape[2:]))))
    normal = LayerNorm(flat, epsilon=float(call["eps"]))
    found = Reshape(call.step(normal), x.shape)
    shape = (c, *(1,) * (x.type.rank - 2))
    for name, kind in (("weight", Mul), ("bias", Add)):
        vector = call.optional(name)
        if vector is not None:
            found = kind(call.step(found), call.step(Reshape(vector, shape)))
    return call.emit(found)
