"""What all networks of the space `darts` share: which cells there are, their sizes, and the places for their layers."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from gossamer.search.choices import Condition
from gossamer.search.spaces.base import Slot
from gossamer.search.spaces.darts_cell import Kind
from gossamer.search.spaces.darts_text import CELLS, INPUTS, NODES, OPS

STEM_MULTIPLIER = 3
STRIDED_SKIP = tuple(op for op in OPS if "pool" not in op)
CONVOLUTIONS = tuple(op for op in OPS if "conv" in op)
SEPARABLE = tuple(op for op in OPS if op.startswith("sep"))


@dataclass(frozen=True)
class Position:
    """One cell. `before`, `last`: channels of its two inputs; `side`: height and width of the image of `last`."""

    name: str
    kind: Kind
    before: int
    last: int
    channels: int
    side: tuple[int, int]

    @property
    def after(self) -> tuple[int, int]:
        """Image of its output."""
        return (self.side[0] // 2, self.side[1] // 2) if self.kind.reduction else self.side

    @property
    def output(self) -> int:
        return NODES * self.channels


@dataclass(frozen=True)
class Frame:
    """`cells` of them, `width` channels in the first; reductions at a third and two thirds of the depth."""

    input_shape: tuple[int, int, int]
    classes: int
    cells: int
    width: int

    @property
    def stem(self) -> int:
        return STEM_MULTIPLIER * self.width

    @cached_property
    def positions(self) -> tuple[Position, ...]:
        return tuple(self._positions())

    def _positions(self) -> Iterator[Position]:
        before, last, channels = self.stem, self.stem, self.width
        _, height, width = self.input_shape
        halves = False
        for place in range(self.cells):
            reduction = place in (self.cells // 3, 2 * self.cells // 3)
            channels = 2 * channels if reduction else channels
            position = Position(f"cell{place + 1}", Kind(reduction, halves), before, last, channels, (height, width))
            yield position
            before, last, halves = last, position.output, reduction
            height, width = position.after

    @cached_property
    def slots(self) -> tuple[Slot, ...]:
        inner = [slot for position in self.positions for slot in _slots(position)]
        return (
            Slot("image", weighted=False, cast=True),
            Slot("stem"),
            *inner,
            Slot("mean", weighted=False),
            Slot("classifier"),
        )


def _slots(position: Position) -> Iterator[Slot]:
    name, cell = position.name, CELLS[position.kind.reduction]
    yield Slot(f"{name}.in0.a")
    if position.kind.halves:
        yield Slot(f"{name}.in0.moved", weighted=False)
        yield Slot(f"{name}.in0.b")
        yield Slot(f"{name}.in0.halves", weighted=False)
    yield Slot(f"{name}.in1.a")
    yield from (Slot(f"{name}.relu{node}", weighted=False) for node in range(INPUTS + NODES - 1))
    for node in range(INPUTS, INPUTS + NODES):
        for edge in (1, 2):
            yield from _edge_slots(f"{name}.node{node}.edge{edge}", f"{cell}.node{node}.op{edge}", position.kind)
        yield Slot(f"{name}.node{node}.add", weighted=False)
    yield from (Slot(f"{name}.{part}", weighted=False) for part in ("join", "relu"))


def _edge_slots(name: str, choice: str, kind: Kind) -> Iterator[Slot]:
    """a to d are convolutions: all four of a separable one, two of a dilated one or of a skip that halves."""
    pair = STRIDED_SKIP if kind.reduction else CONVOLUTIONS
    yield from (Slot(f"{name}.{part}", when=(Condition(choice, pair),)) for part in ("a", "b"))
    yield from (Slot(f"{name}.{part}", when=(Condition(choice, SEPARABLE),)) for part in ("c", "d"))
    yield from (Slot(f"{name}.{part}", weighted=False) for part in ("relu", "pool", "moved", "halves"))
