"""The one place that imports tvm (0.27): targets, building functions, compiling, loading and calling.

Traps of this version, met here once: a target is a dict; LLVM halves 512-bit vectors on Intel unless told not to;
the thread pool counts half the cores and pins threads unless the environment says otherwise before tvm is imported.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

os.environ.setdefault("TVM_NUM_THREADS", os.environ.get("GOSSAMER_THREADS", str(os.cpu_count() or 1)))
os.environ.setdefault("TVM_BIND_THREADS", "0")

import tvm
import tvm_ffi
from tvm import s_tir
from tvm import tirx as _tirx
from tvm.script.ir_builder import IRBuilder
from tvm.script.ir_builder import tirx as script
from tvm.target import codegen

from gossamer.ir.errors import BackendError

__all__ = [
    "Block",
    "Buffer",
    "Library",
    "LoopSchedule",
    "Target",
    "build_function",
    "compile_library",
    "host_cpu",
    "instructions",
    "load_library",
    "s_tir",
    "same",
    "tirx",
    "use_threads",
]

tirx: Any = _tirx  # its annotations are narrower than what it takes
Function: TypeAlias = Any
"""A tvm PrimFunc."""
LoopSchedule: TypeAlias = s_tir.Schedule
Tensor: TypeAlias = Any
"""A tensor as tvm calls see it; shares memory with the numpy array it was made from."""


def same(x: Any, y: Any) -> bool:
    """Two expressions are written alike."""
    return bool(tvm_ffi.structural_equal(x, y))


@dataclass(frozen=True)
class Target:
    """What to compile for: LLVM's cpu name, worker threads, extra LLVM features such as `-prefer-256-bit`."""

    mcpu: str
    threads: int
    features: tuple[str, ...] = ()


@dataclass(frozen=True)
class Buffer:
    """A tensor in a function: name, physical shape, element type as tvm writes it."""

    name: str
    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True)
class Block:
    """One loop nest of a function. `body(buffers, spatial vars, reduction vars)` gives (indices, value) to store.

    With `init` the value is accumulated by `combine(old, value)` over the reduction variables.
    """

    name: str
    store: str
    spatial: tuple[int, ...]
    reduction: tuple[int, ...]
    body: Callable[[Mapping[str, Any], Sequence[Any], Sequence[Any]], tuple[list[Any], Any]]
    init: Any = None
    combine: Callable[[Any, Any], Any] | None = None


def build_function(
    name: str, params: Sequence[Buffer], temporaries: Sequence[Buffer], blocks: Sequence[Block]
) -> Function:
    """A function of the blocks in order, each a naive loop nest, ready to be scheduled."""
    with IRBuilder() as builder, script.prim_func(s_tir=True):
        script.func_name(name)
        script.func_attr({"global_symbol": name, "tirx.noalias": True})
        buffers = {p.name: script.arg(p.name, script.Buffer(p.shape, p.dtype)) for p in params}
        buffers |= {t.name: script.sblock_alloc_buffer(t.shape, t.dtype) for t in temporaries}
        for block in blocks:
            _emit(block, buffers)
    return builder.get()


def _emit(block: Block, buffers: Mapping[str, Any]) -> None:
    extents = block.spatial + block.reduction or (1,)
    with script.grid(*extents) as loops:
        loops = [loops] if isinstance(loops, tirx.Var) else list(loops)
        with script.sblock(block.name):
            count = len(block.spatial)
            spatial = [script.axis.spatial(e, v) for e, v in zip(block.spatial, loops[:count], strict=False)]
            reduction = [script.axis.reduce(e, v) for e, v in zip(block.reduction, loops[count:], strict=False)]
            store = buffers[block.store]
            indices, value = block.body(buffers, spatial, reduction)
            if block.combine is not None:
                with script.init():
                    script.buffer_store(store, block.init, indices)
                value = block.combine(store[tuple(indices)], value)
            script.buffer_store(store, value, indices)


class Loops:
    """Loops written out by hand, for code that is no loop nest; used inside `build_loops`."""

    @contextmanager
    def parallel(self, extent: int) -> Iterator[Any]:
        with script.parallel(0, extent) as variable:
            yield variable

    @contextmanager
    def serial(self, extent: int) -> Iterator[Any]:
        with script.serial(0, extent) as variable:
            yield variable

    @contextmanager
    def vectorized(self, extent: int) -> Iterator[Any]:
        """A vector of `extent` lanes; one lane is a plain number."""
        if extent == 1:
            yield tirx.const(0, "int32")
            return
        with script.vectorized(0, extent) as variable:
            yield variable

    @contextmanager
    def when(self, tests: Sequence[Any]) -> Iterator[None]:
        """What is inside runs where all tests hold."""
        if not tests:
            yield
            return
        with script.If(tirx.all(*tests)), script.Then():
            yield

    def store(self, buffer: Any, value: Any, indices: Sequence[Any]) -> None:
        script.buffer_store(buffer, value, list(indices))


def build_loops(name: str, params: Sequence[Buffer], body: Callable[[Loops, Mapping[str, Any]], None]) -> Function:
    """A function of hand-written loops over its parameters; it is compiled as it is."""
    with IRBuilder() as builder, script.prim_func(s_tir=True):
        script.func_name(name)
        script.func_attr({"global_symbol": name, "tirx.noalias": True})
        body(Loops(), {p.name: script.arg(p.name, script.Buffer(p.shape, p.dtype)) for p in params})
    return builder.get()


class Library:
    """Compiled functions by name."""

    def __init__(self, module: Any) -> None:
        self._module = module

    def function(self, name: str) -> Callable[..., None]:
        return self._module[name]

    def export(self, path: Path) -> None:
        """Write a shared library. Raises BackendError when no C compiler is there to link it."""
        try:
            self._module.export_library(str(path))
        except (RuntimeError, ValueError, OSError) as error:
            raise BackendError(
                f"{path}: linking the library failed ({str(error).splitlines()[0]}); "
                "a C compiler (cc or clang) is needed on PATH"
            ) from error


def compile_library(functions: Sequence[Function], target: Target) -> Library:
    """Compile functions for a target into one library."""
    description: dict[str, Any] = {"kind": "llvm", "mcpu": target.mcpu, "num-cores": target.threads}
    if target.features:
        description["mattr"] = list(target.features)
    module = tvm.IRModule({f.attrs["global_symbol"]: f for f in functions})
    return Library(tvm.compile(module, target=tvm.target.Target(description)))


def load_library(path: Path) -> Library:
    """Load a library written by `Library.export`. Raises BackendError when it cannot be."""
    try:
        return Library(tvm.runtime.load_module(str(path)))
    except Exception as error:  # tvm raises its own kinds
        raise BackendError(
            f"{path}: not a loadable library ({str(error).splitlines()[0]}); compile the module again on this machine"
        ) from error


def tensor(array: NDArray[Any]) -> Tensor:
    """A view of a C-contiguous, 64-byte aligned array; no copy."""
    return tvm_ffi.from_dlpack(array)


def aligned(shape: Sequence[int], dtype: "np.dtype[Any]", fill: float = 0.0) -> NDArray[Any]:
    """A 64-byte aligned array filled with `fill`."""
    size = int(np.prod(shape)) * dtype.itemsize
    raw = np.empty(size + 64, np.uint8)
    offset = -raw.ctypes.data % 64
    array = raw[offset : offset + size].view(dtype).reshape(tuple(shape))
    array[...] = np.asarray(fill).astype(dtype)
    return array


def use_threads(count: int) -> None:
    """Workers of tvm's thread pool, the calling thread included. Process-wide."""
    tvm.get_global_func("runtime.config_threadpool")(1, count)


def dot_intrinsic(lanes: int) -> str:
    """Name of the tensor intrinsic acc[lane] += sum over k < 4 of u8 x[k] * i8 w[lane, k] (VNNI's vpdpbusd)."""
    name = f"gossamer_dot_{lanes}x4"
    if s_tir.TensorIntrin.get(name, allow_missing=True) is None:
        s_tir.TensorIntrin.register(name, _dot(lanes, vector=False), _dot(lanes, vector=True))
    return name


def _dot(lanes: int, vector: bool) -> Function:
    with IRBuilder() as builder, script.prim_func(s_tir=True):
        shapes = (
            ("x", (4,), "uint8", "global"),
            ("w", (lanes, 4), "int8", "global"),
            ("acc", (lanes,), "int32", "local"),
        )
        x, w, acc = (script.arg(n, script.Buffer(s, d, offset_factor=1, scope=where)) for n, s, d, where in shapes)
        with script.sblock("root"):
            script.reads(acc[0:lanes], x[0:4], w[0:lanes, 0:4])
            script.writes(acc[0:lanes])
            (_dot_vector if vector else _dot_loops)(x, w, acc, lanes)
    return builder.get()


def _dot_loops(x: Any, w: Any, acc: Any, lanes: int) -> None:
    with script.grid(lanes, 4) as (i, k), script.sblock("update"):
        vi, vk = script.axis.spatial(lanes, i), script.axis.reduce(4, k)
        product = tirx.Cast("int32", x[vk]) * tirx.Cast("int32", w[vi, vk])
        script.buffer_store(acc, acc[vi] + product, [vi])


def _dot_vector(x: Any, w: Any, acc: Any, lanes: int) -> None:
    four = tirx.reinterpret("int32", x.vload([0], "uint8x4"))
    spread = tirx.reinterpret(f"uint8x{lanes * 4}", tirx.Broadcast(four, lanes))
    weights = w.vload([0, 0], f"int8x{lanes * 4}")
    intrinsic = codegen.llvm_lookup_intrinsic_id(f"llvm.x86.avx512.vpdpbusd.{lanes * 32}")
    old = acc.vload([0], f"int32x{lanes}")
    args = (tirx.const(intrinsic, "uint32"), old, spread, weights)
    value = tirx.call_intrin(f"int32x{lanes}", "tirx.call_llvm_pure_intrin", *args)
    script.buffer_store(acc, value, [tirx.Ramp(0, 1, lanes)])


def host_cpu() -> str:
    """LLVM's name of this machine's cpu."""
    return str(codegen.llvm_get_system_cpu())


def instructions(cpu: str) -> frozenset[str]:
    """The vector extensions of a cpu by LLVM's name: avx2, avx512f, avx512vnni, ..."""
    features = codegen.llvm_get_cpu_features(tvm.target.Target({"kind": "llvm", "mcpu": cpu}))
    return frozenset(f for f in map(str, features) if f.startswith(("sse", "ssse", "avx", "fma", "f16c", "bmi", "amx")))
