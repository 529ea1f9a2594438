"""`gossamer run FOLDER`: run a compiled network; `--check` compares it with onnxruntime."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gossamer.cli.options import random_inputs, read_arrays
from gossamer.cli.output import JsonFlag, Output
from gossamer.ir.errors import DataError

if TYPE_CHECKING:
    from rich.table import Table

    from gossamer.cli.baseline import Peer
    from gossamer.ir.graph import Array

EXAMPLE = (
    "Example: [bold]gossamer run out/ --input x.npy --check[/bold]   "
    "the outputs, their largest error against onnxruntime, and both latencies."
)


def run(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="What `gossamer compile -o FOLDER` made.")],
    input: Annotated[
        Path | None,
        typer.Option(help=".npy (one input) or .npz (by name).", show_default="normal random numbers, seed 0"),
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write the outputs to this new .npz.")] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Compare with onnxruntime; exit code 1 beyond the tolerance.")
    ] = False,
    tolerance: Annotated[float, typer.Option(help="Largest error allowed, in units of the output.", min=0.0)] = 1e-4,
    as_json: JsonFlag = False,
) -> int:
    """Run a compiled network, and check it against onnxruntime."""
    import gossamer.api as api
    from gossamer.cli.baseline import median_seconds

    with Output(as_json) as out:
        if output is not None and output.exists():
            raise DataError(f"{output}: exists; name a new file")
        with out.working(f"loading {folder}"):
            artifact = api.load_artifact(folder)
        inputs = _inputs(folder, input)
        with out.working("running"):
            outputs = artifact.run(inputs)
            latency_s = median_seconds(lambda: artifact.run(inputs))
        document: dict[str, Any] = {
            "outputs": {name: describe(value) for name, value in outputs.items()},
            "latency_s": latency_s,
        }
        if check:
            with out.working("running onnxruntime"):
                document["check"] = compare(outputs, _peer(folder, inputs), latency_s, tolerance)
        if output is not None:
            _write(output, outputs)
        out.answer(document, outputs_table(document), *verdict(document))
    return 0 if document.get("check", {"passed": True})["passed"] else 1


def _inputs(folder: Path, path: Path | None) -> "dict[str, Array]":
    """What to feed: the file's arrays, or seeded random numbers of the network's own shapes."""
    from gossamer.cli.bundle import saved_inputs

    values = saved_inputs(folder)
    if path is None:
        return random_inputs(values)
    given = read_arrays(path, [value.name for value in values])
    return {value.name: given[value.name].astype(value.dtype.numpy, copy=False) for value in values}


def _peer(folder: Path, inputs: "Mapping[str, Array]") -> "Peer":
    from gossamer.cli.baseline import run_peer
    from gossamer.cli.bundle import SOURCE

    if not (folder / SOURCE).exists():
        raise DataError(f"{folder}: has no {SOURCE} to compare with; `gossamer compile -o` keeps one")
    return run_peer(folder / SOURCE, inputs)


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


def compare(outputs: "Mapping[str, Array]", peer: "Peer", latency_s: float, tolerance: float) -> dict[str, Any]:
    """The largest absolute difference over all outputs, and both latencies."""
    import numpy as np

    errors = {
        name: float(np.max(np.abs(value.astype(np.float64) - peer.outputs[name].astype(np.float64)), initial=0.0))
        for name, value in outputs.items()
        if name in peer.outputs
    }
    if not errors:
        raise DataError(f"no output in common with onnxruntime: {', '.join(outputs)} and {', '.join(peer.outputs)}")
    largest = max(errors.values())
    return {
        "peer": f"onnxruntime {peer.version}",
        "max_abs_error": largest,
        "max_abs_output": max(float(np.max(np.abs(value), initial=0.0)) for value in peer.outputs.values()),
        "tolerance": tolerance,
        "passed": bool(largest <= tolerance),
        "latency_s": latency_s,
        "peer_latency_s": peer.latency_s,
        "latency_ratio": latency_s / peer.latency_s,
    }


def _write(path: Path, outputs: "Mapping[str, Array]") -> None:
    import numpy as np

    try:
        with path.open("xb") as file:
            np.savez(file, **outputs)  # type: ignore[arg-type]
    except OSError as error:
        raise DataError(f"{path}: cannot be written ({(error.strerror or str(error)).lower()})") from None


def outputs_table(document: Mapping[str, Any]) -> "Table":
    from rich.table import Table

    table = Table(
        "output", "shape", "type", "min", "max", "largest elements", box=None, header_style="bold", pad_edge=False
    )
    for name, item in document["outputs"].items():
        top = "  ".join(f"{entry['index']}: {entry['value']:.4g}" for entry in item.get("top", ()))
        ends = (f"{item[key]:.4g}" if key in item else "" for key in ("min", "max"))
        table.add_row(name, "x".join(map(str, item["shape"])), item["type"], *ends, top)
    return table


def verdict(document: Mapping[str, Any]) -> tuple[str, ...]:
    from gossamer.report.units import quantity

    found = document.get("check")
    if found is None:
        return (f"latency {quantity(document['latency_s'], 's')} (median)",)
    mark = "[green]within[/green]" if found["passed"] else "[red]BEYOND[/red]"
    return (
        f"largest error {found['max_abs_error']:.3g} (outputs up to {found['max_abs_output']:.3g}): "
        f"{mark} the tolerance of {found['tolerance']:g}",
        f"latency {quantity(found['latency_s'], 's')}, {found['peer']} {quantity(found['peer_latency_s'], 's')}: "
        f"ratio {found['latency_ratio']:.2f} (median, same threads)",
    )
