"""The systolic array as data: a rows x cols grid of multiply-accumulate units, three SRAMs and one DRAM channel.

    DRAM -> ifmap SRAM, filter SRAM -> array -> ofmap SRAM -> DRAM

Each SRAM is double buffered: while the array works on one half, the other is filled or drained. `cols` vector lanes at
the foot of the array do pooling and pointwise arithmetic. `dataflow` says which operand stays in the grid: ws the
weights, os the outputs, is the inputs; it is a property of the chip, so a search chooses it with the rest.
"""

from dataclasses import dataclass

from gossamer.ir.hardware import Hardware, parameter

DATAFLOWS: tuple[str, ...] = ("ws", "os", "is")
"""Words of `dataflow`; a position in this tuple is the code used in columns."""

TECHNOLOGIES: tuple[str, ...] = ("45nm", "7nm")
"""Words of `technology`; see technology.py for the figures behind them."""

KIB = 1024


@dataclass(frozen=True)
class SystolicHardware(Hardware, target="systolic"):
    """One chip. Every field is bounded and has a unit; a search may set those that list search values."""

    rows: int = parameter(
        16, unit="PEs", low=1, high=512, search=(4, 8, 12, 16, 24, 32, 48, 64), doc="height of the grid"
    )
    cols: int = parameter(
        16,
        unit="PEs",
        low=1,
        high=512,
        search=(4, 8, 12, 16, 24, 32, 48, 64),
        doc="width of the grid, and the number of vector lanes",
    )
    dataflow: str = parameter(
        "ws",
        unit="",
        choices=DATAFLOWS,
        search=DATAFLOWS,
        doc="operand held in the grid: ws weights, os outputs, is inputs",
    )
    ifmap_sram_bytes: int = parameter(
        64 * KIB,
        unit="B",
        low=KIB,
        high=32 * KIB * KIB,
        search=tuple(KIB * k for k in (4, 8, 16, 32, 64, 128, 256)),
        doc="input SRAM, both halves together",
    )
    filter_sram_bytes: int = parameter(
        64 * KIB,
        unit="B",
        low=KIB,
        high=32 * KIB * KIB,
        search=tuple(KIB * k for k in (4, 8, 16, 32, 64, 128, 256)),
        doc="weight SRAM, both halves together",
    )
    ofmap_sram_bytes: int = parameter(
        64 * KIB,
        unit="B",
        low=KIB,
        high=32 * KIB * KIB,
        search=tuple(KIB * k for k in (4, 8, 16, 32, 64, 128, 256)),
        doc="output and partial-sum SRAM, both halves together",
    )
    dram_bytes_per_s: float = parameter(
        6.4e9,
        unit="B/s",
        low=1e6,
        high=2e12,
        search=(0.8e9, 1.6e9, 3.2e9, 6.4e9, 12.8e9),
        doc="sustained DRAM bandwidth, reads and writes together",
    )
    clock_hz: float = parameter(
        500e6, unit="Hz", low=1e6, high=3e9, search=(200e6, 500e6, 1e9), doc="clock of the array"
    )
    pe_bits: int = parameter(
        8,
        unit="bits",
        low=2,
        high=16,
        search=(4, 8, 16),
        doc="widest operand a multiplier takes; wider tensors do not fit",
    )
    technology: str = parameter(
        "45nm", unit="", choices=TECHNOLOGIES, doc="silicon process of the energy and area figures"
    )
