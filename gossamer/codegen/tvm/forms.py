"""How the tensors of one program are kept: which stages are stored, how weights are packed, which reduction axes split.

The anchor of a program multiplies an activation with a weight that depends on the vector axis (the split last dimension
of the result). Its weight is packed so that one step of the reduction reads consecutive vectors:
OIHW -> (oc/v, ic/b, kh, kw, b, v), v the lanes and b the channel block of the activation. Surplus lanes hold zeros.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import isinf

import numpy as np

from gossamer.codegen.tvm.indices import bare_axis
from gossamer.codegen.tvm.layout import Dim, Layout
from gossamer.codegen.tvm.program import loads
from gossamer.codegen.tvm.structure import anchored, weighted_product
from gossamer.ir.nest import Apply, Kernel, Load, Nest
from gossamer.ir.types import F16, F32, F64, I8, U8, DType, TensorType

FULL = (F16, F32, F64)
"""Floats that the machine has; others are rounded when they are stored."""

DOT = 4
"""Products per lane of an 8-bit dot product."""


@dataclass(frozen=True)
class Storage:
    """How a tensor is kept. `dtype` is tvm's (and numpy's) name of the element type."""

    layout: Layout
    dtype: str


@dataclass(frozen=True)
class Form:
    """Storage of operands and stored stages; block sizes of split reduction axes (stage, axis), outermost first.

    With `dot`, the innermost loop of the anchor is four products of u8 and i8 that this instruction adds to 32 bits.
    """

    operands: tuple[Storage, ...]
    stored: tuple[tuple[int, Storage], ...]
    split: tuple[tuple[tuple[int, str], tuple[int, ...]], ...]
    dot: str = ""

    @cached_property
    def stages(self) -> dict[int, Storage]:
        return dict(self.stored)

    @cached_property
    def reduction_blocks(self) -> dict[tuple[int, str], tuple[int, ...]]:
        return dict(self.split)


@dataclass(frozen=True)
class Operand:
    """An operand of a program: its type and its layout; None for a parameter, whose layout is free to choose."""

    type: TensorType
    layout: Layout | None


def storage_dtype(dtype: DType) -> str:
    """Element type in memory: sub-byte integers take a byte."""
    return dtype.numpy.name


def holds(dtype: str, value: float) -> bool:
    """Whether a type of memory has the number; an infinity counts as the largest number of an integer type."""
    if not dtype.startswith(("int", "uint")) or isinf(value):
        return True
    limits = np.iinfo(dtype)
    return limits.min <= value <= limits.max


@dataclass(frozen=True)
class Dot:
    """The four-way 8-bit dot product of a target: lanes of 32 bits, and the instruction (vpdpbusd, pmaddwd)."""

    lanes: int
    instruction: str


def choose_form(
    program: Kernel, operands: Sequence[Operand], results: Sequence[Layout], dot: Dot | None = None
) -> Form:
    """Storage of every tensor of the program, given the layouts of activations and results.

    `dot`: the target's dot product; None when it has none.
    """
    stages = {
        r: Storage(layout, storage_dtype(program.stages[r].dtype))
        for r, layout in zip(program.results, results, strict=True)
    }
    pair = anchored(program)
    if pair is not None:
        anchor, store = pair
        stages[anchor] = Storage(_without_halo(stages[store].layout), storage_dtype(program.stages[anchor].dtype))
    for i in _stored(program):
        stages.setdefault(i, Storage(Layout.plain(program.stages[i].shape), storage_dtype(program.stages[i].dtype)))
    blocks = {} if pair is None else _reduction_blocks(program, pair[0], operands)
    lanes = dot.lanes if dot else 0
    fours = pair is not None and _dots(program, pair[0], operands, blocks, stages[pair[0]].layout, lanes)
    if fours:
        blocks = {key: (*sizes, DOT) if sizes[-1] > DOT else sizes for key, sizes in blocks.items()}
    kept = tuple(
        Storage(o.layout or _param_layout(program, k, o.type, stages, blocks, fours), storage_dtype(o.type.dtype))
        for k, o in enumerate(operands)
    )
    return Form(
        kept,
        tuple(sorted(stages.items(), key=lambda item: item[0])),
        tuple(blocks.items()),
        dot.instruction if dot and fours else "",
    )


def _dots(
    program: Kernel,
    anchor: int,
    operands: Sequence[Operand],
    blocks: Mapping[tuple[int, str], tuple[int, ...]],
    out: Layout,
    lanes: int,
) -> bool:
    """Whether the anchor is a sum of u8 x i8 products, its reduction and result blocked as the instruction wants."""
    product = weighted_product(program.stages[anchor])
    if product is None or lanes == 0 or program.stages[anchor].body != Apply("mul", product):
        return False
    x, w = (operands[load.operand] if load.operand < len(operands) else None for load in product)
    if x is None or w is None or x.type.dtype != U8 or w.type.dtype != I8 or w.layout is not None:
        return False
    if product[1].fill is not None:  # taps outside of the kernel, as some transposed convolutions have them
        return False
    width = out.dims[-1].extent
    return len(blocks) == 1 and all(sizes[-1] % DOT == 0 for sizes in blocks.values()) and width in _widths(lanes)


def _widths(lanes: int) -> tuple[int, ...]:
    """Lanes that the instruction has, up to those of the target."""
    return tuple(width for width in (4, 8, 16) if width <= lanes)


def _without_halo(layout: Layout) -> Layout:
    dims = tuple(
        type(d)(d.axis, d.stride, d.extent - layout.before[d.axis] - layout.after[d.axis]) for d in layout.dims
    )
    zeros = (0,) * len(layout.logical)
    return Layout(layout.logical, dims, zeros, zeros)


def _stored(program: Kernel) -> set[int]:
    """Stages that cannot be inlined: reductions, and what is read outside its shape, by a reduction or as an index.

    Arithmetic in an index could overflow, which the machine's compiler takes for impossible: it then drops the tests
    that keep the index inside. Numbers that come from memory it knows nothing of.
    """
    # Rounding to a narrow float is long: compiling takes very long where roundings are nested.
    stored = {i for i, nest in enumerate(program.stages) if nest.reduce is not None or _narrow(nest.dtype)}
    for nest in program.stages:
        for load in loads(nest.body):
            stored.update(inner.operand - program.operands for inner in loads(load)[1:])
            stage = load.operand - program.operands
            if stage >= 0 and (load.fill is not None or (nest.reduce is not None and _costly(program.stages[stage]))):
                stored.add(stage)
    return {stage for stage in stored if stage >= 0}


def _narrow(dtype: DType) -> bool:
    return dtype.floating and dtype not in FULL


def _costly(nest: Nest) -> bool:
    """Worth storing rather than computing again for every step of a reduction."""
    return isinstance(nest.body, Apply)


def _reduction_blocks(
    program: Kernel, anchor: int, operands: Sequence[Operand]
) -> dict[tuple[int, str], tuple[int, ...]]:
    """Split a reduction axis like the channels it runs over, where running over surplus channels adds nothing."""
    nest = program.stages[anchor]
    extents = {a.name: a.extent for a in nest.reduction}
    blocks: dict[tuple[int, str], tuple[int, ...]] = {}
    for load in loads(nest.body):
        operand = operands[load.operand] if load.operand < program.operands else None
        if operand is None or operand.layout is None:
            continue
        for axis, index in enumerate(load.index):
            name, block = bare_axis(index), operand.layout.block(axis)
            if name in extents and block > 1 and (extents[name] % block == 0 or _weighted(nest, name, operands)):
                blocks[anchor, name] = (block,)
    return blocks


def _weighted(nest: Nest, name: str, operands: Sequence[Operand]) -> bool:
    """The nest sums products with a parameter along `name`: surplus steps meet zero weights."""
    body = nest.body
    if nest.reduce != "sum" or not isinstance(body, Apply) or body.function != "mul":
        return False
    weights = [
        a for a in body.args if isinstance(a, Load) and a.operand < len(operands) and operands[a.operand].layout is None
    ]
    return any(name == bare_axis(index) for w in weights for index in w.index)


def _param_layout(
    program: Kernel,
    operand: int,
    type: TensorType,
    stages: Mapping[int, Storage],
    blocks: Mapping[tuple[int, str], tuple[int, ...]],
    dot: bool,
) -> Layout:
    """Split the axes of a parameter as the first stored stage that reads it runs over them."""
    for stage, nest in enumerate(program.stages):
        for load in loads(nest.body):
            if load.operand == operand:
                holder = stage if stage in stages else program.results[0]
                return _packed(
                    nest, stage, load, type.shape, stages[holder].layout, blocks, dot and nest.reduce is not None
                )
    return Layout.plain(type.shape)


def _packed(
    nest: Nest,
    stage: int,
    load: Load,
    shape: tuple[int, ...],
    out: Layout,
    blocks: Mapping[tuple[int, str], tuple[int, ...]],
    dot: bool,
) -> Layout:
    names = [bare_axis(index) for index in load.index]
    parallel = [a.name for a in nest.parallel]
    if len(out.logical) != len(parallel):
        return Layout.plain(shape)
    sizes = {n: (out.block(parallel.index(n)),) if n in parallel else blocks.get((stage, n), (1,)) for n in names if n}
    rank = {a.name: i for i, a in enumerate((*nest.parallel, *nest.reduction))}
    by_loop = sorted(range(len(shape)), key=lambda i: rank.get(names[i], -1))
    digits = {i: _digits(i, shape[i], sizes.get(names[i], (1,))) for i in by_loop}
    lanes = [d for i in by_loop if names[i] in parallel for d in digits[i][1:]]
    steps = [
        digits[i][level] for level in (1, 2) for i in by_loop if names[i] not in parallel and level < len(digits[i])
    ]
    tails = [*steps[:-1], *lanes, *steps[-1:]] if dot else [*steps, *lanes]
    zeros = (0,) * len(shape)
    return Layout(shape, (*(digits[i][0] for i in by_loop), *tails), zeros, zeros)


def _digits(axis: int, extent: int, sizes: tuple[int, ...]) -> tuple[Dim, ...]:
    """The dims of an axis cut into blocks of `sizes`: outer first; one dim when nothing is cut."""
    strides = [s for s in sizes if s > 1]
    outer = Dim(axis, strides[0] if strides else 1, -(-extent // (strides[0] if strides else 1)))
    return (outer, *(Dim(axis, b, a // b) for a, b in zip(strides, [*strides[1:], 1])))
