"""Modules in files of IR text, the weights beside them: `net.gsm` and `net.npz`.

    save_text(module, "net.gsm")
    module = load_text("net.gsm")

The `.npz` holds one array per parameter under its own name; each is read when first used. A text without an `.npz`
loads as well: everything but running it works.
"""

import zipfile
import zlib
from collections.abc import Callable, Mapping
from os import PathLike, fspath
from pathlib import Path
from typing import IO

import numpy as np

from gossamer.frontends.limits import check_elements
from gossamer.ir.errors import FrontendError, IRError
from gossamer.ir.files import write_whole
from gossamer.ir.graph import Array, Module, Params
from gossamer.ir.types import TensorType

MAX_BYTES = 1 << 28
"""Longer texts are no modules."""


def load_text(path: str | PathLike[str]) -> Module:
    """A module from a file of IR text. FrontendError: unreadable, ill formed, weights missing beside it.

    A weight that does not have its type is a FrontendError when it is read.
    """
    from gossamer.ir.ops.structure import Param
    from gossamer.ir.text import parse_module
    from gossamer.ir.verify import verify

    file = Path(fspath(path))
    try:
        if file.stat().st_size > MAX_BYTES:
            raise FrontendError(f"{path}: the file is too long to be a module ({file.stat().st_size} bytes)")
        module = parse_module(file.read_text("utf-8"))
        for value in (*module.graph.inputs, *(v for node in module.graph.nodes for v in node.results)):
            check_elements(value.shape, f"{path}: '{value.name}'")
        beside = file.with_suffix(".npz")
        if beside.is_file():
            types = {node.op.ref: node.op.type for node in module.graph.nodes if isinstance(node.op, Param)}
            module = module.with_graph(module.graph, _params(beside, types))
        return verify(module)
    except (IRError, UnicodeDecodeError) as error:
        raise FrontendError(f"{path}: {error}") from error
    except OSError as error:
        raise FrontendError(f"{path}: the file cannot be read: {error.strerror}") from None


def save_text(module: Module, path: str | PathLike[str]) -> None:
    """Write the text to `path` and the parameters beside it. Each file appears whole or not at all.

    Raises OSError when the disk is full or the folder is missing.
    """
    file = Path(fspath(path))
    write_whole(file.with_suffix(".npz"), lambda out: _write_params(module.params, out))
    write_whole(file, lambda out: out.write(f"{module}\n".encode()))


def _params(path: Path, types: Mapping[str, TensorType]) -> Params:
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name.removesuffix(".npy") for name in archive.namelist()]
    except (OSError, zipfile.BadZipFile) as error:
        raise FrontendError(f"{path}: the weights cannot be read: {error}") from None
    return Params({name: _loader(path, name, types.get(name)) for name in names})


def _loader(path: Path, name: str, type: TensorType | None) -> Callable[[], Array]:
    def load() -> Array:
        try:
            with zipfile.ZipFile(path) as archive, archive.open(f"{name}.npy") as member:
                array = np.lib.format.read_array(member, allow_pickle=False)
        except (OSError, KeyError, ValueError, RuntimeError, zlib.error, zipfile.BadZipFile) as error:
            raise FrontendError(f"{path}: weight '{name}' cannot be read: {error}") from None
        if type is not None and (array.shape, array.dtype) != (type.shape, type.dtype.numpy):
            found, needed = f"{array.dtype}{list(array.shape)}", f"{type.dtype.numpy}{list(type.shape)}"
            raise FrontendError(f"{path}: weight '{name}' is {found}, and the text needs {needed}")
        return array

    return load


def _write_params(params: Params, out: IO[bytes]) -> None:
    with zipfile.ZipFile(out, "w") as archive:
        for name in params:
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.asarray(params[name]), allow_pickle=False)
