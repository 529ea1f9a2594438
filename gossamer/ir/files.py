"""Files that appear whole or not at all."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import IO

from gossamer.ir.errors import DataError


def write_whole(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Let `write` fill a file beside `path`, then move it there in one step; a failure leaves the old file.

    Raises OSError (disk full, no such folder, ...), or what `write` raises.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with partial.open("wb") as out:
            write(out)
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def write_text(path: Path, text: str) -> Path:
    """Replace `path` by `text` in one step, its folders made. Raises DataError (path, reason)."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, lambda out: out.write(text.encode("utf-8")))
    except OSError as error:
        raise unwritable(path, error) from None
    return path


def unwritable(path: Path, error: OSError) -> DataError:
    """What to say of a file that could not be written."""
    reason = (error.strerror or str(error)).lower()
    return DataError(f"{path}: cannot be written ({reason}); the earlier file is untouched")
