"""The ONNX graph being written: fresh names, nodes, initialisers, and the two faces of a quantised tensor.

A quantised IR value has up to two ONNX tensors: `stored`, its integers, and `real`, the floats that they stand for.
Each is written when first asked for. A plain value has one tensor that is both.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx import NodeProto, TensorProto, helper

from gossamer.codegen.onnx.types import QUANTIZED, carrier, exact, initializer
from gossamer.ir.graph import Array
from gossamer.ir.types import F32, Quant, TensorType


@dataclass
class Tensor:
    """What an IR value became. At least one of the names is set. `packed`: 4-bit elements, two in a byte."""

    name: str
    type: TensorType
    stored: str = ""
    real: str = ""
    packed: bool = False


class Writer:
    """Collects nodes and initialisers."""

    def __init__(self, taken: set[str]) -> None:
        self.nodes: list[NodeProto] = []
        self.initializers: list[TensorProto] = []
        self._taken = set(taken)
        self._node_names: set[str] = set()
        self._constants: dict[tuple[str, tuple[int, ...], bytes], str] = {}

    # --- names, nodes, constants

    def fresh(self, base: str) -> str:
        """A tensor name that is not taken yet."""
        return _unique(base, self._taken)

    @contextmanager
    def nested(self) -> Iterator[list[NodeProto]]:
        """The nodes of a graph within the graph; initialisers stay outside, where it sees them."""
        outside, self.nodes = self.nodes, list[NodeProto]()
        yield self.nodes
        self.nodes = outside

    def node(
        self, kind: str, inputs: Sequence[str], outputs: str | Sequence[str], title: str = "", **attributes: Any
    ) -> str:
        """Append an operator called `title` (or like its first output); its first output."""
        names = [outputs] if isinstance(outputs, str) else list(outputs)
        unique = _unique(title or names[0], self._node_names)
        self.nodes.append(helper.make_node(kind, list(inputs), names, unique, **attributes))
        return names[0]

    def step(self, kind: str, inputs: Sequence[str], near: str, **attributes: Any) -> str:
        """Append an operator on the way to the tensor `near`."""
        return self.node(kind, inputs, self.fresh(f"{near}.{kind.lower()}"), **attributes)

    def constant(self, array: Array, near: str, kind: int | None = None) -> str:
        """An initialiser made up here; equal ones are shared."""
        key = (f"{array.dtype}:{kind}", array.shape, array.tobytes())
        if key not in self._constants:
            self._constants[key] = self.parameter(self.fresh(f"{near}.constant"), array, kind)
        return self._constants[key]

    def ints(self, numbers: Sequence[int], near: str) -> str:
        return self.constant(np.asarray(numbers, np.int64), near)

    def parameter(self, name: str, array: Array, kind: int | None = None) -> str:
        code = helper.np_dtype_to_tensor_dtype(array.dtype) if kind is None else kind
        self.initializers.append(initializer(name, array, code))
        return name

    # --- the two faces of a tensor

    def real(self, tensor: Tensor) -> str:
        """The numbers: floats for a quantised tensor, the elements themselves for a plain one."""
        if not tensor.real:
            tensor.real = self._dequantized(tensor)
        return tensor.real

    def stored(self, tensor: Tensor) -> str:
        """The elements, of the type's own carrier."""
        if not tensor.stored:
            tensor.stored = self.quantized(tensor.real, tensor.type, tensor.name)
        return tensor.stored

    def quantized(self, real: str, kind: TensorType, name: str) -> str:
        """Store float numbers as `kind`, in a tensor called `name`."""
        quant = kind.quant
        assert quant is not None
        code = carrier(kind.dtype)
        if code not in QUANTIZED:
            return self._rounded(real, kind, quant, name)
        if not exact(kind.dtype):
            real = self._clipped(real, kind, quant, name)
        return self.node("QuantizeLinear", [real, *self._scale(kind, quant, name, code)], name, **_axis(quant))

    def _dequantized(self, tensor: Tensor) -> str:
        quant = tensor.type.quant
        assert quant is not None
        name = self.fresh(f"{tensor.name}.real")
        code = carrier(tensor.type.dtype, tensor.packed)
        if code in QUANTIZED or (code == TensorProto.INT32 and quant.symmetric):
            operands = [tensor.stored, *self._scale(tensor.type, quant, name, code)]
            return self.node("DequantizeLinear", operands, name, **_axis(quant))
        numbers = self.step("Cast", [tensor.stored], name, to=TensorProto.FLOAT)
        if not quant.symmetric:
            numbers = self.step("Sub", [numbers, self._per_channel(quant.zero_point, tensor.type, tensor.name)], name)
        return self.node("Mul", [numbers, self._per_channel(quant.scale, tensor.type, tensor.name)], name)

    def _scale(self, kind: TensorType, quant: Quant, near: str, code: int) -> list[str]:
        """Scale and zero point as operands; the standard knows no zero point for i32."""
        zeros = quant.zero_point * (len(quant.scale) if len(quant.zero_point) == 1 else 1)
        shape = () if quant.axis is None else (len(quant.scale),)
        scale = self.constant(np.asarray(quant.scale, np.float32).reshape(shape), near)
        if code not in QUANTIZED:
            return [scale]
        zero = np.asarray(zeros, kind.dtype.numpy).reshape(shape)
        return [scale, self.constant(zero, near, code)]

    def _rounded(self, real: str, kind: TensorType, quant: Quant, name: str) -> str:
        """To integers wider than QuantizeLinear makes: round(real / scale) + zero point."""
        steps = self.step("Div", [real, self._per_channel(quant.scale, kind, name)], name)
        whole = self.step("Round", [steps], name)
        if not quant.symmetric:
            whole = self.step("Add", [whole, self._per_channel(quant.zero_point, kind, name)], name)
        return self.node("Cast", [whole], name, to=carrier(kind.dtype))

    def _clipped(self, real: str, kind: TensorType, quant: Quant, name: str) -> str:
        """Real numbers clipped to what the type's own width can stand for."""
        zeros = quant.zero_point * (len(quant.scale) if len(quant.zero_point) == 1 else 1)
        low = [(kind.dtype.low - z) * s for s, z in zip(quant.scale, zeros)]
        high = [(kind.dtype.high - z) * s for s, z in zip(quant.scale, zeros)]
        above = self.step("Max", [real, self._per_channel(low, kind, name)], name)
        return self.step("Min", [above, self._per_channel(high, kind, name)], name)

    def _per_channel(self, numbers: Sequence[float], kind: TensorType, near: str) -> str:
        """Floats shaped to broadcast along the quantised axis."""
        axis = kind.quant.axis if kind.quant else None
        shape = () if axis is None or len(numbers) == 1 else (-1, *(1,) * (kind.rank - axis - 1))
        return self.constant(np.asarray(numbers, np.float32).reshape(shape), near)


def as_float(writer: Writer, tensor: Tensor) -> str:
    """The numbers in float32, whatever the type."""
    real = writer.real(tensor)
    plain = tensor.type.quant is None and tensor.type.dtype != F32
    return writer.step("Cast", [real], tensor.name, to=TensorProto.FLOAT) if plain else real


def _axis(quant: Quant) -> dict[str, Any]:
    return {} if quant.axis is None else {"axis": quant.axis}


def _unique(base: str, taken: set[str]) -> str:
    name, serial = base, 1
    while name in taken:
        serial += 1
        name = f"{base}_{serial}"
    taken.add(name)
    return name
