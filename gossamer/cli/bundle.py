"""The folder that `compile` makes and `run` reads: what the backend saved, plus the source for `--check`.

    out/            the backend's own files, manifest.json among them
    out/source.onnx the model as it came, external data inside; of other formats source.gsm, what was imported
    out/design.ir   the IR that was compiled
    out/layers.json the table that was printed

It is built beside its final place and moved there in one step, so a failure leaves nothing half written.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gossamer.backends.folder import MANIFEST
from gossamer.cli.output import plain
from gossamer.ir.errors import DataError

if TYPE_CHECKING:
    from gossamer.backends.base import Artifact
    from gossamer.ir.graph import Module

LARGEST = 2**31  # protobuf's own limit for one file
SOURCE, IMPORTED, DESIGN = "source.onnx", "source.gsm", "design.ir"


def check_folder(folder: Path, force: bool) -> None:
    """Refuse, before any work is done, a place that the result cannot go to."""
    if not folder.exists():
        above = next(place for place in folder.absolute().parents if place.exists())
        if not above.is_dir() or not os.access(above, os.W_OK | os.X_OK):
            what = "is no folder one may write to" if above.is_dir() else "is a file"
            raise DataError(f"{folder}: cannot be made, {above} {what}; name another")
        return
    if not folder.is_dir():
        raise DataError(f"{folder}: is a file; name a new folder")
    if any(folder.iterdir()) and not (force and (folder / MANIFEST).exists()):
        ours = (folder / MANIFEST).exists()
        remedy = "add --force to replace it" if ours else "name a new folder"
        raise DataError(f"{folder}: {'holds an earlier compile' if ours else 'is not empty'}; {remedy}")


@dataclass(frozen=True)
class Compiled:
    """What there is to save: the file, the network in it, what passes made of that, what the backend made of that."""

    model: Path
    imported: "Module"
    ready: "Module"
    artifact: "Artifact"


def write_bundle(folder: Path, found: Compiled, document: Mapping[str, Any], force: bool) -> None:
    """Save everything, then put it in place. Raises DataError when the disk does not take it."""
    from gossamer.frontends.text import save_text

    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as scratch:
            made = Path(scratch) / "made"
            found.artifact.save(made)
            if not _copy_source(found.model, made / SOURCE):
                save_text(found.imported, made / IMPORTED)
            (made / DESIGN).write_text(str(found.ready), encoding="utf-8")
            (made / "layers.json").write_text(json.dumps(plain(document), indent=1) + "\n", encoding="utf-8")
            check_folder(folder, force)
            if folder.exists():
                shutil.rmtree(folder)
            made.rename(folder)
    except OSError as error:
        raise DataError(f"{folder}: cannot be written ({(error.strerror or str(error)).lower()})") from error


def _copy_source(model: Path, place: Path) -> bool:
    """One file, whatever it was before: external data is read in. False when the model is not ONNX."""
    import onnx
    from google.protobuf.message import DecodeError

    try:
        whole = onnx.load(model)
    except DecodeError:
        return False
    if not whole.HasField("graph"):
        return False
    if whole.ByteSize() < LARGEST:
        onnx.save(whole, place)
    else:
        onnx.save(whole, place, save_as_external_data=True, location=f"{SOURCE}.data")
    return True
