"""A TensorFlow Lite file as plain data: every offset followed once, every index checked, before anything is imported.

The generated reader follows offsets through `struct` and `numpy`, which refuse to read outside the file; what they
raise for a damaged one becomes one FrontendError here. Weights stay views of the file's bytes until first used.
"""

from dataclasses import dataclass
from pathlib import Path
from struct import error as StructError
from typing import Any

import numpy as np
import tflite
from numpy.typing import NDArray

from gossamer.frontends.tflite.tensors import Tensor, tensor_of
from gossamer.ir.errors import FrontendError

DAMAGE = (StructError, ValueError, IndexError, TypeError, OverflowError, AttributeError, KeyError)
"""What following a wrong offset raises."""

BYTES_MAX = 1 << 31
"""Offsets are 32 bits wide, and readers take them as signed."""


@dataclass(frozen=True, eq=False)
class Operator:
    """One operator: its name in the schema, numbers of the tensors it reads (-1: left out) and writes, its options."""

    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options_type: int
    options: Any


@dataclass(frozen=True, eq=False)
class Network:
    """The first subgraph of a file."""

    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


def read_network(path: Path) -> Network:
    """Read and check a file. FrontendError (without the path) when it is damaged."""
    try:
        size = path.stat().st_size
        if size >= BYTES_MAX:
            raise FrontendError(f"the file has {size} bytes, and a TensorFlow Lite file has less than {BYTES_MAX}")
        data = path.read_bytes()
    except OSError as error:
        raise FrontendError(f"the file cannot be read: {error.strerror}") from None
    try:
        return _network(tflite.Model.GetRootAs(data, 0), np.frombuffer(data, np.uint8))
    except DAMAGE as error:
        raise FrontendError("the file is damaged: an offset in it leads nowhere; copy or convert it again") from error


def _network(model: Any, data: NDArray[np.uint8]) -> Network:
    if model.Version() != 3:
        raise FrontendError(f"the file has schema version {model.Version()} and only 3 is supported")
    if not model.SubgraphsLength():
        raise FrontendError("the file is malformed: it holds no graph")
    graph = model.Subgraphs(0)
    tensors = tuple(tensor_of(graph.Tensors(i), model, data) for i in range(graph.TensorsLength()))
    operators = tuple(_operator(graph.Operators(i), model, len(tensors)) for i in range(graph.OperatorsLength()))
    inputs = _numbers(graph.InputsAsNumpy(), len(tensors), "the graph's inputs")
    outputs = _numbers(graph.OutputsAsNumpy(), len(tensors), "the graph's outputs")
    if not outputs:
        raise FrontendError("the file is malformed: its graph has no outputs")
    return Network(tensors, operators, inputs, outputs)


def _operator(item: Any, model: Any, count: int) -> Operator:
    name = _name(model.OperatorCodes(item.OpcodeIndex())) if item.OpcodeIndex() < model.OperatorCodesLength() else ""
    if not name:
        raise FrontendError(f"the file is malformed: an operator has code {item.OpcodeIndex()}, which is not declared")
    inputs = _numbers(item.InputsAsNumpy(), count, f"the inputs of an operator {name}", missing=True)
    outputs = _numbers(item.OutputsAsNumpy(), count, f"the outputs of an operator {name}")
    if not outputs:
        raise FrontendError(f"the file is malformed: an operator {name} has no outputs")
    return Operator(name, inputs, outputs, item.BuiltinOptionsType(), item.BuiltinOptions())


def _name(code: Any) -> str:
    """Old files keep the number in one byte, new ones in a wider field as well; the larger of both is meant."""
    number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
    if number == tflite.BuiltinOperator.CUSTOM:
        return f"custom {(code.CustomCode() or b'').decode('utf-8', 'replace')!r}"
    return _NAMES.get(number, f"number {number}")


def _numbers(found: Any, count: int, where: str, missing: bool = False) -> tuple[int, ...]:
    """Numbers of tensors; the reader gives 0 for a list that is absent."""
    numbers = tuple(int(n) for n in found) if isinstance(found, np.ndarray) else ()
    low = -1 if missing else 0
    if any(not low <= n < count for n in numbers):
        raise FrontendError(f"the file is malformed: {where} are tensors {numbers[:8]} and there are {count} tensors")
    return numbers


_NAMES = {number: name for name, number in vars(tflite.BuiltinOperator).items() if isinstance(number, int)}
