"""24,000 broken files: each is loaded or refused, in 10 s and little memory; nothing outside its folder is read."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

FUZZ = Path(__file__).with_name("fuzz.py")
PEAK_MB = 1500
"""Of the whole process; the interpreter, numpy and onnx take some 150 of it."""


def fuzz(kind: str, start: int, count: int) -> dict:
    command = [sys.executable, str(FUZZ), kind, "--start", str(start), "--count", str(count)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, env=environment)
    assert done.returncode == 0, f"the process ended with {done.returncode}: {done.stderr[-2000:]}"
    return json.loads(done.stdout)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "start", "count"),
    [("onnx", 0, 4000), ("onnx", 4000, 4000), ("onnx", 8000, 4000), ("text", 0, 4000), ("text", 4000, 4000)],
)
def test_broken_files_are_refused(kind: str, start: int, count: int) -> None:
    _check(kind, start, count)


def test_the_files_that_are_broken_are_whole_before(tmp_path: Path) -> None:
    pytest.importorskip("tflite")
    from gossamer.frontends import load
    from tests.robustness.tflite_seeds import files

    path = tmp_path / "seed.tflite"
    for data in files():
        path.write_bytes(data)
        assert load(path).graph.outputs


@pytest.mark.slow
def test_broken_tensorflow_lite_files_are_refused() -> None:
    pytest.importorskip("tflite")
    _check("tflite", 0, 4000)


def _check(kind: str, start: int, count: int) -> None:
    found = fuzz(kind, start, count)
    assert found["findings"] == []
    assert found["accepted"] + found["refused"] == count
    assert found["accepted"] > count // 100, "next to nothing is accepted: the mutations no longer reach the importer"
    assert found["slowest_s"] < 10
    assert found["peak_mb"] < PEAK_MB
