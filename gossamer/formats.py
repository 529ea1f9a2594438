"""The files that `gossamer.api.export` writes: a format for every end of a name, and a writer for every format."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from gossamer.ir.errors import BackendError

if TYPE_CHECKING:
    from gossamer.ir.graph import Module

FORMATS = {".onnx": "onnx", ".mlir": "mlir", ".py": "torch", ".gsm": "text"}
"""Formats `export` writes, by the ends of file names."""


def export_format(path: Path | str, format: str = "") -> str:
    """The format `export` would write. Raises BackendError when neither `format` nor the name says it."""
    kind = format or FORMATS.get(Path(path).suffix, "")
    if kind not in FORMATS.values():
        known = ", ".join(f"{name} ({suffix})" for suffix, name in FORMATS.items())
        raise BackendError(f"{path}: the format '{format or Path(path).suffix}' is not known; known: {known}")
    return kind


def _write_onnx(module: "Module", file: Path, _: bool) -> tuple[Path, ...]:
    from gossamer.codegen.onnx import save_onnx

    return save_onnx(module, file)


def _write_mlir(module: "Module", file: Path, weights_as_arguments: bool) -> tuple[Path, ...]:
    from gossamer.codegen.mlir import save_mlir

    save_mlir(module, file, weights_as_arguments)
    return (file,)


def _write_torch(module: "Module", file: Path, _: bool) -> tuple[Path, ...]:
    from gossamer.codegen.torch import save_torch

    save_torch(module, file)
    return (file, file.with_suffix(".npz"))


def _write_text(module: "Module", file: Path, _: bool) -> tuple[Path, ...]:
    from gossamer.frontends.text import save_text

    save_text(module, file)
    return (file, file.with_suffix(".npz"))


WRITERS: "dict[str, Callable[[Module, Path, bool], tuple[Path, ...]]]" = {
    "onnx": _write_onnx, "mlir": _write_mlir, "torch": _write_torch, "text": _write_text,
}  # fmt: skip
"""Format -> writes a module to a file, with weights as arguments or not; gives the files."""
