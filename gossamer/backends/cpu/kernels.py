"""Kernels, generated and compiled one by one, and kept in the user's cache: equal kernels are compiled once.

A kernel's symbol is a digest of what it is made from: its specification, the target, the compiler's version and the
source of the code generator. GOSSAMER_KERNELS names another folder for them, or is "off". The cache is a convenience:
what cannot be read from it, or is damaged, is made anew.
"""

import hashlib
import json
import os
import zlib
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from tempfile import NamedTemporaryFile

from gossamer.backends.cpu.cache import cache_folder, generator_digest
from gossamer.backends.cpu.hardware import CpuHardware
from gossamer.backends.cpu.network import Task
from gossamer.backends.cpu.steps import Spec
from gossamer.backends.cpu.target import target_of
from gossamer.codegen.tvm.adapter import Target, compile_object

SETTING = "GOSSAMER_KERNELS"

COMPILERS = 2
"""Threads that compile kernels; LLVM needs no interpreter."""

MOST_BYTES = 512 << 20
"""Kept kernels: beyond this those that were not used for longest go, until half is left."""


def compiled_kernels(
    kernels: Mapping[Spec, str], hardware: CpuHardware, folder: Path
) -> tuple[tuple[Path, ...], dict[str, Task]]:
    """(object files in `folder`, name -> how to call it). Kernels are generated while others are compiled."""
    target, kept, waiting = target_of(hardware), KernelCache.of_user(), list[Future[None]]()
    paths, tasks = list[Path](), dict[str, Task]()
    with ThreadPoolExecutor(COMPILERS) as pool:
        for spec, name in kernels.items():
            symbol = symbol_of(spec, target)
            path = folder / f"{symbol}.o"
            paths.append(path)
            found = kept.take(symbol, path) if kept is not None else None
            if found is None:
                made = spec.function(symbol)
                found = Task(symbol, made.tasks, made.scratch_bytes, made.serial)
                waiting.append(pool.submit(_compile, made.function, target, path, found, kept))
            tasks[name] = found
        for done in waiting:
            done.result()
    if waiting and kept is not None:
        kept.prune()
    return tuple(paths), tasks


def _compile(function: object, target: Target, path: Path, task: Task, kept: "KernelCache | None") -> None:
    compile_object([function], target, path)
    if kept is not None:
        kept.put(task, path)


def symbol_of(spec: Spec, target: Target) -> str:
    """The name of a kernel's C function: equal for equal kernels only. How many threads will run it does not matter."""
    text = repr((spec, replace(target, threads=1), version("apache-tvm"), generator_digest()))
    return f"k_{hashlib.sha256(text.encode()).hexdigest()[:24]}"


@dataclass(frozen=True)
class KernelCache:
    """A folder with SYMBOL.o and SYMBOL.json, which is written last and says how to call it and the object's CRC-32.

    Several processes may use it at once: files are moved into place whole.
    """

    folder: Path

    @staticmethod
    def of_user() -> "KernelCache | None":
        """As the environment says; None where nothing is kept."""
        setting = os.environ.get(SETTING, "")
        return None if setting == "off" else KernelCache(Path(setting) if setting else cache_folder() / "kernels")

    def take(self, symbol: str, to: Path) -> Task | None:
        """Copy a kept object; None where there is none that is whole."""
        try:
            data = json.loads((self.folder / f"{symbol}.json").read_text(encoding="utf-8"))
            found = (self.folder / f"{symbol}.o").read_bytes()
            task = Task(symbol, int(data["tasks"]), int(data["scratch_bytes"]), bool(data["serial"]))
            if zlib.crc32(found) != data["crc32"]:
                return None
        except (OSError, ValueError, KeyError, TypeError):
            return None
        to.write_bytes(found)
        with suppress(OSError):  # somebody else's cache may be read all the same
            os.utime(self.folder / f"{symbol}.o")
        return task

    def put(self, task: Task, path: Path) -> None:
        """Keep an object; a full or read-only disk keeps nothing."""
        made = path.read_bytes()
        with suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._write(f"{task.symbol}.o", made)
            told = json.dumps({**asdict(task), "crc32": zlib.crc32(made)})
            self._write(f"{task.symbol}.json", told.encode())

    def _write(self, name: str, data: bytes) -> None:
        with NamedTemporaryFile(dir=self.folder, prefix=".", delete=False) as file:
            file.write(data)
        Path(file.name).replace(self.folder / name)

    def prune(self) -> None:
        """Keep the cache within its size."""
        with suppress(OSError):
            objects = sorted((entry.stat().st_mtime, entry.stat().st_size, entry) for entry in self.folder.glob("*.o"))
            left = sum(size for _, size, _ in objects)
            if left <= MOST_BYTES:
                return
            for _, size, entry in objects:
                if left <= MOST_BYTES // 2:
                    break
                for file in (entry.with_suffix(".json"), entry):
                    file.unlink(missing_ok=True)
                left -= size
