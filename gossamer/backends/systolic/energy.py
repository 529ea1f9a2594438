"""Energy of each kind of work and silicon area, per chip, from the technology table; vectorised over chips."""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from gossamer.backends.systolic.columns import HardwareColumns
from gossamer.backends.systolic.technology import TABLE, Technology

Column = NDArray[np.float64]
PICO = 1e-12
ACCUMULATOR_BITS = 32
_UM2_PER_MM2 = 1e6
_SMALLEST = 8 * 1024.0

_FIGURES = {
    f.name: np.array([getattr(t, f.name) for t in TABLE]) for f in fields(Technology) if f.type in (float, "float")
}


def figure(chips: HardwareColumns, name: str) -> Column:
    """One column of the technology table, a row per chip."""
    return _FIGURES[name][chips.technology.astype(np.intp)]


def mac_j(chips: HardwareColumns, weight_bits: Column, activation_bits: Column) -> Column:
    """Energy of one multiply-accumulate of these operand widths into 32 bits, J."""
    wide = weight_bits * activation_bits / 64
    multiply = figure(chips, "multiply_pj_8b") * wide ** (figure(chips, "multiply_energy_slope") / 2)
    return (multiply + figure(chips, "add_pj_32b")) * PICO


def sram_j_per_byte(chips: HardwareColumns, capacity_bytes: Column) -> Column:
    """Energy of reading or writing one byte of an SRAM of this capacity, J; grows with capacity."""
    growth = (capacity_bytes / _SMALLEST) ** figure(chips, "sram_slope")
    return figure(chips, "sram_pj_per_byte_8kib") * growth * PICO


@dataclass(frozen=True)
class Prices:
    """J per byte of each memory, W of idle silicon; a row per chip."""

    ifmap: Column
    filter: Column
    ofmap: Column
    dram: Column
    idle_w: Column

    @staticmethod
    def of(chips: HardwareColumns) -> "Prices":
        return Prices(
            sram_j_per_byte(chips, chips.ifmap_sram_bytes),
            sram_j_per_byte(chips, chips.filter_sram_bytes),
            sram_j_per_byte(chips, chips.ofmap_sram_bytes),
            figure(chips, "dram_pj_per_byte") * PICO,
            area_mm2(chips) * figure(chips, "idle_w_per_mm2"),
        )


def pe_um2(chips: HardwareColumns) -> Column:
    """One PE: multiplier of pe_bits, 32-bit adder, registers for an activation, two weights and a sum."""
    multiplier = figure(chips, "multiply_um2_8b") * (chips.pe_bits / 8) ** figure(chips, "multiply_area_slope")
    registers = (3 * chips.pe_bits + ACCUMULATOR_BITS) * figure(chips, "register_um2_per_bit")
    return multiplier + figure(chips, "add_um2_32b") + registers


def area_mm2(chips: HardwareColumns) -> Column:
    """Grid, vector lanes (a 32-bit multiplier, adder and two registers each) and three SRAMs, mm2."""
    lane = figure(chips, "multiply_um2_8b") * 4 ** figure(chips, "multiply_area_slope") + figure(chips, "add_um2_32b")
    lane = lane + 2 * ACCUMULATOR_BITS * figure(chips, "register_um2_per_bit")
    sram_bits = 8 * (chips.ifmap_sram_bytes + chips.filter_sram_bytes + chips.ofmap_sram_bytes)
    sram = sram_bits * figure(chips, "sram_cell_um2_per_bit") / figure(chips, "sram_array_efficiency")
    return (chips.rows * chips.cols * pe_um2(chips) + chips.cols * lane + sram) / _UM2_PER_MM2
