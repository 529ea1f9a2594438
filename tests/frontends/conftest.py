"""One-node ONNX models, onnxruntime as the judge, and the published data where it is there."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

from gossamer.frontends import load
from gossamer.ir.graph import Module
from gossamer.ir.reference import evaluate
from gossamer.ir.verify import verify

Arrays = Mapping[str, np.ndarray]


def model(
    nodes: Sequence[Any],
    inputs: Mapping[str, Sequence[Any]],
    outputs: Sequence[str] = ("y",),
    constants: Arrays | None = None,
    opset: int = 21,
    domains: Sequence[str] = (),
) -> ModelProto:
    """A model of float32 inputs with the given (perhaps symbolic) shapes."""
    graph = helper.make_graph(
        list(nodes),
        "net",
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in inputs.items()],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in outputs],
        [numpy_helper.from_array(np.asarray(a), n) for n, a in (constants or {}).items()],
    )
    imports = [helper.make_opsetid("", opset), *(helper.make_opsetid(d, 1) for d in domains)]
    return helper.make_model(graph, opset_imports=imports, ir_version=9)


def run_onnxruntime(proto: ModelProto, inputs: Arrays) -> list[np.ndarray]:
    ort = pytest.importorskip("onnxruntime")
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return ort.InferenceSession(proto.SerializeToString(), options).run(None, dict(inputs))


def check_same(proto: ModelProto, inputs: Arrays, tolerance: float = 1e-5) -> Module:
    """Import the model; the reference must agree with onnxruntime relative to the largest number."""
    module = load(proto)
    verify(module)
    found = evaluate(module, inputs)
    for value, wanted in zip(module.graph.outputs, run_onnxruntime(proto, inputs), strict=True):
        got = found[value.name]
        assert got.shape == wanted.shape and got.dtype == wanted.dtype
        np.testing.assert_allclose(got, wanted, rtol=0, atol=tolerance * max(1.0, float(np.abs(wanted).max())))
    return module


@pytest.fixture
def same() -> Callable[..., Module]:
    return check_same


@pytest.fixture
def make() -> Callable[..., ModelProto]:
    return model


@pytest.fixture
def onnxruntime() -> Callable[..., list[np.ndarray]]:
    return run_onnxruntime


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of published data; tests that need it are skipped without it."""
    root = Path(__file__).parents[2]
    folder = Path(os.environ.get("GOSSAMER_DATA", root.parent / "shared" / "data"))
    if not (folder / "onnx_mlperf_tiny").is_dir():
        pytest.skip("published data is not here: set GOSSAMER_DATA")
    return folder


@pytest.fixture
def data(data_folder: Path) -> Path:
    return data_folder
