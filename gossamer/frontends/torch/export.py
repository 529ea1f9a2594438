"""From a torch module and the shapes of its inputs to an exported program without in-place updates."""

import inspect
import warnings
from collections.abc import Mapping, Sequence

import torch
from torch import nn
from torch.export import ExportedProgram

from gossamer.ir.errors import FrontendError, nearest

_HARMLESS = ("detach_",)  # in place in name only


def exported(model: nn.Module, shapes: Mapping[str, Sequence[int]]) -> ExportedProgram:
    """Export the model for float32 inputs of these shapes, given by the names of `forward`'s arguments."""
    training = [name or type(model).__name__ for name, module in model.named_modules() if module.training]
    if training:
        raise FrontendError(f"the model is in training mode ({training[0]}); call model.eval() first")
    arguments = _arguments(model, shapes)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.export.export(model, (), arguments)
    except Exception as error:  # tracing runs the user's own code, which may raise anything
        raise FrontendError(f"torch.export cannot trace {type(model).__name__}: {_first_line(error)}") from error


def functional(program: ExportedProgram) -> ExportedProgram:
    """The same program with in-place operations written as operations with results."""
    if not any(_in_place(node.target) for node in program.graph.nodes):
        return program
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return program.run_decompositions({})


def _in_place(target: object) -> bool:
    schema = getattr(target, "_schema", None)
    return schema is not None and schema.is_mutable and schema.name.split("::")[-1] not in _HARMLESS


def _arguments(model: nn.Module, shapes: Mapping[str, Sequence[int]]) -> dict[str, torch.Tensor]:
    parameters = inspect.signature(model.forward).parameters
    for name in shapes:
        if name not in parameters:
            raise FrontendError(f"{type(model).__name__}.forward has no argument '{name}'{nearest(name, parameters)}")
    needed = [n for n, p in parameters.items() if p.default is p.empty and p.kind < p.VAR_POSITIONAL]
    missing = [name for name in needed if name not in shapes]
    if missing:
        example = ", ".join(f'"{name}": (1, 3, 224, 224)' for name in missing)
        raise FrontendError(
            f"the shape of {' and '.join(missing)} is needed to trace {type(model).__name__}; "
            f"give it, for example shapes={{{example}}}"
        )
    return {name: torch.zeros(tuple(shape)) for name, shape in shapes.items()}


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
