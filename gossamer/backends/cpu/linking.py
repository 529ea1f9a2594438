"""The library of a network: network.c is compiled and linked with the kernels and the runtime.

The runtime's objects are kept in the user's cache, named by what they were made from.
"""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from gossamer.backends.cpu.cache import cache_folder
from gossamer.backends.cpu.manifest import LIBRARY
from gossamer.backends.cpu.network import Network, network_source
from gossamer.ir.errors import BackendError

RUNTIME = Path(__file__).parent / "runtime"
COMPILERS = ("cc", "gcc", "clang")

_SOURCES = ("runtime.c", "params.c", "memory.c", "pool.c", "ports.c", "copy.c", "cpu.c")
_FLAGS = ("-std=c11", "-fPIC", "-fvisibility=hidden")
_EXPORTS = "{ global: gossamer_*; local: *; };\n"


def compiler() -> str:
    """The C compiler: $CC, or the first found on PATH. Raises BackendError when there is none."""
    wanted = os.environ.get("CC")
    found = next((path for name in ((wanted,) if wanted else COMPILERS) if (path := shutil.which(name))), None)
    if found is None:
        names = wanted or ", ".join(COMPILERS)
        raise BackendError(f"cpu: no C compiler on PATH ({names}), needed to link kernels; install gcc or clang")
    return found


@cache
def compiler_version(path: str) -> str:
    """Its first line about itself."""
    lines = _run([path, "--version"]).splitlines()
    return lines[0] if lines else path


def objects_of_runtime(folder: Path) -> tuple[Path, ...]:
    """The runtime's object files: from the cache, or made now; in `folder` when the cache cannot be written."""
    path = compiler()
    key = hashlib.sha256(f"{compiler_version(path)} {_FLAGS}".encode())
    for file in sorted(RUNTIME.glob("*.[ch]")):
        key.update(file.name.encode() + file.read_bytes())
    kept = cache_folder() / f"runtime-{key.hexdigest()[:24]}"
    if not kept.is_dir():
        try:
            _fill_cache(path, kept)
        except OSError:
            kept = folder / "runtime"
            kept.mkdir(exist_ok=True)
            _compile_runtime(path, kept)
    return tuple(kept / f"{Path(name).stem}.o" for name in _SOURCES)


def link(folder: Path, network: Network, objects: tuple[Path, ...]) -> None:
    """Write network.so into the folder."""
    path = compiler()
    source, exports = folder / "network.c", folder / "exports.map"
    source.write_text(network_source(network), encoding="utf-8")
    exports.write_text(_EXPORTS)
    options = ["-shared", "-pthread", "-Wl,-Bsymbolic", "-Wl,-z,noexecstack", f"-Wl,--version-script={exports}"]
    given = [str(source), *map(str, objects)]
    # one call: a network of a few kernels spends most of its time in starting compilers
    _run([path, *_FLAGS, "-O1", "-pipe", f"-I{RUNTIME}", *options, "-o", str(folder / LIBRARY), *given, "-lm"])
    for file in (source, exports):
        file.unlink()


def checkable(features: Iterable[str]) -> tuple[str, ...]:
    """Those of LLVM's names of vector extensions that the runtime can look for in a cpu."""
    table = (RUNTIME / "cpu.c").read_text(encoding="utf-8")
    return tuple(sorted(name for name in features if f'{{"{name}",' in table))


def _fill_cache(path: str, kept: Path) -> None:
    """Made beside its place and moved there whole: several processes may do so at once."""
    kept.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".runtime-", dir=kept.parent) as scratch:
        made = Path(scratch) / "made"
        made.mkdir()
        _compile_runtime(path, made)
        try:
            made.rename(kept)
        except OSError:
            if not kept.is_dir():  # else another process was faster
                raise


def _compile_runtime(path: str, folder: Path) -> None:
    for name in _SOURCES:
        _run([path, *_FLAGS, "-O2", "-pthread", "-c", str(RUNTIME / name), "-o", str(folder / f"{Path(name).stem}.o")])


def _run(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except OSError as error:
        raise BackendError(f"cpu: {command[0]} cannot be run ({error.strerror})") from error
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise BackendError(f"cpu: {command[0]} failed ({lines[0] if lines else f'exit {done.returncode}'})")
    return done.stdout
