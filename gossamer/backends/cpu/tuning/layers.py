"""The layers of a module that have schedules to choose from, named by what their kernels depend on."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib.metadata import version

from gossamer.backends.cpu.algorithms import operand_obstacle
from gossamer.backends.cpu.build import Build, Store
from gossamer.backends.cpu.cache import generator_digest
from gossamer.backends.cpu.hardware import CpuHardware
from gossamer.backends.cpu.linking import compiler, compiler_version
from gossamer.backends.cpu.schedules import MAX_CHOICES, legal_schedules
from gossamer.backends.cpu.tuning.features import Features, features_of
from gossamer.ir.analysis import macs
from gossamer.ir.graph import Module, Node
from gossamer.ir.ops.scan import Scan
from gossamer.ir.parse import parse_schedule_text
from gossamer.ir.print_values import schedule as schedule_text
from gossamer.ir.schedule import Schedule
from gossamer.ir.types import Value


@dataclass(frozen=True)
class TunableLayer:
    """Equal layers of a module. `key`: a digest; `schedules`: as text, the module's own first; `work`: MACs of all.

    `features`: of every schedule, in their order.
    """

    key: str
    results: tuple[Value, ...]
    schedules: tuple[str, ...]
    work: int
    features: tuple[Features, ...] = field(default=(), compare=False)


def tunable_layers(module: Module, hardware: CpuHardware, most: int = MAX_CHOICES) -> tuple[TunableLayer, ...]:
    """Distinct layers with a choice, most work first. `most`: register tiles of each, at most."""
    build = Build(module, hardware, Store())
    params = set(build.refs)
    found: dict[str, TunableLayer] = {}
    for node in build.nodes:
        choices = () if isinstance(node.op, Scan) else _choices(node, params, hardware, most)
        if len(choices) < 2:
            continue
        key = layer_key(build, node)
        before = found.get(key) or _layer(key, node, choices, params, hardware)
        found[key] = replace(before, results=(*before.results, node.result), work=before.work + macs(node))
    return tuple(sorted(found.values(), key=lambda layer: -layer.work))


def _layer(key: str, node: Node, choices: tuple[str, ...], params: set[Value], hardware: CpuHardware) -> TunableLayer:
    schedules = (parse_schedule_text(text) for text in choices)
    return TunableLayer(key, (), choices, 0, tuple(features_of(node, s, hardware, params) for s in schedules))


def _choices(node: Node, params: set[Value], hardware: CpuHardware, most: int) -> tuple[str, ...]:
    """Schedules that keep the layout that was chosen, the node's own first."""
    layout = node.schedule.layout if node.schedule else ""
    own = node.schedule or Schedule()
    legal = [replace(s, layout=layout) for s in legal_schedules(node, hardware, most)]
    possible = [s for s in legal if operand_obstacle(replace(node, schedule=s), params) is None]
    first = [own] if replace(own, layout="") != Schedule() else []
    return tuple(dict.fromkeys(schedule_text(s) for s in (*first, *possible)))


def layer_key(build: Build, node: Node) -> str:
    """Of the program and the storage of what it reads and writes, not of its parameters' values."""
    program, planner = build.planner.programs[node.result], build.planner
    operands = [v.type if v in build.refs else planner.storage[v] for v in node.op.operands]
    constants = [(dtype, len(values)) for dtype, values in program.constants]
    text = repr((program.kernel, operands, [planner.storage[v] for v in node.results], constants))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def machine_key(hardware: CpuHardware, cpu: str) -> str:
    """A digest of the hardware and of all that makes code for it."""
    made_by = version("apache-tvm"), compiler_version(compiler()), generator_digest()
    text = repr((sorted(hardware.values().items()), cpu, *made_by))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def rescheduled(module: Module, chosen: Mapping[Value, str]) -> Module:
    """The module with these schedules on the statements of these results."""
    nodes = tuple(
        replace(node, schedule=parse_schedule_text(chosen[node.result])) if node.result in chosen else node
        for node in module.graph.nodes
    )
    return module.with_graph(replace(module.graph, nodes=nodes))
