"""NAS-Bench-Suite-Zero (Krishnakumar et al., NeurIPS 2022): 13 zero-cost scores, accuracy and sizes of ~725 cells.

NAS-Bench-201 on three datasets, NAS-Bench-301 (DARTS cells) on CIFAR-10. `macs` is their FLOPs, `params` their
parameters, both published in millions. Scores as published: of every one higher is meant to be better.
"""

import ast
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from gossamer.ir.errors import DataError, SearchError, nearest
from gossamer.search.metrics import Objective
from gossamer.search.published.cell_codes import arch_string
from gossamer.search.published.files import find, read_json
from gossamer.search.published.table import ACCURACY, MACS, PARAMS, PublishedTable, numbers

SCORES = ("synflow", "grasp", "fisher", "grad_norm", "l2_norm", "plain", "nwot", "epe_nas", "jacov", "snip")
DATASETS = {"cifar10": "cifar10", "cifar100": "cifar100", "imagenet16-120": "ImageNet16-120"}
DARTS_OPS = (
    "max_pool_3x3",
    "avg_pool_3x3",
    "skip_connect",
    "sep_conv_3x3",
    "sep_conv_5x5",
    "dil_conv_3x3",
    "dil_conv_5x5",
)
"""Numbers of operations in a NAS-Bench-301 cell, as NASLib counts them."""


def read_201(dataset: str = "cifar100", device: str = "") -> PublishedTable:
    return _read("nasbench201", "zc_nasbench201.json", DATASETS, arch_string, dataset, device)


def read_301(dataset: str = "cifar10", device: str = "") -> PublishedTable:
    return _read("darts", "zc_nasbench301.json", {"cifar10": "cifar10"}, genotype, dataset, device)


def genotype(code: str) -> str:
    """NASLib's `[[(node, op) x 8], [(node, op) x 8]]` as the text of a DARTS genotype. DataError: another form."""
    try:
        normal, reduce = (
            [(DARTS_OPS[int(op)], int(node)) for node, op in cell] for cell in ast.literal_eval(code[:1000])
        )
    except (ValueError, SyntaxError, TypeError, IndexError, RecursionError, MemoryError):
        raise DataError(f"'{code[:60]}' is no pair of cells of eight (node, operation 0 to 6)") from None
    return (
        f"Genotype(normal={normal}, normal_concat=range(2, 6), reduce={reduce}, reduce_concat=range(2, 6))"
    )


def _read(
    space: str, file: str, datasets: Mapping[str, str], text: Callable[[str], str], dataset: str, device: str
) -> PublishedTable:
    name = f"zero-cost-{space}"
    if dataset not in datasets:
        raise SearchError(f"{name} has no dataset '{dataset}'{nearest(dataset, datasets)}")
    if device:
        raise SearchError(f"{name} has no latencies, so none of '{device}'; leave the device out")
    path = find(f"naslib_zero_cost/{file}", "NAS-Bench-Suite-Zero")
    rows = _rows(path, datasets[dataset])
    columns = {
        ACCURACY.key: numbers([row.get("val_accuracy") for row in rows.values()], f"{path}: val_accuracy") / 100,
        MACS.key: np.round(1e6 * _scores(path, rows, "flops")),
        PARAMS.key: np.round(1e6 * _scores(path, rows, "params")),
        **{score: _scores(path, rows, score) for score in SCORES},
    }
    scores = tuple(Objective(score, score, "", higher_is_better=True) for score in SCORES)
    return PublishedTable(name, space, tuple(map(text, rows)), (ACCURACY, MACS, PARAMS, *scores), columns)


@lru_cache(maxsize=4)
def _rows(path: Path, dataset: str) -> dict[str, dict[str, Any]]:
    table = read_json(path)
    rows = table.get(dataset) if isinstance(table, dict) else None
    if not isinstance(rows, dict) or not all(isinstance(row, dict) for row in rows.values()):
        raise DataError(f"{path}: needs an object '{dataset}' with one object per architecture")
    return rows


def _scores(path: Path, rows: Mapping[str, Mapping[str, Any]], score: str) -> Any:
    found = [row.get(score) for row in rows.values()]
    return numbers([item.get("score") if isinstance(item, dict) else None for item in found], f"{path}: {score}")
