"""`gossamer export MODEL -o out.onnx|out.mlir|out.py|out.gsm`: a network, after passes, as a file for other tools."""

from pathlib import Path
from typing import Annotated, Any

import typer

from gossamer.cli.options import CalibrationOption, ModelArgument, ShapeOption, random_inputs, read_arrays
from gossamer.cli.output import JsonFlag, Output
from gossamer.ir.errors import DataError

EXAMPLE = (
    'Example: [bold]gossamer export resnet18.onnx -p "fold-bn,fuse" -o resnet18.mlir[/bold]   '
    "then [bold]iree-compile --iree-hal-target-backends=llvm-cpu resnet18.mlir[/bold]."
)


def export(
    model: ModelArgument,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="A new file: .onnx, .mlir, .py (torch) or .gsm (IR text).")
    ],
    passes: Annotated[str, typer.Option("--passes", "-p", help='A pipeline: "fold-bn,fuse,quantize{bits=8}".')] = "",
    format: Annotated[
        str, typer.Option("--format", help="onnx, mlir, torch or text.", show_default="by the file's name")
    ] = "",
    weights_as_arguments: Annotated[
        bool, typer.Option("--weights-as-arguments", help="MLIR: parameters are arguments, not constants.")
    ] = False,
    shape: ShapeOption = None,
    calibrate: CalibrationOption = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that exist.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Write a network as ONNX, MLIR, a trainable torch module or IR text."""
    import gossamer.api as api
    from gossamer.formats import export_format
    from gossamer.frontends import parse_shapes

    with Output(as_json) as out:
        beside = (output.with_suffix(".npz"),) if export_format(output, format) in ("torch", "text") else ()
        for file in (output, *beside):
            if file.exists() and not force:
                raise DataError(f"{file}: exists; name a new file, or give --force")
        with out.working(f"reading {model}"):
            module = api.load(model, parse_shapes(shape or ()))
        inputs = read_arrays(calibrate, [v.name for v in module.graph.inputs]) if calibrate else None
        if inputs is None and api.needs_calibration(passes):
            out.note("quantize: its ranges come from random inputs, good for looking only; --calibrate gives real ones")
            inputs = random_inputs(module.graph.inputs)
        with out.working("running passes"):
            ready = api.inspect(module, passes, calibration=inputs)[-1].module
        with out.working(f"writing {output}"):
            files = api.export(ready, output, format, weights_as_arguments=weights_as_arguments)
        sizes = {str(file): file.stat().st_size for file in files}
        document: dict[str, Any] = {"model": str(model), "passes": passes, "files": sizes}
        out.text(document, "".join(f"wrote {file} ({size / 1e6:.2f} MB)\n" for file, size in sizes.items()))
