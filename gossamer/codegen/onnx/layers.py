"""How layers beyond convolution in two dimensions are written in ONNX: volumes, transposed, resized, normalised."""

import numpy as np

from gossamer.codegen.onnx.table import Emit, emits
from gossamer.ir import ops


@emits(ops.Conv3d)
def conv3d(call: Emit[ops.Conv3d]) -> bool | None:
    op = call.op
    if call.plain_integers:
        return False
    attributes = {"strides": op.strides, "pads": op.pads, "dilations": op.dilations, "group": op.groups}
    call.node("Conv", call.inputs, kernel_shape=op.weight.shape[2:], **attributes)
    return None


@emits(ops.ConvTranspose)
def conv_transpose(call: Emit[ops.ConvTranspose]) -> bool | None:
    op = call.op
    if call.plain_integers or min(op.pads) < 0:
        return False
    call.node(
        "ConvTranspose", call.inputs, kernel_shape=op.weight.shape[2:], strides=op.strides, pads=op.pads,
        dilations=op.dilations, output_padding=op.output_padding, group=op.groups,
    )  # fmt: skip
    return None


@emits(ops.Resize)
def resize(call: Emit[ops.Resize]) -> bool | None:
    """Images whose sides alone change; runtimes differ in what else they take."""
    op = call.op
    if call.type.rank != 4 or op.sizes[:2] != op.x.shape[:2] or op.roi or op.antialias or op.exclude_outside:
        return False
    given = ["", call.constant(np.asarray(op.scales, np.float32))] if op.scales else ["", "", call.ints(*op.sizes)]
    call.node(
        "Resize", [call.x, *given], mode=op.mode, coordinate_transformation_mode=op.coordinates,
        nearest_mode=op.nearest, cubic_coeff_a=op.cubic_a,
    )  # fmt: skip
    return None


@emits(ops.LayerNorm)
def layer_norm(call: Emit[ops.LayerNorm]) -> None:
    op = call.op
    shape = op.x.shape[op.axis % op.x.type.rank :]
    scale = call.inputs[1] if op.scale is not None else call.constant(np.ones(shape, op.x.dtype.numpy))
    bias = call.inputs[-1:] if op.bias is not None else ()
    call.node("LayerNormalization", [call.x, scale, *bias], axis=op.axis, epsilon=op.epsilon)


@emits(ops.Tile)
def tile(call: Emit[ops.Tile]) -> None:
    call.node("Tile", [call.x, call.ints(*call.op.repeats)])


@emits(ops.Expand)
def expand(call: Emit[ops.Expand]) -> None:
    call.node("Expand", [call.x, call.ints(*call.op.shape)])


@emits(ops.Bitwise)
def bitwise(call: Emit[ops.Bitwise]) -> bool | None:
    names = {"and": "BitwiseAnd", "or": "BitwiseOr", "xor": "BitwiseXor"}
    if call.op.function not in names:
        return False
    call.node(names[call.op.function], call.inputs)
    return None
