"""A node as one flat tensor program: the stages of its op, or of every op inside a fused node, over shared operands.

Normal form: a reduction stage holds only its reduction (an epilogue becomes the stage after it), and every result is
computed by a stage without a reduction. So a program is prologue stages, reductions, and pointwise stages; code
generation keeps the accumulators of a reduction in registers up to the pointwise stage that stores the result.
Tables become operands too, after the node's own: `Program.constants`, one-dimensional.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gossamer.codegen.tvm.empty import without_nothing
from gossamer.codegen.tvm.indices import simplified
from gossamer.ir.errors import BackendError
from gossamer.ir.graph import Node
from gossamer.ir.index import rewritten_deep, with_values
from gossamer.ir.inline import inline_pointwise
from gossamer.ir.nest import (
    Acc,
    Apply,
    Convert,
    Expr,
    Index,
    IndexValue,
    Kernel,
    Load,
    Nest,
    Table,
    at,
    parts,
    rewritten,
)
from gossamer.ir.ops.structure import Fused
from gossamer.ir.types import I32, I64, DType

Array: TypeAlias = NDArray[Any]


@dataclass(frozen=True)
class Program:
    """`kernel.operands` counts the node's operands and then the constants."""

    kernel: Kernel
    constants: tuple[tuple[DType, tuple[float, ...]], ...]

    def arrays(self) -> tuple[Array, ...]:
        """The constants as arrays."""
        return tuple(np.asarray(values).astype(dtype.numpy) for dtype, values in self.constants)


def program_of(node: Node) -> Program:
    """The normalised program of a node. Raises BackendError when an op in it is opaque (has no loop nest)."""
    shapes = [v.shape for v in node.op.operands]
    kernel = inline_pointwise(without_nothing(_kernel_of(node), shapes), shapes)
    return _hoist_tables(_materialise_results(_split_epilogues(_simplified(kernel))))


def opaque_op(node: Node) -> str | None:
    """Name of the first op in the node that has no loop-nest meaning; None when all have one."""
    inner = node.op.body.nodes if isinstance(node.op, Fused) else (node,)
    return next((n.op.name for n in inner if n.op.kernel() is None), None)


def loads(expr: Expr) -> tuple[Load, ...]:
    """Every load in an expression, left to right."""
    return tuple(p for p in parts(expr) if isinstance(p, Load))


def _simplified(kernel: Kernel) -> Kernel:
    return replace(kernel, stages=tuple(simplified(nest) for nest in kernel.stages))


def _kernel_of(node: Node) -> Kernel:
    kernel = node.op.kernel()
    if kernel is None:
        raise BackendError(
            f"{node.title} ({node.op.name}): the op is opaque (no loop nest), so no code can be generated for it"
        )
    return kernel


def renumbered(nest: Nest, table: Mapping[int, int] | Sequence[int]) -> Nest:
    """The nest with tensor k read as tensor table[k]."""

    def change(leaf: Expr) -> Expr:
        return replace(leaf, operand=table[leaf.operand]) if isinstance(leaf, Load) else leaf

    epilogue = None if nest.epilogue is None else rewritten_deep(nest.epilogue, change)
    return replace(nest, body=rewritten_deep(nest.body, change), epilogue=epilogue)


def _with_acc(expr: Expr, total: Expr) -> Expr:
    return rewritten(expr, lambda leaf: total if isinstance(leaf, Acc) else leaf)


def _split_epilogues(kernel: Kernel) -> Kernel:
    stages: list[Nest] = []
    table = list(range(kernel.operands))
    for nest in kernel.stages:
        nest = renumbered(nest, table)
        if nest.reduce is not None and (nest.epilogue is not None or nest.dtype != nest.compute):
            stages.append(replace(nest, epilogue=None, dtype=nest.compute))
            total = Load(kernel.operands + len(stages) - 1, tuple(at(a.name) for a in nest.parallel))
            value = total if nest.epilogue is None else _with_acc(nest.epilogue, total)
            compute = value.compute if isinstance(value, Convert) else nest.compute
            body = value.value if isinstance(value, Convert) else value
            nest = replace(nest, axes=nest.parallel, body=body, reduce=None, epilogue=None, compute=compute)
        stages.append(nest)
        table.append(kernel.operands + len(stages) - 1)
    return Kernel(
        kernel.operands, tuple(stages), tuple(table[kernel.operands + r] - kernel.operands for r in kernel.results)
    )


def _materialise_results(kernel: Kernel) -> Kernel:
    stages, results = list(kernel.stages), list(kernel.results)
    for i, result in enumerate(kernel.results):
        nest = kernel.stages[result]
        if nest.reduce is not None or result in kernel.results[:i]:
            total = Load(kernel.operands + result, tuple(at(a.name) for a in nest.parallel))
            stages.append(replace(nest, axes=nest.parallel, body=total, reduce=None, compute=nest.dtype))
            results[i] = len(stages) - 1
    return Kernel(kernel.operands, tuple(stages), tuple(results))


Constants: TypeAlias = dict[tuple[DType, tuple[float, ...]], int]


def _hoist_tables(kernel: Kernel) -> Program:
    found: Constants = {}
    for nest in kernel.stages:  # a first walk counts them: stages are numbered after all operands
        _hoisted(nest.body, nest.compute, kernel.operands, found)
    shifted = [*range(kernel.operands), *(kernel.operands + len(found) + i for i in range(len(kernel.stages)))]
    moved = (renumbered(nest, shifted) for nest in kernel.stages)
    stages = tuple(replace(n, body=_hoisted(n.body, n.compute, kernel.operands, found)) for n in moved)
    return Program(Kernel(kernel.operands + len(found), stages, kernel.results), tuple(found))


def _hoisted(expr: Expr, around: DType, first: int, found: Constants) -> Expr:
    """The expression with its tables read as operands from `first` on."""
    if isinstance(expr, Apply):
        return Apply(expr.function, tuple(_hoisted(a, around, first, found) for a in expr.args))
    if isinstance(expr, Convert):
        return replace(expr, value=_hoisted(expr.value, expr.compute, first, found))
    if isinstance(expr, Load):
        return replace(expr, index=tuple(_hoisted_index(i, first, found) for i in expr.index))
    if isinstance(expr, (Table, IndexValue)):
        expr = replace(expr, index=_hoisted_index(expr.index, first, found))
    if isinstance(expr, Table):
        return Load(first + found.setdefault((around, expr.values), len(found)), (expr.index,))
    return expr


def _hoisted_index(index: Index, first: int, found: Constants) -> Index:
    """Tables of positions are kept in 32 bits where they fit."""

    def change(value: Expr) -> Expr:
        tables = [p for p in parts(value) if isinstance(p, Table)]
        narrow = all(abs(v) < 1 << 31 for table in tables for v in table.values)
        return _hoisted(value, I32 if narrow else I64, first, found)

    return with_values(index, change)
