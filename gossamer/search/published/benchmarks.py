"""The published tables by name: what the evaluator `table` reads."""

from collections.abc import Callable, Mapping

from gossamer.ir.errors import SearchError, nearest
from gossamer.search.published import nasbench201
from gossamer.search.published.table import PublishedTable

Reader = Callable[[str, str], PublishedTable]
"""(dataset, device; "" for none) -> table."""

BENCHMARKS: Mapping[str, Reader] = {"nasbench201": nasbench201.read}


def read_benchmark(name: str, dataset: str, device: str) -> PublishedTable:
    """SearchError: an unknown name; DataError: files that are missing or broken."""
    if name not in BENCHMARKS:
        raise SearchError(f"unknown benchmark '{name}'{nearest(name, BENCHMARKS)}")
    return BENCHMARKS[name](dataset, device)
