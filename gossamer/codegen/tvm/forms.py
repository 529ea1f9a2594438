"""How the tensors of one program are kept: which stages are stored, how weights are packed, which reduction axes split.

The anchor of a program multiplies an activation with a weight that depends on the vector axis (the split last dimension
of the result). Its weight is packed so that one step of the reduction reads consecutive vectors:
OIHW -> (oc/v, ic/b, kh, kw, b, v), with v the lanes and b the channel block of the activation. Surplus lanes hold zeros.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from gossamer.codegen.tvm.indices import bare_axis
from gossamer.codegen.tvm.layout import Layout
from gossamer.codegen.tvm.program import loads
from gossamer.codegen.tvm.structure import anchored
from gossamer.ir.nest import Apply, Kernel, Load, Nest
from gossamer.ir.types import DType, TensorType


@dataclass(frozen=True)
class Storage:
    """How a tensor is kept. `dtype` is tvm's (and numpy's) name of the element type."""

    layout: Layout
    dtype: str


@dataclass(frozen=True)
class Form:
    """Storage of every operand and of the stored stages; inner extents of split reduction axes (stage, axis)."""

    operands: tuple[Storage, ...]
    stored: tuple[tuple[int, Storage], ...]
    split: tuple[tuple[tuple[int, str], int], ...]

    @cached_property
    def stages(self) -> dict[int, Storage]:
        return dict(self.stored)

    @cached_property
    def reduction_blocks(self) -> dict[tuple[int, str], int]:
        return dict(self.split)


@dataclass(frozen=True)
class Operand:
    """An operand of a program: its type and its layout; None for a parameter, whose layout is free to choose."""

    type: TensorType
    layout: Layout | None


def storage_dtype(dtype: DType) -> str:
    """Element type in memory: sub-byte integers take a byte."""
    return dtype.numpy.name


def choose_form(program: Kernel, operands: Sequence[Operand], results: Sequence[Layout]) -> Form:
    """Storage of every tensor of the program, given the layouts of activations and results."""
    stages = {r: Storage(layout, storage_dtype(program.stages[r].dtype)) for r, layout in zip(program.results, results, strict=True)}
    pair = anchored(program)
    if pair is not None:
        anchor, store = pair
        stages[anchor] = Storage(_without_halo(stages[store].layout), storage_dtype(program.stages[anchor].dtype))
    for i in _stored(program):
        stages.setdefault(i, Storage(Layout.plain(program.stages[i].shape), storage_dtype(program.stages[i].dtype)))
    blocks = {} if pair is None else _reduction_blocks(program, pair[0], operands)
    kept = tuple(Storage(o.layout or _param_layout(program, k, o.type, stages, blocks), storage_dtype(o.type.dtype)) for k, o in enumerate(operands))
    return Form(kept, tuple(sorted(stages.items(), key=lambda item: item[0])), tuple(blocks.items()))


def _without_halo(layout: Layout) -> Layout:
    dims = tuple(type(d)(d.axis, d.stride, d.extent - layout.before[d.axis] - layout.after[d.axis]) for d in layout.dims)
    zeros = (0,) * len(layout.logical)
    return Layout(layout.logical, dims, zeros, zeros)


def _stored(program: Kernel) -> set[int]:
    """Stages that cannot be inlined: reductions, and what is read outside its shape or by a reduction."""
    stored = {i for i, nest in enumerate(program.stages) if nest.reduce is not None}
    for nest in program.stages:
        for load in loads(nest.body):
            stage = load.operand - program.operands
            if stage >= 0 and (load.fill is not None or (nest.reduce is not None and _costly(program.stages[stage]))):
                stored.add(stage)
    return stored


def _costly(nest: Nest) -> bool:
    """Worth storing rather than computing again for every step of a reduction."""
    return isinstance(nest.body, Apply)


def _reduction_blocks(program: Kernel, anchor: int, operands: Sequence[Operand]) -> dict[tuple[int, str], int]:
    """Split a reduction axis like the channels it runs over, where running over surplus channels adds nothing."""
    nest = program.stages[anchor]
    extents = {a.name: a.extent for a in nest.reduction}
    blocks: dict[tuple[int, str], int] = {}
    for load in loads(nest.body):
        operand = operands[load.operand] if load.operand < program.operands else None
        if operand is None or operand.layout is None:
            continue
        for axis, index in enumerate(load.index):
            name, block = bare_axis(index), operand.layout.block(axis)
            if name in extents and block > 1 and (extents[name] % block == 0 or _weighted(nest, name, operands)):
                blocks[anchor, name] = block
    return blocks


def _weighted(nest: Nest, name: str, operands: Sequence[Operand]) -> bool:
    """The nest sums products with a parameter along `name`: surplus steps meet zero weights."""
    body = nest.body
    if nest.reduce != "sum" or not isinstance(body, Apply) or body.function != "mul":
        return False
    weights = [a for a in body.args if isinstance(a, Load) and a.operand < len(operands) and operands[a.operand].layout is None]
    return any(name == bare_axis(index) for w in weights for index in w.index)


def _param_layout(program: Kernel, operand: int, type: TensorType, stages: Mapping[int, Storage], blocks: Mapping[tuple[int, str], int]) -> Layout:
    """Split the axes of a parameter as the first stored stage that reads it runs over them."""
    for stage, nest in enumerate(program.stages):
        for load in loads(nest.body):
            if load.operand == operand:
                holder = stage if stage in stages else program.results[0]
                return _packed(nest, stage, load, type.shape, stages[holder].layout, blocks)
    return Layout.plain(type.shape)


def _packed(nest: Nest, stage: int, load: Load, shape: tuple[int, ...], out: Layout, blocks: Mapping[tuple[int, str], int]) -> Layout:
    names = [bare_axis(index) for index in load.index]
    parallel = [a.name for a in nest.parallel]
    if len(out.logical) != len(parallel):
        return Layout.plain(shape)
    inner = {n: out.block(parallel.index(n)) if n in parallel else blocks.get((stage, n), 1) for n in names if n}
    rank = {a.name: i for i, a in enumerate((*nest.parallel, *nest.reduction))}
    by_loop = sorted(range(len(shape)), key=lambda i: rank.get(names[i], -1))
    split = {i: inner[names[i]] for i in by_loop if names[i] and inner[names[i]] > 1}
    tails = sorted(split, key=lambda i: names[i] in parallel)
    return Layout.split(shape, split, tuple((i, False) for i in by_loop) + tuple((i, True) for i in tails))
