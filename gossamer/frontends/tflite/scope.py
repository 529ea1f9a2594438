"""What every tensor of the file stands for, in the file's layout (NHWC for images) and in that of the IR (NCHW)."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gossamer.frontends.tflite.read import Network
from gossamer.frontends.tflite.tensors import Tensor
from gossamer.ir.build import GraphBuilder
from gossamer.ir.errors import FrontendError
from gossamer.ir.graph import Array, Params
from gossamer.ir.op import Op
from gossamer.ir.ops import Param, Reshape, Transpose
from gossamer.ir.types import Quant, TensorType, Value

TO_NCHW, TO_NHWC = (0, 3, 1, 2), (0, 2, 3, 1)


class Lost(Exception):
    """A tensor that an operator which could not be imported was to define."""


@dataclass(frozen=True)
class Placed:
    """A value, and whether its axes are NCHW where the file's tensor is NHWC."""

    value: Value
    nchw: bool = False


class Scope:
    """Tensor numbers -> values. A constant becomes an `ir.param` at its first use, in the layout it is used in."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.names = _names(network)
        self.builder = GraphBuilder()
        self.param_names: set[str] = set()  # of the values that hold them
        self._defined: dict[int, bool | None] = {}  # computed as NCHW? None: lost
        self._values: dict[tuple[int, bool], Value] = {}
        self._params: dict[str, Callable[[], Array]] = {}

    def tensor(self, number: int) -> Tensor:
        return self.network.tensors[number]

    def define(self, number: int, placed: Placed | None) -> None:
        """None marks a tensor as lost. FrontendError when it is defined already."""
        if number in self._defined or self.tensor(number).data is not None:
            raise FrontendError(f"the file is malformed: tensor '{self.tensor(number).name}' is defined twice")
        self._defined[number] = placed.nchw if placed else None
        if placed:
            self._values[number, placed.nchw] = placed.value

    def is_nchw(self, number: int) -> bool:
        """Whether it was computed as NCHW; constants have no layout of their own."""
        return bool(self._defined.get(number, False))

    def value(self, number: int, nchw: bool = False) -> Value:
        """The tensor in the file's layout, or as NCHW."""
        if (number, nchw) not in self._values:
            self._values[number, nchw] = self._moved(number, nchw)
        return self._values[number, nchw]

    def _moved(self, number: int, nchw: bool) -> Value:
        tensor = self.tensor(number)
        if tensor.data is not None:
            return self._constant(number, tensor, nchw)
        if number not in self._defined:
            raise FrontendError(f"the file is malformed: tensor '{tensor.name}' is used before it is computed")
        if self._defined[number] is None:
            raise Lost(tensor.name)
        name = f"{self.names[number]}.nchw" if nchw else self.names[number]
        return self.builder.add(reordered(self._values[number, not nchw], TO_NCHW if nchw else TO_NHWC), name)

    def _constant(self, number: int, tensor: Tensor, nchw: bool) -> Value:
        if not nchw:
            return self.param(self.names[number], tensor.type, tensor.array)
        kind = transposed(tensor.type, TO_NCHW)
        return self.param(f"{self.names[number]}.nchw", kind, lambda: np.transpose(tensor.array(), TO_NCHW))

    def param(self, name: str, kind: TensorType, load: Callable[[], Array]) -> Value:
        """A new parameter; its name is made unique."""
        ref, serial = name, 1
        while ref in self._params:
            serial += 1
            ref = f"{name}{serial}"
        self._params[ref] = lambda: np.asarray(load(), order="C")
        value = self.builder.add(Param(ref, kind), ref, label=ref)
        self.param_names.add(value.name)
        return value

    def params(self) -> Params:
        return Params(self._params)


def _names(network: Network) -> dict[int, str]:
    """What every tensor is called: a fused one, called after all its parts (`relu;bn;conv`), after the first alone.

    Inputs and outputs of the graph keep the name they have in the file; computed tensors come before constants.
    """
    names = {number: network.tensors[number].name for number in (*network.inputs, *network.outputs)}
    taken, serials = set(names.values()), dict[str, int]()
    for number, tensor in sorted(enumerate(network.tensors), key=lambda item: item[1].data is not None):
        if number in names:
            continue
        name = stem = tensor.name.split(";")[0]
        while name in taken:
            serials[stem] = serials.get(stem, 1) + 1
            name = f"{stem}_{serials[stem]}"
        taken.add(name)
        names[number] = name
    return names


def reordered(x: Value, perm: tuple[int, ...]) -> Op:
    """A transpose, or the reshape that does the same where only extents of 1 move."""
    moved = [p for p in perm if x.shape[p] != 1]
    fixed = x.type.quant is None or x.type.quant.axis is None
    if moved == sorted(moved) and fixed:
        return Reshape(x, tuple(x.shape[p] for p in perm))
    return Transpose(x, perm)


def transposed(kind: TensorType, perm: tuple[int, ...]) -> TensorType:
    """The type of a transposed tensor; a scale per channel moves with its axis."""
    quant = kind.quant
    if quant is not None and quant.axis is not None:
        quant = Quant(quant.scale, quant.zero_point, perm.index(quant.axis))
    return TensorType(kind.dtype, tuple(kind.shape[p] for p in perm), quant)
