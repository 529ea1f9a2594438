"""Where times are taken: processor, cores, system and date; the right of way on it."""

import contextlib
import datetime
import os
import platform
from collections.abc import Sequence
from pathlib import Path


def described(cores: Sequence[int]) -> str:
    """One line for the head of a table."""
    names = (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name"))
    today = datetime.datetime.now(datetime.UTC).date()
    return (
        f"{next(names, platform.machine())}, {len(cores)} of {os.cpu_count()} cores, "
        f"Linux {platform.release().split('-')[0]}, "
        f"Python {platform.python_version()}, {today}"
    )


def go_first() -> None:
    """Before whatever else wants these cores, where that is allowed: as a process, and as the group a session is."""
    with contextlib.suppress(OSError):
        for thread in os.listdir("/proc/self/task"):
            os.setpriority(os.PRIO_PROCESS, int(thread), -20)
        Path("/proc/self/autogroup").write_text("-20")


def _lines(file: str) -> list[str]:
    try:
        return Path(file).read_text().splitlines()
    except OSError:
        return []
