"""AnalogNAS-Bench (Bessalah et al. 2025): CIFAR-10 accuracy of 6,115 cells of NAS-Bench-201 on analog hardware.

`accuracy` is the float baseline; `accuracy_ptq`, `accuracy_qat` after quantisation; `accuracy_analog` with the noise of
a phase-change-memory tile and no training for it; `accuracy_hwa` after hardware-aware training. `accuracy_60s`,
`accuracy_1h`, `accuracy_1d`, `accuracy_30d` are of hardware-aware-trained weights after so long a drift, `std_1d` the
deviation over repeats after a day, `avm` what is lost between a minute and 30 days. All are fractions; where the table
lists a cell twice, its first row counts.
"""

import csv
import io

import numpy as np

from gossamer.ir.errors import DataError, SearchError, nearest
from gossamer.search.metrics import Objective
from gossamer.search.published.cell_codes import arch_string
from gossamer.search.published.files import find, read_text
from gossamer.search.published.table import Column, PublishedTable, numbers

STD, AVM = "accuracy_std_1d", "accuracy_variation_30d"
"""Columns of `std_1d` and `avm`."""
PLACE = "analognasbench/benchmark_data.csv"
COLUMNS = {
    "accuracy": "baseline_accuracy",
    "accuracy_ptq": "ptq_accuracy",
    "accuracy_qat": "qat_accuracy",
    "accuracy_analog": "analog_accuracy",
    "accuracy_hwa": "finetuned_accuracy",
}
DRIFTS = {
    "60s": "finetuned_drift_60",
    "1h": "finetuned_drift_3600",
    "1d": "finetuned_drift_86400",
    "30d": "finetuned_drift_2592000",
}


def read(dataset: str = "cifar10", device: str = "") -> PublishedTable:
    """All columns. SearchError: it has no other dataset and no devices."""
    if dataset != "cifar10":
        raise SearchError(f"analognasbench has no dataset '{dataset}'{nearest(dataset, ('cifar10',))}")
    if device:
        raise SearchError(f"analognasbench has no latencies, so none of '{device}'; leave the device out")
    path = find(PLACE, "AnalogNAS-Bench")
    rows = list(csv.DictReader(io.StringIO(read_text(path))))
    needed = ("architecture", *COLUMNS.values(), *DRIFTS.values())
    missing = [name for name in needed if not rows or rows[0].get(name) is None]
    if missing:
        raise DataError(f"{path}: has no column {', '.join(missing)}; its first line names the columns")
    first = {row["architecture"]: row for row in reversed(rows)}
    texts = tuple(arch_string(code) for code in first)
    columns = _columns(list(first.values()), str(path))
    labels = {STD: "std_1d", AVM: "avm"}
    metrics = tuple(Objective(key, labels.get(key, key), "", key not in labels) for key in columns)
    return PublishedTable("analognasbench", "nasbench201", texts, metrics, columns)


def _columns(rows: list[dict[str, str]], where: str) -> dict[str, Column]:
    found = {key: numbers([row[name] for row in rows], f"{where}: {name}") / 100 for key, name in COLUMNS.items()}
    for time, name in DRIFTS.items():
        mean, deviation = _with_deviation([row[name] for row in rows], f"{where}: {name}")
        found[f"accuracy_{time}"] = mean
        if time == "1d":
            found[STD] = deviation
    found[AVM] = found["accuracy_60s"] - found["accuracy_30d"]
    return found


def _with_deviation(texts: list[str], where: str) -> tuple[Column, Column]:
    """`75.20 ± 1.98` in per cent: mean and deviation as fractions, nan where the field is empty."""
    parts = [text.partition("±") for text in texts]
    mean, deviation = (numbers([part[place].strip() for part in parts], where) for place in (0, 2))
    return np.asarray(mean / 100), np.asarray(deviation / 100)
