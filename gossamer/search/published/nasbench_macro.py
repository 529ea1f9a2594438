"""NAS-Bench-Macro (Su et al., CVPR 2021): 6,561 chains of eight layers, CIFAR-10 accuracy, parameters, MACs.

Accuracy is the mean of three published runs. Architectures are eight digits, "02012100". MACs are what the table calls
FLOPs.
"""

from gossamer.ir.errors import DataError, SearchError, nearest
from gossamer.search.published.files import find, read_json
from gossamer.search.published.table import ACCURACY, MACS, PARAMS, PublishedTable, numbers

PLACE = "nasbench_macro/nas-bench-macro_cifar10.json"
NEEDED = ("mean_acc", "params", "flops")


def read(dataset: str = "cifar10", device: str = "") -> PublishedTable:
    """Accuracy as a fraction, parameters and MACs. SearchError: it has no other dataset and no devices."""
    if dataset != "cifar10":
        raise SearchError(f"nasbench-macro has no dataset '{dataset}'{nearest(dataset, ('cifar10',))}")
    if device:
        raise SearchError(f"nasbench-macro has no latencies, so none of '{device}'; leave the device out")
    path = find(PLACE, "NAS-Bench-Macro")
    table = read_json(path)
    if not isinstance(table, dict) or not all(isinstance(row, dict) for row in table.values()):
        raise DataError(f"{path}: needs to be an object with one object per architecture")
    found = {key: numbers([row.get(key) for row in table.values()], f"{path}: {key}") for key in NEEDED}
    columns = {ACCURACY.key: found["mean_acc"] / 100, PARAMS.key: found["params"], MACS.key: found["flops"]}
    return PublishedTable("nasbench-macro", "nasbench-macro", tuple(table), (ACCURACY, MACS, PARAMS), columns)
