"""The published tables by name: what the evaluator `table` reads."""

from collections.abc import Callable, Mapping

from gossamer.ir.errors import SearchError, nearest
from gossamer.search.published import accel, analog, nasbench201, nasbench_macro, zero_cost
from gossamer.search.published.table import PublishedTable

Reader = Callable[[str, str], PublishedTable]
"""(dataset, device; "" for none) -> table."""

BENCHMARKS: Mapping[str, Reader] = {
    "nasbench201": nasbench201.read,
    "nasbench-macro": nasbench_macro.read,
    "analognasbench": analog.read,
    "accel-nasbench": accel.read,
    "zero-cost-nasbench201": zero_cost.read_201,
    "zero-cost-darts": zero_cost.read_301,
}
DATASETS: Mapping[str, str] = {
    "nasbench201": "cifar100",
    "zero-cost-nasbench201": "cifar100",
    "accel-nasbench": "imagenet",
}
"""Of each benchmark the one that is meant where none is named; cifar10 of the others."""


def read_benchmark(name: str, dataset: str, device: str) -> PublishedTable:
    """`dataset` "": the usual one. SearchError: an unknown name; DataError: files that are missing or broken."""
    if name not in BENCHMARKS:
        raise SearchError(f"unknown benchmark '{name}'{nearest(name, BENCHMARKS)}")
    return BENCHMARKS[name](dataset or DATASETS.get(name, "cifar10"), device)
