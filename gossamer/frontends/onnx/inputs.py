"""Inputs of the graph: static shapes only, what to say when a file leaves them open, and inputs made constants."""

from collections.abc import Mapping, Sequence

import numpy as np
from onnx import ValueInfoProto

from gossamer.frontends.onnx.tensors import Constant, checked_type, dtype_of, narrow
from gossamer.ir.errors import FrontendError, nearest
from gossamer.ir.graph import Array
from gossamer.ir.types import TensorType

_GUESS = {0: 1, 1: 3}  # what an open axis of an image tends to be: one image, three channels, then pixels
_PIXELS = 224


def input_types(inputs: Sequence[ValueInfoProto], shapes: Mapping[str, Sequence[int]]) -> dict[str, TensorType]:
    """The type of every input; `shapes` fills in or confirms extents. FrontendError lists every shape still open."""
    names = [i.name for i in inputs]
    for name in shapes:
        if name not in names:
            raise FrontendError(f"there is no input '{name}' to give a shape to{nearest(name, names)}")
    types: dict[str, TensorType] = {}
    still_open: list[tuple[str, str, list[int | str | None] | None]] = []
    for info in inputs:
        declared = _declared(info)
        shape = _merged(info.name, declared, shapes.get(info.name), _empty(info))
        if shape is None:
            still_open.append((info.name, _described(declared), declared))
        else:
            dtype = dtype_of(info.type.tensor_type.elem_type, f"input '{info.name}'")
            types[info.name] = checked_type(dtype, shape, f"input '{info.name}'")
    if still_open:
        raise FrontendError(_open_message(still_open))
    return types


def fixed_inputs(inputs: Sequence[ValueInfoProto], constants: Mapping[str, Array]) -> dict[str, Constant]:
    """Inputs that are to be constants of the network, checked against what the file says of them."""
    infos = {info.name: info for info in inputs}
    for name in constants:
        if name not in infos:
            raise FrontendError(f"there is no input '{name}' to give a constant for{nearest(name, list(infos))}")
    return {name: _fixed(infos[name], array) for name, array in constants.items()}


def _fixed(info: ValueInfoProto, given: Array) -> Constant:
    dtype, array = dtype_of(info.type.tensor_type.elem_type, f"input '{info.name}'"), np.asarray(given)
    shape = _merged(info.name, _declared(info), array.shape) if array.size else array.shape
    narrowed = narrow(array, dtype)
    if array.dtype.kind not in "biufV" or not np.array_equal(narrowed.astype(array.dtype), array, equal_nan=True):
        raise FrontendError(f"input '{info.name}' holds {dtype}, which the constant's {array.dtype} numbers do not fit")
    held = narrowed.astype(dtype.numpy)
    return Constant(checked_type(dtype, shape or (), f"input '{info.name}'"), lambda: held)


def _declared(info: ValueInfoProto) -> list[int | str | None] | None:
    """Extents as the file gives them: a number, a name, or nothing; None when even the number of axes is open.

    Some exporters write 0 or -1 where they mean any extent.
    """
    if info.type.WhichOneof("value") != "tensor_type":
        raise FrontendError(f"input '{info.name}' is not a tensor")
    if not info.type.tensor_type.HasField("shape"):
        return None
    dims = info.type.tensor_type.shape.dim
    return [d.dim_value if d.dim_value > 0 else d.dim_param or None for d in dims]


def _empty(info: ValueInfoProto) -> bool:
    """Does the file say that the input has no elements, or may it mean any extent by that?"""
    return any(d.HasField("dim_value") and d.dim_value == 0 for d in info.type.tensor_type.shape.dim)


def _merged(
    name: str, declared: list[int | str | None] | None, given: Sequence[int] | None, declared_empty: bool = False
) -> tuple[int, ...] | None:
    if given is None:
        fixed = [d for d in declared or () if isinstance(d, int)]
        return tuple(fixed) if declared is not None and len(fixed) == len(declared) else None
    if declared is not None and (
        len(given) != len(declared) or any(isinstance(d, int) and d != g for d, g in zip(declared, given))
    ):
        wanted = "x".join(str(d or "?") for d in declared)
        raise FrontendError(f"input '{name}' has shape {wanted} in the file, and {_text(given)} does not fit it")
    if any(extent < 1 for extent in given) and not declared_empty:
        raise FrontendError(f"input '{name}' cannot have shape {_text(given)}; extents are at least 1")
    return tuple(given)


def _text(shape: Sequence[int]) -> str:
    return "x".join(map(str, shape))


def _described(declared: list[int | str | None] | None) -> str:
    if declared is None:
        return "no shape"
    axes = [f"{i} ({d})" if d else str(i) for i, d in enumerate(declared) if not isinstance(d, int)]
    return f"dynamic {'axis' if len(axes) == 1 else 'axes'} {', '.join(axes)}"


def _open_message(found: Sequence[tuple[str, str, list[int | str | None] | None]]) -> str:
    what = "; ".join(f"input '{name}' has {text}" for name, text, _ in found)
    flags = " ".join(f"--shape {name}={_suggestion(declared)}" for name, _, declared in found)
    return f"{what}, and every shape has to be known; give it, for example {flags}"


def _suggestion(declared: list[int | str | None] | None) -> str:
    extents = declared if declared is not None else [None] * 4
    return ",".join(str(d if isinstance(d, int) else _GUESS.get(i, _PIXELS)) for i, d in enumerate(extents))
