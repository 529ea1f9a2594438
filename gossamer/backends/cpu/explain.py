"""Why the layers of a module are compiled as they are: the model of the chosen schedule, and of the next best."""

from collections.abc import Callable
from dataclasses import replace

from gossamer.backends.cpu.hardware import CpuHardware
from gossamer.backends.cpu.layout_choice import LayoutQuestion, question_of
from gossamer.backends.cpu.layout_cost import bytes_in
from gossamer.backends.cpu.layout_names import LayoutName
from gossamer.backends.cpu.ranking import products_per_lane, terms_of
from gossamer.backends.cpu.reports import algorithm_words, tile_words
from gossamer.backends.cpu.schedules import default_schedule, legal_schedules
from gossamer.backends.cpu.terms import PARTS, Terms
from gossamer.backends.explanation import Explanation
from gossamer.codegen.tvm.program import program_of
from gossamer.ir.analysis import layer, macs
from gossamer.ir.graph import Module, Node
from gossamer.ir.layer import Layer
from gossamer.ir.ops.scan import Scan
from gossamer.ir.ops.structure import Param
from gossamer.ir.schedule import Schedule
from gossamer.ir.types import Value
from gossamer.ir.winograd import transforms


def explained(module: Module, hardware: CpuHardware) -> tuple[Explanation, ...]:
    """One explanation a node that is computed. Raises BackendError for a layout that cannot be."""
    params = {n.result for n in module.graph.nodes if isinstance(n.op, Param)}
    copied = _copied_bytes(replace(question_of(module, hardware), copies=False))
    nodes = [n for n in module.graph.nodes if n.result not in params and any(0 not in v.shape for v in n.results)]
    return tuple(_explained(node, layer(node, params), hardware, copied(node)) for node in nodes)


def _explained(node: Node, signature: Layer | None, hardware: CpuHardware, copied: int) -> Explanation:
    chosen = Schedule() if isinstance(node.op, Scan) else _chosen(node, hardware)
    terms, runner, ratio = None, "", None
    if signature is not None and not isinstance(node.op, Scan):
        terms = terms_of(signature, chosen, hardware)
        runner, ratio = _runner_up(node, signature, chosen, terms, hardware)
    return Explanation(
        title=node.title,
        algorithm=algorithm_words(chosen),
        schedule=tile_words(chosen),
        macs=macs(node),
        macs_per_byte=0.0 if signature is None else signature.macs / max(1.0, _moved(signature)),
        parts_s={} if terms is None else {word: float(getattr(terms, part)) for part, word in PARTS.items()},
        bound="" if terms is None else terms.bound,
        predicted_s=None if terms is None else terms.latency_s,
        runner_up=runner,
        runner_up_ratio=ratio,
        relative_error=_error(chosen, signature),
        copied_bytes=copied,
        peak_macs_per_s=hardware.peak_macs_per_s * (1 if signature is None else products_per_lane(signature, hardware)),
    )


def _chosen(node: Node, hardware: CpuHardware) -> Schedule:
    """As the planner has it: what the node says, else the default."""
    if node.schedule is not None and _bare(node.schedule) != Schedule():
        return node.schedule
    return default_schedule(program_of(node).kernel, hardware)


def _runner_up(
    node: Node, signature: Layer, chosen: Schedule, terms: Terms, hardware: CpuHardware
) -> tuple[str, float | None]:
    """(the fastest other schedule by the model, its time over that of the chosen one)."""
    others = [s for s in legal_schedules(node, hardware) if s != _bare(chosen)]
    if not others or terms.latency_s == 0:
        return "", None
    expected = [terms_of(signature, other, hardware).latency_s for other in others]
    best = min(range(len(others)), key=expected.__getitem__)
    words = tile_words(others[best]) if others[best].algorithm == "direct" else algorithm_words(others[best])
    return words or algorithm_words(others[best]), expected[best] / terms.latency_s


def _bare(schedule: Schedule) -> Schedule:
    return replace(schedule, layout="")


def _error(schedule: Schedule, signature: Layer | None) -> float | None:
    m = schedule.winograd_m
    return None if m is None or signature is None else transforms(m, signature.kh).error()


def _moved(signature: Layer) -> float:
    """Bytes of weights, inputs and outputs, each once."""
    inputs, outputs = signature.input_elements * signature.activation_bits, signature.output_elements
    return (signature.weight_elements * signature.weight_bits + inputs + outputs * signature.output_bits) / 8


def _copied_bytes(question: LayoutQuestion) -> Callable[[Node], int]:
    """Bytes of a node's operands that are turned over as they are read."""
    names = question.plan().names

    def turned(node: Node, operand: int, value: Value) -> int:
        cost, given = question.costs.get(node.result), names.get(value)
        if cost is None or given is None or not cost.turns(operand, given, names.get(node.result, LayoutName())):
            return 0
        return round(bytes_in(value, given))

    return lambda node: sum(turned(node, k, value) for k, value in enumerate(node.op.operands))
