"""A compiled module as a folder: saved, loaded in a new process, refused when it is damaged."""

import json
import re
import subprocess
import sys

import numpy as np
import pytest

from gossamer.backends.base import Infeasible
from gossamer.backends.cpu import backend
from gossamer.backends.cpu.artifact import CpuArtifact
from gossamer.backends.cpu.native import file_hash
from gossamer.ir import ops
from gossamer.ir.build import GraphBuilder
from gossamer.ir.errors import BackendError, DataError
from gossamer.ir.graph import Module, Params
from gossamer.ir.reference import evaluate
from gossamer.ir.types import BF16, F32, TensorType

LOAD = """
import sys, numpy as np
from gossamer.backends.cpu.artifact import CpuArtifact
artifact = CpuArtifact.load(sys.argv[1])
out = artifact.run({"x": np.load(sys.argv[2])})
np.save(sys.argv[3], out["y"])
heavy = ("gossamer.frontends", "gossamer.passes", "onnx", "tvm", "torch")
assert not any(name.startswith(heavy) for name in sys.modules)
"""


def small_module() -> Module:
    random = np.random.default_rng(0)
    b = GraphBuilder()
    x = b.input("x", TensorType(F32, (1, 3, 8, 8)))
    w = b.add(ops.Param("w", TensorType(F32, (16, 3, 3, 3))))
    y = b.add(ops.Relu(b.add(ops.Conv2d(x, w, pads=(1, 1, 1, 1)), label="conv1")), "y")
    return Module("small", b.finish((y,)), Params({"w": random.standard_normal((16, 3, 3, 3)).astype(np.float32)}))


@pytest.fixture(scope="module")
def artifact() -> CpuArtifact:
    compiled = backend.compile(small_module())
    assert isinstance(compiled, CpuArtifact)
    return compiled


@pytest.fixture
def x():
    return np.random.default_rng(1).standard_normal((1, 3, 8, 8)).astype(np.float32)


def test_saved_and_run_by_a_new_process(artifact, x, tmp_path):
    artifact.save(tmp_path / "out")
    artifact.save(tmp_path / "out")  # over itself
    np.save(tmp_path / "x.npy", x)
    names = [str(tmp_path / "out"), str(tmp_path / "x.npy"), str(tmp_path / "y.npy")]
    done = subprocess.run([sys.executable, "-c", LOAD, *names], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert np.array_equal(np.load(tmp_path / "y.npy"), artifact.run({"x": x})["y"])
    assert np.allclose(np.load(tmp_path / "y.npy"), evaluate(small_module(), {"x": x})["y"], atol=1e-5)


def test_layers_and_their_times(artifact, x):
    times = artifact.profile({"x": x}, runs=3)
    assert len(times) == len(artifact.layers) and all(t > 0 for t in times)
    conv = artifact.layers[0]
    assert (conv.title, conv.op, conv.algorithm, conv.macs) == ("conv1", "nn.conv2d", "direct", 16 * 64 * 27)
    assert conv.predicted_s is not None and conv.predicted_s > 0


@pytest.mark.parametrize("inputs, words", [
    ({}, "input 'x' of type f32[1,3,8,8] is missing"),
    ({"x": np.zeros((1, 3, 8, 8), np.float32), "z": np.zeros(1)}, "there is no input 'z'"),
    ({"x": np.zeros((1, 3, 8, 9), np.float32)}, "input 'x' has shape (1, 3, 8, 9), needed (1, 3, 8, 8)"),
    ({"x": np.zeros((1, 3, 8, 8), complex)}, "input 'x' is complex128, needed f32"),
])  # fmt: skip
def test_wrong_inputs_are_refused(artifact, inputs, words):
    """In the words of the reference, so that every target says the same."""
    for compute in (artifact.run, artifact.profile, lambda given: evaluate(small_module(), given)):
        with pytest.raises(DataError, match=re.escape(words)):
            compute(inputs)


def test_it_says_what_it_takes(artifact):
    assert artifact.inputs == small_module().graph.inputs


@pytest.mark.parametrize("make", [lambda b, x: x, lambda b, x: b.add(ops.Relu(x))])
def test_results_stay_when_it_runs_again(make):
    """Results that lie in memory as they are returned must not be the buffer itself."""
    b = GraphBuilder()
    compiled = backend.compile(Module("m", b.finish((make(b, b.input("x", TensorType(F32, (2, 3)))),))))
    assert isinstance(compiled, CpuArtifact)
    (first,) = compiled.run({"x": np.ones((2, 3), np.float32)}).values()
    compiled.run({"x": np.full((2, 3), 7, np.float32)})
    assert np.array_equal(first, np.ones((2, 3)))


@pytest.mark.parametrize("name, text", [
    ("thesis.txt", "mine"), ("manifest.json", '{"name": "a web page"}'), ("manifest.json", '{"target": "systolic"}'),
    ("manifest.json", "[1]"), ("manifest.json", "not JSON"),
])  # fmt: skip
def test_a_folder_with_something_else_is_left_alone(artifact, tmp_path, name, text):
    (tmp_path / name).write_text(text)
    with pytest.raises(BackendError, match="holds files that are no artifact"):
        artifact.save(tmp_path)
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [(name, text)]


def _remove(folder):
    (folder / "network.so").unlink()


def _truncate(folder):
    whole = (folder / "params.bin").read_bytes()
    (folder / "params.bin").write_bytes(whole[: len(whole) // 2])


def _one_bit(folder):
    whole = bytearray((folder / "params.bin").read_bytes())
    whole[500] ^= 4
    (folder / "params.bin").write_bytes(whole)


def _other_params(folder):
    random = np.random.default_rng(7).standard_normal((16, 3, 3, 3)).astype(np.float32)
    module = small_module()
    backend.compile(Module("small", module.graph, Params({"w": random}))).save(folder / "other")
    (folder / "other" / "params.bin").replace(folder / "params.bin")


def _other_format(folder):
    data = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(data | {"format": 99}))


def _half_json(folder):
    (folder / "manifest.json").write_text((folder / "manifest.json").read_text()[:100])


def _changed_library(folder):
    with (folder / "network.so").open("ab") as file:
        file.write(b"more")


def _no_library(folder):
    (folder / "network.so").write_text("not a library")
    data = json.loads((folder / "manifest.json").read_text())
    data["library_sha256"] = file_hash(folder / "network.so")
    (folder / "manifest.json").write_text(json.dumps(data))


@pytest.mark.parametrize("damage, words", [
    (_remove, "network.so"), (_truncate, "cut off"), (_one_bit, "has been changed"),
    (_other_params, "not the parameters it was saved with"), (_other_format, "format 99, needed"),
    (_half_json, "damaged"), (_no_library, "not a loadable library"),
    (_changed_library, "not the library it was saved with"),
])  # fmt: skip
def test_damaged_artifacts_are_refused_in_one_sentence(artifact, tmp_path, damage, words):
    artifact.save(tmp_path / "out")
    damage(tmp_path / "out")
    with pytest.raises(BackendError, match=words) as caught:
        backend.load(tmp_path / "out")
    assert "\n" not in str(caught.value)


def test_what_is_not_there_is_said(tmp_path):
    with pytest.raises(BackendError, match="no artifact"):
        backend.load(tmp_path)


def test_narrow_floats_are_rounded_as_they_are_stored():
    b = GraphBuilder()
    y = b.add(ops.Mul(b.input("x", TensorType(BF16, (4,))), b.input("y", TensorType(BF16, (4,)))))
    artifact = backend.compile(Module("m", b.finish((y,))))
    assert not isinstance(artifact, Infeasible)
    found = artifact.run({name: np.array([1.0078125, 3.0, np.inf, np.nan], np.float32) for name in ("x", "y")})
    np.testing.assert_array_equal(found[y.name], np.array([1.015625, 9.0, np.inf, np.nan], np.float32))
