"""The library of a network through ctypes: the C interface of `runtime/gossamer.h`."""

import ctypes
import os
import zlib
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import Any

import numpy as np

from gossamer.codegen.tvm.layout import Array
from gossamer.ir.errors import BackendError

_Net = ctypes.c_void_p


class _Bytes(ctypes.Structure):
    _fields_ = (("arena", ctypes.c_int64), ("scratch", ctypes.c_int64), ("params", ctypes.c_int64))


class _Tensor(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p), ("dtype", ctypes.c_char_p), ("rank", ctypes.c_int32),
        ("shape", ctypes.POINTER(ctypes.c_int64)), ("bytes", ctypes.c_int64),
    )  # fmt: skip


Described = tuple[str, str, tuple[int, ...]]
"""Name, numpy's name of the type, and shape of an input or output."""

MOST_THREADS = 256
"""As GOSSAMER_MOST_THREADS of the header."""

_SIGNATURES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "gossamer_open": (_Net, (ctypes.c_char_p, ctypes.c_int32)),
    "gossamer_close": (None, (_Net,)),
    "gossamer_profile": (ctypes.c_int, (_Net, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)),
    "gossamer_launches": (ctypes.c_int32, (_Net,)),
    "gossamer_inputs": (ctypes.c_int32, (_Net,)),
    "gossamer_outputs": (ctypes.c_int32, (_Net,)),
    "gossamer_input": (ctypes.POINTER(_Tensor), (_Net, ctypes.c_int32)),
    "gossamer_output": (ctypes.POINTER(_Tensor), (_Net, ctypes.c_int32)),
    "gossamer_threads": (ctypes.c_int32, (_Net,)),
    "gossamer_set_threads": (ctypes.c_int, (_Net, ctypes.c_int32)),
    "gossamer_allocated": (_Bytes, (_Net,)),
    "gossamer_lacks": (ctypes.c_char_p, ()),
    "gossamer_error": (ctypes.c_char_p, ()),
    "gossamer_checksum": (ctypes.c_uint64, (ctypes.c_void_p, ctypes.c_size_t)),
}


class Library:
    """A loaded network.so. Raises BackendError when the file is none."""

    def __init__(self, path: Path) -> None:
        try:
            # the loader takes a name it knows for the same library, also when there is another file by now
            with TemporaryDirectory(prefix="gossamer-") as unique:
                name = Path(unique) / path.name
                name.symlink_to(path.resolve())
                loaded = ctypes.CDLL(str(name), mode=os.RTLD_NOW | os.RTLD_LOCAL)
            for function, (result, arguments) in _SIGNATURES.items():
                found = getattr(loaded, function)
                found.restype, found.argtypes = result, arguments
        except (OSError, AttributeError) as error:
            raise BackendError(
                f"{path}: not a loadable library ({str(error).splitlines()[0]}); "
                "compile the module again on this machine"
            ) from error
        self.call: Any = loaded

    def checksum(self, data: Array) -> int:
        """Of bytes, a multiple of 64 of them."""
        return int(self.call.gossamer_checksum(data.ctypes.data, data.nbytes))

    def lacks(self) -> str:
        """A feature of the cpu that it was compiled for and this machine lacks; "" when it can run here."""
        return (self.call.gossamer_lacks() or b"").decode()

    def error(self) -> str:
        """Why the last call failed."""
        return (self.call.gossamer_error() or b"").decode(errors="replace")


_UNTIMED = np.zeros(0)


class Net:
    """An open network: its memory and its threads. Runs of one net wait for each other."""

    def __init__(self, library: Library, folder: Path, threads: int = 0) -> None:
        self._library, self._lock = library, Lock()
        self._net = library.call.gossamer_open(os.fsencode(folder), threads)
        if not self._net:
            raise BackendError(library.error())

    def run(self, inputs: Sequence[Array], outputs: Sequence[Array], timed: bool = False) -> Array:
        """Fill the outputs; all arrays dense. Seconds of every launch where `timed`."""
        call, net = self._library.call, self._opened()
        seconds = np.zeros(self.launches) if timed else _UNTIMED
        taken, given = _pointers(inputs), _pointers(outputs)
        if call.gossamer_profile(net, taken, given, seconds.ctypes.data if timed else None):
            raise BackendError(self._library.error())
        return seconds

    @property
    def inputs(self) -> tuple[Described, ...]:
        """What the library takes, in the order of `run`."""
        call, net = self._library.call, self._opened()
        return tuple(_described(call.gossamer_input(net, i)) for i in range(call.gossamer_inputs(net)))

    @property
    def outputs(self) -> tuple[Described, ...]:
        """What the library gives, in the order of `run`."""
        call, net = self._library.call, self._opened()
        return tuple(_described(call.gossamer_output(net, i)) for i in range(call.gossamer_outputs(net)))

    @property
    def launches(self) -> int:
        """How many seconds a timed run gives."""
        return int(self._library.call.gossamer_launches(self._opened()))

    @property
    def threads(self) -> int:
        """How many work in a run, the calling one included."""
        return int(self._library.call.gossamer_threads(self._opened()))

    @threads.setter
    def threads(self, count: int) -> None:
        if type(count) is not int or not 1 <= count <= MOST_THREADS:
            raise BackendError(f"cpu: a run needs 1 to {MOST_THREADS} threads, found {count}")
        if self._library.call.gossamer_set_threads(self._opened(), count):
            raise BackendError(self._library.error())

    def allocated(self) -> tuple[int, int, int]:
        """Bytes of (arena, scratch of all threads, parameters) as the library counts them."""
        found = self._library.call.gossamer_allocated(self._opened())
        return int(found.arena), int(found.scratch), int(found.params)

    def _opened(self) -> int:
        if not self._net:
            raise BackendError("this network has been closed; load it again")
        return self._net

    def close(self) -> None:
        """Give memory and threads back; it cannot run any more."""
        with self._lock:
            net, self._net = self._net, None
        if net:
            self._library.call.gossamer_close(net)

    def __del__(self) -> None:
        if getattr(self, "_net", None):
            self.close()


def file_checksum(path: Path) -> str:
    """CRC-32 of a file. A digest would do as well, but loading its library takes more memory than a small network."""
    return f"{zlib.crc32(path.read_bytes()):08x}"


def stored_checksum(path: Path) -> str:
    """What the header of params.bin says."""
    with path.open("rb") as file:
        return f"{int.from_bytes(file.read(64)[24:32], 'little'):016x}"


def _described(tensor: Any) -> Described:
    found = tensor.contents
    return found.name.decode(), found.dtype.decode(), tuple(found.shape[: found.rank])


def _pointers(arrays: Sequence[Array]) -> Any:
    return (ctypes.c_void_p * max(1, len(arrays)))(*(a.ctypes.data for a in arrays))
