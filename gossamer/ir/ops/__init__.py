"""The ops that ship in the box; importing this package registers them (entry point `builtin` of `gossamer.ops`)."""

from gossamer.ir.ops.activations import (
    Clip,
    Elu,
    Gelu,
    HardSigmoid,
    HardSwish,
    LeakyRelu,
    Relu,
    Sigmoid,
    Silu,
    Tanh,
)
from gossamer.ir.ops.functions import Abs, Ceil, Erf, Exp, Floor, Log, Neg, Round, Sign, Sqrt
from gossamer.ir.ops.math import Add, Div, Maximum, Minimum, Mul, Pow, Sub
from gossamer.ir.ops.nn import BatchNorm, ChannelShuffle, Conv2d, Gemm, MatMul
from gossamer.ir.ops.pooling import AvgPool2d, MaxPool2d
from gossamer.ir.ops.quant import Cast
from gossamer.ir.ops.reductions import ReduceMax, ReduceMean, ReduceMin, ReduceSum, Softmax
from gossamer.ir.ops.structure import Fused, Param
from gossamer.ir.ops.tensor import Concat, Pad, Reshape, Slice, Split, Transpose

__all__ = [
    "Abs", "Add", "AvgPool2d", "BatchNorm", "Cast", "Ceil", "ChannelShuffle", "Clip", "Concat", "Conv2d", "Div",
    "Elu", "Erf", "Exp", "Floor", "Fused", "Gelu", "Gemm", "HardSigmoid", "HardSwish", "LeakyRelu", "Log",
    "MatMul", "MaxPool2d", "Maximum", "Minimum", "Mul", "Neg", "Pad", "Param", "Pow", "ReduceMax", "ReduceMean",
    "ReduceMin", "ReduceSum", "Relu", "Reshape", "Round", "Sigmoid", "Sign", "Silu", "Slice", "Softmax",
    "Split", "Sqrt", "Sub", "Tanh", "Transpose",
]  # fmt: skip
