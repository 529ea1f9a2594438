"""`gossamer inspect MODEL -p PIPELINE --after-each`: the IR as text, or as a page."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gossamer.cli.options import (
    CalibrationOption,
    ModelArgument,
    ShapeOption,
    random_inputs,
    read_arrays,
)
from gossamer.cli.output import JsonFlag, Output
from gossamer.ir.errors import DataError

if TYPE_CHECKING:
    from gossamer.api import Stage

EXAMPLE = (
    'Example: [bold]gossamer inspect resnet18.onnx -p "fold-bn,fuse,winograd{m=4}" --after-each[/bold]   '
    "the IR before and after every pass."
)


def inspect(
    model: ModelArgument,
    passes: Annotated[str, typer.Option("--passes", "-p", help='A pipeline: "fold-bn,fuse,quantize{bits=8}".')] = "",
    after_each: Annotated[
        bool, typer.Option("--after-each", help="Show the IR after every pass, not only the last.")
    ] = False,
    page: Annotated[
        Path | None, typer.Option("--page", help="Write a page with every stage to this new .html file.")
    ] = None,
    shape: ShapeOption = None,
    calibrate: CalibrationOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Show a network's IR, after every pass of a pipeline."""
    import gossamer.api as api
    from gossamer.frontends import parse_shapes

    with Output(as_json) as out:
        if page is not None and page.exists():
            raise DataError(f"{page}: exists; name a new file")
        with out.working(f"reading {model}"):
            module = api.load(model, parse_shapes(shape or ()))
        inputs = read_arrays(calibrate, [v.name for v in module.graph.inputs]) if calibrate else None
        if inputs is None and api.needs_calibration(passes):
            out.note("quantize: its ranges come from random inputs, good for looking only; --calibrate gives real ones")
            inputs = random_inputs(module.graph.inputs)
        with out.working("running passes"):
            stages = api.inspect(module, passes, calibration=inputs)
        shown = stages if after_each else stages[-1:]
        document: dict[str, Any] = {"model": str(model), "stages": [describe(stage) for stage in shown]}
        if page is not None:
            _write_page(page, module.name, stages)
            document["page"] = str(page)
        out.text(document, f"wrote {page}\n" if page is not None else "\n".join(as_text(stage) for stage in shown))


def describe(stage: "Stage") -> dict[str, Any]:
    """A stage as data: the pass, its time, the ops by kind, the text."""
    ops = Counter(node.op.name for node in stage.module.graph.nodes)
    return {
        "pass": stage.name,
        "seconds": stage.seconds,
        "ops": dict(sorted(ops.items())),
        "refusals": dict(stage.refusals),
        "text": str(stage.module),
    }


def as_text(stage: "Stage") -> str:
    """The IR with a comment line above it that says which pass made it, so the text still parses."""
    found = describe(stage)
    count = len(stage.module.graph.nodes)
    title = f"after {stage.name}, {1e3 * stage.seconds:.2f} ms" if stage.name else "as imported"
    reasons = Counter(stage.refusals.values())
    left = "".join(f"// left alone: {times} x {reason}\n" for reason, times in reasons.items())
    return f"// {title}, {count} ops\n{left}{found['text'].rstrip()}\n"


def _write_page(path: Path, name: str, stages: "tuple[Stage, ...]") -> None:
    from gossamer.ir.files import write_text
    from gossamer.report.stages import stages_page

    write_text(path, stages_page(name, [describe(stage) for stage in stages]))
