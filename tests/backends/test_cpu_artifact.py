"""A compiled module as a folder: saved, loaded in a new process, refused when it is damaged."""

import json
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from gossamer.backends.base import Infeasible
from gossamer.backends.cpu import backend
from gossamer.backends.cpu.artifact import CpuArtifact
from gossamer.backends.cpu.linking import compiler
from gossamer.backends.cpu.native import file_checksum
from gossamer.ir import ops
from gossamer.ir.build import GraphBuilder
from gossamer.ir.errors import BackendError, DataError
from gossamer.ir.graph import Module, Params
from gossamer.ir.reference import evaluate
from gossamer.ir.types import BF16, F32, DType, TensorType

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


def test_memory_is_what_the_library_allocates(artifact, tmp_path):
    artifact.save(tmp_path / "out")
    for copy in (artifact, backend.load(tmp_path / "out")):
        arena, scratch, params = copy.allocated()
        assert arena + scratch == copy.peak_bytes == copy.manifest.peak_bytes
        assert params == copy.manifest.params_bytes == 3 * 3 * 3 * 16 * 4
    assert json.loads((tmp_path / "out" / "manifest.json").read_text())["peak_bytes"] == artifact.peak_bytes


def test_values_share_memory():
    """A chain of element-wise layers needs two of its values at a time, however long it is."""
    b = GraphBuilder()
    x = b.input("x", TensorType(F32, (4, 256)))
    for make in (ops.Tanh, ops.Exp, ops.Sigmoid, ops.Tanh, ops.Exp):
        x = b.add(make(x))
    module = Module("chain", b.finish((x,)))
    compiled, given = backend.compile(module), {"x": np.random.default_rng(0).random((4, 256), np.float32)}
    assert isinstance(compiled, CpuArtifact) and compiled.manifest.arena_bytes == 2 * 4 * 256 * 4
    np.testing.assert_allclose(compiled.run(given)[x.name], evaluate(module, given)[x.name], rtol=1e-5)


@pytest.mark.parametrize("dtype", ["f32", "f64", "f16", "i8", "u8", "i16", "i32", "i64", "bool"])
def test_every_type_goes_in_and_out(dtype):
    b, kind = GraphBuilder(), DType.parse(dtype)
    x = b.input("x", TensorType(kind, (3, 5)))
    y = b.add(ops.Transpose(x, (1, 0)), "y")
    compiled = backend.compile(Module("m", b.finish((y, x))))
    given = np.random.default_rng(0).integers(0, 2 if dtype == "bool" else 100, (3, 5)).astype(kind.numpy)
    found = compiled.run({"x": given})
    assert found["y"].dtype == given.dtype and np.array_equal(found["y"], given.T) and np.array_equal(found["x"], given)


def test_a_folder_that_is_written_again_is_loaded_again(artifact, x, tmp_path):
    """The system's loader would give the library of that name that it has."""
    artifact.save(tmp_path / "out")
    before = backend.load(tmp_path / "out")
    b = GraphBuilder()
    y = b.add(ops.Mul(b.input("x", TensorType(F32, (1, 3, 8, 8))), b.add(ops.Param("two", TensorType(F32, ())))), "y")
    backend.compile(Module("twice", b.finish((y,)), Params({"two": np.asarray(2, np.float32)}))).save(tmp_path / "out")
    assert np.array_equal(backend.load(tmp_path / "out").run({"x": x})["y"], 2 * x)
    assert np.array_equal(before.run({"x": x})["y"], artifact.run({"x": x})["y"])


def test_threads_are_as_compiled_until_set(artifact, x, tmp_path):
    artifact.save(tmp_path / "out")
    loaded = backend.load(tmp_path / "out")
    assert loaded.threads == artifact.manifest.hardware.cores
    wanted = loaded.run({"x": x})["y"]
    for threads in (1, 3):
        loaded.threads = threads
        assert loaded.threads == threads and np.array_equal(loaded.run({"x": x})["y"], wanted)
    for wrong in (0, 257, 2**32 + 1, 2.5):
        with pytest.raises(BackendError, match=re.escape(f"a run needs 1 to 256 threads, found {wrong}")):
            loaded.threads = wrong
    assert loaded.threads == 3 and np.array_equal(loaded.run({"x": x})["y"], wanted)
    with pytest.raises(BackendError, match="at least one run, found 0"):
        loaded.profile({"x": x}, runs=0)


def test_an_artifact_runs_from_several_threads(artifact):
    inputs = [np.full((1, 3, 8, 8), i, np.float32) for i in range(8)]
    wanted = [artifact.run({"x": x})["y"] for x in inputs]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda x: artifact.run({"x": x})["y"], inputs * 5))
    assert all(np.array_equal(a, b) for a, b in zip(found, wanted * 5))


def test_a_program_in_c_runs_the_folder(artifact, x, tmp_path):
    """As docs/cpu.md and the header of example.c say."""
    artifact.save(folder := tmp_path / "out")
    x.tofile(tmp_path / "x.bin")
    command = [compiler(), "-Wall", "-Wextra", "-Werror", folder / "example.c", "-o", tmp_path / "example"]
    options = ["-I", folder, folder / "network.so", f"-Wl,-rpath,{folder}"]
    subprocess.run([*command, *options], check=True)
    for files, given in (([tmp_path / "x.bin"], x), ([], np.zeros_like(x))):
        done = subprocess.run([tmp_path / "example", folder, *files], capture_output=True, text=True, check=True)
        title, *numbers = done.stdout.splitlines()
        assert title == "y float32[1,16,8,8]"
        wanted = evaluate(small_module(), {"x": given})["y"].ravel()
        np.testing.assert_allclose(np.asarray(numbers, np.float32), wanted, atol=1e-5)
    refused = subprocess.run([tmp_path / "example", tmp_path / "none"], capture_output=True, text=True)
    assert refused.returncode == 1 and "params.bin: No such file" in refused.stderr
    np.save(tmp_path / "x.npy", x)  # has a header before the numbers
    command = [tmp_path / "example", folder, tmp_path / "x.npy"]
    refused = subprocess.run(command, capture_output=True, text=True)
    assert refused.returncode == 1 and "x.npy: cannot be read, or is not the 768 raw bytes of x" in refused.stderr


def test_only_the_interface_can_be_seen_from_outside(artifact, tmp_path):
    """So that libraries of several networks fit into one program that opens them."""
    artifact.save(tmp_path / "out")
    listed = subprocess.run(
        ["nm", "-D", "--defined-only", tmp_path / "out" / "network.so"], capture_output=True, text=True
    )
    header = (tmp_path / "out" / "gossamer.h").read_text()
    names = {line.split()[2] for line in listed.stdout.splitlines()}
    assert names == set(re.findall(r"GOSSAMER_API .*?(gossamer_\w+)\(", header))


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


def test_an_array_without_a_name_is_refused(artifact, x):
    with pytest.raises(DataError, match="inputs are of type ndarray, needed arrays by name: {'x': array}"):
        artifact.run(x)


def test_it_says_what_it_takes(artifact):
    assert artifact.inputs == small_module().graph.inputs


def test_a_value_is_an_output_twice():
    b = GraphBuilder()
    y = b.add(ops.Relu(b.input("x", TensorType(F32, (2, 3)))), "y")
    compiled, x = backend.compile(Module("m", b.finish((y, y)))), np.full((2, 3), 7, np.float32)
    assert isinstance(compiled, CpuArtifact)
    assert np.array_equal(compiled.run({"x": x})["y"], x) and len(compiled.profile({"x": x}, runs=1)) == 1


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


def _other_hardware(folder):
    """As an older version may have described it."""
    data = json.loads((folder / "manifest.json").read_text())
    data["hardware"]["warp_size"] = 32
    (folder / "manifest.json").write_text(json.dumps(data))


def _other_shapes(folder):
    """The library would read beyond what it is given."""
    data = json.loads((folder / "manifest.json").read_text())
    data["inputs"][0]["type"]["shape"] = [1, 3, 1, 1]
    (folder / "manifest.json").write_text(json.dumps(data))


def _no_outputs(folder):
    data = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(data | {"outputs": []}))


def _other_arena(folder):
    data = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(data | {"arena_bytes": data["arena_bytes"] + 64}))


def _nested(folder):
    (folder / "manifest.json").write_text("[" * 100_000)


def _half_json(folder):
    (folder / "manifest.json").write_text((folder / "manifest.json").read_text()[:100])


def _changed_library(folder):
    with (folder / "network.so").open("ab") as file:
        file.write(b"more")


def _no_library(folder):
    (folder / "network.so").write_text("not a library")
    data = json.loads((folder / "manifest.json").read_text())
    data["library_checksum"] = file_checksum(folder / "network.so")
    (folder / "manifest.json").write_text(json.dumps(data))


@pytest.mark.parametrize("damage, words", [
    (_remove, "network.so"), (_truncate, "cut off"), (_one_bit, "has been changed"),
    (_other_params, "not the parameters it was saved with"), (_other_format, "format 99, needed"),
    (_half_json, "damaged"), (_other_hardware, "damaged artifact .*warp_size"), (_no_library, "not a loadable library"),
    (_changed_library, "not the library it was saved with"), (_other_shapes, "inputs are not those of network.so"),
    (_no_outputs, "outputs are not those of network.so"), (_other_arena, "arena_bytes are not those of network.so"),
    (_nested, "damaged artifact"),
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
