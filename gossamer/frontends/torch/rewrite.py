"""Operators that have no importing function, written by torch's own decompositions in terms of those that have."""

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch._decomp import decomposition_table
from torch.export import ExportedProgram

from gossamer.frontends.torch.constants import constant_nodes
from gossamer.frontends.torch.table import handler_of
from gossamer.frontends.torch.targets import IGNORED, name_and_overload

_ROUNDS = 4
"""A decomposition may need another one; longer chains were not seen."""


def in_known_operators(program: ExportedProgram) -> ExportedProgram:
    """The program with unknown operators decomposed where that leads to known ones.

    Where it leads to other unknown ones the program stays as it is: an error then names what the user wrote.
    """
    current, found = program, _unknown(program)
    unknown = found
    for _ in range(_ROUNDS):
        table = _decompositions(unknown)
        if not table:
            break
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            current = current.run_decompositions(table)
        unknown = _unknown(current)
    return current if unknown <= found else program


def _unknown(program: ExportedProgram) -> set[Any]:
    constants = constant_nodes(program)
    nodes = (n for n in program.graph.nodes if n.op == "call_function" and n not in constants)
    targets = {n.target for n in nodes if hasattr(n.target, "_schema")}
    names = {t: name_and_overload(t) for t in targets}
    return {t for t, (name, overload) in names.items() if name not in IGNORED and handler_of(name, overload) is None}


def _decompositions(targets: set[Any]) -> dict[Any, Callable[..., Any]]:
    """What torch has for them: composite operators' own definitions and core ATen's, then the rest of its table."""
    if not targets:
        return {}
    own = torch.export.default_decompositions()
    known = {t: own[t] for t in targets if t in own}
    return known | {t: decomposition_table[t] for t in targets if t in decomposition_table and t not in known}
