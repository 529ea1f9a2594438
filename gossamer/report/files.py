"""The files of a report beside the page: `pareto.csv` and `pareto.svg`.

Every file appears whole or not at all: it is written under another name and then moved into place.
"""

import csv
import io
import os
from contextlib import suppress
from pathlib import Path

from gossamer.ir.errors import DataError
from gossamer.report.data import SearchReport


def write_whole(path: Path, text: str) -> Path:
    """Replace `path` by `text` in one step. Raises DataError (path, reason) when it cannot be written."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(text, encoding="utf-8")
        os.replace(partial, path)
    except OSError as error:
        with suppress(OSError):
            partial.unlink()
        raise DataError(
            f"{path}: cannot be written ({(error.strerror or str(error)).lower()}); the earlier file is untouched"
        ) from None
    return path


def pareto_csv(report: SearchReport) -> str:
    """One row a design: its name, every objective with its unit in the header, its hardware, its network."""
    hardware = list(dict.fromkeys(name for design in report.designs for name in design.hardware))
    network = list(dict.fromkeys(name for design in report.designs for name in design.network))
    keys = [item.key for item in report.objectives]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        ["design", *keys, *(f"hardware.{name}" for name in hardware), *(f"network.{name}" for name in network)]
    )
    for design in report.designs:
        writer.writerow(
            [
                design.name,
                *(repr(float(design.objectives[key])) for key in keys),
                *(design.hardware.get(name, "") for name in hardware),
                *(design.network.get(name, "") for name in network),
            ]
        )
    return text.getvalue()
