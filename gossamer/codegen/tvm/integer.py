"""Integer products with an offset: sum((x - z) * w) = sum(x * w) - z * sum(w), so that 8-bit dot products apply.

The correction -z * sum(w) is one number per output channel, known when weights are packed; it becomes a constant of the
program, added where the sum is stored. Padding reads z, which the identity covers: it is then part of both sums.
"""

from dataclasses import replace

import numpy as np

from gossamer.codegen.tvm.indices import bare_axis
from gossamer.codegen.tvm.program import Array, Program, renumbered
from gossamer.codegen.tvm.structure import anchored, weighted_product
from gossamer.ir.nest import Affine, Apply, Const, Expr, Kernel, Load, Nest, apply, at, rewritten
from gossamer.ir.types import I32


def offset_weight(program: Program) -> tuple[int, int] | None:
    """(operand number of w, z) when the program is anchored on sum((x - z) * w) in 32 bits; None for any other."""
    pair = anchored(program.kernel)
    nest = program.kernel.stages[pair[0]] if pair else None
    product = weighted_product(nest) if nest else None
    if nest is None or product is None or nest.compute != I32 or not isinstance(nest.body, Apply):
        return None
    first, second = nest.body.args
    centred = isinstance(first, Apply) and first.function == "sub" and first.args[0] == product[0]
    if not centred or not isinstance(first, Apply) or not isinstance(first.args[1], Const) or second != product[1]:
        return None
    if _channel(nest, product[1]) is None or not _whole(nest, product[1]):
        return None
    return product[1].operand, int(first.args[1].value)


def _channel(nest: Nest, weight: Load) -> int | None:
    """Position of the weight's index that is an axis of the result; None when a single channel left none."""
    parallel = {a.name for a in nest.parallel}
    return next((i for i, index in enumerate(weight.index) if bare_axis(index) in parallel), None)


def _whole(nest: Nest, weight: Load) -> bool:
    """Whether every sum runs over the channel's whole weight (a transposed convolution's picks some taps of it)."""
    loops, channel = {a.name for a in nest.reduction}, _channel(nest, weight)
    others = (index for i, index in enumerate(weight.index) if i != channel)
    return weight.fill is None and all(index == Affine() or bare_axis(index) in loops for index in others)


def without_offset(program: Program, weight: Array) -> Program:
    """The program with the offset moved into a constant; `weight`: the operand that `offset_weight` names."""
    found, pair = offset_weight(program), anchored(program.kernel)
    if found is None or pair is None:
        return program
    anchor, store = (program.kernel.stages[i] for i in pair)
    product = weighted_product(anchor)
    assert product is not None
    channel = _channel(anchor, product[1])
    assert channel is not None
    name = bare_axis(product[1].index[channel])
    others = tuple(i for i in range(weight.ndim) if i != channel)
    correction = -found[1] * weight.astype(np.int64).sum(axis=others)
    position = [a.name for a in anchor.parallel].index(name)
    plain = replace(anchor, body=apply("mul", *product))
    corrected = _corrected(
        store, program.kernel.operands + pair[0], program.kernel.operands, store.parallel[position].name
    )
    return _with_constant(program, {pair[0]: plain, pair[1]: corrected}, tuple(float(c) for c in correction))


def _corrected(store: Nest, acc: int, constant: int, axis: str) -> Nest:
    """The storing stage with every read of the sum corrected; -1 - constant marks the operand to come."""

    def change(leaf: Expr) -> Expr:
        if isinstance(leaf, Load) and leaf.operand == acc:
            return apply("add", leaf, Load(-1 - constant, (at(axis),)))
        return leaf

    return replace(store, body=rewritten(store.body, change))


def _with_constant(program: Program, changed: dict[int, Nest], values: tuple[float, ...]) -> Program:
    kernel = program.kernel
    old = kernel.operands
    table = {**{i: i for i in range(old)}, -1 - old: old, **{old + i: old + 1 + i for i in range(len(kernel.stages))}}
    stages = tuple(renumbered(changed.get(i, nest), table) for i, nest in enumerate(kernel.stages))
    return Program(Kernel(old + 1, stages, kernel.results), (*program.constants, (I32, values)))
