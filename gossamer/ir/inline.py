"""Kernels of several ops made one: `concatenated` puts a graph's kernels in a row, `inline_pointwise` melts the stages.

conv -> bias add -> relu -> cast      four stages, after inlining one:
sum over ic, kh, kw of x * w, epilogue = cast(maximum(acc + bias, 0))
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from math import prod

from gossamer.ir.expression import at_indices, filled, fits, gives, with_reads, with_slots
from gossamer.ir.graph import Graph
from gossamer.ir.index import Extents, bounds, leaf_at
from gossamer.ir.nest import (
    Acc,
    Affine,
    Apply,
    Const,
    Convert,
    Expr,
    Index,
    IndexValue,
    Kernel,
    Load,
    Nest,
    apply,
    at,
    parts,
)
from gossamer.ir.types import F32, F64, DType

Shape = tuple[int, ...]
Axes = dict[str, Index]

CHEAP = {"add", "sub", "mul", "maximum", "minimum", "neg", "abs", "where", "lt", "le", "eq", "and", "or", "not"}
"""What may be computed again at every point of a reduction that reads it."""

ROUNDED = ("bf", "f8e4m3", "f8e5m2")
"""Element types that machines round to step by step: a stage of theirs stays one, so that no roundings are nested."""

LARGE = 64
"""A stage of more parts than this is not copied to several readers: expressions would grow without end."""


def concatenated(graph: Graph) -> Kernel | None:
    """A graph's kernel: operands are the graph's inputs, results its outputs. None if a node of it is opaque."""
    count = len(graph.inputs)
    place = {value: i for i, value in enumerate(graph.inputs)}
    stages: list[Nest] = []
    for node in graph.nodes:
        kernel = node.op.kernel()
        if kernel is None:
            return None
        base = count + len(stages)
        slots = [place[v] for v in node.op.operands] + [base + i for i in range(len(kernel.stages))]
        stages.extend(with_slots(stage, slots) for stage in kernel.stages)
        place.update((value, base + i) for value, i in zip(node.results, kernel.results))
    return Kernel(count, tuple(stages), tuple(place[v] - count for v in graph.outputs))


def inline_pointwise(kernel: Kernel, shapes: Sequence[Shape]) -> Kernel:
    """The same kernel with as few stages as can be; `shapes` are those of its operands.

    A stage without a reduction goes into the stages that read it, unless it is a result or would be computed
    again and again there at some cost. A stage with a reduction takes the one stage that reads it, point by point,
    as its epilogue, unless it is itself a result.
    """
    work = _Inliner(kernel, shapes)
    while work.step():
        pass
    return work.kernel()


class _Inliner:
    """Stages by slot (operands count from 0, stages after them); a stage that went into others is None."""

    def __init__(self, kernel: Kernel, shapes: Sequence[Shape]) -> None:
        self.operands = kernel.operands
        self.shapes = [*shapes, *(s.shape for s in kernel.stages)]
        self.stages: dict[int, Nest] = {kernel.operands + i: s for i, s in enumerate(kernel.stages)}
        self.results = [kernel.operands + r for r in kernel.results]

    def kernel(self) -> Kernel:
        place = {slot: self.operands + i for i, slot in enumerate(sorted(self.stages))}
        slots = [*range(self.operands), *(place.get(s, -1) for s in range(self.operands, len(self.shapes)))]
        stages = tuple(with_slots(self.stages[s], slots) for s in sorted(self.stages))
        return Kernel(self.operands, stages, tuple(place[r] - self.operands for r in self.results))

    def step(self) -> bool:
        """Melt one stage; False when there is none left to melt."""
        for slot, nest in self.stages.items():
            readers = [s for s, other in self.stages.items() if any(load.operand == slot for load in other.loads)]
            if slot in self.results or any(_indexed_by(slot, self.stages[r]) for r in readers):
                continue
            if not readers:
                pass  # nobody wants it
            elif nest.reduce is None and self._worth(slot, nest, readers):
                self.stages.update((r, self._inlined(slot, nest, self.stages[r])) for r in readers)
            elif nest.reduce is not None and len(readers) == 1 and _point_by_point(slot, nest, self.stages[readers[0]]):
                self.stages[readers[0]] = _with_epilogue(slot, nest, self.stages[readers[0]])
            else:
                continue
            del self.stages[slot]
            return True
        return False

    def _worth(self, slot: int, nest: Nest, readers: list[int]) -> bool:
        """Whether reading the stage's expression costs no more than reading its stored result."""
        reads = [points for r in readers for points in _reads(slot, self.stages[r])]
        if nest.dtype.kind in ROUNDED:
            return False
        items = list(parts(nest.body))
        if len(reads) > 1 and len(items) > LARGE:
            return False
        work = [p.function for p in items if isinstance(p, Apply)]
        again = sum(reads) > nest.points
        return not again or (len(work) <= 4 and all(f in CHEAP for f in work))

    def _inlined(self, slot: int, nest: Nest, reader: Nest) -> Nest:
        extents = {a.name: a.extent for a in reader.axes}

        def put(load: Load, compute: DType) -> Expr:
            return self._value(nest, load, extents, compute) if load.operand == slot else load

        epilogue = None if reader.epilogue is None else with_reads(reader.epilogue, reader.compute, put)
        body = with_reads(reader.body, reader.compute, put)
        if reader.reduce is None and isinstance(body, Convert) and body.dtype == reader.dtype:
            return replace(reader, body=body.value, compute=body.compute)
        return replace(reader, body=body, epilogue=epilogue)

    def _value(self, nest: Nest, load: Load, extents: Extents, compute: DType) -> Expr:
        """What `load` reads, as the stage's own expression at that index."""
        axes = {axis.name: index for axis, index in zip(nest.axes, load.index)}
        ranges = [bounds(index, extents) for index in load.index]
        leaving = [i for i, (low, high) in enumerate(ranges) if low < 0 or high >= nest.axes[i].extent]
        if load.fill is None or not leaving:
            return _typed(at_indices(nest.body, axes, extents), nest, compute)
        source = self._source_of(nest, leaving, load.fill)
        if source is not None:
            return _typed(at_indices(filled(nest.body, source), axes, extents), nest, compute)
        inside = _inside(nest, load, leaving)
        value = _typed(at_indices(filled(nest.body, None), axes, extents), nest, compute)
        return apply("where", inside, value, Const(load.fill))

    def _source_of(self, nest: Nest, leaving: list[int], fill: float) -> float | None:
        """A number that, read outside its operands, makes the stage give `fill`: for a cast, the zero point."""
        names = [(nest.axes[i].name, nest.axes[i].extent) for i in leaving]
        if not all(self._leaves_with(load, names) for load in nest.loads):
            return None
        own = {load.fill for load in nest.loads if load.fill is not None}
        constants = [p.value for p in parts(nest.body) if isinstance(p, Const)]
        found = (c for c in (fill, 0.0, *constants) if own <= {c} and gives(nest.body, c, fill))
        return next(found, None)

    def _leaves_with(self, load: Load, axes: list[tuple[str, int]]) -> bool:
        """Whether the read is outside its operand exactly when one of the axes is outside its extent."""
        aligned = dict(zip(load.index, self.shapes[load.operand]))
        return all(aligned.get(at(name)) == extent for name, extent in axes)


def _indexed_by(slot: int, nest: Nest) -> bool:
    """Whether the nest reads `slot` inside of an index, where nothing is melted in."""
    return any(inner.operand == slot for load in nest.loads for inner in parts(load) if isinstance(inner, Load)
               and inner is not load)


def _reads(slot: int, nest: Nest) -> list[int]:
    """How often each read of `slot` in the nest happens."""
    found = [nest.points for p in parts(nest.body) if isinstance(p, Load) and p.operand == slot]
    if nest.epilogue is not None:
        found += [prod(nest.shape) for p in parts(nest.epilogue) if isinstance(p, Load) and p.operand == slot]
    return found


def _point_by_point(slot: int, nest: Nest, reader: Nest) -> bool:
    """Whether the reader has no reduction, the nest's shape, and reads the nest only at the point it computes."""
    if reader.reduce is not None or reader.shape != nest.shape:
        return False
    here = [(at(a.name), Affine() if a.extent == 1 else at(a.name)) for a in reader.axes]
    reads = [load for load in reader.loads if load.operand == slot]
    return all(index in ok for load in reads for index, ok in zip(load.index, here, strict=True))


def _with_epilogue(slot: int, nest: Nest, reader: Nest) -> Nest:
    axes: Axes = {old.name: at(new.name) for old, new in zip(reader.axes, nest.parallel)}
    extents = {a.name: a.extent for a in nest.axes}
    result = nest.epilogue or Acc()

    def put(load: Load, compute: DType) -> Expr:
        return _typed(result, nest, compute) if load.operand == slot else leaf_at(load, axes, extents)

    body = with_reads(reader.body, reader.compute, put, lambda leaf: leaf_at(leaf, axes, extents))
    # An outermost Convert has to be the one to the nest's dtype: another one (a rounding inside) is wrapped once more.
    rounds = isinstance(body, Convert) and body.dtype != reader.dtype
    plain = reader.compute == nest.compute and not rounds
    value = body if plain else Convert(body, reader.compute, reader.dtype)
    return replace(nest, epilogue=value, dtype=reader.dtype)


def _inside(nest: Nest, load: Load, leaving: list[int]) -> Expr:
    tests: list[Expr] = []
    for i in leaving:
        index = IndexValue(load.index[i])
        tests.append(apply("le", Const(0.0), index))
        tests.append(apply("lt", index, Const(float(nest.axes[i].extent))))
    return reduce(lambda a, b: apply("and", a, b), tests)


def _typed(value: Expr, nest: Nest, compute: DType) -> Expr:
    """The nest's value for a reader that computes in `compute`; wrapped where its own types change the number."""
    inner = nest.compute
    if isinstance(value, Convert) and value.dtype == nest.dtype:
        value, inner = value.value, value.compute
    stored_whole = nest.dtype == inner or fits(value, nest.dtype)
    # What is read may be a wide integer, which f32 rounds and f64 would not.
    as_read = isinstance(value, (Load, Acc)) and (inner, compute) != (F32, F64)
    if stored_whole and (inner == compute or as_read):
        return value
    return Convert(value, inner, nest.dtype)
