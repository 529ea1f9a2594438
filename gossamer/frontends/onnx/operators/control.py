"""Control flow, as far as it is known at import: branches are chosen and loops unrolled.

An If whose condition is computed at run time computes both branches and chooses between what they give.
"""

from collections.abc import Sequence

import numpy as np

from gossamer.frontends.onnx.call import Call
from gossamer.frontends.onnx.fold import SMALL
from gossamer.frontends.onnx.table import Result, operator
from gossamer.frontends.onnx.tensors import Constant, Item, constant_of
from gossamer.frontends.problems import Unsupported
from gossamer.ir.errors import FrontendError
from gossamer.ir.ops import Concat, Reshape, Slice, Where
from gossamer.ir.types import Value


@operator("If")
def if_(call: Call) -> Result:
    condition = call.item(0)
    if isinstance(condition, Constant):
        return call.graph("then_branch" if np.ravel(condition.numbers())[0] else "else_branch", ())
    yes, no = call.graph("then_branch", ()), call.graph("else_branch", ())
    return tuple(_chosen(call, condition, *pair) for pair in zip(yes, no, strict=True))


@operator("Loop")
def loop(call: Call) -> Result:
    """The body once per iteration: (number, condition, carried ...) -> (condition, carried ..., results ...)."""
    count, condition = call.constant(0), _truth(call.constant(1))
    limit = None if count is None else int(np.ravel(count)[0])
    carried: tuple[Item, ...] = tuple(call.anything(i) for i in range(2, len(call.node.input)))
    found: list[tuple[Item, ...]] = []
    while condition and (limit is None or len(found) < limit):
        given = (constant_of(np.asarray(len(found), np.int64)), constant_of(np.asarray(condition)), *carried)
        again, *results = call.graph("body", given)
        carried = tuple(results[: len(carried)])
        found.append(tuple(results[len(carried) :]))
        condition = _goes_on(again, limit is not None and len(found) >= limit)
    return (*carried, *(_stacked(call, i, found) for i in range(len(call.node.output) - len(carried))))


@operator("Scan")
def scan(call: Call) -> Result:
    """The body once per slice: (carried ..., slices ...) -> (carried ..., results ...)."""
    if call.opset < 9:
        raise Unsupported("it is the batched form of opset 8; convert the model with onnx.version_converter")
    scanned, inputs = call.attr_int("num_scan_inputs", 1), [call.item(i) for i in range(len(call.node.input))]
    states: list[Item] = [*inputs[: len(inputs) - scanned]]
    sources = [_scanned(call, item) for item in inputs[len(inputs) - scanned :]]
    results = len(call.node.output) - len(states)
    axes = _numbers(call, "scan_input_axes", scanned)
    backwards = _numbers(call, "scan_input_directions", scanned)
    steps = {s.type.shape[a] for s, a in zip(sources, axes)}
    if len(steps) != 1:
        raise FrontendError(f"its scanned inputs are malformed: they have {sorted(steps)} slices")
    count, found = steps.pop(), list[tuple[Item, ...]]()
    for i in range(count):
        slices = [_slice(call, s, a, count - 1 - i if b else i) for s, a, b in zip(sources, axes, backwards)]
        outputs = call.graph("body", (*states, *slices))
        states = list(outputs[: len(states)])
        found.append(outputs[len(states) :])
    places, turned = _numbers(call, "scan_output_axes", results), _numbers(call, "scan_output_directions", results)
    ordered = [list(reversed(found)) if back else found for back in turned]
    return (*states, *(_stacked(call, i, ordered[i], places[i]) for i in range(results)))


def _numbers(call: Call, name: str, count: int) -> tuple[int, ...]:
    found = call.attr_ints(name, (0,) * count)
    if len(found) != count:
        raise FrontendError(f"its {name} {list(found)} are malformed: {count} numbers are needed")
    return found


def _truth(condition: "np.ndarray | None") -> bool:
    return condition is None or bool(np.ravel(condition)[0])


def _goes_on(condition: Item, last: bool) -> bool:
    if isinstance(condition, Constant):
        return _truth(condition.numbers())
    if last:
        return False
    raise Unsupported("how often it runs is decided at run time; a number of iterations has to be known")


def _chosen(call: Call, condition: Value, yes: Item, no: Item) -> Value:
    yes, no = call.as_value(yes, "then"), call.as_value(no, "else")
    if yes.type != no.type:
        raise Unsupported("its condition is computed at run time and its branches give tensors of different types")
    where = condition if condition.type.rank == 0 else call.step(Reshape(condition, ()))
    return call.step(Where(where, yes, no))


def _scanned(call: Call, item: Value | Constant) -> Value | Constant:
    """A large constant would be loaded once for every slice: it is cut by ops."""
    return call.as_value(item, "scanned") if item.type.elements > SMALL else item


def _slice(call: Call, item: Value | Constant, axis: int, index: int) -> Item:
    """Slice `index` along an axis, which goes."""
    rank = item.type.rank
    axis += rank if axis < 0 else 0
    if isinstance(item, Constant):
        return constant_of(np.take(item.load(), index, axis))
    starts, stops = [0] * rank, list(item.shape)
    starts[axis], stops[axis] = index, index + 1
    part = call.step(Slice(item, tuple(starts), tuple(stops), (1,) * rank))
    return call.step(Reshape(part, tuple(e for i, e in enumerate(part.shape) if i != axis)))


def _stacked(call: Call, index: int, steps: Sequence[tuple[Item, ...]], axis: int = 0) -> Item:
    """Result `index` of every step, one behind the other along a new axis."""
    if not steps:
        raise Unsupported("it never runs, and what it collects has no known shape")
    items = [step[index] for step in steps]
    known = [item for item in items if isinstance(item, Constant)]
    if len(known) == len(items):
        call.count_made(sum(item.type.elements for item in known))
        return constant_of(np.stack([item.load() for item in known], axis))
    values = [call.as_value(item, "result") for item in items]
    rank = values[0].type.rank + 1
    place = axis + rank if axis < 0 else axis
    wide: list[Value] = []
    for value in values:
        wide.append(call.step(Reshape(value, (*value.shape[:place], 1, *value.shape[place:]))))
    return call.step(Concat(tuple(wide), place)) if len(wide) > 1 else wide[0]
