"""A TensorFlow Lite file on the command line: compiled, run, inspected; and what is said without the reader."""

import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tflite")

from tests.frontends.tflite_write import Operator, Tensor, write

SCALES = np.float32([0.01, 0.02, 0.03, 0.005])


@pytest.fixture
def network(tmp_path: Path) -> Path:
    """An integer convolution of an image [1, 4, 4, 2]; the name says nothing of what it is."""
    rng = np.random.default_rng(0)
    weight = Tensor((4, 3, 3, 2), "int8", rng.integers(-127, 128, (4, 3, 3, 2)).astype(np.int8), SCALES)
    bias = Tensor((4,), "int32", rng.integers(-900, 900, 4).astype(np.int32), SCALES * np.float32(0.05))
    options = {"StrideH": 1, "StrideW": 1, "DilationHFactor": 1, "DilationWFactor": 1}
    path = tmp_path / "network.bin"
    tensors = [Tensor((1, 4, 4, 2), "int8", scale=(0.05,), zero=(3,)), weight, bias]
    tensors.append(Tensor((1, 4, 4, 4), "int8", scale=(0.1,), zero=(-8,)))
    path.write_bytes(write(tensors, [Operator("CONV_2D", [0, 1, 2], [3], ("Conv2DOptions", options))], [0], [3]))
    return path


@pytest.mark.slow
def test_compiled_and_run(cli, network: Path, tmp_path: Path) -> None:
    pytest.importorskip("tvm")
    from gossamer.frontends import load
    from gossamer.ir.reference import evaluate

    x = np.random.default_rng(1).integers(-128, 128, (1, 4, 4, 2)).astype(np.int8)
    np.save(tmp_path / "x.npy", x)
    outcome = cli("compile", network, "--target", "cpu", "-o", tmp_path / "out")
    assert outcome.code == 0, outcome.err
    assert "1.15 kMAC" in outcome.out
    outcome = cli("run", tmp_path / "out", "--input", tmp_path / "x.npy", "-o", tmp_path / "y.npz")
    assert outcome.code == 0, outcome.err
    with np.load(tmp_path / "y.npz") as found:
        np.testing.assert_array_equal(found["t3"], evaluate(load(network), {"t0": x})["t3"])
    document = cli("run", tmp_path / "out", "--check", "--json").document
    assert document["check"]["peer"] == "the IR's reference" and document["check"]["max_abs_error"] == 0
    assert "peer_latency_s" not in document
    outcome = cli("run", tmp_path / "out", "--check")
    assert "within the tolerance of 0.0001 against the IR's reference" in outcome.out


def test_inspected(cli, network: Path) -> None:
    outcome = cli("inspect", network)
    assert outcome.code == 0, outcome.err
    assert "%t0: i8[1,4,4,2]" in outcome.out and "nn.conv2d" in outcome.out


def test_without_the_reader(cli, network: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tflite", None)
    outcome = cli("inspect", network)
    assert outcome.code == 2
    assert "reading TensorFlow Lite files needs one more package: pip install 'gossamer[tflite]'" in outcome.err
