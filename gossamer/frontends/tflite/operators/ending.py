"""How most operators end: a fused activation function, then the result's own precision.

Integers: what an operator computes is rounded to the result's type, and the activation is a bound on those integers. A
bound that the type has anyway (a zero point of -128 is a relu) costs nothing.
"""

from collections.abc import Callable
from math import inf
from typing import TypeAlias

from tflite import ActivationFunctionType as Activation

from gossamer.frontends.problems import Unsupported
from gossamer.frontends.tflite.call import Call
from gossamer.frontends.tflite.scope import Placed
from gossamer.ir.op import Op
from gossamer.ir.ops import Cast, Clip, Relu, Tanh
from gossamer.ir.types import F32, TensorType, Value

Step: TypeAlias = Callable[[Value], Op]

_BOUNDS = {Activation.RELU: (0.0, inf), Activation.RELU6: (0.0, 6.0), Activation.RELU_N1_TO_1: (-1.0, 1.0)}


def finished(call: Call, op: Op, activation: int, nchw: bool) -> Placed:
    """The result of `op`, activated and in the precision that the file declares for it."""
    result, declared = op.infer()[0], call.out().type
    if declared.quant is None:
        steps = _activated(activation)
        if result.dtype != declared.dtype or result.quant is not None:
            steps = [_cast(declared), *steps]
    elif result.quant is None:
        steps = [*_activated(activation), _cast(declared)]
    else:
        steps = [_cast(declared), *_bounded(activation, declared)]
    for step in steps:
        op = step(call.step(op, "acc" if op.infer()[0].dtype.bits > 16 and op.infer()[0].quant else "step"))
    return Placed(call.emit(op, nchw), nchw)


def real(call: Call, value: Value) -> Value:
    """The value as real numbers, for what is computed in floats."""
    if value.type.quant is None and value.dtype != F32 and not value.dtype.floating:
        return value
    return value if value.dtype.floating else call.step(_cast(TensorType(F32, ()))(value), "real")


def _cast(kind: TensorType) -> Step:
    """To an element type and scale, whatever the shape: a transposed or larger batch keeps its own."""
    if kind.quant is not None and kind.quant.axis is not None:
        raise Unsupported("its result has one scale per channel and only weights may")
    return lambda value: Cast(value, TensorType(kind.dtype, value.shape, kind.quant))


def _activated(activation: int) -> list[Step]:
    if activation == Activation.NONE:
        return []
    if activation == Activation.RELU:
        return [Relu]
    if activation == Activation.TANH:
        return [Tanh]
    low, high = _bounds(activation)
    return [lambda value: Clip(value, low, high)]


def _bounded(activation: int, kind: TensorType) -> list[Step]:
    """On integers: read back, bounded and stored again, which changes nothing within the bounds."""
    assert kind.quant is not None
    if activation == Activation.NONE:
        return []
    if activation == Activation.TANH:
        return [_cast(TensorType(F32, ())), Tanh, _cast(kind)]
    low, high = _bounds(activation)
    scale, zero = kind.quant.scale[0], kind.quant.zero_point[0]
    below = round(low / scale) + zero > kind.dtype.low
    above = high != inf and round(high / scale) + zero < kind.dtype.high
    return [_cast(TensorType(F32, ())), lambda v: Clip(v, low, high), _cast(kind)] if below or above else []


def _bounds(activation: int) -> tuple[float, float]:
    if activation not in _BOUNDS:
        raise Unsupported(f"its fused activation function number {activation} is not supported")
    return _BOUNDS[activation]
