"""Whether schedules compute the same: results of every trial on random numbers, beside those of its layer's first.

They are run once, in a network of its own that calls the kernels that are timed: operands come in through ports and
results go out, and no two of them share memory. Random numbers depend on names only, so all trials of a layer get the
same.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from zlib import crc32

import numpy as np

from gossamer.backends.cpu.build import Build, Store
from gossamer.backends.cpu.linking import link
from gossamer.backends.cpu.manifest import LIBRARY, Port
from gossamer.backends.cpu.memory import Interval
from gossamer.backends.cpu.native import Library, Net
from gossamer.backends.cpu.network import Network, placed_network
from gossamer.backends.cpu.params import write_params
from gossamer.backends.cpu.tensors import Action
from gossamer.ir.graph import Array, Module, Node, Params
from gossamer.ir.ops.structure import Param
from gossamer.ir.types import DType, TensorType

SMALL = 8
"""Integer parameters lie between this and its negative, so that few sums saturate."""

TOLERANCE = {64: 1e-3, 32: 1e-3, 16: 3e-2, 8: 0.3}
"""Bits of a float -> what results may differ by, of the largest. The most that is meant to be is Winograd's error; a
wrong schedule differs by about the results themselves."""


@dataclass(frozen=True)
class TrialNode:
    """A statement as one trial has it scheduled, and the module's build it is of."""

    build: Build
    node: Node


def with_numbers(module: Module) -> Module:
    """The module with random parameters, made when they are asked for."""
    nodes = [(n.op.ref, n.op.type) for n in module.graph.nodes if isinstance(n.op, Param)]
    return replace(module, params=Params({ref: partial(_numbers, ref, type, SMALL) for ref, type in nodes}))


def wrong_trials(
    trials: Sequence[TrialNode], timed: Store, network: Network, objects: tuple[Path, ...], place: Path
) -> set[int]:
    """Which trials give other results than the first of the same statement. `network`: the one that is timed."""
    store, actions = Store(kernels=timed.kernels), list[Action]()
    inputs, outputs = list[Port](), list[list[Port]]()
    for tag, trial in enumerate(trials):
        build = trial.build.placed_anew(store)
        operands = [v for v in dict.fromkeys(trial.node.op.operands) if v not in build.refs]
        inputs += build.ports(operands)
        actions += [*build.frames(operands), *build.actions_of(trial.node, tag)]
        outputs.append(list(build.ports(trial.node.results)))
    apart = [Interval(buffer.bytes, 0, 0) for buffer in store.buffers]
    ports = tuple(port for one in outputs for port in one)
    checked = placed_network(
        tuple(inputs), ports, store.buffers, apart, tuple(actions), network.tasks, network.threads, network.made_for,
        network.features,
    )  # fmt: skip
    found = iter(_results(checked, store, objects, place / "check"))
    first: dict[str, list[Array]] = {}
    wrong = set[int]()
    for tag, (trial, own) in enumerate(zip(trials, outputs, strict=True)):
        arrays = [next(found) for _ in own]
        wanted = first.setdefault(trial.node.result.name, arrays)
        if not all(same(a, b, port.type.dtype) for a, b, port in zip(arrays, wanted, own, strict=True)):
            wrong.add(tag)
    return wrong


def same(found: Array, wanted: Array, dtype: DType) -> bool:
    """Whether they are equal but for rounding: of integers, a last digit."""
    if found.size == 0:
        return True
    if dtype.integer:
        return int(np.abs(found.astype(np.int64) - wanted.astype(np.int64)).max()) <= 1
    if found.dtype.kind != "f":
        return bool(np.array_equal(found, wanted))
    sound = np.isfinite(wanted)
    if not np.array_equal(sound, np.isfinite(found)) or not sound.any():
        return not sound.any() and np.array_equal(found, wanted, equal_nan=True)
    a, b = found[sound].astype(np.float64), wanted[sound].astype(np.float64)
    return bool(np.abs(a - b).max() <= TOLERANCE[dtype.bits] * np.abs(b).max())


def _results(network: Network, store: Store, objects: tuple[Path, ...], place: Path) -> list[Array]:
    place.mkdir()
    link(place, network, objects)
    library = Library(place / LIBRARY)
    held = {i: p.storage.layout.pack(p.make().astype(p.storage.dtype)) for p, i in store.packed.items()}
    write_params(place, network, held, library)
    net = Net(library, place, network.threads)
    try:
        given = [np.ascontiguousarray(_numbers(p.name, p.type, None)) for p in network.inputs]
        taken = [np.empty(p.type.shape, p.type.dtype.numpy) for p in network.outputs]
        net.run(given, taken)
        return taken
    finally:
        net.close()


@cache
def _numbers(name: str, type: TensorType, largest: int | None) -> Array:
    """Random numbers of a type. Wide integers are zeros: they are indices more often than numbers."""
    random, dtype = np.random.default_rng(crc32(name.encode())), type.dtype
    if dtype.integer and dtype.bits > 8:
        return np.broadcast_to(np.zeros((), dtype.numpy), type.shape)
    if dtype.integer:
        low, high = (dtype.low, dtype.high) if largest is None else (max(dtype.low, -largest), min(dtype.high, largest))
        return random.integers(low, high, type.shape, endpoint=True).astype(dtype.numpy)
    if dtype.numpy.kind == "b":
        return random.integers(0, 2, type.shape).astype(np.bool_)
    return random.standard_normal(type.shape, np.float32).astype(dtype.numpy)
