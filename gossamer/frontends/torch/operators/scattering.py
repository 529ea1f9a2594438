"""Elements replaced, or added to, at places that a tensor names."""

from gossamer.frontends.problems import Unsupported
from gossamer.frontends.torch.call import Call
from gossamer.frontends.torch.operators.indexing import places_of, stacked
from gossamer.frontends.torch.table import Result, operator
from gossamer.ir.ops import Expand, ScatterElements, ScatterND, Slice, Transpose
from gossamer.ir.ops.scatter import Scattering
from gossamer.ir.types import Value

_REDUCTIONS: dict[str | None, Scattering] = {
    None: "none", "add": "add", "sum": "add", "multiply": "mul", "prod": "mul", "amax": "max", "amin": "min",
}  # fmt: skip


@operator("scatter", "scatter_add", "scatter_reduce.two")
def scatter(call: Call) -> Result:
    """`src` may be larger than the indices, whose shape counts; a number stands for a whole `src`."""
    x, index = call.value("self"), call.value("index")
    if call.operator == "scatter_reduce" and not call["include_self"]:
        raise Unsupported("its include_self is False")
    reduce = "add" if call.operator == "scatter_add" else call.get("reduce")
    if reduce not in _REDUCTIONS:
        raise Unsupported(f"its reduce is '{reduce}'")
    updates = _updates(call, index)
    return call.emit(ScatterElements(x, index, updates, call.axis("dim", x.type.rank), _REDUCTIONS[reduce]))


@operator("index_put", "_unsafe_index_put")
def index_put(call: Call) -> Result:
    """x with x[indices] = values (or += with `accumulate`), by writing to an x whose indexed axes are in front."""
    x, places = call.value("self"), places_of(call)
    axes = tuple(places)
    rest = tuple(i for i in range(x.type.rank) if i not in places)
    front = _moved(call, x, (*axes, *rest))
    where = stacked(call, list(places.values()))
    # Indices next to each other leave the axes before them in front of the values, as in `x[:, i]`.
    before = axes[0] if axes == tuple(range(axes[0], axes[-1] + 1)) else 0
    count, kept = where.type.rank - 1, [x.shape[i] for i in rest]
    shape = (*kept[:before], *where.shape[:-1], *kept[before:])
    values = call.operand("values")
    values = values if values.shape == shape else call.step(Expand(values, shape))
    perm = (*range(before, before + count), *range(before), *range(before + count, len(shape)))
    found = ScatterND(front, where, _moved(call, values, perm), "add" if call["accumulate"] else "none")
    if front is x:
        return call.emit(found)
    return call.emit(Transpose(call.step(found), tuple((*axes, *rest).index(i) for i in range(x.type.rank))))


def _moved(call: Call, x: Value, perm: tuple[int, ...]) -> Value:
    return x if perm == tuple(range(x.type.rank)) else call.step(Transpose(x, perm))


def _updates(call: Call, index: Value) -> Value:
    if "src" not in call:
        return call.step(Expand(call.operand("value"), index.shape))
    updates = call.operand("src")
    if updates.shape == index.shape:
        return updates
    zeros, ones = (0,) * index.type.rank, (1,) * index.type.rank
    return call.step(Slice(updates, zeros, index.shape, ones))
