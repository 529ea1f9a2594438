"""The shape of a program: whether it is *anchored*, that is one reduction whose result one pointwise stage stores."""

from gossamer.codegen.tvm.indices import bare_axis
from gossamer.codegen.tvm.program import loads
from gossamer.ir.index import axes_in
from gossamer.ir.nest import Apply, Kernel, Load, Nest


def largest_divisor(extent: int, limit: int) -> int:
    """Largest divisor of `extent` that is at most `limit` (at least 1)."""
    return next((d for d in range(min(extent, max(limit, 1)), 0, -1) if extent % d == 0), 1)


def vector_width(extent: int, lanes: int) -> int:
    """Lanes for a loop of `extent` steps: a power of two where a fair one divides it, else all of a short loop."""
    power = min(extent & -extent, lanes)
    return power if power * 4 >= min(lanes, extent) else largest_divisor(extent, lanes)


def anchored(program: Kernel) -> tuple[int, int] | None:
    """(reduction stage, storing stage) of a program of the anchored shape; None for any other."""
    reductions = [i for i, nest in enumerate(program.stages) if nest.reduce is not None]
    if len(reductions) != 1 or len(program.results) != 1:
        return None
    anchor, store = reductions[0], program.results[0]
    shape = program.stages[anchor].shape
    same = len(shape) > 0 and shape == program.stages[store].shape
    return (anchor, store) if same and _reads_at_point(program, store, anchor) else None


def reads_at_point(nest: Nest, load: Load) -> bool:
    """The load reads the tensor exactly at the nest's own point (axes of one step may be left out)."""
    if load.fill is not None or len(load.index) != len(nest.parallel):
        return False
    return all(bare_axis(i) == a.name or (a.extent == 1) for i, a in zip(load.index, nest.parallel, strict=True))


def weighted_product(nest: Nest) -> tuple[Load, Load] | None:
    """(x, w) of a nest that sums x * w, in the order written; None for any other nest."""
    body = nest.body
    if nest.reduce != "sum" or not isinstance(body, Apply) or body.function != "mul":
        return None
    left, right = (loads(a) for a in body.args)
    return (left[0], right[0]) if len(left) == 1 and len(right) == 1 else None


def shared_factor(nest: Nest, axis: int) -> bool:
    """The nest sums products of a factor that varies along the parallel axis (a weight) and one that does not."""
    product, name = weighted_product(nest), nest.parallel[axis].name
    if product is None:
        return False
    return sum(name in set().union(*map(axes_in, load.index)) for load in product) == 1


def _reads_at_point(program: Kernel, stage: int, wanted: int) -> bool:
    """Every path from `stage` back to `wanted` passes only through reads at the same point."""
    nest = program.stages[stage]
    for load in loads(nest.body):
        source = load.operand - program.operands
        if source < 0 or not _depends(program, source, wanted):
            continue
        if not reads_at_point(nest, load) or (source != wanted and not _reads_at_point(program, source, wanted)):
            return False
    return True


def _depends(program: Kernel, stage: int, wanted: int) -> bool:
    if stage == wanted:
        return True
    sources = (x.operand - program.operands for x in loads(program.stages[stage].body))
    return any(s >= 0 and _depends(program, s, wanted) for s in sources)
