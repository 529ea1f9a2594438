"""`gossamer compile MODEL --target NAME -o FOLDER`: a network built for a target, with what every layer costs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gossamer.cli.options import (
    CalibrationOption,
    HardwareOption,
    ModelArgument,
    PassesOption,
    ShapeOption,
    first_batch,
    hardware_values,
    random_inputs,
    read_arrays,
)
from gossamer.cli.output import JsonFlag, Output

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from gossamer.report.layers import LayerLine

EXAMPLE = (
    "Example: [bold]gossamer compile resnet18.onnx --target cpu -o out/[/bold]   "
    "then [bold]gossamer run out/ --check[/bold] runs it against onnxruntime."
)

COLUMNS = (
    ("macs", "MACs", ""),
    ("predicted_s", "predicted", "s"),
    ("measured_s", "measured", "s"),
    ("energy_j", "energy", "J"),
)


def compile(
    model: ModelArgument,
    target: Annotated[str, typer.Option(help="An installed target; `gossamer targets` lists them.")] = "cpu",
    folder: Annotated[Path | None, typer.Option("--output", "-o", help="A new folder for the result.")] = None,
    passes: PassesOption = None,
    shape: ShapeOption = None,
    hardware: HardwareOption = None,
    calibrate: CalibrationOption = None,
    tune: Annotated[
        str | None, typer.Option(help="Measure schedules for so long first (60s, 3m), and keep what was found.")
    ] = None,
    tune_db: Annotated[
        str | None, typer.Option(help="Database of measured schedules (default: in the user's cache); off: none.")
    ] = None,
    cpu: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="The processor to compile for: haswell, znver4, native (default).", show_default=False
        ),
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Say why every layer is compiled as it is, and what bounds it.")
    ] = False,
    measure: Annotated[bool, typer.Option(help="Time every layer, where the target runs on this machine.")] = True,
    force: Annotated[
        bool, typer.Option("--force", help="Replace the folder when it holds an earlier compile.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Compile a network for a target and show what every layer costs."""
    import gossamer.api as api
    from gossamer.cli.bundle import Compiled, check_folder, write_bundle
    from gossamer.cli.explain import Explanations, explained_rows, explainer
    from gossamer.frontends import parse_shapes
    from gossamer.report.layers import Timed, priced_lines, timed_lines

    with Output(as_json) as out:
        tune_s = tuning_s(tune)
        if folder is not None:
            check_folder(folder, force)
        own = api.backend(target)  # an unknown target is said before the model is read
        why = explainer(own) if explain else None
        with out.working(f"reading {model}"):
            module = api.load(model, parse_shapes(shape or ()))
        inputs = read_arrays(calibrate, [v.name for v in module.graph.inputs]) if calibrate else None
        with out.working("running passes"):
            ready = api.prepare(
                module, target, passes=passes, hardware=hardware_values(hardware, cpu), calibration=inputs
            )
        try:
            with out.working("choosing schedules") as now:
                ready, tuned = api.tune(ready, target, tune_s, tune_db, now)
        except KeyboardInterrupt:
            if tune_s:
                out.note("what was measured until now is kept; the same command goes on from there")
            raise
        if tuned:
            out.note(f"tuning: {tuned}")
        with out.working(f"compiling {len(ready.graph.nodes)} operators for {target}"):
            artifact = api.build(ready, target)
        with out.working("timing every layer"):
            obstacle: str | None = getattr(artifact, "obstacle", None)
            if isinstance(artifact, Timed):
                ports = module.graph.inputs
                given = first_batch(inputs, ports) if inputs else random_inputs(ports)
                lines = timed_lines(ready, artifact, given if measure and obstacle is None else None)
            else:
                lines = priced_lines(ready, own)
        document: dict[str, Any] = {"model": str(model), "target": target, "layers": [vars(line) for line in lines]}
        if (peak := getattr(artifact, "peak_bytes", None)) is not None:
            document["peak_bytes"] = peak
        document |= totals(lines) | ({"tuning": tuned} if tuned else {})
        if obstacle is not None:
            out.note(f"not timed: {obstacle}")
            document["obstacle"] = obstacle
        shown: list[RenderableType] = [layer_table(lines)]
        if why is not None:
            with out.working("explaining"):
                document["explained"] = explained_rows(why.explain(ready), lines)
            shown.append(Explanations(document["explained"]))
        if folder is not None:
            with out.working(f"saving to {folder}"):
                write_bundle(folder, Compiled(model, module, ready, artifact), document, force)
            document["output"] = str(folder)
        out.answer(document, *shown, summary(document))


def tuning_s(text: str | None) -> float:
    """Seconds of `60s` or `3m`; 0 of nothing. Raises SearchError for anything else."""
    from gossamer.ir.errors import SearchError
    from gossamer.search.budget import Budget

    if text is None:
        return 0.0
    try:
        seconds = Budget.parse(text).seconds
    except SearchError:
        seconds = None
    if seconds is None:
        raise SearchError(f"--tune {text}: is no time above 0, needed one with its unit: 60s, 3m, 1h")
    return seconds


def totals(lines: "tuple[LayerLine, ...]") -> dict[str, Any]:
    """Sums over the layers; None where a target cannot say."""
    known = {key: [value for line in lines if (value := getattr(line, key)) is not None] for key, _, _ in COLUMNS}
    return {key: sum(values) if values else None for key, values in known.items()}


def summary(document: dict[str, Any]) -> str:
    from rich.markup import escape

    from gossamer.report.units import quantity

    words = {"macs": "{}", "predicted_s": "predicted {}", "measured_s": "measured {}", "energy_j": "{}"}
    count = len(document["layers"])
    parts = [f"{count} layer{'' if count == 1 else 's'}"]
    for key, title, unit in COLUMNS:
        if document[key] is not None:
            parts.append(words[key].format(quantity(document[key], unit or title.rstrip("s"))))
    if "peak_bytes" in document:
        parts.append(f"peak {quantity(document['peak_bytes'], 'B')}")
    saved = f"; saved in {escape(document['output'])}" if "output" in document else ""
    return f"[bold]{document['target']}[/bold]: {', '.join(parts)}{saved}"


def layer_table(lines: "tuple[LayerLine, ...]") -> "Table":
    from rich.markup import escape
    from rich.table import Table

    from gossamer.report.units import quantity

    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("layer", "kind", "shape", "algorithm", "schedule"):
        table.add_column(name, overflow="fold")
    numbers = [title for key, title, _ in COLUMNS if any(getattr(line, key) is not None for line in lines)]
    for title in numbers:
        table.add_column(title, justify="right", no_wrap=True)
    for line in lines:
        words = (line.name, line.kind, line.shape, line.algorithm, line.schedule)
        values = [(getattr(line, key), unit) for key, title, unit in COLUMNS if title in numbers]
        table.add_row(*map(escape, words), *(quantity(value, unit) if value else "" for value, unit in values))
    return table
