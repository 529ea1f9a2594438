"""Where published data lies, and reading it with bounds.

`GOSSAMER_DATA` names the folder; without it, `shared/data` beside the project is looked at. Nothing is downloaded, and
nothing in a file is ever executed: tables are CSV, JSON, YAML, and pickles of plain lists read by
`gossamer.search.published.plain_pickle`.
"""

import json
import os
from pathlib import Path
from typing import Any

from gossamer.ir.errors import DataError

VARIABLE = "GOSSAMER_DATA"
MOST_BYTES = 64 * 1024 * 1024
"""Of one file; the largest table we read has 3 MB."""


def data_folder() -> Path:
    """The folder of published data; it need not exist."""
    given = os.environ.get(VARIABLE, "")
    return Path(given).expanduser() if given else Path(__file__).resolve().parents[4] / "shared" / "data"


def find(place: str, what: str) -> Path:
    """The file `place` below the folder. DataError says what is missing and where it belongs."""
    path = data_folder() / place
    if not path.is_file():
        raise DataError(
            f"{path}: {what} is not there; put the file at this place, or set {VARIABLE} to the folder that has {place}"
        )
    return path


def read_bytes(path: Path) -> bytes:
    """The whole file. DataError: unreadable, or larger than any table we know."""
    try:
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise DataError(f"{path}: has {size} bytes, at most {MOST_BYTES} are read")
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error})") from None


def read_text(path: Path) -> str:
    """See read_bytes; DataError where it is no UTF-8."""
    try:
        return read_bytes(path).decode()
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: is no text ({error})") from None


def read_json(path: Path) -> Any:
    """DataError where it is no JSON."""
    try:
        return json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: is no JSON ({error})") from None
