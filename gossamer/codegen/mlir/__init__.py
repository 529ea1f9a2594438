"""IR -> MLIR text in the upstream dialects `func`, `linalg`, `arith`, `math`, `tensor` and `scf`.

    text = export_mlir(module)                 # one func.func @main: the inputs, in order -> the outputs, in order
    save_mlir(module, "net.mlir")

Every stage of every op's loop nest becomes one `linalg.generic` (loops = the nest's axes, indexing maps = its affine
reads, body = its expression; a reduction adds a `linalg.fill` before and, for an epilogue, a generic after it). What
leaves a tensor is a `tensor.pad`, what starts inside one a `tensor.extract_slice`, what is not affine a
`tensor.extract` in the body; axes that div and mod cut apart are split first. Reshapes, concatenations and scans are
`tensor.collapse_shape`/`expand_shape`, `tensor.insert_slice` and `scf.for`. Convolutions that a schedule wants by
Winograd's algorithm are written as its transforms. An op without a loop nest stands in generic form,
`"gossamer.NAME"(...)`, which tools take with unregistered dialects allowed.

Integers are signless and as wide as numpy keeps them (i4 in i8); a quantised tensor is its integers, the scales stand
in the arithmetic. Parameters are constants (`dense_resource`), or arguments after the inputs.
"""

from os import PathLike, fspath
from pathlib import Path

from gossamer.ir.files import write_text
from gossamer.ir.graph import Module


def export_mlir(module: Module, weights_as_arguments: bool = False) -> str:
    """The module as MLIR text. Raises BackendError: weights are missing, or an element type MLIR has no word for."""
    from gossamer.codegen.mlir.module import module_text

    return module_text(module, weights_as_arguments)


def save_mlir(module: Module, path: str | PathLike[str], weights_as_arguments: bool = False) -> None:
    """Write the text; the file appears whole or not at all. Raises BackendError, or OSError (disk full)."""
    write_text(Path(fspath(path)), export_mlir(module, weights_as_arguments))
