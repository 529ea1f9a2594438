"""A network on an array: runs through the reference, knows its cost layer by layer, and is kept as a folder.

    manifest.json   target, name, names of the parameters      module.ir       the network as text
    params.npz      its weights, as plain arrays               hardware.yaml   the array
    layers.csv      cost of every layer, with units
    scalesim.cfg, topology.csv, layout.csv   SCALE-Sim's input, which reproduces the compute cycles

There is no such chip at hand, so numbers come from the reference meaning of the IR, which the arithmetic of an array
(exact integer sums) equals; latency and energy come from the model.
"""

import csv
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from io import StringIO
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from gossamer.backends.base import LayerCosts
from gossamer.backends.folder import MANIFEST, write_folder
from gossamer.backends.systolic.hardware import SystolicHardware
from gossamer.codegen.scalesim import Array as ScaleSimArray
from gossamer.codegen.scalesim import scalesim_files
from gossamer.ir.errors import BackendError, GossamerError
from gossamer.ir.graph import Array, Module, Node, Params
from gossamer.ir.hardware_yaml import hardware_yaml, parse_hardware_yaml
from gossamer.ir.layer import Layer
from gossamer.ir.types import Value

TARGET, FORMAT = "systolic", 1
MODULE, PARAMS, HARDWARE, LAYERS = "module.ir", "params.npz", "hardware.yaml", "layers.csv"


@dataclass(frozen=True)
class LayerReport:
    """One layer's row. `layer` is its signature, the rest as in `gossamer.backends.base.LayerCosts`."""

    title: str
    op: str
    mapping: str
    layer: Layer
    latency_s: float
    energy_j: float
    compute_cycles: int
    stall_cycles: int
    sram_bytes: float
    dram_bytes: float
    utilization: float

    @staticmethod
    def of(node: Node, layer: Layer, costs: LayerCosts, row: int) -> "LayerReport":
        """Row `row` of some costs."""
        return LayerReport(
            title=node.title,
            op=node.op.name,
            mapping=costs.mappings[int(costs.mapping[row])],
            layer=layer,
            latency_s=float(costs.latency_s[row]),
            energy_j=float(costs.energy_j[row]),
            compute_cycles=int(costs.compute_cycles[row]),
            stall_cycles=int(costs.stall_cycles[row]),
            sram_bytes=float(costs.sram_bytes[row]),
            dram_bytes=float(costs.dram_bytes[row]),
            utilization=float(costs.utilization[row]),
        )


@dataclass(frozen=True)
class SystolicArtifact:
    """A compiled network; `reports` has one row a layer, in order of execution."""

    module: Module
    hardware: SystolicHardware
    reports: tuple[LayerReport, ...]

    @property
    def latency_s(self) -> float:
        """Layers run one after the other."""
        return sum(report.latency_s for report in self.reports)

    @property
    def energy_j(self) -> float:
        return sum(report.energy_j for report in self.reports)

    @property
    def inputs(self) -> tuple[Value, ...]:
        """What `run` takes."""
        return self.module.graph.inputs

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Outputs by name; raises DataError on a missing, unknown or misshapen input."""
        from gossamer.ir.reference import evaluate

        return evaluate(self.module, inputs)

    def save(self, folder: Path | str) -> None:
        """Write the folder. Raises BackendError when it holds anything but such an artifact, or cannot be written."""
        write_folder(Path(folder), TARGET, self._write)

    def _write(self, folder: Path) -> None:
        params = _used(self.module)
        for name, text in self._texts(params).items():
            (folder / name).write_text(text, encoding="utf-8")
        # Positions, not names: an array of any name fits an archive that way.
        np.savez(folder / PARAMS, **{f"p{i}": array for i, array in enumerate(params.values())})  # type: ignore[arg-type]

    def _texts(self, params: Mapping[str, Array]) -> dict[str, str]:
        manifest = {"format": FORMAT, "target": TARGET, "name": self.module.name, "params": list(params)}
        chip = {f.name: getattr(self.hardware, f.name) for f in fields(ScaleSimArray)}
        layers = [(report.title, report.layer) for report in self.reports]
        return {
            MANIFEST: json.dumps(manifest, indent=1) + "\n",
            MODULE: str(self.module),
            HARDWARE: hardware_yaml(self.hardware),
            LAYERS: layers_csv(self.reports),
            **scalesim_files(self.module.name, ScaleSimArray(**chip), layers),
        }


def layers_csv(reports: tuple[LayerReport, ...]) -> str:
    """One line a layer; units in the header."""
    text = StringIO()
    own = [f.name for f in fields(LayerReport) if f.name != "layer"]
    signature = [f.name for f in fields(Layer)]
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*own, "macs", *signature])
    for report in reports:
        layer = asdict(report.layer)
        costs = [getattr(report, name) for name in own]
        writer.writerow([*costs, report.layer.macs, *(layer[name] for name in signature)])
    return text.getvalue()


def _used(module: Module) -> dict[str, Array]:
    """The parameters the graph names, loaded."""
    from gossamer.ir.ops.structure import Param

    names = dict.fromkeys(node.op.ref for node in module.graph.nodes if isinstance(node.op, Param))
    return {name: module.params[name] for name in names}


def load_artifact(folder: Path | str) -> SystolicArtifact:
    """Read what `save` wrote and price it again. Raises BackendError when missing, damaged or of another format."""
    folder = Path(folder)
    try:
        module = _read(folder)
    except FileNotFoundError as error:
        raise BackendError(f"{folder}: no artifact ({Path(str(error.filename)).name} is missing)") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, BadZipFile, GossamerError) as error:
        if isinstance(error, BackendError):
            raise
        raise BackendError(f"{folder}: damaged artifact ({error}); compile the module again") from error
    from gossamer.backends.systolic.compile import compile_module

    artifact = compile_module(module)
    if not isinstance(artifact, SystolicArtifact):
        raise BackendError(f"{folder}: does not fit its own hardware.yaml: {artifact}")
    return artifact


def _read(folder: Path) -> Module:
    from gossamer.ir.text import parse_module

    manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    if manifest.get("format") != FORMAT or manifest.get("target") != TARGET:
        found = f"{manifest.get('target')} format {manifest.get('format')}"
        raise BackendError(f"{folder}: artifact of {found}, needed {TARGET} format {FORMAT}; compile the module again")
    hardware = parse_hardware_yaml((folder / HARDWARE).read_text(encoding="utf-8"), str(folder / HARDWARE))
    with np.load(folder / PARAMS, allow_pickle=False) as stored:
        params = {name: stored[f"p{i}"] for i, name in enumerate(manifest["params"])}
    return parse_module((folder / MODULE).read_text(encoding="utf-8"), Params(params)).with_hardware(hardware)
