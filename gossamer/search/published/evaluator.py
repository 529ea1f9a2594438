"""The evaluator `table`: accuracy, and latency on a device, as published.

    evaluators: [{table: {benchmark: nasbench201, dataset: cifar100, device: pixel3}}]

A design whose network is not in the table has no value (nan): the search sets it aside, counts it and goes on.
"""

from dataclasses import dataclass

import numpy as np

from gossamer.ir.errors import SearchError
from gossamer.search.choices import Genomes
from gossamer.search.evaluators import Context
from gossamer.search.inner import Columns
from gossamer.search.metrics import Objective
from gossamer.search.published.benchmarks import read_benchmark
from gossamer.search.published.table import PublishedTable, rows_of
from gossamer.search.spaces.base import NetworkSpace
from gossamer.search.spaces.narrowed import Narrowing


@dataclass(frozen=True)
class Table:
    """`dataset`: the images accuracies are of, as the benchmark names them, "" for its usual ones; `device`: whose
    latency, "" for none.
    """

    benchmark: str = "nasbench201"
    dataset: str = ""
    device: str = ""

    def start(self, context: Context) -> "TableEvaluator":
        """SearchError: unknown names, a space the table is not of; DataError: no data."""
        table = read_benchmark(self.benchmark, self.dataset, self.device)
        return TableEvaluator(table, context.space.architecture)


class TableEvaluator:
    """See Table. `missing`: designs asked for that the table does not have, so far."""

    def __init__(self, table: PublishedTable, space: NetworkSpace) -> None:
        if space.name != table.space:
            raise SearchError(
                f"benchmark '{table.name}' knows networks of space '{table.space}', and this search is in "
                f"'{space.name}'; name that space, or another evaluator"
            )
        self.metrics: tuple[Objective, ...] = table.metrics
        self.missing = 0
        self._columns = {item.key: np.append(table.columns[item.key], np.nan) for item in table.metrics}
        self._space = space
        family = space.base if isinstance(space, Narrowing) else space
        self._rows = rows_of(family, table.texts, table.name)

    def evaluate(self, genomes: Genomes) -> Columns:
        own = genomes[:, : len(self._space.choices)]
        if isinstance(self._space, Narrowing):
            own = self._space.wide(own)
        rows = self._rows.find(own)  # -1, not there, is the nan at the end of every column
        self.missing += int((rows < 0).sum())
        return {item.key: self._columns[item.key][rows] for item in self.metrics}
