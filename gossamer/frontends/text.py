"""Modules in files of IR text, the weights beside them: `net.gsm` and `net.npz`.

    save_text(module, "net.gsm")
    module = load_text("net.gsm")

The `.npz` holds one array per parameter under its own name; each is read when first used. A text without an `.npz`
loads as well: everything but running it works.
"""

import os
import zipfile
from collections.abc import Callable
from os import PathLike, fspath
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO

import numpy as np

from gossamer.ir.errors import FrontendError, IRError
from gossamer.ir.graph import Array, Module, Params

MAX_BYTES = 1 << 28
"""Longer texts are no modules."""


def load_text(path: str | PathLike[str]) -> Module:
    """A module from a file of IR text. FrontendError: unreadable, does not parse, weights that do not fit."""
    from gossamer.ir.text import parse_module

    file = Path(fspath(path))
    try:
        if file.stat().st_size > MAX_BYTES:
            raise FrontendError(f"{path}: the file is too long to be a module ({file.stat().st_size} bytes)")
        module = parse_module(file.read_text("utf-8"))
    except (IRError, UnicodeDecodeError) as error:
        raise FrontendError(f"{path}: {error}") from error
    except OSError as error:
        raise FrontendError(f"{path}: the file cannot be read: {error.strerror}") from None
    beside = file.with_suffix(".npz")
    return module.with_graph(module.graph, _params(beside)) if beside.is_file() else module


def save_text(module: Module, path: str | PathLike[str]) -> None:
    """Write the text to `path` and the parameters beside it. Each file appears whole or not at all.

    Raises OSError when the disk is full or the folder is missing.
    """
    file = Path(fspath(path))
    _replace(file.with_suffix(".npz"), lambda out: _write_params(module.params, out))
    _replace(file, lambda out: out.write(f"{module}\n".encode()))


def _params(path: Path) -> Params:
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name.removesuffix(".npy") for name in archive.namelist()]
    except (OSError, zipfile.BadZipFile) as error:
        raise FrontendError(f"{path}: the weights cannot be read: {error}") from None
    return Params({name: _loader(path, name) for name in names})


def _loader(path: Path, name: str) -> Callable[[], Array]:
    def load() -> Array:
        try:
            with zipfile.ZipFile(path) as archive, archive.open(f"{name}.npy") as member:
                return np.lib.format.read_array(member, allow_pickle=False)
        except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
            raise FrontendError(f"{path}: weight '{name}' cannot be read: {error}") from None

    return load


def _write_params(params: Params, out: IO[bytes]) -> None:
    with zipfile.ZipFile(out, "w") as archive:
        for name in params:
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.asarray(params[name]), allow_pickle=False)


def _replace(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Write beside the file and move into place, so that a failure leaves the old one."""
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as out:
        try:
            write(out)
            out.flush()
            os.replace(out.name, path)
        except BaseException:
            Path(out.name).unlink(missing_ok=True)
            raise
