"""TensorFlow Lite files of one operator, written with the same generated code that reads them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import flatbuffers
import numpy as np
import tflite

TYPES = {"float32": 0, "float16": 1, "int32": 2, "uint8": 3, "int64": 4, "bool": 6, "int16": 7, "int8": 9}


@dataclass(frozen=True)
class Tensor:
    """`data` None: not a constant."""

    shape: Sequence[int]
    dtype: str = "float32"
    data: Any = None
    scale: Sequence[float] = ()
    zero: Sequence[int] = ()
    axis: int = 0
    open_batch: bool = False


@dataclass(frozen=True)
class Operator:
    """`options`: the generated class's name and its fields; `inputs` and `outputs`: numbers of tensors."""

    code: str
    inputs: Sequence[int]
    outputs: Sequence[int]
    options: tuple[str, Mapping[str, Any]] | None = None
    vectors: Mapping[str, Sequence[int]] = field(default_factory=dict)


def write(tensors: Sequence[Tensor], operators: Sequence[Operator], inputs: Sequence[int], outputs: Sequence[int]):
    """The bytes of a file; tensor k is called t<k>."""
    b = flatbuffers.Builder(1024)
    buffers = [_buffer(b, None), *(_buffer(b, t.data) for t in tensors)]
    made = [_tensor(b, t, k) for k, t in enumerate(tensors)]
    codes = sorted({o.code for o in operators})
    written = [_operator(b, o, codes.index(o.code)) for o in operators]
    graph_inputs, graph_outputs = _ints(b, inputs), _ints(b, outputs)
    tensors_at, operators_at = _tables(b, made), _tables(b, written)
    tflite.SubGraphStart(b)
    tflite.SubGraphAddTensors(b, tensors_at)
    tflite.SubGraphAddInputs(b, graph_inputs)
    tflite.SubGraphAddOutputs(b, graph_outputs)
    tflite.SubGraphAddOperators(b, operators_at)
    graphs = _tables(b, [tflite.SubGraphEnd(b)])
    codes_at, buffers_at = _tables(b, [_code(b, c) for c in codes]), _tables(b, buffers)
    tflite.ModelStart(b)
    tflite.ModelAddVersion(b, 3)
    tflite.ModelAddOperatorCodes(b, codes_at)
    tflite.ModelAddSubgraphs(b, graphs)
    tflite.ModelAddBuffers(b, buffers_at)
    b.Finish(tflite.ModelEnd(b), file_identifier=b"TFL3")
    return bytes(b.Output())


def _ints(b, values):
    return b.CreateNumpyVector(np.asarray(values, np.int32))


def _tables(b, offsets):
    b.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        b.PrependUOffsetTRelative(offset)
    return b.EndVector()


def _buffer(b, data):
    held = None if data is None else b.CreateNumpyVector(np.frombuffer(np.asarray(data).tobytes(), np.uint8))
    tflite.BufferStart(b)
    if held is not None:
        tflite.BufferAddData(b, held)
    return tflite.BufferEnd(b)


def _tensor(b, tensor, number):
    name, shape = b.CreateString(f"t{number}"), _ints(b, tensor.shape)
    signature = _ints(b, [-1, *tensor.shape[1:]]) if tensor.open_batch else None
    quantisation = _quantisation(b, tensor) if len(tensor.scale) else None
    tflite.TensorStart(b)
    tflite.TensorAddShape(b, shape)
    tflite.TensorAddType(b, TYPES[tensor.dtype])
    tflite.TensorAddBuffer(b, number + 1)
    tflite.TensorAddName(b, name)
    if quantisation is not None:
        tflite.TensorAddQuantization(b, quantisation)
    if signature is not None:
        tflite.TensorAddShapeSignature(b, signature)
    return tflite.TensorEnd(b)


def _quantisation(b, tensor):
    scale = b.CreateNumpyVector(np.asarray(tensor.scale, np.float32))
    zero = b.CreateNumpyVector(np.asarray(tensor.zero if len(tensor.zero) else [0] * len(tensor.scale), np.int64))
    tflite.QuantizationParametersStart(b)
    tflite.QuantizationParametersAddScale(b, scale)
    tflite.QuantizationParametersAddZeroPoint(b, zero)
    tflite.QuantizationParametersAddQuantizedDimension(b, tensor.axis)
    return tflite.QuantizationParametersEnd(b)


def _code(b, code):
    number = getattr(tflite.BuiltinOperator, code)
    tflite.OperatorCodeStart(b)
    tflite.OperatorCodeAddDeprecatedBuiltinCode(b, min(number, 127))
    tflite.OperatorCodeAddBuiltinCode(b, number)
    tflite.OperatorCodeAddVersion(b, 1)
    return tflite.OperatorCodeEnd(b)


def _operator(b, operator, code):
    inputs, outputs = _ints(b, operator.inputs), _ints(b, operator.outputs)
    options = _options(b, *operator.options, operator.vectors) if operator.options else None
    tflite.OperatorStart(b)
    tflite.OperatorAddOpcodeIndex(b, code)
    tflite.OperatorAddInputs(b, inputs)
    tflite.OperatorAddOutputs(b, outputs)
    if operator.options and options is not None:
        tflite.OperatorAddBuiltinOptionsType(b, getattr(tflite.BuiltinOptions, operator.options[0]))
        tflite.OperatorAddBuiltinOptions(b, options)
    return tflite.OperatorEnd(b)


def _options(b, name, fields, vectors):
    held = {key: _ints(b, values) for key, values in vectors.items()}
    getattr(tflite, f"{name}Start")(b)
    for key, value in {**fields, **held}.items():
        getattr(tflite, f"{name}Add{key}")(b, value)
    return getattr(tflite, f"{name}End")(b)
