"""Whether a module is well formed: what every pass may rely on and has to leave behind.

* Value names are unique in a graph, every operand is defined above its use, outputs are defined.
* Attributes have the types their op declares; result types are what the op infers.
* Every `ir.param` names a parameter that fits its type (in a module that has parameters at all).
* Schedules name loops of the op they stand on, or of its anchor if it is an `ir.fused`; none stands inside a body.

    verify(module)                  # raises IRError: where, what was found, what is needed, what to do
    same_interface(before, after)   # raises IRError when inputs or outputs are called otherwise
"""

from collections.abc import Iterable

from gossamer.ir.errors import IRError, nearest
from gossamer.ir.fields import MISFIT, fields_of
from gossamer.ir.graph import Graph, Module, Node, Params
from gossamer.ir.lexer import MAX_NESTING
from gossamer.ir.nest import Nest
from gossamer.ir.op import Op
from gossamer.ir.print_values import contrast
from gossamer.ir.schedule import Schedule
from gossamer.ir.types import Value


def verify(module: Module, load: bool = False) -> Module:
    """The module itself, when it is well formed; IRError otherwise.

    Parameters that are not loaded yet are checked by name alone, unless `load` asks for all of them.
    """
    _Checker(module.params if len(module.params) else None, load).graph(module.graph, "", 0)
    names = [value.name for value in module.graph.outputs]
    for name in names:
        if names.count(name) > 1:
            raise IRError(f"return: %{name} stands there twice, needed once: tensor.reshape gives a second name")
    if not names:
        raise IRError("return: found no outputs, needed at least one")
    return module


def same_interface(before: Module, after: Module) -> None:
    """IRError unless inputs and outputs have the same names, in the same order, and the same shapes."""
    for what, old, new in (
        ("inputs", before.graph.inputs, after.graph.inputs),
        ("outputs", before.graph.outputs, after.graph.outputs),
    ):
        if [(v.name, v.shape) for v in old] != [(v.name, v.shape) for v in new]:
            raise IRError(f"the {what} became {_signature(new)}, needed {_signature(old)}: users address them by name")


def main_stage(op: Op) -> Nest | None:
    """The loops a schedule speaks of: the largest stage with a reduction, else the last one; None for an opaque op."""
    from gossamer.ir.ops.structure import Fused  # ops are built on the same modules as this one

    if isinstance(op, Fused):
        op = op.anchor.op
    kernel = op.kernel()
    if kernel is None or not kernel.stages:
        return None
    return max((s for s in kernel.stages if s.reduce), key=lambda s: s.points, default=kernel.stages[-1])


class _Checker:
    def __init__(self, params: Params | None, load: bool) -> None:
        self._params = params
        self._load = load

    def graph(self, graph: Graph, where: str, depth: int) -> None:
        if depth > MAX_NESTING:
            raise IRError(f"graphs are nested more than {MAX_NESTING} deep, needed fewer")
        known: dict[str, Value] = {}
        for value in graph.inputs:
            _define(value, known, f"{where}input {value.name}")
        for node in graph.nodes:
            title = f"{where}{_title(node)}"
            self._node(node, known, title, depth)
            for value in node.results:
                _define(value, known, title)
        for value in graph.outputs:
            _use(value, known, f"{where}return")

    def _node(self, node: Node, known: dict[str, Value], where: str, depth: int) -> None:
        for value in node.op.operands:
            _use(value, known, where)
        for item in fields_of(type(node.op)).attributes.values():
            value = getattr(node.op, item.name)
            if item.fits(value) is MISFIT:
                raise IRError(f"{where}: {item.name} is {value!r}, needed {item.needed}")
            if isinstance(value, Graph):
                self.graph(value, f"{where} / ", depth + 1)
        _check_types(node, where)
        if node.op.name == "ir.param":
            self._param(node, where)
        if node.schedule is not None:
            _check_schedule(node.op, node.schedule, where, depth)

    def _param(self, node: Node, where: str) -> None:
        ref: str = getattr(node.op, "ref", "")
        if self._params is None:
            return
        if ref not in self._params:
            raise IRError(f"{where}: the module has no parameter '{ref}'{_nearest(ref, self._params)}")
        array = self._params[ref] if self._load else self._params.loaded(ref)
        if array is None:
            return
        type = node.result.type
        if array.shape != type.shape or array.dtype != type.dtype.numpy:
            found, needed = f"{array.dtype}{list(array.shape)}", f"{type.dtype.numpy}{list(type.shape)}"
            raise IRError(f"{where}: the parameter '{ref}' is an array {found}, needed {needed} for {type.dtype}")
        narrow = type.dtype.integer and type.dtype.bits < 8 * array.dtype.itemsize and array.size > 0
        if narrow and not type.dtype.low <= array.min() <= array.max() <= type.dtype.high:
            found, needed = f"{array.min()} .. {array.max()}", f"{type.dtype.low} .. {type.dtype.high}"
            raise IRError(f"{where}: the parameter '{ref}' holds {found}, needed {needed}, the range of {type.dtype}")


def _title(node: Node) -> str:
    name = node.label or (node.results[0].name if node.results else "a statement")
    return f"{name} ({node.op.name})"


def _define(value: Value, known: dict[str, Value], where: str) -> None:
    if not value.name:
        raise IRError(f"{where}: a value without a name, needed one")
    if value.name in known:
        raise IRError(f"{where}: %{value.name} is defined a second time, needed another name: let GraphBuilder name it")
    known[value.name] = value


def _use(value: Value, known: dict[str, Value], where: str) -> None:
    found = known.get(value.name)
    if found is None:
        raise IRError(f"{where}: %{value.name} is not defined above{_nearest(value.name, known)}")
    if found != value:
        read, defined = contrast(value.type, found.type)
        raise IRError(f"{where}: reads %{value.name} as {read}, needed {defined}, as which it is defined")


def _check_types(node: Node, where: str) -> None:
    try:
        types = node.op.infer()
    except IRError as error:
        raise IRError(f"{where}: {error}") from None
    if len(types) != len(node.results):
        raise IRError(f"{where}: found {len(node.results)} results, needed {len(types)}")
    for value, type in zip(node.results, types):
        if value.type != type:
            found, needed = contrast(value.type, type)
            raise IRError(f"{where}: %{value.name} is recorded as {found}, needed {needed}, which its operands give")


def _check_schedule(op: Op, schedule: Schedule, where: str, depth: int) -> None:
    if depth:
        raise IRError(f"{where}: a schedule inside a body is never read, put it on the op that holds the body")
    stage = main_stage(op)
    axes = () if stage is None else tuple(axis.name for axis in stage.axes)
    vectorize = () if schedule.vectorize is None else (schedule.vectorize.axis,)
    for what, names in (
        ("tile", tuple(tile.axis for tile in schedule.tile)), ("order", schedule.order), ("unroll", schedule.unroll),
        ("vectorize", vectorize), ("parallel", schedule.parallel),
    ):  # fmt: skip
        for name in names:
            if name not in axes:
                raise IRError(f"{where}: the schedule's {what} names a loop '{name}'{nearest(name, axes)}")
            if names.count(name) > 1:
                raise IRError(f"{where}: the schedule's {what} names the loop '{name}' twice, needed each once")


def _nearest(name: str, known: Iterable[str]) -> str:
    """The nearest name alone: a list of all values or parameters would bury the message."""
    return nearest(name, known).split(" (known:")[0]


def _signature(values: tuple[Value, ...]) -> str:
    return ", ".join(f"%{v.name} {list(v.shape)}" for v in values) or "none"
