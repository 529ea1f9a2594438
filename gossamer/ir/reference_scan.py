"""Evaluating a scan: its body, once per step, on the slices of that step."""

from collections.abc import Callable, Sequence

import numpy as np

from gossamer.ir.graph import Array
from gossamer.ir.inputs import held
from gossamer.ir.ops.scan import Scan


def evaluate_scan(
    op: Scan, operands: Sequence[Array], run: Callable[[dict[str, Array]], tuple[Array, ...]], exact: bool = False
) -> tuple[Array, ...]:
    """The results of a scan; `run` evaluates its body: inputs by name -> outputs in order."""
    last = op.states + op.scanned
    states, scanned, fixed = tuple(operands[: op.states]), operands[op.states : last], operands[last:]
    stacks = [np.zeros((op.steps, *v.shape), held(v.dtype, exact)) for v in op.body.outputs[op.states :]]
    names = [value.name for value in op.body.inputs]
    for step in reversed(range(op.steps)) if op.reverse else range(op.steps):
        given = (*states, *(np.asarray(array[step]) for array in scanned), *fixed)
        found = run(dict(zip(names, given, strict=True)))
        states = found[: op.states]
        for stack, array in zip(stacks, found[op.states :], strict=True):
            stack[step] = array
    return (*states, *stacks)
