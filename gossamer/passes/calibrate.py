"""What values the activations of a network take on real inputs, and from that the range that integers should cover.

    observed = calibrate(module, {"x": images})                 # images [N, ...]: any multiple of the module's batch
    module = Quantize(bits=8).calibrated(observed).run(module)

The reference runs the network; of every float activation the extremes are kept exactly and the distribution as a
random sample. Names are those of the values in the graph without fusion, which the other passes keep.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gossamer.ir.errors import DataError, PassError
from gossamer.ir.graph import Array, Graph, Module
from gossamer.ir.types import Value
from gossamer.passes.fuse import inlined

Method: TypeAlias = Literal["minmax", "percentile", "mse"]


@dataclass(frozen=True)
class Observed:
    """One tensor: its smallest and largest value, and a random sample of all."""

    low: float
    high: float
    sample: NDArray[np.float32] = field(default_factory=lambda: np.empty(0, np.float32), compare=False, repr=False)

    def merged(self, other: "Observed") -> "Observed":
        sample = np.concatenate([self.sample, other.sample])
        return Observed(min(self.low, other.low), max(self.high, other.high), sample)

    def range(self, method: Method, bits: int, percentile: float) -> tuple[float, float]:
        """The interval, 0 included, that `bits` bits should cover.

        minmax: all values; percentile: the middle `percentile` per cent of them; mse: the part of minmax that gives
        the least squared error of rounding and clipping on the sample.
        """
        low, high = min(self.low, 0.0), max(self.high, 0.0)
        if method == "minmax" or not self.sample.size:
            return low, high
        if method == "percentile":
            tail = (100.0 - percentile) / 2
            inner = np.percentile(self.sample, [tail, 100.0 - tail])
            return max(low, min(float(inner[0]), 0.0)), min(high, max(float(inner[1]), 0.0))
        return _least_squares(self.sample, low, high, bits)


def _least_squares(sample: NDArray[np.float32], low: float, high: float, bits: int) -> tuple[float, float]:
    best, least = 1.0, np.inf
    for part in (1 - k / 50 for k in range(41)):
        step = max((high - low) * part, 1e-30) / (2**bits - 1)
        rounded = np.clip(np.rint(sample / step), round(low * part / step), round(high * part / step)) * step
        error = float(np.square(rounded - sample).mean())
        if error < least:
            best, least = part, error
    return low * best, high * best


@dataclass(frozen=True)
class Calibration:
    """What was observed, by value name."""

    by_name: Mapping[str, Observed] = field(hash=False)

    @staticmethod
    def of_ranges(ranges: Mapping[str, tuple[float, float]]) -> "Calibration":
        """Known ranges instead of observed ones."""
        return Calibration({name: Observed(low, high) for name, (low, high) in ranges.items()})

    def range(self, value: Value, method: Method, bits: int, percentile: float) -> tuple[float, float]:
        """PassError when the value was not observed."""
        if value.name not in self.by_name:
            raise PassError(
                f"quantize: no range for %{value.name}; calibrate the module as it is just before quantize "
                f"(observed: {', '.join(sorted(self.by_name)[:5]) or 'nothing'}, ...)"
            )
        return self.by_name[value.name].range(method, bits, percentile)


def calibrate(module: Module, inputs: Mapping[str, Array], samples: int = 1 << 14, seed: int = 0) -> Calibration:
    """Run the reference on inputs [N, ...] in pieces of the module's batch; about `samples` values are kept a tensor.

    DataError when an input is missing, of a wrong shape, fewer than one batch, or gives a value that is not finite.
    """
    from gossamer.ir.reference import evaluate  # only who calibrates pays

    graph = inlined(module.graph)
    pieces = list(_batches(graph, inputs))
    seen = _Recorder(_activations(graph), np.random.default_rng(seed), -(-samples // len(pieces)))
    for piece in pieces:
        evaluate(module.with_graph(graph), piece, observe=seen)
    return Calibration(seen.found)


@dataclass
class _Recorder:
    """Called with every value that the reference computes; `share` values are kept of one of them at a time."""

    wanted: set[Value]
    rng: np.random.Generator
    share: int
    found: dict[str, Observed] = field(default_factory=dict[str, Observed])

    def __call__(self, value: Value, array: NDArray[Any]) -> None:
        if value not in self.wanted:
            return
        low, high = float(array.min()), float(array.max())
        if not np.isfinite([low, high]).all():
            raise DataError(
                f"calibration: %{value.name} takes a value that is not finite; check the inputs and the weights"
            )
        flat = array.reshape(-1)
        sample = flat if flat.size <= self.share else flat[self.rng.integers(0, flat.size, self.share)]
        now, before = Observed(low, high, sample.astype(np.float32)), self.found.get(value.name)
        self.found[value.name] = now if before is None else before.merged(now)


def load_inputs(path: str) -> dict[str, Array]:
    """The arrays of an npz file by name. DataError when it cannot be read."""
    try:
        with np.load(Path(path), allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except (OSError, ValueError, AttributeError, EOFError) as error:
        raise DataError(f"{path}: needs to be an npz file with one array [N, ...] per input: {error}") from None


def _activations(graph: Graph) -> set[Value]:
    """Every float value that depends on an input, inputs included."""
    varying = set(graph.inputs)
    for node in graph.nodes:
        if any(v in varying for v in node.op.operands):
            varying.update(node.results)
    return {v for v in varying if v.dtype.floating and v.type.elements}


def _batches(graph: Graph, inputs: Mapping[str, Array]) -> Iterator[dict[str, Array]]:
    for value in graph.inputs:
        given = inputs.get(value.name)
        if given is None or given.shape[1:] != value.shape[1:] or len(given) < value.shape[0]:
            raise DataError(
                f"calibration: input '{value.name}' is {'missing' if given is None else list(given.shape)}, "
                f"needed [N, {', '.join(map(str, value.shape[1:]))}] with N >= {value.shape[0]}"
            )
    count = min(len(inputs[v.name]) // v.shape[0] for v in graph.inputs)
    for k in range(count):
        yield {
            v.name: inputs[v.name][k * v.shape[0] : (k + 1) * v.shape[0]].astype(v.dtype.numpy, copy=False)
            for v in graph.inputs
        }

