"""Checks of what a backend declares: its attributes, its hardware, what it supports, its schedules."""

from collections.abc import Callable, Iterator

from gossamer.backends.base import Backend, Infeasible
from gossamer.backends.conformance_nets import networks
from gossamer.ir.errors import HardwareError
from gossamer.ir.graph import Module, Node
from gossamer.ir.hardware import Hardware, Parameter
from gossamer.ir.op import Op
from gossamer.ir.ops.structure import Fused, Param
from gossamer.ir.schedule import Schedule


class Broken(Exception):
    """A promise of the seam that is not kept."""


def need(kept: object, message: str) -> None:
    """Raise Broken with the message unless `kept` is true."""
    if not kept:
        raise Broken(message)


def attributes(backend: Backend) -> str:
    need(isinstance(backend, Backend), "it lacks attributes or methods of gossamer.backends.base.Backend")
    need(backend.summary and "\n" not in backend.summary, "summary needs one line that is not empty")
    need(issubclass(backend.hardware, Hardware), "hardware needs to be a subclass of gossamer.ir.hardware.Hardware")
    need(
        backend.hardware.target == backend.name,
        f"hardware.target is '{backend.hardware.target}', needed '{backend.name}'",
    )
    return backend.summary


def parameters(backend: Backend) -> str:
    """Every parameter has a unit, a meaning and bounds; defaults and search values lie within."""
    found = backend.hardware.parameters()
    for info in found:
        where = f"{backend.name}.{info.name}"
        need(info.doc and (info.unit or isinstance(info.default, str)), f"{where}: needs a unit and a meaning (doc)")
        bounded = info.choices or (info.low is not None and info.high is not None and info.low <= info.high)
        need(bounded or isinstance(info.default, str), f"{where}: needs low and high, or choices")
        for value in (info.default, *info.search):
            _within(backend.hardware, info, value)
    tried = sum(bool(info.search) for info in found)
    return f"{len(found)} parameters, {tried} with search values"


def _within(cls: type[Hardware], info: Parameter, value: int | float | str) -> None:
    try:
        made = cls.build({info.name: value})
    except HardwareError as error:
        raise Broken(f"a value it declares itself is refused: {error}") from None
    need(getattr(made, info.name) == value, f"{info.name}: {value!r} came back as {getattr(made, info.name)!r}")


def bounds(backend: Backend) -> str:
    """Values out of bounds are refused with HardwareError."""
    tried = 0
    for info in backend.hardware.parameters():
        wrong: list[float | str] = ["no such choice"] if info.choices else []
        if not info.choices:
            wrong += [info.high + abs(info.high) + 1] if info.high is not None else []
            wrong += [info.low - abs(info.low) - 1] if info.low is not None else []
        for value in wrong:
            try:
                backend.hardware.build({info.name: value})
            except HardwareError:
                tried += 1
                continue
            raise Broken(f"{info.name} = {value} was accepted, needed a HardwareError")
    return f"{tried} values out of bounds refused"


def supports(backend: Backend) -> str:
    """An answer, None or Infeasible, for every node."""
    nodes = list(_nodes())
    for _, node in nodes:
        answer = backend.supports(node)
        need(answer is None or isinstance(answer, Infeasible), f"{node.title}: supports() gave {type(answer).__name__}")
        if answer is not None:
            complete(answer)
    refused = sum(backend.supports(node) is not None for _, node in nodes)
    return f"{len(nodes)} nodes asked, {refused} refused with a reason"


def complete(reason: Infeasible) -> None:
    """An Infeasible says where, what was needed, what there was and what would help."""
    parts = (reason.where, reason.needed, reason.available, reason.remedy)
    need(all(parts), f"an Infeasible needs all four parts, found {parts}")


def schedules(backend: Backend) -> str:
    """Each names axes of the op's loops only, and they are the same when asked again."""
    hardware, total = backend.hardware(), 0
    for module, node in _nodes():
        found = tuple(backend.schedules(node, hardware))
        need(found == tuple(backend.schedules(node, hardware)), f"{node.title}: schedules differ when asked twice")
        need(len(set(found)) == len(found), f"{module.name}.{node.title}: a schedule is listed twice")
        for schedule in found:
            need(isinstance(schedule, Schedule), f"{node.title}: schedules() gave {type(schedule).__name__}")
            unknown = sorted(_axes_named(schedule) - _axes_of(node.op)) if _axes_of(node.op) else []
            need(not unknown, f"{node.title}: a schedule names axes {', '.join(unknown)} that {node.op.name} has not")
        total += len(found)
    return f"{total} schedules"


def _nodes() -> Iterator[tuple[Module, Node]]:
    for module in networks():
        for node in module.graph.nodes:
            if not isinstance(node.op, Param):
                yield module, node


def _axes_named(schedule: Schedule) -> set[str]:
    tiles = {tile.axis for tile in schedule.tile}
    lanes = {schedule.vectorize.axis} if schedule.vectorize else set[str]()
    return tiles | lanes | set(schedule.order) | set(schedule.unroll) | set(schedule.parallel)


def _axes_of(op: Op) -> set[str]:
    anchor = op.anchor.op if isinstance(op, Fused) else op
    kernel = anchor.kernel()
    return {axis.name for stage in kernel.stages for axis in stage.axes} if kernel is not None else set()


DECLARATION_CHECKS: tuple[tuple[str, Callable[[Backend], str]], ...] = (
    ("attributes", attributes),
    ("hardware parameters have units, bounds and legal search values", parameters),
    ("hardware out of bounds is refused", bounds),
    ("supports() answers for every node", supports),
    ("schedules name the op's own axes", schedules),
)
