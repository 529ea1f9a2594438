"""How tensors join the layers of ShuffleNetV2's units (see `flow`).

Splitting, joining and shuffling move numbers, so all of a stage's halves are one tensor to a quantiser: from the last
layers of the stage's first unit to the first layers of the next stage's.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from gossamer.search.spaces.base import Slot
from gossamer.search.spaces.blocks_shuffle import JOIN, PLAIN, XCEPTION
from gossamer.search.spaces.flow import FLOAT, Flow

BRANCHES = (tuple(part.name for part in PLAIN), tuple(part.name for part in XCEPTION))


@dataclass
class _Writer:
    """`readers`: per tensor; `reads`, `writes`: per slot that was seen."""

    places: dict[str, int]
    slots: list[int] = field(default_factory=list[int])
    reads: list[int] = field(default_factory=list[int])
    writes: list[int] = field(default_factory=list[int])
    readers: list[list[int]] = field(default_factory=list[list[int]])

    def tensor(self) -> int:
        self.readers.append([])
        return len(self.readers) - 1

    def layer(self, slot: str, reads: int, writes: int, weighted: bool = True) -> None:
        """Nothing, for a slot that the space does not have."""
        if slot not in self.places:
            return
        self.slots.append(self.places[slot])
        self.reads.append(reads)
        self.writes.append(writes)
        if weighted and reads != FLOAT:
            self.readers[reads].append(self.places[slot])

    def branch(self, unit: str, parts: Sequence[str], reads: int, writes: int) -> None:
        """Layers one after the other."""
        for part in parts[:-1]:
            between = self.tensor()
            self.layer(f"{unit}.{part}", reads, between)
            reads = between
        self.layer(f"{unit}.{parts[-1]}", reads, writes)

    def flow(self) -> Flow:
        readers = tuple(tuple(places) for places in self.readers)
        return Flow(tuple(self.slots), tuple(self.reads), tuple(self.writes), readers)


def shuffle_flow(slots: Sequence[Slot], units: Sequence[tuple[str, bool]]) -> Flow:
    """Of a network with these units: (name, whether it is the first of its stage). Layers that a design does not have
    are in it too; they ask for no bits.
    """
    writer = _Writer({slot.name: place for place, slot in enumerate(slots)})
    image, group = writer.tensor(), writer.tensor()
    writer.layer("image", FLOAT, image, weighted=False)
    writer.layer("stem", image, group)
    writer.layer("pool", group, group, weighted=False)
    for unit, first in units:
        after = writer.tensor() if first else group
        if first:
            writer.branch(unit, ("side_depthwise", "side_pointwise"), group, after)
        writer.layer(f"{unit}.split", group, group, weighted=False)
        for parts in BRANCHES:
            writer.branch(unit, parts, group, after)
        for part in JOIN:
            writer.layer(f"{unit}.{part.name}", after, after, weighted=False)
        group = after
    head, mean = writer.tensor(), writer.tensor()
    writer.layer("tail.head", group, head)
    writer.layer("tail.mean", FLOAT, mean, weighted=False)
    writer.layer("tail.classifier", mean, FLOAT)
    return writer.flow()
