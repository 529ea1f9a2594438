"""What a compiled module is besides its library and its parameters, as plain data that goes to JSON and back."""

from dataclasses import asdict, dataclass
from typing import Any, cast

from gossamer.backends.cpu.hardware import CpuHardware
from gossamer.backends.cpu.tensors import Launch
from gossamer.codegen.tvm.layout import Dim, Layout
from gossamer.ir.types import DType, Quant, TensorType

TARGET = "cpu"
FORMAT = 3
"""Version of the folder's format; another one is refused."""


@dataclass(frozen=True)
class BufferSpec:
    """A buffer: physical shape, element type, what it starts as; `param` names the array it holds ('' = scratch)."""

    shape: tuple[int, ...]
    dtype: str
    fill: float
    param: str


@dataclass(frozen=True)
class Port:
    """An input or output of the module: its logical type, the buffer it is in, and how."""

    name: str
    type: TensorType
    buffer: int
    layout: Layout


@dataclass(frozen=True)
class Loop:
    """A scan: what its body launches, once per step; see `gossamer.backends.cpu.scans`.

    `operands` (states, scanned, the rest) and `results` (states, stacked) lie outside, ordered as the body's ports.
    """

    layer: int
    steps: int
    states: int
    scanned: int
    reverse: bool
    operands: tuple[Port, ...]
    results: tuple[Port, ...]
    body_inputs: tuple[Port, ...]
    body_outputs: tuple[Port, ...]
    launches: tuple["Launch | Loop", ...]


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
    """All of it. `cpu`: LLVM's name of the cpu that the kernels were compiled for."""

    name: str
    cpu: str
    hardware: CpuHardware
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    buffers: tuple[BufferSpec, ...]
    launches: tuple[Launch | Loop, ...]
    layers: tuple[LayerReport, ...]

    def to_json(self) -> dict[str, Any]:
        """JSON values only."""
        return {"format": FORMAT, "target": TARGET, **asdict(self), "hardware": self.hardware.values()}

    @staticmethod
    def from_json(data: dict[str, Any]) -> "Manifest":
        """The inverse of `to_json`. Raises KeyError, TypeError, ValueError or a GossamerError on foreign data."""
        return Manifest(
            name=str(data["name"]),
            cpu=str(data["cpu"]),
            hardware=cast(CpuHardware, CpuHardware.build(data["hardware"])),
            inputs=tuple(_port(p) for p in data["inputs"]),
            outputs=tuple(_port(p) for p in data["outputs"]),
            buffers=tuple(BufferSpec(tuple(b["shape"]), b["dtype"], b["fill"], b["param"]) for b in data["buffers"]),
            launches=_launches(data["launches"]),
            layers=tuple(LayerReport(**x) for x in data["layers"]),
        )


def _launches(items: list[dict[str, Any]]) -> tuple[Launch | Loop, ...]:
    return tuple(_loop(x) if "steps" in x else Launch(x["kernel"], x["layer"], tuple(x["buffers"])) for x in items)


def _loop(data: dict[str, Any]) -> Loop:
    names = ("operands", "results", "body_inputs", "body_outputs")
    ports = {name: tuple(_port(p) for p in data[name]) for name in names}
    return Loop(**{**data, **ports, "launches": _launches(data["launches"])})


def _port(data: dict[str, Any]) -> Port:
    return Port(data["name"], _type(data["type"]), data["buffer"], _layout(data["layout"]))


def _type(data: dict[str, Any]) -> TensorType:
    quant = data["quant"]
    kept = None if quant is None else Quant(tuple(quant["scale"]), tuple(quant["zero_point"]), quant["axis"])
    return TensorType(DType(data["dtype"]["kind"], data["dtype"]["bits"]), tuple(data["shape"]), kept)


def _layout(data: dict[str, Any]) -> Layout:
    dims = tuple(Dim(d["axis"], d["stride"], d["extent"]) for d in data["dims"])
    return Layout(tuple(data["logical"]), dims, tuple(data["before"]), tuple(data["after"]), data["fill"])
