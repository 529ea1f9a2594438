"""How each op of the box is written in ONNX."""

from collections.abc import Sequence
from typing import Any

from gossamer.codegen.onnx.table import Emit, emits
from gossamer.ir import ops
from gossamer.ir.op import Op

_SAME: dict[type[Op], str] = {
    ops.Relu: "Relu", ops.Sigmoid: "Sigmoid", ops.Tanh: "Tanh", ops.HardSwish: "HardSwish", ops.Neg: "Neg",
    ops.Abs: "Abs", ops.Exp: "Exp", ops.Log: "Log", ops.Sqrt: "Sqrt", ops.Erf: "Erf", ops.Floor: "Floor",
    ops.Ceil: "Ceil", ops.Round: "Round", ops.Sign: "Sign", ops.Add: "Add", ops.Sub: "Sub", ops.Mul: "Mul",
    ops.Maximum: "Max", ops.Minimum: "Min", ops.Pow: "Pow", ops.MatMul: "MatMul",
    ops.Less: "Less", ops.LessEqual: "LessOrEqual", ops.Equal: "Equal", ops.And: "And", ops.Or: "Or", ops.Not: "Not",
    ops.Where: "Where", ops.Sin: "Sin", ops.Cos: "Cos", ops.Atan: "Atan",
}  # fmt: skip
_REDUCTIONS: dict[type[Op], str] = {
    ops.ReduceMean: "ReduceMean", ops.ReduceSum: "ReduceSum", ops.ReduceMax: "ReduceMax", ops.ReduceMin: "ReduceMin",
    ops.ReduceProd: "ReduceProd",
}  # fmt: skip


@emits(*_SAME)
def same(call: Emit[Any]) -> None:
    """The ops that ONNX has under another name, operand by operand."""
    call.node(_SAME[type(call.op)], call.inputs)


@emits(ops.Div)
def div(call: Emit[ops.Div]) -> bool | None:
    """Of integers by 0 the IR has a result, and runtimes may stop: its own loop nest says it."""
    if call.type.dtype.integer:
        return False
    call.node("Div", call.inputs)
    return None


@emits(ops.Conv2d)
def conv2d(call: Emit[ops.Conv2d]) -> bool | None:
    op = call.op
    if call.plain_integers:
        return False
    attributes = {"strides": op.strides, "pads": op.pads, "dilations": op.dilations, "group": op.groups}
    call.node("Conv", call.inputs, kernel_shape=op.weight.shape[2:], **attributes)
    return None


@emits(ops.Gemm)
def gemm(call: Emit[ops.Gemm]) -> bool | None:
    if call.plain_integers:
        return False
    call.node("Gemm", call.inputs, transB=int(call.op.transpose_b))
    return None


@emits(ops.BatchNorm)
def batch_norm(call: Emit[ops.BatchNorm]) -> None:
    call.node("BatchNormalization", call.inputs, epsilon=call.op.epsilon)


@emits(ops.MaxPool2d)
def max_pool(call: Emit[ops.MaxPool2d]) -> None:
    op = call.op
    call.node("MaxPool", call.inputs, dilations=op.dilations, **_window(op, op.dilations))


@emits(ops.AvgPool2d)
def avg_pool(call: Emit[ops.AvgPool2d]) -> None:
    call.node("AveragePool", call.inputs, count_include_pad=int(call.op.count_include_pad), **_window(call.op, (1, 1)))


@emits(ops.Softmax)
def softmax(call: Emit[ops.Softmax]) -> None:
    call.node("Softmax", call.inputs, axis=call.op.axis)


@emits(ops.Clip)
def clip(call: Emit[ops.Clip]) -> None:
    call.node("Clip", [call.x, call.number(call.op.low), call.number(call.op.high)])


@emits(ops.HardSigmoid)
def hard_sigmoid(call: Emit[ops.HardSigmoid]) -> None:
    call.node("HardSigmoid", call.inputs, alpha=call.op.alpha, beta=call.op.beta)


@emits(ops.Silu)
def silu(call: Emit[ops.Silu]) -> None:
    call.node("Mul", [call.x, call.step("Sigmoid", [call.x])])


@emits(ops.LeakyRelu)
def leaky_relu(call: Emit[ops.LeakyRelu]) -> None:
    call.node("LeakyRelu", call.inputs, alpha=call.op.alpha)


@emits(ops.Elu)
def elu(call: Emit[ops.Elu]) -> None:
    call.node("Elu", call.inputs, alpha=call.op.alpha)


@emits(ops.Gelu)
def gelu(call: Emit[ops.Gelu]) -> None:
    call.node("Gelu", call.inputs, approximate="tanh" if call.op.approximate else "none")


@emits(*_REDUCTIONS)
def reduction(call: Emit[Any]) -> None:
    axes = call.op.axes or tuple(range(call.type.rank))
    call.node(_REDUCTIONS[type(call.op)], [call.x, call.ints(*axes)], keepdims=int(call.op.keepdims))


@emits(ops.Reshape)
def reshape(call: Emit[ops.Reshape]) -> None:
    call.node("Reshape", [call.x, call.ints(*call.op.shape)], allowzero=1)


@emits(ops.Transpose)
def transpose(call: Emit[ops.Transpose]) -> None:
    call.node("Transpose", call.inputs, perm=call.op.perm)


@emits(ops.Concat)
def concat(call: Emit[ops.Concat]) -> None:
    call.node("Concat", call.inputs, axis=call.op.axis)


@emits(ops.Slice)
def slice_(call: Emit[ops.Slice]) -> None:
    """A stop of -1 stands for "index 0 too", which ONNX, counting -1 from the end, writes as -(extent + 1)."""
    op, shape = call.op, call.type.shape
    stops = [-(extent + 1) if stop < 0 else stop for stop, extent in zip(op.stops, shape)]
    axes = call.ints(*range(len(shape)))
    call.node("Slice", [call.x, call.ints(*op.starts), call.ints(*stops), axes, call.ints(*op.steps)])


@emits(ops.Split)
def split(call: Emit[ops.Split]) -> None:
    call.node("Split", [call.x, call.ints(*call.op.sizes)], axis=call.op.axis)


@emits(ops.Pad)
def pad(call: Emit[ops.Pad]) -> None:
    before, after = zip(*call.op.pads) if call.op.pads else ((), ())
    value = [call.number(call.op.value)] if call.op.mode == "constant" else []
    call.node("Pad", [call.x, call.ints(*before, *after), *value], mode=call.op.mode)


@emits(ops.ChannelShuffle)
def channel_shuffle(call: Emit[ops.ChannelShuffle]) -> None:
    n, c, *rest = call.type.shape
    groups = call.op.groups
    split = call.step("Reshape", [call.x, call.ints(n, groups, c // groups, *rest)])
    perm = [0, 2, 1, *range(3, 3 + len(rest))]
    call.node("Reshape", [call.step("Transpose", [split], perm=perm), call.ints(n, c, *rest)])


def _window(op: ops.MaxPool2d | ops.AvgPool2d, dilations: Sequence[int]) -> dict[str, Any]:
    """What rounding up adds is written as padding where padding does not count: runtimes differ in `ceil_mode`."""
    counted = isinstance(op, ops.AvgPool2d) and op.count_include_pad
    pads = op.pads if counted or not op.ceil_mode else _reaching(op, dilations)
    ceil = int(op.ceil_mode and counted)
    return {"kernel_shape": op.kernel_shape, "strides": op.strides, "pads": pads, "ceil_mode": ceil}


def _reaching(op: ops.MaxPool2d | ops.AvgPool2d, dilations: Sequence[int]) -> tuple[int, ...]:
    """Padding up to the end of the last window."""
    out = op.infer()[0].shape
    ends = [
        (out[2 + i] - 1) * op.strides[i] + (op.kernel_shape[i] - 1) * dilations[i] + 1 - op.pads[i] - op.x.shape[2 + i]
        for i in (0, 1)
    ]
    return (*op.pads[:2], *(max(0, end) for end in ends))
