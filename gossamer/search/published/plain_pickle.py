"""Lists and dicts of plain values out of a `.pt` file (a zip with one pickle), without torch and without executing it.

A pickle may name any function to call; this reader refuses every name, so only numbers, strings, lists, tuples and
dicts come out.
"""

import io
import pickle
import zipfile
from pathlib import Path
from typing import Any, NoReturn

from gossamer.ir.errors import DataError
from gossamer.search.published.files import MOST_BYTES, read_bytes


class _Plain(pickle.Unpickler):
    def find_class(self, module: str, name: str, /) -> NoReturn:  # pyright: ignore[reportIncompatibleMethodOverride]
        raise pickle.UnpicklingError(f"names {module}.{name}, and only plain values are read")


def read_plain(path: Path) -> Any:
    """The value in `path`. DataError: no zip, no pickle in it, too large, or anything but plain values."""
    raw = _member(path)
    try:
        return _Plain(io.BytesIO(raw)).load()
    except Exception as error:  # a broken pickle may raise nearly anything
        raise DataError(f"{path}: is no plain pickle ({type(error).__name__}: {error})") from None


def _member(path: Path) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(read_bytes(path))) as archive:
            found = [info for info in archive.infolist() if info.filename.endswith("data.pkl")]
            if not found:
                raise DataError(f"{path}: no data.pkl in it")
            if found[0].file_size > MOST_BYTES:
                raise DataError(f"{path}: data.pkl has {found[0].file_size} bytes, at most {MOST_BYTES} are read")
            return archive.read(found[0])
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise DataError(f"{path}: is no .pt file ({error})") from None
