"""The run folder: what a search leaves behind, besides its store.

RUN/store.sqlite  RUN/supernet.npz  RUN/run.json  RUN/pareto.csv
RUN/designs/01/   model.onnx  ir.txt  params.npz  hardware.yaml  layers.csv  scalesim/  cpu/
"""

import csv
import fcntl
import io
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from gossamer.backends.base import Backend
from gossamer.codegen.onnx import save_onnx
from gossamer.ir.errors import DataError, GossamerError, SearchError
from gossamer.ir.files import write_text
from gossamer.ir.hardware import Hardware
from gossamer.ir.hardware_yaml import hardware_yaml
from gossamer.search.lowered import Lowered
from gossamer.search.objectives import Objective
from gossamer.search.result import Design, LayerCost

STORE, SUMMARY, FRONT, DESIGNS = "store.sqlite", "run.json", "pareto.csv", "designs"
LOCK = ".writing"


def drop_stale_designs(folder: Path, count: int) -> None:
    """Remove the numbered designs beyond the first `count`: an earlier finish of this run may have returned more."""
    for home in (folder / DESIGNS).glob("[0-9][0-9]"):
        if int(home.name) > count:
            shutil.rmtree(home, ignore_errors=True)


def write_design(
    folder: Path, lowered: Lowered, hardware: Hardware, backend: Backend | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Everything but the host artifact: (files, notes on what could not be written). Without a backend, the network
    alone.
    """
    shutil.rmtree(folder, ignore_errors=True)
    notes: list[str] = []
    write_text(folder / "ir.txt", str(lowered.module))
    if backend is not None:
        write_text(folder / "hardware.yaml", hardware_yaml(hardware))
        write_text(folder / "layers.csv", layers_csv(lowered.layers))
    with _disk(folder):
        np.savez(folder / "params.npz", **{name: np.asarray(array) for name, array in lowered.module.params.items()})  # type: ignore[arg-type]
    try:
        save_onnx(lowered.module, folder / "model.onnx")
    except GossamerError as error:
        notes.append(f"no ONNX: {error}")
    if backend is not None and backend.name == "systolic":
        _write_scalesim(folder / "scalesim", lowered, hardware)
    return files_of(folder), tuple(notes)


def files_of(folder: Path) -> tuple[str, ...]:
    """Relative paths of all files, sorted."""
    return tuple(sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()))


def settle_in(folder: Path) -> None:
    """A run goes into a folder of its own: SearchError where what is there is somebody else's."""
    if folder.is_dir() and any(folder.iterdir()) and not any((folder / own).exists() for own in (STORE, LOCK)):
        raise SearchError(f"{folder}: is not empty and holds no search; name a new folder")
    with _disk(folder):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / LOCK).touch()


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Several processes may share a search; one at a time writes its designs."""
    with _disk(folder):
        lock = os.open(folder / LOCK, os.O_RDWR)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


class _disk:
    """Turns a full disk into a DataError."""

    def __init__(self, where: Path) -> None:
        self._where = where

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, OSError):
            raise DataError(f"{self._where}: cannot be written ({(error.strerror or str(error)).lower()})") from None


def _write_scalesim(folder: Path, lowered: Lowered, hardware: Hardware) -> None:
    from gossamer.codegen.scalesim import Array, scalesim_files

    chip = {name: value for name, value in hardware.values().items() if name in Array.__dataclass_fields__}
    layers = [(row.title, row.layer) for row in lowered.layers]
    for name, text in scalesim_files(lowered.module.name, Array(**chip), layers).items():  # type: ignore[arg-type]
        write_text(folder / name, text)


def layers_csv(layers: Sequence[LayerCost]) -> str:
    """One row a layer, units in the header."""
    return _csv(
        [
            "layer",
            "kind",
            "ic",
            "ih",
            "iw",
            "oc",
            "oh",
            "ow",
            "kh",
            "kw",
            "groups",
            "weight_bits",
            "input_bits",
            "macs",
            "latency_s",
            "energy_j",
            "compute_cycles",
            "stall_cycles",
            "sram_bytes",
            "dram_bytes",
            "utilization",
            "mapping",
        ],
        [
            [
                c.title,
                c.layer.kind,
                c.layer.ic,
                c.layer.ih,
                c.layer.iw,
                c.layer.oc,
                c.layer.oh,
                c.layer.ow,
                c.layer.kh,
                c.layer.kw,
                c.layer.groups,
                c.layer.weight_bits,
                c.layer.activation_bits,
                c.layer.macs,
                c.latency_s,
                c.energy_j,
                c.compute_cycles,
                c.stall_cycles,
                c.sram_bytes,
                c.dram_bytes,
                c.utilization,
                c.mapping,
            ]
            for c in layers
        ],
    )


def pareto_csv(objectives: Sequence[Objective], front: Sequence[Design]) -> str:
    """One row a design: its objectives, its hardware, its network; units in the header."""
    hardware = list(dict.fromkeys(name for design in front for name in design.hardware.values()))
    network = list(dict.fromkeys(name for design in front for name in design.network))
    keys = [item.key for item in objectives]
    rows = [
        [
            d.name,
            *(repr(d.metrics[key]) for key in keys),
            *(d.hardware.values()[name] for name in hardware),
            *(d.network.get(name, "") for name in network),
        ]
        for d in front
    ]
    return _csv(
        ["design", *keys, *(f"hardware.{name}" for name in hardware), *(f"network.{name}" for name in network)], rows
    )


def write_summary(folder: Path, document: dict[str, Any]) -> None:
    write_text(folder / SUMMARY, json.dumps(document, indent=1, default=str) + "\n")


def _csv(header: list[str], rows: list[list[Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()
