"""What a tinydsp has. Energies and areas are parameters, so that the numbers of a real chip can be put in."""

from dataclasses import dataclass

from gossamer.ir.hardware import Hardware, parameter


@dataclass(frozen=True)
class TinyDspHardware(Hardware, target="tinydsp"):
    """A dot-product unit of `lanes` 8-bit multipliers, one scratchpad, one DRAM port."""

    lanes: int = parameter(
        16, unit="lanes", low=1, high=256, search=(8, 16, 32, 64), doc="8-bit multiplications a cycle"
    )
    clock_hz: float = parameter(400e6, unit="Hz", low=1e6, high=2e9, doc="core clock")
    sram_bytes: int = parameter(
        65536, unit="B", low=1024, high=4194304, search=(32768, 65536, 131072), doc="scratchpad"
    )
    dram_bytes_per_s: float = parameter(1.6e9, unit="B/s", low=1e6, high=1e11, doc="sustained DRAM bandwidth")
    mac_energy_j: float = parameter(0.5e-12, unit="J", low=0.0, high=1e-9, doc="one 8-bit multiply-accumulate")
    sram_energy_j_per_byte: float = parameter(1.2e-12, unit="J/B", low=0.0, high=1e-9, doc="one scratchpad byte")
    dram_energy_j_per_byte: float = parameter(80e-12, unit="J/B", low=0.0, high=1e-6, doc="one DRAM byte")
    static_power_w: float = parameter(2e-3, unit="W", low=0.0, high=10.0, doc="power while it is on")
    lane_area_mm2: float = parameter(0.002, unit="mm2", low=0.0, high=1.0, doc="one multiplier with its accumulator")
    sram_area_mm2_per_kib: float = parameter(0.004, unit="mm2", low=0.0, high=1.0, doc="one KiB of scratchpad")
