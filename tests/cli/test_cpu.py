"""The path of the README on this machine's CPU: compile, run in another process, compare with onnxruntime."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def compiled(tiny_onnx: Path, tmp_path_factory: pytest.TempPathFactory) -> dict:
    folder = tmp_path_factory.mktemp("cpu") / "out"
    command = [sys.executable, "-m", "gossamer.cli", "compile", tiny_onnx, "-o", folder, "--json"]
    result = subprocess.run(command, capture_output=True, text=True, check=True, timeout=600)
    return json.loads(result.stdout)


def test_every_layer_has_a_schedule_and_a_time(compiled: dict) -> None:
    assert all(layer["measured_s"] > 0 for layer in compiled["layers"])
    conv = next(layer for layer in compiled["layers"] if layer["kind"] == "conv 3x3")
    assert conv["algorithm"] and conv["schedule"] and conv["macs"] == 8 * 8 * 8 * 27


def test_another_process_runs_it_and_agrees_with_onnxruntime(compiled: dict) -> None:
    command = [sys.executable, "-m", "gossamer.cli", "run", compiled["output"], "--check", "--json"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["check"]["max_abs_error"] < 1e-4


def test_from_python(tiny_onnx: Path, tmp_path: Path) -> None:
    import numpy as np

    import gossamer as gs

    artifact = gs.compile(gs.load(tiny_onnx), target="cpu")
    y = artifact.run({"x": np.ones((1, 3, 8, 8), np.float32)})["y"]
    artifact.save(tmp_path / "out")
    again = gs.load_artifact(tmp_path / "out").run({"x": np.ones((1, 3, 8, 8), np.float32)})["y"]
    assert np.array_equal(y, again)
