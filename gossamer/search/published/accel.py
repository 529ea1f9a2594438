"""Accel-NASBench (Ahmad et al., DATE 2024): 5,138 MnasNet-like networks on ImageNet, and their speed on accelerators.

Accuracy is top-1 with their shortened training. ZCU102 and VCK190 FPGAs have latencies (of a part of the networks);
every device a throughput in images per second. Architectures are texts of 28 choices, "block0.e=6 block0.k=3 ...":
expansion e (1, 4, 6), kernel k (3, 5), layers l (1 to 3 or 4), squeeze-excitation se (0, 1) of seven blocks. Their
`macs` also count four operations per element of a batch norm, and the mean over the image.
"""

import json
import tarfile
from functools import lru_cache
from pathlib import Path
from typing import Any

from gossamer.ir.errors import DataError, SearchError, nearest
from gossamer.search.metrics import Objective
from gossamer.search.published.files import find
from gossamer.search.published.table import ACCURACY, LATENCY, MACS, PARAMS, PublishedTable, numbers

PLACE = "accel_nasbench/anb_dataset_jsons.tar.gz"
DEVICES = ("a100", "3090", "tpuv2", "tpuv3", "zcu102", "vck190")
FPGAS = ("zcu102", "vck190")
THROUGHPUT = Objective("throughput_per_s", "throughput", "1/s", higher_is_better=True)
MOST_MEMBER_BYTES, MOST_MEMBERS = 16 * 1024, 20_000
BLOCKS, OPTIONS = 7, ("e", "k", "l", "se")


def read(dataset: str = "imagenet", device: str = "") -> PublishedTable:
    """Accuracy, MACs, parameters; with a device also throughput, of an FPGA latency too, nan where not measured."""
    if dataset != "imagenet":
        raise SearchError(f"accel-nasbench has no dataset '{dataset}'{nearest(dataset, ('imagenet',))}")
    if device and device not in DEVICES:
        raise SearchError(f"accel-nasbench has nothing measured on '{device}'{nearest(device, DEVICES)}")
    path = find(PLACE, "Accel-NASBench")
    rows = _rows(path)
    columns = {
        ACCURACY.key: _column(path, rows, "metrics", "val_top1") / 100,
        MACS.key: 1e6 * _column(path, rows, "model_info", "macs"),
        PARAMS.key: 1e6 * _column(path, rows, "model_info", "params"),
    }
    metrics = (ACCURACY, MACS, PARAMS)
    if device:
        metrics += (THROUGHPUT,)
        columns[THROUGHPUT.key] = _column(path, rows, "platform_perf", f"throughput_{device}", "throughput_mean")
    if device in FPGAS:
        metrics += (LATENCY,)
        columns[LATENCY.key] = _column(path, rows, "platform_perf", f"latency_{device}", "latency_mean") / 1e3
    return PublishedTable("accel-nasbench", "accel-nasbench", tuple(map(_text, rows)), metrics, columns)


@lru_cache(maxsize=2)
def _rows(path: Path) -> tuple[dict[str, Any], ...]:
    """Every member, in order of name; nothing is unpacked to disk."""
    found: dict[str, dict[str, Any]] = {}
    try:
        with tarfile.open(path, "r|gz") as archive:
            for member in archive:
                file = archive.extractfile(member) if member.isfile() and member.name.endswith(".json") else None
                if file is None:
                    continue
                if member.size > MOST_MEMBER_BYTES or len(found) >= MOST_MEMBERS:
                    raise DataError(f"{path}: {member.name} is too much; {MOST_MEMBERS} files of 16 KiB are read")
                found[member.name] = json.loads(file.read())
    except (OSError, EOFError, tarfile.TarError, ValueError) as error:
        raise DataError(f"{path}: is no .tar.gz of JSON files ({error})") from None
    return tuple(found[name] for name in sorted(found))


def _column(path: Path, rows: tuple[dict[str, Any], ...], *keys: str) -> Any:
    return numbers([_inner(row, keys) for row in rows], f"{path}: {'.'.join(keys)}")


def _inner(row: Any, keys: tuple[str, ...]) -> Any:
    """None where a key is missing on the way."""
    for key in keys:
        row = row.get(key) if isinstance(row, dict) else None
    return row


def _text(row: dict[str, Any]) -> str:
    words = [f"block{block}.{option}={_option(row, block, option)}" for block in range(BLOCKS) for option in OPTIONS]
    return " ".join(words)


def _option(row: dict[str, Any], block: int, option: str) -> int:
    value = _inner(row, ("architecture", f"block{block}_{option}"))
    if not isinstance(value, int):
        raise DataError(f"accel-nasbench: an architecture without block{block}_{option}")
    return int(value)
