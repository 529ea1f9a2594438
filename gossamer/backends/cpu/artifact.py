"""A compiled module: runs, measures itself layer by layer, and is kept as a folder.

    manifest.json   what is called on what (no code)         params.npz   packed parameters
    kernels.so      the kernels, native code for this kind of machine

Loading needs neither the module nor a compiler. Not thread-safe: one run at a time, its buffers are reused.
"""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from gossamer.backends.cpu.manifest import FORMAT, TARGET, LayerReport, Manifest
from gossamer.backends.cpu.scans import function_calls, interior
from gossamer.backends.folder import MANIFEST, write_folder
from gossamer.ir.errors import BackendError
from gossamer.ir.graph import Array
from gossamer.ir.reference import checked_inputs
from gossamer.ir.types import Value

PARAMS, LIBRARY = "params.npz", "kernels.so"


class CpuArtifact:
    """A network compiled for this machine."""

    def __init__(self, manifest: Manifest, library: Any, params: Mapping[str, Array]) -> None:
        from gossamer.codegen.tvm import adapter  # tvm takes seconds to import

        adapter.use_threads(manifest.hardware.cores)
        self.manifest, self._library, self._params = manifest, library, dict(params)
        self._arrays = [adapter.aligned(b.shape, np.dtype(b.dtype), b.fill) for b in manifest.buffers]
        for array, spec in zip(self._arrays, manifest.buffers, strict=True):
            if spec.param:
                array[...] = self._params[spec.param]
        tensors = [adapter.tensor(a) for a in self._arrays]
        self._calls = function_calls(manifest.launches, self._arrays, tensors, library.function)
        self._rooms = {p.name: self._arrays[p.buffer][interior(p)] for p in manifest.inputs}

    @property
    def inputs(self) -> tuple[Value, ...]:
        """What `run` takes."""
        return tuple(Value(port.name, port.type) for port in self.manifest.inputs)

    @property
    def layers(self) -> tuple[LayerReport, ...]:
        """One row per node of the module, in order of execution."""
        return self.manifest.layers

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Outputs by name; raises DataError on a missing, unknown or misshapen input."""
        self._feed(inputs)
        for function, tensors in self._calls:
            function(*tensors)
        return {p.name: p.layout.unpack(self._arrays[p.buffer]) for p in self.manifest.outputs}

    def profile(self, inputs: Mapping[str, Array], runs: int = 20) -> tuple[float, ...]:
        """Median seconds of each layer over `runs` whole runs, after two to warm up; same order as `layers`."""
        self._feed(inputs)
        spent = np.zeros((runs + 2, len(self._calls)))
        for row in spent:
            for i, (function, tensors) in enumerate(self._calls):
                start = time.perf_counter()
                function(*tensors)
                row[i] = time.perf_counter() - start
        calls = np.median(spent[2:], axis=0)
        layer = np.asarray([x.layer for x in self.manifest.launches], np.int64)
        return tuple(float(calls[layer == i].sum()) for i in range(len(self.layers)))

    def save(self, folder: Path | str) -> None:
        """Write the folder. Raises BackendError when it holds anything but such an artifact, or cannot be written."""
        write_folder(Path(folder), TARGET, self._write)

    def _write(self, folder: Path) -> None:
        self._library.export(folder / LIBRARY)
        np.savez(folder / PARAMS, **self._params)  # type: ignore[arg-type]
        (folder / MANIFEST).write_text(json.dumps(self.manifest.to_json(), indent=1))

    @staticmethod
    def load(folder: Path | str) -> "CpuArtifact":
        """Read what `save` wrote. Raises BackendError when it is missing, damaged, or of another format."""
        from gossamer.codegen.tvm import adapter

        folder = Path(folder)
        manifest, params = _read(folder)
        _refuse_foreign_cpu(folder, manifest.cpu)
        return CpuArtifact(manifest, adapter.load_library(folder / LIBRARY), params)

    def _feed(self, inputs: Mapping[str, Array]) -> None:
        for value, array in checked_inputs(self.inputs, inputs).items():
            room = self._rooms[value.name]
            room[...] = array.reshape(room.shape)


def _refuse_foreign_cpu(folder: Path, made_for: str) -> None:
    """Code with instructions this machine lacks would end the process."""
    from gossamer.backends.cpu.target import missing_here

    missing = missing_here(made_for)
    if missing:
        raise BackendError(
            f"{folder}: made for a {made_for}, this machine lacks its {', '.join(missing)}; compile it again here"
        )


def _read(folder: Path) -> tuple[Manifest, dict[str, Array]]:
    try:
        data = json.loads((folder / MANIFEST).read_text())
        if data.get("format") != FORMAT:
            raise BackendError(
                f"{folder}: artifact format {data.get('format')}, needed {FORMAT}; compile the module again"
            )
        with np.load(folder / PARAMS, allow_pickle=False) as stored:
            params = {name: stored[name] for name in stored.files}
        manifest = Manifest.from_json(data)
        missing = [b.param for b in manifest.buffers if b.param and b.param not in params]
        if missing:
            raise BackendError(f"{folder / PARAMS}: parameter {missing[0]} is missing; compile the module again")
        return manifest, params
    except FileNotFoundError as error:
        raise BackendError(f"{folder}: no artifact ({Path(str(error.filename)).name} is missing)") from error
    except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError, BadZipFile) as error:
        raise BackendError(f"{folder}: damaged artifact ({error}); compile the module again") from error
