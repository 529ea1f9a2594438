"""The three files; see the package's docstring."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from gossamer.ir.layer import Layer

_NOT_A_WORD = re.compile(r"[^A-Za-z0-9_.]+")
_TOPOLOGY = "Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,"
_LAYOUT_FIELDS = 20
_LAYOUT = "Layer name," + ",".join(f" factor or order {i}" for i in range(1, _LAYOUT_FIELDS + 1)) + ","


@dataclass(frozen=True)
class Array:
    """What SCALE-Sim is told of the chip. Sizes in bytes; it counts whole KiB, so they are rounded up."""

    rows: int
    cols: int
    dataflow: str
    ifmap_sram_bytes: int
    filter_sram_bytes: int
    ofmap_sram_bytes: int


@dataclass(frozen=True)
class Entry:
    """One row of a topology: a convolution without padding. A `depthwise` row is `channels` one-channel layers."""

    name: str
    ifmap_h: int
    ifmap_w: int
    filter_h: int
    filter_w: int
    channels: int
    filters: int
    stride: int
    depthwise: bool = False

    @property
    def fields(self) -> tuple[str | int, ...]:
        """In the order of SCALE-Sim's columns."""
        name = f"DP_{self.name}" if self.depthwise else self.name
        sizes = (self.ifmap_h, self.ifmap_w, self.filter_h, self.filter_w, self.channels, self.filters, self.stride)
        return (name, *sizes)


def entries(name: str, layer: Layer) -> tuple[Entry, ...]:
    """Rows for one layer; none for layers without weights."""
    if layer.kind not in ("conv", "gemm"):
        return ()
    title = _safe(name)
    filters, channels = layer.oc // layer.groups, layer.ic // layer.groups
    stride, height, width = _window(layer)
    size = (height, width, layer.kh, layer.kw)
    if layer.groups > 1 and channels == 1:
        return (Entry(title, *size, layer.groups, filters, stride, depthwise=True),)
    if layer.groups == 1:
        return (Entry(title, *size, channels, filters, stride),)
    return tuple(Entry(f"{title}_group{g}", *size, channels, filters, stride) for g in range(layer.groups))


def _window(layer: Layer) -> tuple[int, int, int]:
    """Stride, input height and width of the unpadded, undilated convolution of n images stacked along the height."""
    stride = layer.stride_h if layer.stride_h == layer.stride_w else 1
    return stride, (layer.n * layer.oh - 1) * stride + layer.kh, (layer.ow - 1) * stride + layer.kw


def _safe(name: str) -> str:
    """No commas, and no `DP`, which SCALE-Sim takes for depthwise wherever it stands in a name."""
    return _NOT_A_WORD.sub("_", name).replace("DP", "Dp") or "layer"


def topology_text(layers: Sequence[tuple[str, Layer]]) -> str:
    """topology.csv; rows of equal names are told apart by a number."""
    rows = [entry.fields for name, layer in _unique(layers) for entry in entries(name, layer)]
    return "\n".join([_TOPOLOGY, *(",".join(map(str, row)) + "," for row in rows)]) + "\n"


def layout_text(layers: Sequence[tuple[str, Layer]]) -> str:
    """layout.csv: SCALE-Sim 3 insists on one; all ones, which its stall-free mode does not read."""
    rows: list[str] = []
    for name, layer in _unique(layers):
        for entry in entries(name, layer):
            ones = ["1"] * _LAYOUT_FIELDS
            ones[4] = str(entry.channels if entry.depthwise else 1)
            rows.append(",".join([str(entry.fields[0]), *ones]) + ",")
    return "\n".join([_LAYOUT, *rows]) + "\n"


def _unique(layers: Sequence[tuple[str, Layer]]) -> list[tuple[str, Layer]]:
    seen: dict[str, int] = {}
    found: list[tuple[str, Layer]] = []
    for name, layer in layers:
        count = seen[name] = seen.get(name, 0) + 1
        found.append((name if count == 1 else f"{name}_{count}", layer))
    return found


def scalesim_files(name: str, array: Array, layers: Sequence[tuple[str, Layer]]) -> dict[str, str]:
    """File name -> text: scalesim.cfg, topology.csv, layout.csv."""
    return {
        "scalesim.cfg": config_text(name, array),
        "topology.csv": topology_text(layers),
        "layout.csv": layout_text(layers),
    }


def config_text(name: str, array: Array) -> str:
    """scalesim.cfg in stall-free mode (`InterfaceBandwidth: CALC`)."""
    kib = [-(-size // 1024) for size in (array.ifmap_sram_bytes, array.filter_sram_bytes, array.ofmap_sram_bytes)]
    banks = "\n".join(
        f"{x}CustomLayout: False\n{x}SRAMBankBandwidth: 10\n{x}SRAMBankNum: 10\n{x}SRAMBankPort: 2"
        for x in ("Ifmap", "Filter")
    )
    return f"""[general]
run_name = {_safe(name)}

[architecture_presets]
ArrayHeight: {array.rows}
ArrayWidth: {array.cols}
IfmapSramSzkB: {kib[0]}
FilterSramSzkB: {kib[1]}
OfmapSramSzkB: {kib[2]}
IfmapOffset: 0
FilterOffset: 10000000
OfmapOffset: 20000000
Bandwidth: 10
Dataflow: {array.dataflow}
MemoryBanks: 1
ReadRequestBuffer: 32
WriteRequestBuffer: 32

[layout]
{banks}

[sparsity]
SparsitySupport: false
SparseRep: ellpack_block
OptimizedMapping: false
BlockSize: 8
RandomNumberGeneratorSeed: 40

[run_presets]
InterfaceBandwidth: CALC
UseRamulatorTrace: False
"""
