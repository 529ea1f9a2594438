"""`gossamer run FOLDER`: run a compiled network; `--check` compares it with onnxruntime, or with the reference."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gossamer.cli.options import random_inputs, read_arrays
from gossamer.cli.output import JsonFlag, Output
from gossamer.ir.errors import DataError

if TYPE_CHECKING:
    from rich.table import Table

    from gossamer.backends.base import Artifact
    from gossamer.cli.baseline import Peer
    from gossamer.ir.graph import Array

EXAMPLE = (
    "Example: [bold]gossamer run out/ --input x.npy --check[/bold]   "
    "the outputs, their largest error against onnxruntime, and both latencies."
)

TOLERANCE = 1e-4
"""What float32 may lose: of outputs up to 1 absolute, of larger ones relative to the largest."""


def run(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="What `gossamer compile -o FOLDER` made.")],
    input: Annotated[
        Path | None,
        typer.Option(help=".npy (one input) or .npz (by name).", show_default="normal random numbers, seed 0"),
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write the outputs to this new .npz.")] = None,
    check: Annotated[
        bool,
        typer.Option("--check", help="Compare with onnxruntime (not ONNX: the reference); exit code 1 if too far off."),
    ] = False,
    tolerance: Annotated[
        float | None,
        typer.Option(
            help="Largest error allowed, in units of the output.",
            min=0.0,
            show_default="1e-4, or that share of the largest output",
        ),
    ] = None,
    as_json: JsonFlag = False,
) -> int:
    """Run a compiled network, and check it against onnxruntime, or what the IR says where it did not come as ONNX."""
    import gossamer.api as api

    with Output(as_json) as out:
        if output is not None and output.exists():
            raise DataError(f"{output}: exists; name a new file")
        with out.working(f"loading {folder}"):
            artifact = api.load_artifact(folder)
        inputs = _inputs(artifact, input)
        peer = _peer(folder, artifact) if check else None
        with out.working("running"):
            outputs = artifact.run(inputs)
            document: dict[str, Any] = {"outputs": {name: describe(value) for name, value in outputs.items()}}
            document |= _measure(artifact, peer, inputs)
        if peer is not None:
            document["check"] = compare(outputs, peer.run(inputs), tolerance) | {"peer": peer.name}
        if output is not None:
            _write(output, outputs)
        out.answer(document, outputs_table(document), *verdict(document))
    return 0 if document.get("check", {"passed": True})["passed"] else 1


def _inputs(artifact: "Artifact", path: Path | None) -> "dict[str, Array]":
    """What to feed: the file's arrays, or seeded random numbers of the network's own shapes."""
    values = artifact.inputs
    if path is None:
        return random_inputs(values)
    given = read_arrays(path, [value.name for value in values])
    return {value.name: given[value.name].astype(value.dtype.numpy, copy=False) for value in values}


def _peer(folder: Path, artifact: "Artifact") -> "Peer":
    from gossamer.cli.baseline import load_peer, reference_peer
    from gossamer.cli.bundle import IMPORTED, SOURCE

    if (folder / SOURCE).exists():
        return load_peer(folder / SOURCE, getattr(artifact, "threads", None))
    if (folder / IMPORTED).exists():
        return reference_peer(folder / IMPORTED)
    raise DataError(f"{folder}: has no {SOURCE} or {IMPORTED} to compare with; `gossamer compile -o` keeps one")


def _measure(artifact: "Artifact", peer: "Peer | None", inputs: "Mapping[str, Array]") -> dict[str, float]:
    """Median latency, and that of a peer worth timing in the same run."""
    from gossamer.cli.baseline import median_seconds

    timed = [peer] if peer and peer.timed else []
    calls = [partial(each.run, inputs) for each in (artifact, *timed)]
    times = dict(zip(("latency_s", "peer_latency_s"), median_seconds(*calls)))
    return times | ({"latency_ratio": times["latency_s"] / times["peer_latency_s"]} if timed else {})


def describe(value: "Array") -> dict[str, Any]:
    """Shape, type and range of an output, and its five largest elements when it is a score per class."""
    import numpy as np

    found: dict[str, Any] = {"shape": value.shape, "type": str(value.dtype)}
    if value.size:
        found |= {"min": value.min(), "max": value.max(), "mean": value.astype(np.float64).mean()}
    if value.ndim == 2 and value.shape[0] == 1:
        top = np.argsort(-value[0], kind="stable")[:5]
        found["top"] = [{"index": int(i), "value": value[0, i]} for i in top]
    return found


def compare(outputs: "Mapping[str, Array]", wanted: "Mapping[str, Array]", allowed: float | None) -> dict[str, Any]:
    """The largest absolute difference over all outputs. `allowed`: by default TOLERANCE, scaled with large outputs."""
    import numpy as np

    common = [name for name in outputs if name in wanted]
    if not common:
        raise DataError(f"no output in common with the peer: {', '.join(outputs)} and {', '.join(wanted)}")
    errors = (np.abs(outputs[name].astype(np.float64) - wanted[name].astype(np.float64)) for name in common)
    largest = max(float(np.max(error, initial=0.0)) for error in errors)
    highest = max(float(np.max(np.abs(wanted[name]), initial=0.0)) for name in common)
    rounds = any(outputs[name].dtype.kind == "f" for name in common)
    tolerance = TOLERANCE * (max(1.0, highest) if rounds else 1.0) if allowed is None else allowed
    return {
        "max_abs_error": largest,
        "max_abs_output": highest,
        "tolerance": tolerance,
        "passed": bool(largest <= tolerance),
    }


def _write(path: Path, outputs: "Mapping[str, Array]") -> None:
    import numpy as np

    try:
        with path.open("xb") as file:
            np.savez(file, **outputs)  # type: ignore[arg-type]
    except OSError as error:
        raise DataError(f"{path}: cannot be written ({(error.strerror or str(error)).lower()})") from None


def outputs_table(document: Mapping[str, Any]) -> "Table":
    from rich.markup import escape
    from rich.table import Table

    table = Table(
        "output", "shape", "type", "min", "max", "largest elements", box=None, header_style="bold", pad_edge=False
    )
    for name, item in document["outputs"].items():
        top = "  ".join(f"{entry['index']}: {entry['value']:.4g}" for entry in item.get("top", ()))
        ends = (f"{item[key]:.4g}" if key in item else "" for key in ("min", "max"))
        table.add_row(escape(name), "x".join(map(str, item["shape"])), item["type"], *ends, top)
    return table


def verdict(document: Mapping[str, Any]) -> tuple[str, ...]:
    from gossamer.report.units import quantity

    found, ours = document.get("check"), quantity(document["latency_s"], "s")
    if found is None:
        return (f"latency {ours} (median)",)
    mark = "[green]within[/green]" if found["passed"] else "[red]BEYOND[/red]"
    error = (
        f"largest error {found['max_abs_error']:.3g} (outputs up to {found['max_abs_output']:.3g}): "
        f"{mark} the tolerance of {found['tolerance']:.3g}"
    )
    if "peer_latency_s" not in document:
        return f"{error} against {found['peer']}", f"latency {ours} (median)"
    theirs, ratio = quantity(document["peer_latency_s"], "s"), document["latency_ratio"]
    return error, f"latency {ours}, {found['peer']} {theirs}: ratio {ratio:.2f} (medians, taken in turns)"
