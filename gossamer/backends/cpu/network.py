"""A compiled network as tables of constants in C: every buffer at its offset, every launch in order.

The source holds no logic: a function of one line per kernel call that puts the offsets in, and the tables that
`runtime/runtime.c` walks through (declared in `runtime/network.h`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from gossamer.backends.cpu.copies import Box, View, copy_boxes, frame_boxes
from gossamer.backends.cpu.manifest import LaunchRow, Port
from gossamer.backends.cpu.memory import Interval, place, rounded
from gossamer.backends.cpu.tensors import Action, Buffer, Copy, Fill, Launch, Loop
from gossamer.codegen.tvm.forms import Storage

HEADER_BYTES = 64
"""Of params.bin; the parameters follow it."""


FILL_PARTS = 8
FILL_BYTES = 8192
"""Frames are written in so many tasks, and smaller ones on one thread."""


@dataclass(frozen=True)
class Task:
    """How a kernel is called: its C function, tasks of its parallel loop, bytes of a thread's own memory, whether on
    one thread.
    """

    symbol: str
    tasks: int
    scratch_bytes: int
    serial: bool


@dataclass(frozen=True)
class Network:
    """Everything with its place. `offsets`: of every buffer in the arena or, for parameters, among the parameters."""

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    buffers: tuple[Buffer, ...]
    offsets: tuple[int, ...]
    setup: tuple[Action, ...]
    actions: tuple[Action, ...]
    tasks: Mapping[str, Task]
    threads: int
    made_for: str
    features: tuple[str, ...]
    arena_bytes: int
    params_bytes: int

    @property
    def scratch_bytes(self) -> int:
        """Of one thread."""
        return rounded(max((t.scratch_bytes for t in self.tasks.values()), default=0))

    def rows(self) -> tuple[LaunchRow, ...]:
        """The launches as the manifest lists them; a loop is one."""
        return tuple(LaunchRow(_name(a), a.layer, self._shared(a)) for a in self.actions)

    def _shared(self, action: Action) -> int:
        if isinstance(action, Fill):
            return 1 if _small(action, self.buffers[action.buffer].storage) else FILL_PARTS
        task = self.tasks[action.kernel] if isinstance(action, Launch) else None
        return 1 if task is None or task.serial else task.tasks


def placed_network(
    inputs: tuple[Port, ...],
    outputs: tuple[Port, ...],
    buffers: Sequence[Buffer],
    intervals: Sequence[Interval],
    actions: tuple[Action, ...],
    tasks: Mapping[str, Task],
    threads: int,
    made_for: str,
    features: tuple[str, ...],
) -> Network:
    """Place values in one arena and parameters one after the other."""
    values = [i for i, b in enumerate(buffers) if not b.param]
    places, arena = place([intervals[i] for i in values])
    offsets = dict(zip(values, places, strict=True))
    end = 0
    for i, buffer in enumerate(buffers):
        if buffer.param:
            offsets[i] = end
            end += rounded(buffer.bytes)
    every = tuple(offsets[i] for i in range(len(buffers)))
    once, rest = _split_fills(actions, kept_frames(buffers, every))
    return Network(
        inputs, outputs, tuple(buffers), every, tuple(once), tuple(rest), tasks, threads, made_for, features, arena, end
    )


def kept_frames(buffers: Sequence[Buffer], offsets: Sequence[int]) -> set[int]:
    """Buffers whose frame stays as it was first written: all that shares their memory has the same one there."""
    kept: set[int] = set()
    spans = [(o, o + rounded(b.bytes), b) for o, b in zip(offsets, buffers, strict=True) if not b.param]
    for i, (offset, own) in enumerate(zip(offsets, buffers, strict=True)):
        end = offset + rounded(own.bytes)
        others = [(low, b) for low, high, b in spans if low < end and offset < high]
        if not own.param and all(low == offset and b.storage == own.storage for low, b in others):
            kept.add(i)
    return kept


def _split_fills(actions: Sequence[Action], kept: set[int]) -> tuple[list[Action], list[Action]]:
    """(what is done once, what every run does)."""
    once: list[Action] = []
    rest: list[Action] = []
    for action in actions:
        if isinstance(action, Loop):
            first, body = _split_fills(action.body, kept)
            once += first
            action = replace(action, body=tuple(body))
        (once if isinstance(action, Fill) and action.buffer in kept else rest).append(action)
    return once, rest


def network_source(network: Network) -> str:
    """network.c."""
    return "\n".join(_Source(network).lines())


class _Source:
    def __init__(self, network: Network) -> None:
        self.network = network
        self.tables: list[str] = []

    def lines(self) -> Iterator[str]:
        network = self.network
        setup, ops = self._ops("setup", network.setup), self._ops("ops", network.actions)
        inputs = self._ports("inputs", network.inputs, reading=True)
        outputs = self._ports("outputs", network.outputs, reading=False)
        yield '#include "network.h"\n'
        yield from self._kernels()
        yield from self.tables
        features = ", ".join([*(f'"{name}"' for name in network.features), "0"])
        yield f"static const char *const features[] = {{{features}}};"
        yield (
            f"const gossamer_network gossamer_this = {{{inputs}, {outputs}, {setup}, {ops}, {len(network.inputs)}, "
            f"{len(network.outputs)}, {len(network.setup)}, {len(network.actions)}, {network.arena_bytes}, "
            f"{network.scratch_bytes}, {network.params_bytes}, {network.threads}, features, "
            f"{_text(network.made_for)}}};"
        )
        yield ""

    def _kernels(self) -> Iterator[str]:
        """The declarations of all kernels that are called."""
        found = {a.kernel: len(a.buffers) for a in _launches(self.network.actions)}
        for name, count in found.items():
            yield f"void {self.network.tasks[name].symbol}(int32_t, int32_t, void *{', void *' * count});"

    def _ops(self, name: str, actions: Sequence[Action]) -> str:
        rows = [self._op(f"{name}_{i}", action) for i, action in enumerate(actions)]
        if not rows:
            return "0"
        self.tables.append(f"static const gossamer_op {name}[] = {{\n    " + ",\n    ".join(rows) + "};")
        return name

    def _op(self, name: str, action: Action) -> str:
        common = f".layer = {action.layer}, .name = {_text(_name(action))}"
        if isinstance(action, Launch):
            task = self.network.tasks[action.kernel]
            self._call(name, action)
            size = f".tasks = {task.tasks}, .serial = {int(task.serial)}"
            return f"{{.kind = GOSSAMER_KERNEL, {common}, .kernel = {name}, {size}}}"
        if isinstance(action, Loop):
            body = self._ops(f"{name}_body", action.body)
            size = f".length = {len(action.body)}, .steps = {action.steps}, .reverse = {int(action.reverse)}"
            return f"{{.kind = GOSSAMER_LOOP, {common}, .body = {body}, {size}}}"
        return self._fill(name, action, common) if isinstance(action, Fill) else self._copy(name, action, common)

    def _call(self, name: str, launch: Launch) -> None:
        symbol = self.network.tasks[launch.kernel].symbol
        places = [f"{self._space(i)} + {self.network.offsets[i]}" for i in launch.buffers]
        self.tables.append(
            f"static void {name}(int32_t b, int32_t e, void *s, char *arena, char *params) {{ "
            f"(void)arena; (void)params; {symbol}(b, e, s{''.join(', ' + p for p in places)}); }}"
        )

    def _fill(self, name: str, fill: Fill, common: str) -> str:
        storage, offset = self.network.buffers[fill.buffer].storage, self.network.offsets[fill.buffer]
        boxes = frame_boxes(storage.layout, fill.surplus)
        item, value = _item(storage.dtype), _bits(storage.layout.fill, storage.dtype)
        table = self._boxes(name, boxes, item, offset, offset)
        shared = f".tasks = {FILL_PARTS}, .serial = {int(_small(fill, storage))}"
        size = f"{shared}, .count = {len(boxes)}, .item = {item}, .value = {value}u"
        return f"{{.kind = GOSSAMER_FILL, {common}, .boxes = {table}, {size}}}"

    def _copy(self, name: str, copy: Copy, common: str) -> str:
        item = _item(self.network.buffers[copy.to].storage.dtype)
        offsets = self.network.offsets
        table = self._boxes(name, copy.boxes, item, offsets[copy.to], offsets[copy.source])
        size = f".count = {len(copy.boxes)}, .item = {item}, .to_step = {copy.to_step * item}"
        more = f".from_step = {copy.source_step * item}, .from_params = {self._held(copy.source)}"
        return f"{{.kind = GOSSAMER_COPY, {common}, .boxes = {table}, {size}, {more}}}"

    def _boxes(self, name: str, boxes: Sequence[Box], item: int, to: int, source: int) -> str:
        """The name of a table of boxes, in bytes."""
        if not boxes:
            return "0"
        rows: list[str] = []
        for i, box in enumerate(boxes):
            loops = ", ".join(f"{{{count}, {a * item}, {b * item}}}" for count, a, b in box.loops)
            self.tables.append(f"static const gossamer_dim {name}_d{i}[] = {{{loops}}};")
            start = f"{to + box.to * item}, {source + box.source * item}"
            rows.append(f"{{{start}, {name}_d{i}, {len(box.loops)}}}")
        self.tables.append(f"static const gossamer_box {name}_boxes[] = {{{', '.join(rows)}}};")
        return f"{name}_boxes"

    def _ports(self, name: str, ports: Sequence[Port], reading: bool) -> str:
        rows = [self._port(f"{name}_{i}", port, reading) for i, port in enumerate(ports)]
        if not rows:
            return "0"
        self.tables.append(f"static const gossamer_port {name}[] = {{\n    " + ",\n    ".join(rows) + "};")
        return name

    def _port(self, name: str, port: Port, reading: bool) -> str:
        """An input is copied from row-major memory to its buffer, an output the other way."""
        dtype, shape = self.network.buffers[port.buffer].storage.dtype, port.type.shape
        item, inside, offset = _item(dtype), View.of(port.layout), self.network.offsets[port.buffer]
        sides = (inside, View.dense(shape)) if reading else (View.dense(shape), inside)
        boxes = copy_boxes(*sides)
        table = self._boxes(name, boxes, item, *((offset, 0) if reading else (0, offset)))
        extents = ", ".join(map(str, shape)) or "0"
        self.tables.append(f"static const int64_t {name}_shape[] = {{{extents}}};")
        size = port.type.elements * item
        tensor = f'{{{_text(port.name)}, "{dtype}", {len(shape)}, {name}_shape, {size}}}'
        return f"{{{tensor}, {table}, {len(boxes)}, {item}, {self._held(port.buffer)}}}"

    def _held(self, buffer: int) -> int:
        return int(self.network.buffers[buffer].param)

    def _space(self, buffer: int) -> str:
        return "params" if self._held(buffer) else "arena"


def _launches(actions: Sequence[Action]) -> Iterator[Launch]:
    for action in actions:
        if isinstance(action, Loop):
            yield from _launches(action.body)
        elif isinstance(action, Launch):
            yield action


def _name(action: Action) -> str:
    return action.kernel if isinstance(action, Launch) else type(action).__name__.lower()


def _small(fill: Fill, storage: Storage) -> bool:
    """Whether a frame is not worth waking a thread for."""
    boxes = frame_boxes(storage.layout, fill.surplus)
    return sum(prod(count for count, _, _ in box.loops) for box in boxes) * _item(storage.dtype) < FILL_BYTES


def _item(dtype: str) -> int:
    return np.dtype(dtype).itemsize


def _bits(value: float, dtype: str) -> int:
    """The number as it lies in memory."""
    return int.from_bytes(np.asarray(value).astype(dtype).tobytes(), "little")


def _text(text: str) -> str:
    """A string literal of C: what is not plain is written in octal."""
    plain = (chr(c) if 32 <= c < 127 and chr(c) not in '"\\?' else f"\\{c:03o}" for c in text.encode())
    return f'"{"".join(plain)}"'
