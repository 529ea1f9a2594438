"""NAS-Bench-201: test accuracy after 200 epochs of all 15,625 cells, and their latency on twelve devices.

Accuracy: Dong et al. 2021 (NATS-Bench, topology space), three datasets, mean of the published runs. Latency: Lee et
al. 2021 (HELP), milliseconds, as measured or modelled there; `devices.HELP_DEVICES`. Architectures are texts as
published, "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|none~0|none~1|none~2|".
"""

import csv
import io
from functools import lru_cache
from pathlib import Path

import numpy as np

from gossamer.ir.errors import DataError, SearchError, nearest
from gossamer.search.published.devices import HELP_DEVICES
from gossamer.search.published.files import find, read_text
from gossamer.search.published.plain_pickle import read_plain
from gossamer.search.published.table import ACCURACY, LATENCY, Column, PublishedTable, numbers

COLUMNS = {
    "cifar10": "CIFAR10TestAccuracy200Epochs",
    "cifar100": "CIFAR100TestAccuracy200Epochs",
    "imagenet16-120": "ImageNetTestAccuracy200Epochs",
}
TEXT = "ArchitectureString"
ACCURACIES = "natsbench_tss_acc_200epoch/nats_bench.csv"
LATENCIES = "help_latency/nasbench201"


def read(dataset: str = "cifar100", device: str = "") -> PublishedTable:
    """Accuracy as a fraction; with a device also latency in seconds, nan where HELP lacks the architecture."""
    if dataset not in COLUMNS:
        raise SearchError(f"nasbench201 has no dataset '{dataset}'{nearest(dataset, COLUMNS)}")
    if device and device not in HELP_DEVICES:
        raise SearchError(f"nasbench201 has no latencies of device '{device}'{nearest(device, HELP_DEVICES)}")
    path = find(ACCURACIES, "NAS-Bench-201's accuracies (NATS-Bench)")
    texts, columns = _accuracies(path)
    found = {ACCURACY.key: columns[dataset]}
    if device:
        values = find(f"{LATENCIES}/latency/{device}.pt", f"the latencies of {device} (HELP)")
        order = find(f"{LATENCIES}/str_arch2idx.pt", "the order of HELP's architectures")
        found[LATENCY.key] = _latencies(values, order, texts)
    metrics = (ACCURACY, LATENCY) if device else (ACCURACY,)
    return PublishedTable("nasbench201", "nasbench201", texts, metrics, found)


@lru_cache(maxsize=4)
def _accuracies(path: Path) -> tuple[tuple[str, ...], dict[str, Column]]:
    table = csv.DictReader(io.StringIO(read_text(path)))
    missing = [name for name in (*COLUMNS.values(), TEXT) if name not in (table.fieldnames or ())]
    if missing:
        raise DataError(f"{path}: has no column {', '.join(missing)}; its first line names the columns")
    rows = list(table)
    columns = {
        name: numbers([row[column] for row in rows], f"{path}: {column}") / 100 for name, column in COLUMNS.items()
    }
    return tuple(row[TEXT] for row in rows), columns


@lru_cache(maxsize=32)
def _latencies(path: Path, order: Path, texts: tuple[str, ...]) -> Column:
    values, places = read_plain(path), read_plain(order)
    if not isinstance(values, list) or not isinstance(places, dict):
        raise DataError(f"{path}: needs to be a list of milliseconds, and {order.name} a dict of their places")
    milliseconds = np.append(numbers(values, str(path)), np.nan)
    index = [places.get(text, -1) for text in texts]
    if not all(isinstance(place, int) and -1 <= place < len(values) for place in index):
        raise DataError(f"{order}: places an architecture outside the {len(values)} values of {path.name}")
    return milliseconds[np.array(index, np.int64)] / 1e3
