"""A compiled module: runs, measures itself layer by layer, and is kept as a folder.

    manifest.json   what it is and where everything lies       gossamer.h   the C interface of the library
    network.so      kernels, launches and run time, native     example.c    a C program that runs the folder
    params.bin      packed parameters

Loading needs neither the module nor a compiler, only numpy. Runs of one artifact wait for each other; artifacts are
independent, each has its own memory and threads. One just compiled lives in a temporary folder until it is saved.
"""

import json
import shutil
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias, cast

import numpy as np

from gossamer.backends.cpu.manifest import EXAMPLE, FORMAT, HEADER, LIBRARY, PARAMS, TARGET, LayerReport, Manifest, Port
from gossamer.backends.cpu.native import Described, Library, Net, file_checksum, stored_checksum
from gossamer.backends.folder import MANIFEST, write_folder
from gossamer.codegen.tvm.layout import Array
from gossamer.ir.errors import BackendError, DataError, GossamerError
from gossamer.ir.inputs import checked_inputs
from gossamer.ir.types import Value

_Exact: TypeAlias = "tuple[str, tuple[int, ...] | None, np.dtype[Any]]"

RUNTIME = Path(__file__).parent / "runtime"


class CpuArtifact:
    """A compiled network. `held`: a temporary folder that lives as long as the artifact.

    `obstacle`: why it cannot run on this machine, which it was not compiled for; None when it can.
    """

    def __init__(
        self, manifest: Manifest, library: Library, folder: Path, held: "TemporaryDirectory[str] | None" = None
    ) -> None:
        self.manifest, self._folder, self._held = manifest, folder, held
        self.obstacle: str | None = None
        try:
            self._opened: Net | None = Net(library, folder)
        except BackendError as error:
            if not library.lacks():
                raise
            self.obstacle, self._opened = str(error), None

    @property
    def _net(self) -> Net:
        if self._opened is None:
            raise BackendError(f"cpu: {self.obstacle}")
        return self._opened

    @property
    def inputs(self) -> tuple[Value, ...]:
        """What `run` takes."""
        return tuple(Value(port.name, port.type) for port in self.manifest.inputs)

    @property
    def layers(self) -> tuple[LayerReport, ...]:
        """One row per node of the module, in order of execution."""
        return self.manifest.layers

    @property
    def threads(self) -> int:
        """Threads that work in a run, the calling one included; may be set."""
        return self._net.threads

    @threads.setter
    def threads(self, count: int) -> None:
        self._net.threads = count

    @property
    def peak_bytes(self) -> int:
        """Memory of a run besides the parameters: the arena of all values, and the scratch of every thread."""
        return self.manifest.peak_bytes if self._opened is None else sum(self.allocated()[:2])

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Outputs by name; raises DataError on a missing, unknown or misshapen input."""
        outputs = self._outputs()
        self._net.run(self._given(inputs), self._taken(outputs))
        return outputs

    def profile(self, inputs: Mapping[str, Array], runs: int = 20) -> tuple[float, ...]:
        """Median seconds of each layer over `runs` whole runs, after two to warm up; same order as `layers`."""
        return tuple(map(float, np.median(self.layer_seconds(inputs, runs), axis=0)))

    def layer_seconds(self, inputs: Mapping[str, Array], runs: int = 20) -> Array:
        """Seconds of each layer (columns, as `layers`) in each of `runs` whole runs, after two to warm up."""
        if runs < 1:
            raise BackendError(f"cpu: a profile needs at least one run, found {runs}")
        given, outputs = self._given(inputs), self._taken(self._outputs())
        spent = np.stack([self._net.run(given, outputs, timed=True) for _ in range(runs + 2)])[2:]
        layer = np.asarray([x.layer for x in self.manifest.launches], np.int64)
        return np.stack([spent[:, layer == i].sum(axis=1) for i in range(len(self.layers))], axis=1)

    def allocated(self) -> tuple[int, int, int]:
        """Bytes of (arena, scratch of all threads, parameters) that the library has allocated, by its own count."""
        return self._net.allocated()

    def save(self, folder: Path | str) -> None:
        """Write the folder. Raises BackendError when it holds anything but such an artifact, or cannot be written."""
        write_folder(Path(folder), TARGET, self._write)

    def _write(self, folder: Path) -> None:
        for name in (LIBRARY, PARAMS):
            shutil.copyfile(self._folder / name, folder / name)
        for name in (HEADER, EXAMPLE):
            shutil.copyfile(RUNTIME / name, folder / name)
        (folder / MANIFEST).write_text(json.dumps(self.manifest.to_json(), indent=1))

    @staticmethod
    def load(folder: Path | str) -> "CpuArtifact":
        """Read what `save` wrote. Raises BackendError when it is missing, damaged, or of another format or machine."""
        folder = Path(folder)
        manifest = _read(folder)
        try:
            artifact = CpuArtifact(manifest, Library(folder / LIBRARY), folder)
            if artifact.obstacle is not None:
                raise BackendError(f"{folder}: {artifact.obstacle}")
            artifact._refuse_another_manifest()
            return artifact
        except BackendError as error:
            raise error if str(folder) in str(error) else BackendError(f"{folder}: {error}") from error

    def _refuse_another_manifest(self) -> None:
        """What lies where is only believed when the library says the same: it reads and writes by its own tables."""
        manifest, net = self.manifest, self._net
        arena, _, params = net.allocated()
        pairs = (
            ("inputs", tuple(_described(p) for p in manifest.inputs), net.inputs),
            ("outputs", tuple(_described(p) for p in manifest.outputs), net.outputs),
            ("launches", len(manifest.launches), net.launches),
            ("arena_bytes", manifest.arena_bytes, arena),
            ("params_bytes", manifest.params_bytes, params),
        )
        for what, said, held in pairs:
            if said != held:
                raise BackendError(f"{MANIFEST}: {what} are not those of {LIBRARY}; compile the module again")

    def _taken(self, outputs: Mapping[str, Array]) -> list[Array]:
        """An array for every output of the library: a value may be given twice."""
        return [outputs[port.name] for port in self.manifest.outputs]

    def _given(self, inputs: Mapping[str, Array]) -> Sequence[Array]:
        """Arrays as the library reads them. What is so already is looked at once: small networks take microseconds."""
        if not isinstance(cast(object, inputs), Mapping):
            name = self.inputs[0].name if self.inputs else "x"
            raise DataError(f"inputs are of type {type(inputs).__name__}, needed arrays by name: {{'{name}': array}}")
        found = [inputs.get(name) for name, _, _ in self._exact]
        if len(found) == len(inputs) and all(map(_is_exactly, found, self._exact)):
            return cast(list[Array], found)
        return [np.ascontiguousarray(array) for array in checked_inputs(self.inputs, inputs).values()]

    @cached_property
    def _exact(self) -> tuple[_Exact, ...]:
        """Of every input; no shape where numbers must be looked at, as the numpy type holds more than the input's."""
        inputs = self.manifest.inputs
        full = [port.type.dtype.bits == 8 * port.type.dtype.numpy.itemsize for port in inputs]
        return tuple((p.name, p.type.shape if f else None, p.type.dtype.numpy) for p, f in zip(inputs, full))

    def _outputs(self) -> dict[str, Array]:
        return {p.name: np.empty(p.type.shape, p.type.dtype.numpy) for p in self.manifest.outputs}


def _is_exactly(array: Array | None, wanted: _Exact) -> bool:
    _, shape, dtype = wanted
    return type(array) is np.ndarray and array.shape == shape and array.dtype == dtype and array.flags.c_contiguous


def _described(port: Port) -> Described:
    return port.name, port.type.dtype.numpy.name, port.type.shape


def _read(folder: Path) -> Manifest:
    """The manifest, after a look at whether the other files are the ones it was written with."""
    try:
        data = json.loads((folder / MANIFEST).read_text())
        if data.get("format") != FORMAT:
            raise BackendError(
                f"{folder}: artifact format {data.get('format')}, needed {FORMAT}; compile the module again"
            )
        manifest = Manifest.from_json(data)
        if file_checksum(folder / LIBRARY) != manifest.library_checksum:
            raise BackendError(f"{folder / LIBRARY}: is not the library it was saved with; compile the module again")
        if stored_checksum(folder / PARAMS) != manifest.params_checksum:
            raise BackendError(f"{folder / PARAMS}: not the parameters it was saved with; compile the module again")
        return manifest
    except BackendError:
        raise
    except FileNotFoundError as error:
        raise BackendError(f"{folder}: no artifact ({Path(str(error.filename)).name} is missing)") from error
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError, GossamerError) as error:
        raise BackendError(f"{folder}: damaged artifact ({error}); compile the module again") from error
