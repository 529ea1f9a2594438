"""What values the activations of a network take on real inputs, and from that the range that integers should cover.

    observed = calibrate(module, {"x": images})                 # images [N, ...]: any multiple of the module's batch
    module = Quantize(bits=8).calibrated(observed).run(module)

The reference runs the network; of every float activation the extremes are kept exactly and the distribution as a
histogram. Names are those of the values in the graph without fusion, which the other passes keep.
"""

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from gossamer.ir.errors import DataError, PassError
from gossamer.ir.graph import Array, Graph, Module
from gossamer.ir.types import Value
from gossamer.passes.fuse import inlined

Counts: TypeAlias = NDArray[np.float64]
Method: TypeAlias = Literal["minmax", "percentile", "mse"]


_BINS = 4096


def _no_counts() -> Counts:
    return np.zeros(_BINS)


@dataclass(frozen=True)
class Observed:
    """One tensor: its smallest and largest value, how often it was 0, and a histogram of the rest between the two."""

    low: float
    high: float
    zeros: float = 0.0
    counts: Counts = field(default_factory=_no_counts, compare=False, repr=False)

    @staticmethod
    def of(array: NDArray[Any], rng: np.random.Generator, most: int = 1 << 16) -> "Observed":
        """What is seen in an array; of a large one `most` values are counted, and its extremes."""
        flat = array.reshape(-1)
        low, high = float(flat.min()), float(flat.max())
        if flat.size > most:
            flat = np.append(flat[rng.integers(0, flat.size, most)], [low, high])
        return Observed(low, high, float(np.count_nonzero(flat == 0)), _histogram(flat[flat != 0], low, high))

    def merged(self, other: "Observed") -> "Observed":
        low, high = min(self.low, other.low), max(self.high, other.high)
        counts = sum((_histogram(seen.centres, low, high, seen.counts) for seen in (self, other)), _no_counts())
        return Observed(low, high, self.zeros + other.zeros, counts)

    @property
    def centres(self) -> Counts:
        """Of the histogram's bins."""
        places: Counts = np.arange(_BINS, dtype=np.float64) + 0.5
        return np.asarray(places * ((self.high - self.low) / _BINS) + self.low, np.float64)

    def range(self, method: Method, bits: int, percentile: float) -> tuple[float, float]:
        """The interval, 0 included, that `bits` bits should cover.

        minmax: all values; percentile: the middle `percentile` per cent of them; mse: the part of minmax that gives
        the least squared error of rounding and clipping.
        """
        low, high = min(self.low, 0.0), max(self.high, 0.0)
        if method == "minmax" or not self.counts.any():
            return low, high
        if method == "percentile":
            return self._percentile((100.0 - percentile) / 200)
        best = min((1 - k / 50 for k in range(41)), key=lambda part: self._error(low * part, high * part, bits))
        return low * best, high * best

    def _percentile(self, tail: float) -> tuple[float, float]:
        centres, counts = self.centres, self.counts.copy()
        counts[np.abs(centres).argmin()] += self.zeros
        share = np.cumsum(counts) / counts.sum()
        low, high = np.searchsorted(share, [tail, 1 - tail])
        return min(float(centres[low]), 0.0), max(float(centres[min(high, _BINS - 1)]), 0.0)

    def _error(self, low: float, high: float, bits: int) -> float:
        """Sum of squares of what rounding and clipping to [low, high] change."""
        centres, step = self.centres, (high - low) / (2**bits - 1)
        clipped = np.clip(centres, low, high)
        rounding = np.square(np.rint(clipped / step) * step - clipped)
        if (self.high - self.low) / _BINS > step / 4:  # bins too coarse to see the steps: as if spread evenly
            rounding = np.where(centres == clipped, step**2 / 12, 0.0)
        return float(self.counts @ (np.square(clipped - centres) + rounding))


def _histogram(values: NDArray[Any], low: float, high: float, weights: Counts | None = None) -> Counts:
    """How many values lie in every bin. All are in the middle one where the range has fewer numbers than bins."""
    if (high - low) / _BINS < np.spacing(max(abs(low), abs(high))):
        counts = _no_counts()
        counts[_BINS // 2] = values.size if weights is None else weights.sum()
        return counts
    # numpy cuts the range into numbers of the values' type: a narrow one has too few in 32 bits.
    return np.histogram(values.astype(np.float64), _BINS, (low, high), weights=weights)[0].astype(np.float64)


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


def calibrate(module: Module, inputs: Mapping[str, Array], seed: int = 0) -> Calibration:
    """Run the reference on inputs [N, ...] in pieces of the module's batch. `seed` picks what of large tensors counts.

    DataError when an input is missing, of a wrong shape, fewer than one batch, or gives a value that is not finite.
    """
    from gossamer.ir.reference import evaluate  # only who calibrates pays

    graph = inlined(module.graph)
    seen = _Recorder(_activations(graph), np.random.default_rng(seed))
    for piece in _batches(graph, inputs):
        evaluate(module.with_graph(graph), piece, observe=seen)
    return Calibration(seen.found)


@dataclass
class _Recorder:
    """Called with every value that the reference computes."""

    wanted: set[Value]
    rng: np.random.Generator
    found: dict[str, Observed] = field(default_factory=dict[str, Observed])

    def __call__(self, value: Value, array: NDArray[Any]) -> None:
        if value not in self.wanted:
            return
        if not np.isfinite([array.min(), array.max()]).all():
            raise DataError(
                f"calibration: %{value.name} takes a value that is not finite; check the inputs and the weights"
            )
        now, before = Observed.of(array, self.rng), self.found.get(value.name)
        self.found[value.name] = now if before is None else before.merged(now)


def load_inputs(path: str) -> dict[str, Array]:
    """The arrays of an npz file by name. DataError when it cannot be read."""
    try:
        with np.load(Path(path), allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except (OSError, ValueError, TypeError, EOFError, RuntimeError, BadZipFile, zlib.error) as error:
        # TypeError: a single array (npy); RuntimeError: an encrypted archive.
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
        if given is None or given.dtype.kind not in "fiub" or not _holds_a_batch(given.shape, value.shape):
            found = "missing" if given is None else f"{given.dtype}{list(given.shape)}"
            needed = f"numbers [N, {', '.join(map(str, value.shape[1:]))}] with N >= {value.shape[0]}"
            raise DataError(f"calibration: input '{value.name}' is {found}, needed {needed}")
    count = min(len(inputs[v.name]) // v.shape[0] for v in graph.inputs)
    for k in range(count):
        yield {
            v.name: inputs[v.name][k * v.shape[0] : (k + 1) * v.shape[0]].astype(v.dtype.numpy, copy=False)
            for v in graph.inputs
        }


def _holds_a_batch(given: tuple[int, ...], needed: tuple[int, ...]) -> bool:
    return len(given) == len(needed) and given[1:] == needed[1:] and given[0] >= needed[0]
