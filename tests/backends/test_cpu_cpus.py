"""Code for a processor that is named: what its vectors are, and what becomes of it on another machine."""

import numpy as np
import pytest

import gossamer as gs
from gossamer.backends.cpu.cpus import KNOWN, NATIVE
from gossamer.backends.cpu.hardware import CpuHardware, host
from gossamer.backends.cpu.linking import checkable
from gossamer.backends.cpu.target import missing_here
from gossamer.codegen.tvm.adapter import instructions
from gossamer.ir import ops
from gossamer.ir.build import GraphBuilder
from gossamer.ir.errors import BackendError, HardwareError
from gossamer.ir.graph import Module, Params
from gossamer.ir.reference import evaluate
from gossamer.ir.types import F32, TensorType

X = {"x": np.random.default_rng(0).standard_normal((1, 16, 9, 9)).astype(np.float32)}


def network() -> Module:
    b = GraphBuilder()
    x = b.input("x", TensorType(F32, (1, 16, 9, 9)))
    w = b.add(ops.Param("w", TensorType(F32, (24, 16, 3, 3))))
    y = b.add(ops.Relu(b.add(ops.Conv2d(x, w, pads=(1, 1, 1, 1)))), "y")
    weights = np.random.default_rng(1).standard_normal((24, 16, 3, 3)).astype(np.float32)
    return Module("m", b.finish((y,)), Params({"w": weights}))


def foreign() -> str:
    """A cpu with something that this machine lacks."""
    found = next((cpu for cpu in reversed(KNOWN) if missing_here(cpu)), None)
    if found is None:
        pytest.skip("this machine has everything that a known cpu has")
    return found


@pytest.mark.parametrize("cpu", KNOWN)
def test_vectors_are_those_llvm_knows_of_and_all_it_may_use_can_be_looked_for(cpu: str) -> None:
    found, vectors = instructions(cpu), KNOWN[cpu]
    assert vectors.vector_bits == (512 if "avx512f" in found else 256 if "avx2" in found else 128)
    assert (vectors.int8_dot == 4) == bool({"avx512vnni", "avxvnni"} & found)
    assert set(checkable(found)) == found


def test_a_cpu_brings_its_vectors_but_for_what_is_given() -> None:
    haswell = CpuHardware.build({"cpu": "haswell"})
    assert isinstance(haswell, CpuHardware)
    assert (haswell.vector_bits, haswell.vector_registers, haswell.int8_dot) == (256, 16, 1)
    narrow = host().changed({"cpu": "znver4", "vector_bits": 256})
    assert isinstance(narrow, CpuHardware)
    assert (narrow.vector_bits, narrow.vector_registers, narrow.int8_dot) == (256, 32, 4)
    assert narrow.l2_bytes == host().l2_bytes
    assert narrow.changed({"cpu": NATIVE}) == host()
    assert narrow.changed({"l2_bytes": 1 << 20}).values() == narrow.values() | {"l2_bytes": 1 << 20}


def test_an_unknown_cpu_names_those_that_are_known() -> None:
    with pytest.raises(HardwareError, match=r"cpu\.cpu: 'pentium9' is none of native, x86-64, .*haswell.*znver5"):
        gs.compile(network(), hardware={"cpu": "pentium9"})


@pytest.mark.parametrize("cpu", ["x86-64", "haswell", "skylake-avx512"])
def test_code_for_an_older_cpu_runs_here_and_is_right(cpu: str, tmp_path) -> None:
    if missing_here(cpu):
        pytest.skip("this machine lacks the instructions")
    artifact = gs.compile(network(), hardware={"cpu": cpu})
    artifact.save(tmp_path / "out")
    found = gs.load_artifact(tmp_path / "out").run(X)["y"]
    np.testing.assert_allclose(found, evaluate(network(), X)["y"], rtol=1e-4, atol=1e-4)


def test_code_for_another_cpu_is_saved_and_refused_here_by_what_it_misses(tmp_path) -> None:
    cpu = foreign()
    artifact = gs.compile(network(), hardware={"cpu": cpu})
    artifact.save(tmp_path / "out")
    missing = "|".join(missing_here(cpu)).replace(".", r"\.")
    words = f"made for a {cpu}, this machine lacks its ({missing}); compile it again here"
    with pytest.raises(BackendError, match=f"^cpu: {words}$"):
        artifact.run(X)
    with pytest.raises(BackendError, match=f"out: {words}$"):
        gs.load_artifact(tmp_path / "out")
