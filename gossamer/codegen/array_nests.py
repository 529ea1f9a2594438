"""Loop nests as operations on whole arrays, for libraries of arrays that lack an operator of their own for an op.

Slow beside an operator made for it (a window repeats elements), and right for every op with a loop nest; a sum of
products is one contraction.

    results = run_kernel(library, kernel, operands)
"""

from collections.abc import Sequence
from string import ascii_lowercase

import numpy as np

from gossamer.codegen.array_values import Frame
from gossamer.codegen.arrays import Arrays, Held, T
from gossamer.ir.index import axes_in
from gossamer.ir.nest import Acc, Apply, Convert, Expr, Index, IndexValue, Kernel, Load, Nest, Table, parts
from gossamer.ir.reference_nest import OF_NOTHING
from gossamer.ir.reference_split import split_axes


def run_kernel(library: Arrays[T], kernel: Kernel, operands: Sequence[Held[T]]) -> list[Held[T]]:
    """The results of a kernel."""
    slots = list(operands)
    for stage in kernel.stages:
        slots.append(run_nest(library, stage, slots))
    return [slots[kernel.operands + i] for i in kernel.results]


def run_nest(library: Arrays[T], nest: Nest, slots: Sequence[Held[T]]) -> Held[T]:
    """One stage's result."""
    if 0 in nest.shape:
        return Held(library.constant(np.zeros(nest.shape), nest.dtype), nest.shape, nest.dtype)
    plain = split_axes(nest)
    value = _reduced(library, plain, slots) if plain.reduce else Frame(library, plain.axes, slots).stored(
        plain.body, plain.compute, plain.dtype
    )  # fmt: skip
    whole = library.expand(value, plain.shape)
    return Held(whole if plain.shape == nest.shape else library.reshape(whole, nest.shape), nest.shape, nest.dtype)


def _reduced(library: Arrays[T], nest: Nest, slots: Sequence[Held[T]]) -> T:
    """The value over the parallel axes: folded, then through the epilogue."""
    assert nest.reduce is not None
    places = tuple(i for i, a in enumerate(nest.axes) if a.reduce)
    if any(a.extent == 0 for a in nest.reduction):
        total = library.constant(np.full(nest.shape, OF_NOTHING[nest.reduce]), nest.compute)
    else:
        total = _product(library, nest, slots)
        if total is None:
            value = Frame(library, nest.axes, slots).stored(nest.body, nest.compute, nest.compute)
            whole = library.expand(value, tuple(a.extent for a in nest.axes))
            total = library.reduced(whole, nest.reduce, places, nest.compute)
    last, compute = nest.epilogue or Acc(), nest.compute
    if isinstance(last, Convert):
        last, compute = last.value, last.compute
    frame = Frame(library, nest.parallel, slots, Held(total, nest.shape, nest.compute))
    return frame.stored(last, compute, nest.dtype)


def _product(library: Arrays[T], nest: Nest, slots: Sequence[Held[T]]) -> T | None:
    """A sum of products of floats as one contraction, which never holds all products at once; None for others."""
    body = nest.body
    if nest.reduce != "sum" or not isinstance(body, Apply) or body.function != "mul" or not nest.compute.floating:
        return None
    used = [{n for p in parts(a) for index in _indices(p) for n in axes_in(index)} for a in body.args]
    names = [a.name for a in nest.axes if a.extent > 1]
    plain = len(names) <= 26 and all({n for n in names if n in u} for u in used)
    if not plain or not set(names) <= used[0] | used[1]:
        return None
    letters = dict(zip(names, ascii_lowercase))
    frame, extents = Frame(library, nest.axes, slots), {a.name: a.extent for a in nest.axes}
    sides: list[T] = []
    for factor, own in zip(body.args, used):
        shape = tuple(extents[n] for n in names if n in own)
        sides.append(library.reshape(frame.stored(factor, nest.compute, nest.compute), shape))
    kept = {a.name for a in nest.parallel}
    terms = ["".join(letters[n] for n in names if n in own) for own in (*used, kept)]
    found = library.contracted(f"{terms[0]},{terms[1]}->{terms[2]}", sides[0], sides[1])
    return library.reshape(found, nest.shape)


def _indices(expr: Expr) -> Sequence[Index]:
    if isinstance(expr, Load):
        return expr.index
    return (expr.index,) if isinstance(expr, (IndexValue, Table)) else ()
