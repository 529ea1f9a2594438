"""Kernels over tensors without elements, which the machine is never asked to read.

A read of an empty tensor can only be outside of it, so it is its fill; a reduction over no points is what a reduction
of nothing gives. Neither loops nor buffers of extent 0 are left in what is computed.
"""

from collections.abc import Sequence
from dataclasses import replace
from math import prod

from gossamer.ir.index import rewritten_deep
from gossamer.ir.nest import Acc, Const, Convert, Expr, Kernel, Load, Nest, rewritten
from gossamer.ir.reference_nest import OF_NOTHING


def without_nothing(kernel: Kernel, shapes: Sequence[tuple[int, ...]]) -> Kernel:
    """The kernel without reads of empty tensors, reductions over no points and results without elements.

    `shapes` are those of its operands.
    """
    slots = [*shapes, *(nest.shape for nest in kernel.stages)]
    if all(map(prod, slots)) and all(a.extent for nest in kernel.stages for a in nest.axes):
        return kernel
    nothing = {slot for slot, shape in enumerate(slots) if prod(shape) == 0}

    def change(leaf: Expr) -> Expr:
        return Const(leaf.fill or 0.0) if isinstance(leaf, Load) and leaf.operand in nothing else leaf

    def cleared(nest: Nest) -> Nest:
        epilogue = None if nest.epilogue is None else rewritten_deep(nest.epilogue, change)
        return _reduced(replace(nest, body=rewritten_deep(nest.body, change), epilogue=epilogue))

    wanted = tuple(r for r in kernel.results if prod(kernel.stages[r].shape))
    return replace(kernel, stages=tuple(map(cleared, kernel.stages)), results=wanted)


def _reduced(nest: Nest) -> Nest:
    """The stage, or if it reduces nothing the number that this gives, everywhere."""
    if nest.reduce is None or all(a.extent for a in nest.reduction):
        return nest
    total = Const(OF_NOTHING[nest.reduce])
    if nest.epilogue is None:
        return replace(nest, axes=nest.parallel, body=total, reduce=None)
    value = rewritten(nest.epilogue, lambda leaf: total if isinstance(leaf, Acc) else leaf)
    compute = value.compute if isinstance(value, Convert) else nest.compute
    body = value.value if isinstance(value, Convert) else value
    return replace(nest, axes=nest.parallel, body=body, reduce=None, epilogue=None, compute=compute)
