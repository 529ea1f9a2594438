"""`gossamer inspect MODEL -p PIPELINE`: the IR after any pass, a pass's changes, one op in full, or a page."""

from collections import Counter
from collections.abc import Sequence
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
    'Example: [bold]gossamer inspect resnet18.onnx -p "fold-bn,fuse,winograd{m=4}" --html ir.html[/bold]   '
    "a page with the graph after every pass. [bold]--diff import fuse[/bold] prints what changed, "
    "[bold]--op /conv1/Conv[/bold] one op with its loop nest and its cost on every target."
)

_AfterOption = Annotated[
    str | None, typer.Option("--after", metavar="PASS", help='The pass to stop at: "fuse", "fuse#2", "import".')
]
_DiffOption = Annotated[
    tuple[str, str] | None,
    typer.Option("--diff", metavar="A B", help='What changed from one pass to another: "import fuse".'),
]
_OpOption = Annotated[
    str | None, typer.Option("--op", metavar="NAME", help="One op, by its label or a result's name, with everything.")
]


def inspect(
    model: ModelArgument,
    passes: Annotated[str, typer.Option("--passes", "-p", help='A pipeline: "fold-bn,fuse,quantize{bits=8}".')] = "",
    after: _AfterOption = None,
    after_each: Annotated[
        bool, typer.Option("--after-each", help="Show the IR after every pass, not only the last.")
    ] = False,
    diff: _DiffOption = None,
    op: _OpOption = None,
    html: Annotated[
        Path | None, typer.Option("--html", help="Write one page with the graph after every pass to this new file.")
    ] = None,
    shape: ShapeOption = None,
    calibrate: CalibrationOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Show a network's IR after any pass, what a pass changed, or one op with its loop nest and its costs."""
    with Output(as_json) as out:
        _check(html, {"--after-each": after_each, "--diff": diff is not None, "--op": op is not None})
        stages = _stages(out, model, passes, shape, calibrate)
        document: dict[str, Any] = {"model": str(model)}
        if diff is not None:
            text = _diff(stages, diff, document)
        elif op is not None:
            text = _op(stages, after, op, document)
        else:
            text = _ir(stages, after, after_each, document)
        if html is not None:
            with out.working("drawing"):
                _write_page(html, model, stages)
            document["html"] = str(html)
            asked = after_each or after or diff or op
            text = f"{text if asked else ''}wrote {html} ({html.stat().st_size / 1e6:.2f} MB)\n"
        out.text(document, text)


def _check(html: Path | None, screens: dict[str, bool]) -> None:
    """One screen at a time, and no file lost; said before the model is read."""
    asked = [name for name, given in screens.items() if given]
    if len(asked) > 1:
        raise DataError(f"{' and '.join(asked)} are two screens; ask for one at a time")
    if html is not None and html.exists():
        raise DataError(f"{html}: exists; name a new file")


def _stages(
    out: Output, model: Path, passes: str, shape: list[str] | None, calibrate: Path | None
) -> "tuple[Stage, ...]":
    import gossamer.api as api
    from gossamer.frontends import parse_shapes

    with out.working(f"reading {model}"):
        module = api.load(model, parse_shapes(shape or ()))
    inputs = read_arrays(calibrate, [v.name for v in module.graph.inputs]) if calibrate else None
    if inputs is None and api.needs_calibration(passes):
        out.note("quantize: its ranges come from random inputs, good for looking only; --calibrate gives real ones")
        inputs = random_inputs(module.graph.inputs)
    with out.working("running passes"):
        return api.inspect(module, passes, calibration=inputs)


def _ir(stages: "Sequence[Stage]", after: str | None, each: bool, document: dict[str, Any]) -> str:
    from gossamer.report.inspection.stages import stage_called

    shown = stages if each else (stages[-1] if after is None else stage_called(stages, after)[1],)
    document["stages"] = [describe(stage) for stage in shown]
    return _painted("ir", "\n".join(as_text(stage) for stage in shown))


def _diff(stages: "Sequence[Stage]", names: tuple[str, str], document: dict[str, Any]) -> str:
    from gossamer.report.inspection.difference import unified
    from gossamer.report.inspection.stages import stage_called

    (old, before), (new, after) = (stage_called(stages, name) for name in names)
    text = unified(before.module, after.module, (old, new))
    document["diff"] = {"from": old, "to": new, "text": text}
    return _painted("diff", text) if text else f"no difference between {old} and {new}\n"


def _op(stages: "Sequence[Stage]", after: str | None, name: str, document: dict[str, Any]) -> str:
    from dataclasses import asdict

    from gossamer.report.inspection.details import Describer, namesakes, node_called
    from gossamer.report.inspection.prices import Pricer, targets_for
    from gossamer.report.inspection.screen import op_screen
    from gossamer.report.inspection.stages import stage_called, stage_names

    names = stage_names(stages)
    called, stage = stage_called(stages, names[-1] if after is None else after)
    node = node_called(stage.module, name)
    pricers = tuple(Pricer(target) for target in targets_for(stage.module))
    found = Describer(stage.module, pricers).details(node)
    others = namesakes(stage.module, node)
    document["op"] = {"after": called, **asdict(found), "others": others}
    return _painted("screen", op_screen(found, called, others))


def _painted(kind: str, text: str) -> str:
    from gossamer.cli.colour import coloured, paint_diff, paint_ir, paint_screen

    paints = {"ir": paint_ir, "diff": paint_diff, "screen": paint_screen}
    return paints[kind](text) if coloured() else text


def describe(stage: "Stage") -> dict[str, Any]:
    """A stage as data: the pass, its time, the ops by kind, the work and the weights, the text."""
    from gossamer.report.inspection.titles import kinds_in, macs_of, weights_of

    parameters, parameter_bytes = weights_of(stage.module)
    return {
        "pass": stage.name,
        "seconds": stage.seconds,
        "ops": dict(sorted(kinds_in(stage.module).items())),
        "macs": macs_of(stage.module),
        "parameters": parameters,
        "parameter_bytes": parameter_bytes,
        "refusals": dict(stage.refusals),
        "text": str(stage.module),
    }


def as_text(stage: "Stage") -> str:
    """The IR with comment lines above it that say what made it and what there is, so the text still parses."""
    from gossamer.report.inspection.titles import heading

    title = f"after {stage.name}, {1e3 * stage.seconds:.2f} ms" if stage.name else "as imported"
    reasons = Counter(stage.refusals.values())
    left = "".join(f"// left alone: {times} x {reason}\n" for reason, times in reasons.items())
    return f"// {title}; {heading(stage.module)}\n{left}{str(stage.module).rstrip()}\n"


def _write_page(path: Path, model: Path, stages: "tuple[Stage, ...]") -> None:
    from gossamer.ir.files import write_text
    from gossamer.report.inspection.page import inspect_page

    write_text(path, inspect_page(model.name, stages))
