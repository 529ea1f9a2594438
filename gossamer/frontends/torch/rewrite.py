"""Operators that have no importing function, written by torch's own decompositions in terms of those that have."""

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch._decomp import decomposition_table
from torch.export import ExportedProgram
from torch.fx import Node

from gossamer.frontends.torch.constants import constant_nodes
from gossamer.frontends.torch.table import handler_of
from gossamer.frontends.torch.targets import IGNORED, name_and_overload

_ROUNDS = 4
"""A decomposition may need another one; longer chains were not seen."""


def in_known_operators(program: ExportedProgram) -> ExportedProgram:
    """The program with unknown operators decomposed wherever that leads to known ones.

    One that leads to other unknown ones stays as it is: an error then names what the user wrote.
    """
    found = _unknown(program)
    hopeless: set[Any] = set()
    while found - hopeless:
        current = _decomposed(program, hopeless)
        blamed = {node.meta.get("original_aten") for node in _unknown_nodes(current) if node.target not in found}
        if not blamed:
            return current
        if not blamed <= found - hopeless:  # what is to blame appeared on the way, so that its origin is not known
            break
        hopeless |= blamed
    return program


def _decomposed(program: ExportedProgram, hopeless: set[Any]) -> ExportedProgram:
    for _ in range(_ROUNDS):
        table = _decompositions(_unknown(program) - hopeless)
        if not table:
            break
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            program = program.run_decompositions(table)
    return program


def _unknown(program: ExportedProgram) -> set[Any]:
    return {node.target for node in _unknown_nodes(program)}


def _unknown_nodes(program: ExportedProgram) -> list[Node]:
    constants = constant_nodes(program)
    calls = [n for n in program.graph.nodes if n.op == "call_function" and n.users and n not in constants]
    return [n for n in calls if hasattr(n.target, "_schema") and not _known(*name_and_overload(n.target))]


def _known(name: str, overload: str) -> bool:
    return name in IGNORED or handler_of(name, overload) is not None


def _decompositions(targets: set[Any]) -> dict[Any, Callable[..., Any]]:
    """What torch has for them: composite operators' own definitions and core ATen's, then the rest of its table."""
    if not targets:
        return {}
    own = torch.export.default_decompositions()
    known = {t: own[t] for t in targets if t in own}
    return known | {t: decomposition_table[t] for t in targets if t in decomposition_table and t not in known}
