"""Files that appear whole or not at all: written under another name, then moved into place."""

import os
from contextlib import suppress
from pathlib import Path

from gossamer.ir.errors import DataError


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
