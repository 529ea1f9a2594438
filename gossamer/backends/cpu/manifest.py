"""What a compiled module is besides its library and its parameters, as plain data that goes to JSON and back."""

from dataclasses import asdict, dataclass, fields
from typing import Any, cast

from gossamer import __version__
from gossamer.backends.cpu.hardware import CpuHardware
from gossamer.codegen.tvm.layout import Dim, Layout
from gossamer.ir.types import DType, Quant, TensorType

TARGET = "cpu"
LIBRARY, PARAMS, HEADER, EXAMPLE = "network.so", "params.bin", "gossamer.h", "example.c"
"""Files of the folder besides the manifest."""
FORMAT = 6
"""Version of the folder's format; another one is refused."""


@dataclass(frozen=True)
class Port:
    """An input or output of the module: its logical type, the buffer it is in, and how."""

    name: str
    type: TensorType
    buffer: int
    layout: Layout


@dataclass(frozen=True)
class LaunchRow:
    """One launch of a run, in order: its kernel (or fill, copy, loop), its layer, the pieces that threads share."""

    kernel: str
    layer: int
    tasks: int


@dataclass(frozen=True)
class LayerReport:
    """One row of the per-layer table. `macs`: multiply-accumulates. `predicted_s`: by the roofline; None for views."""

    title: str
    op: str
    algorithm: str
    schedule: str
    macs: int = 0
    predicted_s: float | None = None


@dataclass(frozen=True)
class Manifest:
    """All of it. `cpu`: LLVM's name of the cpu that the kernels were compiled for; `features`: what they need of it.

    `scratch_bytes` is that of one thread. `compiler`: what linked the library.
    """

    name: str
    cpu: str
    features: tuple[str, ...]
    hardware: CpuHardware
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    launches: tuple[LaunchRow, ...]
    layers: tuple[LayerReport, ...]
    arena_bytes: int
    scratch_bytes: int
    params_bytes: int
    library_checksum: str
    params_checksum: str
    compiler: str
    gossamer: str = __version__

    @property
    def kernels(self) -> tuple[LaunchRow, ...]:
        """The launches that are calls of kernels."""
        return tuple(row for row in self.launches if row.kernel not in ("fill", "copy", "loop"))

    @property
    def peak_bytes(self) -> int:
        """Memory of a run besides the parameters: every value, and scratch of every thread."""
        return self.arena_bytes + self.hardware.cores * self.scratch_bytes

    def to_json(self) -> dict[str, Any]:
        """JSON values only."""
        return {
            "format": FORMAT, "target": TARGET, **asdict(self), "hardware": self.hardware.values(),
            "peak_bytes": self.peak_bytes,
        }  # fmt: skip

    @staticmethod
    def from_json(data: dict[str, Any]) -> "Manifest":
        """The inverse of `to_json`. Raises KeyError, TypeError, ValueError or a GossamerError on foreign data."""
        changed = {
            "features": tuple(data["features"]),
            "hardware": cast(CpuHardware, CpuHardware.build(data["hardware"])),
            "inputs": tuple(_port(p) for p in data["inputs"]),
            "outputs": tuple(_port(p) for p in data["outputs"]),
            "launches": tuple(LaunchRow(**x) for x in data["launches"]),
            "layers": tuple(LayerReport(**x) for x in data["layers"]),
        }
        return Manifest(**{f.name: changed.get(f.name, data[f.name]) for f in fields(Manifest)})


def _port(data: dict[str, Any]) -> Port:
    return Port(data["name"], _type(data["type"]), data["buffer"], _layout(data["layout"]))


def _type(data: dict[str, Any]) -> TensorType:
    quant = data["quant"]
    kept = None if quant is None else Quant(tuple(quant["scale"]), tuple(quant["zero_point"]), quant["axis"])
    return TensorType(DType(data["dtype"]["kind"], data["dtype"]["bits"]), tuple(data["shape"]), kept)


def _layout(data: dict[str, Any]) -> Layout:
    dims = tuple(Dim(d["axis"], d["stride"], d["extent"]) for d in data["dims"])
    return Layout(tuple(data["logical"]), dims, tuple(data["before"]), tuple(data["after"]), data["fill"])
