"""The inner loop: genomes in, metrics out. It never touches the IR.

Hardware is priced from the cost table, accuracy is asked of the estimator; both remember. A design that fits no chip is
not asked for its accuracy.
"""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from gossamer.search.choices import Genomes
from gossamer.search.costs.pricing import CostTable

Columns: TypeAlias = dict[str, NDArray[np.float64]]
"""Column name -> one value per design."""

METRICS = ("accuracy", "latency_s", "energy_j", "area_mm2", "edp_js", "macs", "weight_bytes")


def hardware_metrics(table: CostTable, genomes: Genomes) -> Columns:
    """Every metric but accuracy."""
    costs = table.costs(genomes)
    return {
        "latency_s": costs.latency_s,
        "energy_j": costs.energy_j,
        "area_mm2": costs.area_mm2,
        "edp_js": costs.latency_s * costs.energy_j,
        "macs": costs.macs,
        "weight_bytes": costs.weight_bytes,
    }


def evaluate(table: CostTable, accuracy: Callable[[Genomes], NDArray[np.float64]], genomes: Genomes) -> Columns:
    """Every metric of [P, genes] repaired genomes."""
    found = hardware_metrics(table, genomes)
    fits = np.isfinite(found["latency_s"])
    values = np.full(len(genomes), np.nan)
    if fits.any():
        values[fits] = accuracy(genomes[fits])
    return {"accuracy": values, **found}
