"""Where times were taken: processor, cores, system, date and what its multipliers reached."""

import datetime
import os
import platform
from collections.abc import Sequence
from pathlib import Path

from benchmarks.runtimes.peak import peak_flops_per_s


def described(cores: Sequence[int]) -> str:
    """One line for the head of a table."""
    names = (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name"))
    today = datetime.datetime.now(datetime.UTC).date()
    return (
        f"{next(names, platform.machine())}, {len(cores)} of {os.cpu_count()} cores, "
        f"fp32 peak measured {peak_flops_per_s(cores) / 1e9:.0f} GFLOP/s, Linux {platform.release().split('-')[0]}, "
        f"Python {platform.python_version()}, {today}"
    )


def _lines(file: str) -> list[str]:
    try:
        return Path(file).read_text().splitlines()
    except OSError:
        return []
