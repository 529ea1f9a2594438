"""A compiled network layer by layer: what it is, how it is scheduled, what it is predicted to cost, what it took."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from gossamer.backends.base import Backend
    from gossamer.ir.graph import Array, Module, Node
    from gossamer.ir.layer import Layer
    from gossamer.report.data import LayerRow


@dataclass(frozen=True)
class LayerLine:
    """One row of the table that `gossamer compile` prints; None where a target cannot say."""

    name: str
    kind: str
    shape: str
    algorithm: str
    schedule: str
    macs: int
    predicted_s: float | None
    measured_s: float | None = None
    energy_j: float | None = None


class Step(Protocol):
    """A kernel call of an artifact that can time itself."""

    @property
    def title(self) -> str: ...
    @property
    def op(self) -> str: ...
    @property
    def algorithm(self) -> str: ...
    @property
    def schedule(self) -> str: ...
    @property
    def macs(self) -> int: ...
    @property
    def predicted_s(self) -> float | None: ...


@runtime_checkable
class Timed(Protocol):
    """An artifact that runs on this machine and can say what each of its kernels takes."""

    @property
    def layers(self) -> Sequence[Step]: ...

    def profile(self, inputs: "Mapping[str, Array]") -> Sequence[float]:
        """Seconds of each of `layers`."""
        ...


def timed_lines(module: "Module", artifact: Timed, inputs: "Mapping[str, Array] | None") -> tuple[LayerLine, ...]:
    """One line a kernel call; measured when there are `inputs`."""
    from gossamer.ir.analysis import layers

    known = {node.title: layer for node, layer in layers(module)}
    steps = artifact.layers
    times: Sequence[float | None] = artifact.profile(inputs) if inputs is not None else [None] * len(steps)
    return tuple(
        LayerLine(
            name=step.title,
            kind=kind_of(known[step.title]) if step.title in known else step.op,
            shape=shape_of(known[step.title]) if step.title in known else "",
            algorithm=step.algorithm,
            schedule=step.schedule,
            macs=step.macs,
            predicted_s=step.predicted_s,
            measured_s=seconds,
        )
        for step, seconds in zip(steps, times)
    )


def priced_lines(module: "Module", backend: "Backend") -> tuple[LayerLine, ...]:
    """One line a layer of a scheduled module, as the target's cost model has it."""
    from gossamer.ir.analysis import layers

    pairs = layers(module)
    rows = layer_rows(module, backend)
    return tuple(
        LayerLine(
            row.label,
            row.kind,
            row.shape,
            _algorithm(node, layer),
            row.mapping,
            row.macs,
            row.latency_s,
            energy_j=row.energy_j,
        )
        for row, (node, layer) in zip(rows, pairs)
    )


def _line(row: "LayerRow", algorithm: str) -> LayerLine:
    times = {"predicted_s": row.latency_s, "energy_j": row.energy_j}
    return LayerLine(row.label, row.kind, row.shape, algorithm, row.mapping, row.macs, **times)


def layer_rows(module: "Module", backend: "Backend") -> "tuple[LayerRow, ...]":
    """One row a layer of a design on its hardware, with energy, traffic and utilisation."""
    from gossamer.ir.analysis import layers
    from gossamer.report.data import LayerRow

    pairs = layers(module)
    if not pairs:
        return ()
    costs = backend.cost([layer for _, layer in pairs], [module.hardware or backend.hardware()])
    return tuple(
        LayerRow(
            label=node.title,
            kind=kind_of(layer),
            shape=shape_of(layer),
            weight_bits=layer.weight_bits,
            activation_bits=layer.activation_bits,
            macs=layer.macs,
            latency_s=float(costs.latency_s[i]),
            energy_j=float(costs.energy_j[i]),
            stall_cycles=int(costs.stall_cycles[i]),
            dram_bytes=float(costs.dram_bytes[i]),
            utilization=float(costs.utilization[i]),
            mapping=costs.mappings[int(costs.mapping[i])],
        )
        for i, (node, layer) in enumerate(pairs)
    )


def kind_of(layer: "Layer") -> str:
    """`conv 3x3`, `depthwise 3x3`, `gemm`."""
    name = "depthwise" if layer.depthwise else layer.kind
    return f"{name} {layer.kh}x{layer.kw}" if layer.kind in ("conv", "pool") else name


def shape_of(layer: "Layer") -> str:
    """`64x56x56 -> 128x28x28`; a gemm is `1x512 -> 1x1000`."""
    if layer.kind == "gemm":
        return f"{layer.n}x{layer.ic} -> {layer.n}x{layer.oc}"
    return f"{layer.ic}x{layer.ih}x{layer.iw} -> {layer.oc}x{layer.oh}x{layer.ow}"


def _algorithm(node: "Node", layer: "Layer") -> str:
    if node.schedule is None:
        return "direct" if layer.macs else ""
    m = node.schedule.winograd_m
    return f"winograd F({m},{layer.kh})" if m is not None else node.schedule.algorithm
