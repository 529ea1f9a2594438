"""Weights kept in files beside the model. Only files inside the model's folder are ever opened."""

from dataclasses import dataclass
from pathlib import Path, PureWindowsPath

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from gossamer.ir.errors import FrontendError


@dataclass(frozen=True)
class External:
    """`length` bytes at `offset` of the file `location` (as the model writes it) in `folder`."""

    folder: Path
    location: str
    offset: int
    length: int
    where: str

    def path(self) -> Path:
        """The file, links followed; FrontendError when it is missing or lies outside the folder."""
        root = self.folder.resolve()
        given = PureWindowsPath(self.location)  # splits at / and \, and knows drive letters
        if not self.location or given.anchor or given.drive or ".." in given.parts:
            raise self._outside()
        try:
            file = (root / self.location).resolve()
            found = file.is_file()
        except (OSError, RuntimeError, ValueError):  # too long, links in a circle, a zero byte
            raise FrontendError(f"{self.where} is in '{self._name}', which cannot be a file; export it again") from None
        if not file.is_relative_to(root):
            raise self._outside()
        if not found:
            raise FrontendError(f"{self.where} is in '{self._name}', which is missing; copy it beside the model")
        return file

    def read(self) -> NDArray[np.uint8]:
        """The bytes."""
        try:
            data = np.fromfile(self.path(), np.uint8, self.length, offset=self.offset)
        except OSError as error:
            raise FrontendError(f"{self.where} in '{self._name}' cannot be read: {error.strerror}") from None
        if data.size != self.length:
            raise self._short(self.offset + data.size)
        return data

    @property
    def _name(self) -> str:
        """The location as a message shows it: a damaged file may have written anything there."""
        shown = "".join(c if c.isprintable() else "?" for c in self.location)
        return shown if len(shown) <= 80 else f"{shown[:77]}..."

    def _outside(self) -> FrontendError:
        return FrontendError(
            f"{self.where} is kept in '{self._name}', which is outside the model's folder; "
            "external data must lie beside the model"
        )

    def _short(self, size: int) -> FrontendError:
        needed = self.offset + self.length
        return FrontendError(f"{self.where} needs {needed} bytes of '{self._name}', which has {size}; copy it again")


def find_external(tensor: TensorProto, needed: int, folder: Path, where: str) -> External:
    """Where a tensor's bytes are; the file is checked to be there and long enough, and not read."""
    entries = {entry.key: entry.value for entry in tensor.external_data}
    try:
        offset, length = int(entries.get("offset") or 0), int(entries.get("length") or needed)
    except ValueError:
        raise FrontendError(f"{where} is malformed: its external data has no whole offset and length") from None
    if offset < 0 or length != needed:
        raise FrontendError(f"{where} is malformed: it needs {needed} bytes and declares {length} at {offset}")
    source = External(folder, entries.get("location", ""), offset, length, where)
    size = source.path().stat().st_size
    if size < offset + length:
        raise source._short(size)
    return source
