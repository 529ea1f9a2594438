"""Latencies of single blocks on a phone, as Once-for-All and ProxylessNAS published them.

A key is what a block does: side and channels that come in, channels that go out, channels inside (0: one convolution),
kernel and stride. The files spell it out, "expanded_conv-input:14x14x80-output:14x14x96-expand:6-kernel:3-stride:1...":
`expand` is channels in Once-for-All's tables and a factor in ProxylessNAS's. Milliseconds, mean over ~500 runs. A
classifier's key has side 1: ProxylessNAS's entry has the mean over the image in it.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gossamer.ir.errors import DataError, SearchError, nearest
from gossamer.search.published.files import find, read_text

NOTE10_SIDES = tuple(range(160, 225, 4))
FILES: Mapping[str, tuple[str, ...]] = {
    "pixel1": ("lut_ofa_note10/proxylessnas_pixel1_mobile_trim.yaml",),
    "note10": tuple(f"lut_ofa_note10/{side}_lookup_table.yaml" for side in NOTE10_SIDES),
}
"""Device -> files: ProxylessNAS on a Pixel 1, 224x224; Once-for-All at width 1.2 on a Note 10, 17 sides of images."""
LARGEST = 1 << 13

_PART = re.compile(
    r"\w+-input:(?P<ih>\d{1,4})x\d+x(?P<ic>\d{1,4})-output:(?:(?P<oh>\d{1,4})x\d+x)?(?P<oc>\d{1,4})"
    r"(?:-expand:(?P<expand>\d{1,4})-kernel:(?P<kernel>\d{1,2})-stride:(?P<stride>\d))?.*"
)


class Key(NamedTuple):
    """See the module's docstring. Of a convolution, a pool or a classifier alone all but the first four are 0."""

    side: int
    ic: int
    after: int
    oc: int
    hidden: int = 0
    kernel: int = 0
    stride: int = 0


@dataclass(frozen=True, eq=False)
class BlockTable:
    """Sorted packed keys and their seconds."""

    keys: NDArray[np.int64]
    seconds: NDArray[np.float64]

    def find(self, *fields: NDArray[np.int64] | int) -> NDArray[np.float64]:
        """Seconds of blocks given by the fields of `Key` in order, nan where the table has none: [P]."""
        wanted = packed(*fields)
        place = np.minimum(np.searchsorted(self.keys, wanted), len(self.keys) - 1)
        return np.where(self.keys[place] == wanted, self.seconds[place], np.nan)


def packed(*fields: NDArray[np.int64] | int) -> NDArray[np.int64]:
    """One number per key: nine bits for sides, 13 for channels, four for kernel, two for stride."""
    side, ic, after, oc, hidden, kernel, stride = (np.asarray(field, np.int64) for field in (*fields, 0, 0, 0)[:7])
    found = ((side * 512 + after) * LARGEST + ic) * LARGEST + oc
    return ((found * LARGEST + hidden) * 16 + kernel) * 4 + stride


@lru_cache(maxsize=4)
def _table(paths: tuple[Path, ...]) -> BlockTable:
    found: dict[int, float] = {}
    for path in paths:
        found |= {int(packed(*key)): seconds for key, seconds in _entries(path)}
    keys = np.array(sorted(found), np.int64)
    return BlockTable(keys, np.array([found[key] for key in keys.tolist()]))


def read(device: str) -> BlockTable:
    """SearchError: a device without a table; DataError: files missing or broken."""
    if device not in FILES:
        raise SearchError(f"no table of blocks on device '{device}'{nearest(device, FILES)}")
    return _table(tuple(find(place, f"a latency table of {device}") for place in FILES[device]))


def _entries(path: Path) -> Iterator[tuple[Key, float]]:
    import yaml

    try:
        table = yaml.safe_load(read_text(path))
    except (yaml.YAMLError, RecursionError) as error:
        raise DataError(f"{path}: is no YAML ({str(error)[:80]})") from None
    if not isinstance(table, dict) or not table:
        raise DataError(f"{path}: needs one entry per block")
    for text, entry in table.items():
        milliseconds = entry.get("mean") if isinstance(entry, dict) else None
        if not isinstance(milliseconds, int | float) or not np.isfinite(milliseconds):
            raise DataError(f"{path}: {str(text)[:60]}: has no mean in milliseconds")
        yield _key(str(text), path), float(milliseconds) / 1e3


def _key(text: str, path: Path) -> Key:
    match = _PART.fullmatch(text)
    if match is None:
        raise DataError(f"{path}: '{text[:60]}' says no input:HxWxC and output:HxWxC")
    part = {name: int(value or 0) for name, value in match.groupdict().items()}
    factor = part["ic"] if part["expand"] <= 6 else 1
    side = part["ih"] if part["oh"] else 1
    rest = (part["expand"] * factor, part["kernel"], part["stride"])
    return Key(side, part["ic"], part["oh"] or 1, part["oc"], *rest)
