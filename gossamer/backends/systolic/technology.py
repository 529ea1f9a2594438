"""What silicon costs: energy, area and idle power of the parts of an array, with the source of every figure.

Rules that stretch a figure measured at one size to another are part of the table:

    multiplier energy(a, w bits) = multiply_pj_8b * (a w / 64) ** (multiply_energy_slope / 2)
    multiplier area(b bits)      = multiply_um2_8b * (b / 8) ** multiply_area_slope
    SRAM energy per byte(C)      = sram_pj_per_byte_8kib * (C / 8 KiB) ** sram_slope

Each slope is the straight line, on logarithmic axes, through the smallest and the largest published point.
Narrow operands in a wide multiplier cost what their own widths cost (their upper bits do not toggle), while its area
is that of `pe_bits`. Not modelled, so not in any figure: operand registers' energy, control, clock tree, pads, DRAM
interface.
"""

from dataclasses import dataclass
from math import log

HOROWITZ = "M. Horowitz, Computing's energy problem, ISSCC 2014, figure 1.1.9 (45 nm, 0.9 V)"
SZE = (
    "V. Sze et al., Efficient processing of deep neural networks, Proc. IEEE 105(12), 2017: Horowitz' table with areas"
)
JOUPPI_2021 = "N. Jouppi et al., Ten lessons from three generations shaped Google's TPUv4i, ISCA 2021, table 2 (7 nm)"
JOUPPI_2017 = (
    "N. Jouppi et al., In-datacenter performance analysis of a TPU, ISCA 2017, table 2: 28 W idle, die <= 331 mm2"
)
MISTRY = "K. Mistry et al., A 45 nm logic technology with high-k + metal gate, IEDM 2007: 0.346 um2 cell"
WU = "S.-Y. Wu et al., A 7 nm CMOS platform technology, IEDM 2016: 0.027 um2 cell"
NANGATE = "Nangate 45 nm open cell library, DFF_X1: 4.522 um2"
ASSUMED = "assumption of this model"


@dataclass(frozen=True)
class Technology:
    """Figures of one process; `sources` has an entry for every field with a number."""

    name: str
    multiply_pj_8b: float
    multiply_energy_slope: float
    add_pj_32b: float
    sram_pj_per_byte_8kib: float
    sram_slope: float
    dram_pj_per_byte: float
    multiply_um2_8b: float
    multiply_area_slope: float
    add_um2_32b: float
    register_um2_per_bit: float
    sram_cell_um2_per_bit: float
    sram_array_efficiency: float
    idle_w_per_mm2: float
    sources: tuple[tuple[str, str], ...]


def slope(low: float, high: float, ratio: float) -> float:
    """Exponent of the power law through (1, low) and (ratio, high)."""
    return log(high / low) / log(ratio)


_SHRINK = 0.027 / 0.346
"""Area of 7 nm over 45 nm logic, taken from the SRAM cells for want of a published multiplier at both."""

_COMMON = (
    ("sram_array_efficiency", ASSUMED + ": half of an SRAM macro is cells"),
    ("idle_w_per_mm2", JOUPPI_2017 + "; used at every node"),
)

TSMC45 = Technology(
    name="45nm",
    multiply_pj_8b=0.2,
    multiply_energy_slope=slope(0.2, 3.1, 4),
    add_pj_32b=0.1,
    sram_pj_per_byte_8kib=10 / 8,
    sram_slope=slope(10, 100, 128),
    dram_pj_per_byte=640 / 4,
    multiply_um2_8b=282,
    multiply_area_slope=slope(282, 3495, 4),
    add_um2_32b=137,
    register_um2_per_bit=4.522,
    sram_cell_um2_per_bit=0.346,
    sram_array_efficiency=0.5,
    idle_w_per_mm2=28 / 331,
    sources=(
        ("multiply_pj_8b", HOROWITZ),
        ("multiply_energy_slope", HOROWITZ + ": 8 b 0.2 pJ, 32 b 3.1 pJ"),
        ("add_pj_32b", HOROWITZ),
        ("sram_pj_per_byte_8kib", HOROWITZ + ": 10 pJ for 64 b"),
        ("sram_slope", HOROWITZ + ": 8 KB 10 pJ, 1 MB 100 pJ"),
        ("dram_pj_per_byte", HOROWITZ + ": 640 pJ for 32 b"),
        ("multiply_um2_8b", SZE),
        ("multiply_area_slope", SZE + ": 8 b 282 um2, 32 b 3495 um2"),
        ("add_um2_32b", SZE),
        ("register_um2_per_bit", NANGATE),
        ("sram_cell_um2_per_bit", MISTRY),
        *_COMMON,
    ),
)

TSMC7 = Technology(
    name="7nm",
    multiply_pj_8b=0.07,
    multiply_energy_slope=slope(0.07, 1.48, 4),
    add_pj_32b=0.03,
    sram_pj_per_byte_8kib=7.5 / 8,
    sram_slope=slope(7.5, 14, 128),
    dram_pj_per_byte=1300 / 8,
    multiply_um2_8b=282 * _SHRINK,
    multiply_area_slope=slope(282, 3495, 4),
    add_um2_32b=137 * _SHRINK,
    register_um2_per_bit=4.522 * _SHRINK,
    sram_cell_um2_per_bit=0.027,
    sram_array_efficiency=0.5,
    idle_w_per_mm2=28 / 331,
    sources=(
        ("multiply_pj_8b", JOUPPI_2021),
        ("multiply_energy_slope", JOUPPI_2021 + ": 8 b 0.07 pJ, 32 b 1.48 pJ"),
        ("add_pj_32b", JOUPPI_2021),
        ("sram_pj_per_byte_8kib", JOUPPI_2021 + ": 7.5 pJ for 64 b"),
        ("sram_slope", JOUPPI_2021 + ": 8 KB 7.5 pJ, 1 MB 14 pJ"),
        ("dram_pj_per_byte", JOUPPI_2021 + ": 1300 pJ for 64 b of DDR4"),
        ("multiply_um2_8b", SZE + ", scaled by the ratio of SRAM cells"),
        ("multiply_area_slope", SZE),
        ("add_um2_32b", SZE + ", scaled by the ratio of SRAM cells"),
        ("register_um2_per_bit", NANGATE + ", scaled by the ratio of SRAM cells"),
        ("sram_cell_um2_per_bit", WU),
        *_COMMON,
    ),
)

TABLE: tuple[Technology, ...] = (TSMC45, TSMC7)
"""In the order of `hardware.TECHNOLOGIES`."""
