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
from gossamer.ir.ops.bitwise import Bitwise
from gossamer.ir.ops.comparisons import Equal, Less, LessEqual
from gossamer.ir.ops.convolution3d import Conv3d
from gossamer.ir.ops.cumulative import CumProd, CumSum
from gossamer.ir.ops.functions import Abs, Atan, Ceil, Cos, Erf, Exp, Floor, Log, Neg, Round, Sign, Sin, Sqrt
from gossamer.ir.ops.indexing import Gather, GatherElements, GatherND
from gossamer.ir.ops.logic import And, Not, Or, Where
from gossamer.ir.ops.math import Add, Div, Maximum, Minimum, Mul, Pow, Sub
from gossamer.ir.ops.nn import BatchNorm, ChannelShuffle, Conv2d, Gemm, MatMul
from gossamer.ir.ops.normalise import LayerNorm
from gossamer.ir.ops.ordering import ArgMax, ArgMin, TopK
from gossamer.ir.ops.pooling import AvgPool2d, MaxPool2d
from gossamer.ir.ops.quant import Cast, View
from gossamer.ir.ops.recurrent import GRUCell, LSTMCell
from gossamer.ir.ops.reductions import ReduceMax, ReduceMean, ReduceMin, ReduceProd, ReduceSum, Softmax
from gossamer.ir.ops.replication import Expand, Tile
from gossamer.ir.ops.resize import Resize
from gossamer.ir.ops.scan import Scan
from gossamer.ir.ops.scatter import ScatterElements, ScatterND
from gossamer.ir.ops.structure import Fused, Param
from gossamer.ir.ops.tensor import Concat, Pad, Reshape, Slice, Split, Transpose
from gossamer.ir.ops.transposed import ConvTranspose

__all__ = [
    "Abs", "Add", "And", "ArgMax", "ArgMin", "Atan", "AvgPool2d", "BatchNorm", "Bitwise", "Cast", "Ceil",
    "ChannelShuffle", "Clip", "Concat", "Conv2d", "Conv3d", "ConvTranspose", "Cos", "CumProd", "CumSum", "Div", "Elu",
    "Equal", "Erf", "Exp", "Expand", "Floor", "Fused", "GRUCell", "Gather", "GatherElements", "GatherND", "Gelu",
    "Gemm", "HardSigmoid", "HardSwish", "LSTMCell", "LayerNorm", "LeakyRelu", "Less", "LessEqual", "Log", "MatMul",
    "MaxPool2d", "Maximum", "Minimum", "Mul", "Neg", "Not", "Or", "Pad", "Param", "Pow", "ReduceMax", "ReduceMean",
    "ReduceMin", "ReduceProd", "ReduceSum", "Relu", "Reshape", "Resize", "Round", "Scan", "ScatterElements",
    "ScatterND", "Sigmoid", "Sign", "Silu", "Sin", "Slice", "Softmax", "Split", "Sqrt", "Sub", "Tanh", "Tile", "TopK",
    "Transpose", "View", "Where",
]  # fmt: skip
