"""The one place that imports tvm (0.27): targets, building functions, compiling, loading and calling.

Traps of this version, met here once: a target is a dict; LLVM halves 512-bit vectors on Intel unless told not to;
the thread pool counts half the cores and pins threads unless the environment says otherwise before tvm is imported.
"""

import gossamer.codegen.tvm.environment  # noqa: F401

# isort: split
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import tvm
import tvm_ffi
from numpy.typing import NDArray
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

for _name in ("nearbyint", "reinterpret"):  # tvm forgot: a vector of them would become a loop of numbers
    tvm.ir.register_op_attr(f"tirx.{_name}", "TVectorizable", True, level=11)
Function: TypeAlias = Any
"""A tvm PrimFunc."""
LoopSchedule: TypeAlias = s_tir.Schedule


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


@dataclass(frozen=True)
class TaskFunction:
    """A kernel: a tvm function `void NAME(int32 begin, int32 end, void *scratch, void *b0, ...)` of `tasks` tasks.

    It runs tasks begin .. end-1 of its parallel loop. Buffers do not alias; `scratch` is the calling thread's own
    memory of at least `scratch_bytes`, 64-byte aligned. `serial`: too little work to wake another thread.
    """

    function: Function
    tasks: int
    scratch_bytes: int = 0
    serial: bool = False

    def run_serially(self, serial: bool) -> "TaskFunction":
        """The same kernel, on one thread where `serial`."""
        return replace(self, serial=serial)


@dataclass(frozen=True)
class Tensor:
    """A tensor in a kernel, row-major, over a one-dimensional tvm buffer: tvm's own flattening takes seconds a network.

    Truth values are bytes in memory.
    """

    data: Any
    shape: tuple[int, ...]
    truth: bool = False
    start: int = 0
    """Position of its first element in the buffer."""

    def __getitem__(self, indices: Any) -> Any:
        """The element at an index per dimension."""
        found = self.data[self.offset(indices if isinstance(indices, tuple) else (indices,))]
        return tirx.Cast("bool", found) if self.truth else found

    def vector(self, indices: Sequence[Any], lanes: int) -> Any:
        """`lanes` consecutive elements, the first at the indices."""
        if lanes == 1:
            return self.data[self.offset(indices)]
        return tirx.BufferLoad(self.data, [tirx.Ramp(self.offset(indices), 1, lanes)])

    def masked_vector(self, indices: Sequence[Any], lanes: int, first: Any, limit: int) -> Any:
        """As `vector`, but lanes with `first` + lane >= `limit` are not read: 0."""
        dtype = str(self.data.dtype)
        mask = tirx.Ramp(first, 1, lanes) < tirx.Broadcast(tirx.const(limit, "int32"), lanes)
        where = tirx.address_of(self.data[self.offset(indices)])
        nothing = tirx.Broadcast(tirx.const(0, dtype), lanes)
        return llvm_intrinsic("llvm.masked.load", f"{dtype}x{lanes}", where, mask, nothing)

    def offset(self, indices: Sequence[Any]) -> Any:
        """Position in the buffer."""
        where: Any = 0
        for index, extent in zip(indices, self.shape, strict=True):
            where = index if isinstance(where, int) and where == 0 else where * extent + index
        where = where + self.start if self.start else where
        return tirx.const(where, "int32") if isinstance(where, int) else where


class Loops:
    """Statements written out by hand; used inside `build_tasks`."""

    def __init__(self, scratch: Any) -> None:
        self._scratch = scratch
        self.scratch_bytes = 0

    @contextmanager
    def serial(self, extent: Any, start: Any = 0) -> Iterator[Any]:
        """Steps start .. extent-1; a single step from 0 is no loop."""
        if isinstance(extent, int) and extent == 1 and isinstance(start, int) and start == 0:
            yield tirx.const(0, "int32")
            return
        with script.serial(start, extent) as variable:
            yield variable

    @contextmanager
    def nested(self, extents: Sequence[int]) -> Iterator[list[Any]]:
        """Loops in each other, outermost first."""
        with ExitStack() as stack:
            yield [stack.enter_context(self.serial(extent)) for extent in extents]

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

    def store(self, buffer: "Tensor", value: Any, indices: Sequence[Any]) -> None:
        kept = tirx.Cast("int8", value) if buffer.truth else value
        script.buffer_store(buffer.data, kept, [buffer.offset(indices)])

    def store_vector(self, buffer: "Tensor", value: Any, indices: Sequence[Any], lanes: int) -> None:
        """Store `lanes` consecutive elements, the first at the indices."""
        start = buffer.offset(indices)
        script.buffer_store(buffer.data, value, [tirx.Ramp(start, 1, lanes) if lanes > 1 else start])

    def prefetch(self, buffer: "Tensor", indices: Sequence[Any]) -> None:
        """Ask for the cache line of an element; it may lie beyond the buffer."""
        script.evaluate(tirx.call_intrin("void", "tirx.prefetch", tirx.address_of(buffer[tuple(indices)]), 0, 3, 1))

    def accumulator(self, lanes: int, dtype: str, count: int = 1) -> "Tensor":
        """Room for `count` vectors: registers, as far as there are enough and every index is a constant."""
        shape = (count, lanes) if count > 1 else (lanes,)
        return Tensor(script.alloc_buffer((count * lanes,), _in_memory(dtype), scope="local"), shape, dtype == "bool")

    def scratch(self, shape: Sequence[int], dtype: str) -> "Tensor":
        """A buffer of the thread's own memory; what it holds is undefined at the start of a task."""
        start, item = self.scratch_bytes, np.dtype(dtype).itemsize
        self.scratch_bytes += -(-int(np.prod(shape)) * item // 64) * 64
        first = start // item
        # The code generator does not look at where a buffer says that it begins.
        buffer = script.decl_buffer((first + int(np.prod(shape)),), _in_memory(dtype), data=self._scratch, align=64)
        return Tensor(buffer, tuple(shape), dtype == "bool", first)


def build_tasks(
    name: str, params: Sequence[Buffer], tasks: int, body: Callable[[Loops, Mapping[str, Tensor], Any], None]
) -> TaskFunction:
    """A kernel over its parameters; `body(loops, buffers, task)` emits what one task does."""
    with IRBuilder() as builder, script.prim_func(s_tir=True):
        script.func_name(name)
        script.func_attr({"global_symbol": name, "tirx.noalias": True})
        begin, end = (script.arg(n, tirx.Var(n, "int32")) for n in ("begin", "end"))
        scratch = script.arg("scratch", script.handle())
        data = {p.name: script.arg(p.name, script.handle(_in_memory(p.dtype))) for p in params}
        buffers = {p.name: _declared(p, data[p.name]) for p in params}
        loops = Loops(scratch)
        with script.serial(begin, end) as task:
            body(loops, buffers, task)
    return TaskFunction(builder.get(), tasks, loops.scratch_bytes)


def _declared(param: Buffer, data: Any) -> Tensor:
    size = int(np.prod(param.shape))
    buffer = script.decl_buffer((size,), _in_memory(param.dtype), data=data, align=64)
    return Tensor(buffer, param.shape, param.dtype == "bool")


def _in_memory(dtype: str) -> str:
    return "int8" if dtype == "bool" else dtype


def llvm_intrinsic(name: str, dtype: str, *operands: Any) -> Any:
    """A call of an LLVM intrinsic without side effects."""
    number = tirx.const(codegen.llvm_lookup_intrinsic_id(name), "uint32")
    return tirx.call_intrin(dtype, "tirx.call_llvm_pure_intrin", number, *operands)


def compile_object(functions: Sequence[Function], target: Target, path: Path) -> None:
    """Write an object file with the functions as plain C functions."""
    described = tvm.target.Target(_description(target))
    module = tvm.IRModule({f.attrs["global_symbol"]: f for f in functions})
    module = tvm.tirx.transform.BindTarget(described.with_host(described))(module)
    module = tvm.ir.transform.Sequential(_PASSES)(module)
    tvm.get_global_func("target.build.llvm")(module, described).write_to_file(str(path), "o")


_PASSES = [
    tirx.transform.BF16ComputeLegalize(),
    tirx.transform.NarrowDataType(32),
    tirx.transform.VectorizeLoop(True),
    tirx.transform.UnrollLoop(),
    tirx.transform.StmtSimplify(),
    tirx.transform.RemoveNoOp(),
    s_tir.transform.RewriteUnsafeSelect(),
    tirx.transform.FP8ComputeLegalize(),
    tirx.transform.FP8StorageLegalize(),
    tirx.transform.BF16StorageLegalize(),
    tirx.transform.LowerIntrin(),
]
"""What turns statements into what LLVM takes: without tvm's packed functions and its thread pool."""


def _description(target: Target) -> dict[str, Any]:
    description: dict[str, Any] = {"kind": "llvm", "mcpu": target.mcpu, "num-cores": target.threads}
    if target.features:
        description["mattr"] = list(target.features)
    return description


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


def tensor(array: NDArray[Any]) -> Any:
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
