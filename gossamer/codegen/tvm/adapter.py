"""The one place that imports tvm (0.27): targets, statements of kernels, and object files of plain C functions.

Traps of this version, met here once: a target is a dict; LLVM halves 512-bit vectors on Intel unless told not to;
flattening many-dimensional buffers takes seconds a network, so kernels only have one-dimensional ones.
"""

import gossamer.codegen.tvm.environment  # noqa: F401

# isort: split
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import tvm
import tvm_ffi
from tvm import s_tir
from tvm import tirx as _tirx
from tvm.script.ir_builder import IRBuilder
from tvm.script.ir_builder import tirx as script
from tvm.target import codegen

from gossamer.ir.errors import BackendError

__all__ = [
    "Buffer",
    "Loops",
    "Target",
    "TaskFunction",
    "Tensor",
    "build_tasks",
    "compile_object",
    "host_cpu",
    "instructions",
    "llvm_intrinsic",
    "once",
    "same",
    "tirx",
]

tirx: Any = _tirx  # its annotations are narrower than what it takes
Function: TypeAlias = Any
"""A tvm PrimFunc."""

for _name in ("nearbyint", "reinterpret"):  # tvm forgot: a vector of them would become a loop of numbers
    tvm.ir.register_op_attr(f"tirx.{_name}", "TVectorizable", True, level=11)


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
            before = _VECTOR.set((variable, extent))
            try:
                yield variable
            finally:
                _VECTOR.reset(before)

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


_VECTOR: ContextVar[tuple[Any, int] | None] = ContextVar("vector", default=None)
"""(lane, lanes) of the vector loop that statements are being written in."""


def once(value: Any) -> Any:
    """A value that may be repeated: computed here, kept in a register; outside of a kernel the value itself.

    Not a Let: tvm's later passes put what that names in where the name stands, so that ten names that stand twice
    each are a thousand copies, and minutes. What is loaded they leave alone.
    """
    if not IRBuilder.is_in_scope():
        return value
    dtype = tvm.DataType(str(value.dtype if hasattr(value, "dtype") else value.ty.dtype))
    element, vector = _in_memory(str(dtype).partition("x")[0]), _VECTOR.get()
    lane, lanes = vector if vector is not None and dtype.lanes == 1 else (tirx.const(0, "int32"), dtype.lanes)
    where = tirx.Ramp(lane, 1, lanes) if dtype.lanes > 1 else lane
    register = script.alloc_buffer((lanes,), element, scope="local")
    script.buffer_store(register, tirx.Cast("int8", value) if str(dtype) == "bool" else value, [where])
    loaded = tirx.BufferLoad(register, [where])
    return tirx.Cast("bool", loaded) if str(dtype) == "bool" else loaded


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
    """Write an object file with the functions as plain C functions. Raises BackendError when tvm or LLVM cannot."""
    described = tvm.target.Target(_description(target))
    try:
        module = tvm.IRModule({f.attrs["global_symbol"]: f for f in functions})
        module = tvm.tirx.transform.BindTarget(described.with_host(described))(module)
        module = tvm.ir.transform.Sequential(_PASSES)(module)
        tvm.get_global_func("target.build.llvm")(module, described).write_to_file(str(path), "o")
    except (RuntimeError, ValueError, TypeError) as error:  # what tvm's own errors derive from
        reason = (str(error).strip() or type(error).__name__).splitlines()[-1]
        raise BackendError(f"cpu: generating code for a {target.mcpu} failed ({reason})") from error


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


def host_cpu() -> str:
    """LLVM's name of this machine's cpu."""
    return str(codegen.llvm_get_system_cpu())


_EXTENSIONS = ("sse", "ssse", "avx", "fma", "f16c", "bmi", "amx", "popcnt", "movbe", "lzcnt", "gfni")


def instructions(cpu: str) -> frozenset[str]:
    """The extensions of a cpu by LLVM's name that code for it may use: avx2, avx512f, avx512vnni, ..."""
    features = codegen.llvm_get_cpu_features(tvm.target.Target({"kind": "llvm", "mcpu": cpu}))
    return frozenset(f for f in map(str, features) if f.startswith(_EXTENSIONS))
