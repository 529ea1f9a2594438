"""Limits that no design can meet are found before anything is trained.

A descent over one gene at a time, from the best of many random designs, looks for a design that meets all hardware
limits. Where it finds none it says the nearest that it did find; limits on accuracy can only be judged by searching.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gossamer.ir.errors import SearchError
from gossamer.search.choices import Genomes
from gossamer.search.costs.pricing import CostTable
from gossamer.search.inner import Columns, hardware_metrics
from gossamer.search.objectives import Limit, show

SAMPLES = 256
SWEEPS = 3


def refuse_impossible(table: CostTable, limits: Sequence[Limit], seed: int) -> None:
    """SearchError when the hardware limits cannot be met one by one, or together."""
    hard = [limit for limit in limits if limit.objective.key != "accuracy"]
    for limit in hard:
        values = _closest(table, [limit], seed)[limit.objective.key]
        if not limit.holds(float(values[0])):
            raise SearchError(
                f"limit '{limit.text}' is impossible here: the nearest found is {limit.objective.label} = "
                f"{show(limit.objective, float(values[0]))}; relax it to that or more"
            )
    if len(hard) > 1:
        _refuse_together(table, hard, seed)


def _refuse_together(table: CostTable, limits: list[Limit], seed: int) -> None:
    metrics = _closest(table, limits, seed)
    if not all(limit.holds(float(metrics[limit.objective.key][0])) for limit in limits):
        texts = ", ".join(f"'{limit.text}'" for limit in limits)
        nearest = ", ".join(
            f"{limit.objective.label} = {show(limit.objective, float(metrics[limit.objective.key][0]))}"
            for limit in limits
        )
        raise SearchError(f"limits {texts} are each possible but not together: the nearest found is {nearest}")


def _closest(table: CostTable, limits: list[Limit], seed: int) -> Columns:
    """Metrics of the design found that misses the limits by least (one row)."""
    space = table.space
    sampled = np.concatenate([space.corners(), space.sample(SAMPLES, np.random.default_rng(seed))])
    missed = _missed(table, limits, sampled)
    best, least = sampled[missed.argmin()], missed.min()
    for _ in range(SWEEPS):
        if least <= 0:
            break
        around = _neighbours(table, best)
        missed = _missed(table, limits, around)
        if missed.min() >= least:
            break
        best, least = _combined(table, limits, best, around, missed, float(least))
    return hardware_metrics(table, best[None])


def _combined(
    table: CostTable,
    limits: list[Limit],
    best: Genomes,
    around: Genomes,
    missed: NDArray[np.float64],
    least: float,
) -> tuple[Genomes, float]:
    """All single-gene changes that help, at once and one after the other."""
    order = np.argsort(missed, kind="stable")
    order = order[missed[order] < least]
    trail, current = [around[order[0]]], best
    for place in order.tolist():
        current = np.where(around[place] != best, around[place], current)
        trail.append(current)
    tried = table.space.repair(np.stack(trail))
    found = _missed(table, limits, tried)
    return tried[found.argmin()], float(found.min())


def _neighbours(table: CostTable, genome: Genomes) -> Genomes:
    """Every change of one gene."""
    sizes = table.space.choices.sizes
    rows = [
        np.where(np.arange(len(genome)) == place, value, genome)
        for place in range(len(genome))
        for value in range(int(sizes[place]))
        if value != genome[place]
    ]
    return np.unique(table.space.repair(np.stack(rows)), axis=0)


def _missed(table: CostTable, limits: list[Limit], genomes: Genomes) -> NDArray[np.float64]:
    metrics = hardware_metrics(table, genomes)
    return np.sum([np.maximum(limit.violation(metrics[limit.objective.key]), 0.0) for limit in limits], axis=0)
