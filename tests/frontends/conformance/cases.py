"""The test suite that the onnx package brings along, as data: models with inputs and the outputs they must give.

Its node tests (one operator each, and the function bodies of composite ones), the small networks that PyTorch exported
long ago, and the nine "light" networks, whose weights are made up when they run.
"""

import json
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import ModelProto, TensorProto, numpy_helper

DATA = Path(onnx.__file__).parent / "backend" / "test" / "data"
SUITES = ("node", "simple", "pytorch-converted", "pytorch-operator", "light")


@dataclass(frozen=True, eq=False)
class Case:
    """`inputs` and `outputs` are in the order of the graph's; lists where they are sequences."""

    suite: str
    name: str
    model: ModelProto
    inputs: tuple[Any, ...]
    outputs: tuple[Any, ...]
    rtol: float
    atol: float

    @property
    def operator(self) -> str:
        """The operator that a node test is about."""
        return self.model.graph.node[0].op_type if len(self.model.graph.node) == 1 else self.name

    @property
    def expanded(self) -> bool:
        """Is it the function body of an operator that another case tests?"""
        return "_expanded" in self.name


@lru_cache(maxsize=1)
def node_cases() -> tuple[Case, ...]:
    """Takes some seconds: onnx computes inputs and outputs when asked."""
    from onnx.backend.test.loader import load_model_tests

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = load_model_tests(kind="node")
    return tuple(
        Case("node", t.name, t.model, _arrays(given), _arrays(wanted), t.rtol, t.atol)
        for t in found
        for given, wanted in t.data_sets[:1]
    )


def file_cases(suite: str) -> tuple[Case, ...]:
    """The cases of a suite that is kept in files; `light` has its own reader."""
    return tuple(case for folder in sorted((DATA / suite).iterdir()) for case in _in_folder(suite, folder))


def light_cases() -> tuple[Case, ...]:
    """Networks of the model zoo in outline: the input is a ramp from 0 to 1, the weights are ConstantOfShape."""
    return tuple(_light(json.loads(file.read_text())) for file in sorted((DATA / "real").glob("*/data.json")))


def cases_of(suite: str) -> tuple[Case, ...]:
    return node_cases() if suite == "node" else light_cases() if suite == "light" else file_cases(suite)


def _in_folder(suite: str, folder: Path) -> Iterator[Case]:
    for data in sorted(folder.glob("test_data_set_*"))[:1]:
        model = onnx.load(folder / "model.onnx")
        given, wanted = (_stored(data, kind, len(infos)) for kind, infos in (
            ("input", model.graph.input), ("output", model.graph.output)
        ))  # fmt: skip
        yield Case(suite, folder.name, model, given, wanted, 1e-3, 1e-7)


def _stored(folder: Path, kind: str, count: int) -> tuple[Any, ...]:
    files = [folder / f"{kind}_{i}.pb" for i in range(count)]
    return tuple(_tensor(file) for file in files if file.exists())


def _tensor(file: Path) -> Any:
    content, tensor = file.read_bytes(), TensorProto()
    tensor.ParseFromString(content)
    if tensor.data_type:
        return numpy_helper.to_array(tensor)
    return numpy_helper.to_list(onnx.SequenceProto.FromString(content))


def _light(entry: dict[str, Any]) -> Case:
    file = Path(onnx.__file__).parents[1] / entry["url"]
    model = onnx.load(file)
    weights = {tensor.name for tensor in model.graph.initializer}
    (info,) = (i for i in model.graph.input if i.name not in weights)
    shape = tuple(d.dim_value for d in info.type.tensor_type.shape.dim)
    ramp = (np.arange(np.prod(shape)).reshape(shape) / np.prod(shape)).astype(np.float32)
    wanted = _tensor(file.with_name(f"{file.stem}_output_0.pb"))
    return Case("light", file.stem, model, (ramp,), (wanted,), entry["rtol"], entry["atol"])


def _arrays(items: Any) -> tuple[Any, ...]:
    return tuple(numpy_helper.to_array(item) if isinstance(item, TensorProto) else item for item in items)
