"""What a whole network is expected to take: layer by layer what was measured, else learned, else worked out.

Seconds of a layer, measured or not, include launching its kernels; a layer without a signature is a launch alone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from gossamer.backends.cpu.build import Build, Store
from gossamer.backends.cpu.cost import predicted_s
from gossamer.backends.cpu.hardware import CpuHardware
from gossamer.backends.cpu.terms import LAUNCH_S
from gossamer.backends.cpu.tuning.database import Measured, TuningDatabase
from gossamer.backends.cpu.tuning.features import PREDICTED, Features, features_of
from gossamer.backends.cpu.tuning.layers import layer_key
from gossamer.backends.cpu.tuning.learned import LatencyModel, fitted
from gossamer.ir.analysis import node_layers
from gossamer.ir.graph import Module
from gossamer.ir.ops.scan import Scan
from gossamer.ir.print_values import schedule as schedule_text

CALL_S = 25e-6
"""Of a run from Python besides its layers: checking what was given, making room for what comes out."""


@dataclass(frozen=True)
class ExpectedLatency:
    """`seconds` of a run; how many of its layers were measured, learned, and only worked out."""

    seconds: float
    measured: int
    learned: int
    analytical: int


@dataclass(frozen=True)
class LayerRow:
    """A layer in its schedule. `key` "": a scan, which is not looked up. `seconds`: worked out."""

    key: str
    schedule: str
    features: Features
    seconds: float


def predicted_latency_s(module: Module, database: TuningDatabase) -> float:
    """Expected seconds of a prepared module on its hardware."""
    return expected_latency(module, database, fitted(database)).seconds


def expected_latency(module: Module, database: TuningDatabase, model: LatencyModel | None) -> ExpectedLatency:
    """As `predicted_latency_s`, with a model that was fitted before, and where the numbers come from."""
    return expected_of(tuple(layer_rows(module)), database, model)


def expected_of(rows: Sequence[LayerRow], database: TuningDatabase, model: LatencyModel | None) -> ExpectedLatency:
    """As `expected_latency`, of a network's layers."""
    known = {(row.layer, row.schedule): row.seconds for row in database.rows() if row.seconds is not None}
    total, counts = CALL_S, [0, 0, 0]
    for row in rows:
        found = known.get((row.key, row.schedule))
        if found is not None:
            source, seconds = 0, found
        elif model is not None and row.features.get(PREDICTED):
            source, seconds = 1, model.seconds(row.features)
        else:
            source, seconds = 2, row.seconds
        total, counts[source] = total + seconds, counts[source] + 1
    return ExpectedLatency(total, *counts)


def record_layers(module: Module, seconds: Sequence[float], database: TuningDatabase) -> None:
    """Keep what every layer of a compiled module took (`CpuArtifact.profile`), for the learned model and the sum."""
    record_rows(tuple(layer_rows(module)), seconds, database)


def record_rows(rows: Sequence[LayerRow], seconds: Sequence[float], database: TuningDatabase) -> None:
    """As `record_layers`, of a network's layers."""
    pairs = zip(rows, seconds, strict=True)
    database.record(Measured(r.key, r.schedule, "ok", s, r.features) for r, s in pairs if r.key and s > 0)


def layer_rows(module: Module) -> Iterator[LayerRow]:
    """In the order of the compiled module's layers."""
    hardware = module.hardware
    assert isinstance(hardware, CpuHardware)
    build = Build(module, hardware, Store())
    params = set(build.refs)
    for node in build.nodes:
        if isinstance(node.op, Scan):
            parts = [predicted_s(signature, hardware) for _, signature in node_layers(node, params)]
            yield LayerRow("", "", {}, sum(parts))
            continue
        layout = node.schedule.layout if node.schedule else ""
        chosen = replace(build.planner.schedule(node), layout=layout)
        features = features_of(node, chosen, hardware, params)
        yield LayerRow(layer_key(build, node), schedule_text(chosen), features, features.get(PREDICTED, LAUNCH_S))
