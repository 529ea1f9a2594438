"""How long a product of matrices keeps an R x C systolic array busy, and what it reads and writes in SRAM.

A M x K matrix (inputs) times a K x N matrix (weights). Closed forms of SCALE-Sim, equal to its runs to the cycle; its
report's "Total Cycles" is one less because it counts from 0 (A. Samajdar et al., ISPASS 2020, section III, and runs of
scalesim 3.0.0). Cut into tiles, each tile is a product of its own, and the forms below are the sums over all tiles:

    ws  ceil(K/R) ceil(N/C) (M + tiles_m (2R + C - 2))      weights stay, inputs stream through
    is  ceil(K/R) ceil(M/C) (N + tiles_n (2R + C - 2))      inputs stay, weights stream through
    os  ceil(M/R) ceil(N/C) (K + tiles_k (R + C - 2))       outputs stay, both stream through

Invariant: with one tile these are SCALE-Sim's numbers; more tiles never take fewer cycles.
"""

import numpy as np
from numpy.typing import NDArray

from gossamer.backends.systolic.hardware import DATAFLOWS

Column = NDArray[np.float64]
WS, OS, IS = (float(DATAFLOWS.index(word)) for word in ("ws", "os", "is"))


def ceil_div(value: Column, by: Column) -> Column:
    """ceil(value / by), exact for whole numbers below 2**52."""
    return np.ceil(value / by)


def array_cycles(dataflow: float, m: Column, n: Column, k: Column, rows: Column, cols: Column) -> Column:
    """Stall-free cycles of one M x K by K x N product; all arguments broadcast. `dataflow` is WS, OS or IS."""
    if dataflow == WS:
        return ceil_div(k, rows) * ceil_div(n, cols) * (m + 2 * rows + cols - 2)
    if dataflow == IS:
        return ceil_div(k, rows) * ceil_div(m, cols) * (n + 2 * rows + cols - 2)
    return ceil_div(m, rows) * ceil_div(n, cols) * (k + rows + cols - 2)


def array_accesses(
    dataflow: float, m: Column, n: Column, k: Column, rows: Column, cols: Column
) -> tuple[Column, Column, Column]:
    """SRAM accesses (elements) of one product: inputs read, weights read, outputs written, as SCALE-Sim counts them.

    For os SCALE-Sim 3.0.0 adds folds * (R + C) to the last by mistake; it is not repeated here.
    """
    if dataflow == WS:
        return m * k * ceil_div(n, cols), k * n, m * n * ceil_div(k, rows)
    if dataflow == IS:
        return m * k, k * n * ceil_div(m, cols), m * n * ceil_div(k, rows)
    return m * k * ceil_div(n, cols), k * n * ceil_div(m, rows), m * n
