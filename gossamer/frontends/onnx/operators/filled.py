"""Tensors of one repeated number, which are made when they are first asked for."""

from math import prod
from pathlib import Path

import numpy as np
from onnx import TensorProto

from gossamer.frontends.onnx.call import Call, whole
from gossamer.frontends.onnx.table import Result, operator
from gossamer.frontends.onnx.tensors import Constant, checked_type, constant_of, read_tensor
from gossamer.ir.errors import FrontendError

_LARGEST = 1 << 28
"""A few bytes can ask for any size: enough for the weights of the largest layers, no more."""


@operator("ConstantOfShape")
def constant_of_shape(call: Call) -> Result:
    wanted, value = call.constant(0), _value(call)
    if wanted is None:
        raise FrontendError("it has no shape")
    shape = whole(wanted)
    if prod(shape) > _LARGEST:
        found = f"it would make a constant of {prod(shape):.3g} elements"
        raise FrontendError(f"{found}; at most {_LARGEST:.3g} are accepted")
    kind = checked_type(value.type.dtype, shape, "its result")
    return Constant(kind, lambda: np.full(shape, value.load().ravel()[0]))


def _value(call: Call) -> Constant:
    """The number as a tensor of one element; 0 of float32 where none is given."""
    found = call.attribute("value")
    if found is None:
        return constant_of(np.zeros(1, np.float32))
    if found.t.data_location == TensorProto.EXTERNAL:
        raise FrontendError("its value is malformed: one number needs no file of its own")
    value = read_tensor(found.t, Path())
    if value.type.elements != 1:
        raise FrontendError(f"its value is malformed: it has {value.type.elements} elements, needed 1")
    return value
