"""A network built for a tinydsp: its module, run by Gossamer's reference. Saved as text, weights and hardware."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gossamer.ir.errors import BackendError
from gossamer.ir.graph import Array, Module, Params
from gossamer.ir.reference import evaluate
from gossamer.ir.text import parse_module, print_module
from gossamer.ir.types import Value
from gossamer_tinydsp.hardware import TinyDspHardware

FORMAT = 1


@dataclass(frozen=True)
class TinyDspArtifact:
    """What `TinyDsp.compile` returns."""

    module: Module

    @property
    def inputs(self) -> tuple[Value, ...]:
        """What `run` takes."""
        return self.module.graph.inputs

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Outputs by name. Raises DataError when an input is missing, unknown or has another shape."""
        return evaluate(self.module, inputs)

    def save(self, folder: Path | str) -> None:
        """Write manifest.json, module.txt and weights.npz; a folder that holds anything is refused."""
        path = Path(folder)
        if path.exists() and any(path.iterdir()):
            raise BackendError(f"{path}: is not empty; name a new folder")
        path.mkdir(parents=True, exist_ok=True)
        hardware = self.module.hardware or TinyDspHardware()
        (path / "manifest.json").write_text(
            json.dumps({"target": "tinydsp", "format": FORMAT, "hardware": hardware.values()})
        )
        (path / "module.txt").write_text(print_module(self.module.with_hardware(None)))
        np.savez(path / "weights.npz", **dict(self.module.params))


def load_artifact(folder: Path) -> TinyDspArtifact:
    """Read what `save` wrote. Raises BackendError when something is missing or not ours."""
    try:
        head = json.loads((folder / "manifest.json").read_text())
        with np.load(folder / "weights.npz") as weights:
            params = Params({name: weights[name] for name in weights.files})
        text = (folder / "module.txt").read_text()
    except (OSError, ValueError) as error:
        raise BackendError(f"{folder}: holds no network for tinydsp ({error})") from error
    if head.get("target") != "tinydsp" or head.get("format") != FORMAT:
        raise BackendError(
            f"{folder}: was saved for {head.get('target')}, format {head.get('format')}; needs tinydsp, format {FORMAT}"
        )
    return TinyDspArtifact(parse_module(text, params).with_hardware(TinyDspHardware.build(head["hardware"])))
