"""A network as a chain of places, each holding one block that a few choices pick.

    chain = Chain("net", (3, 32, 32), choices, (Place("stem", (), lambda of: ConvBlock(16, 3, 2)), ...))
    chain.shapes(choices, genomes)          # layers of a population, by look-up
    chain.module(genome, seed=0)            # the network

A family derives from `Chained` and `NetworkSpace` and gives its `chain`; the rest follows. A choice called
"resolution" is the side of the image; without one images have the input shape.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from graphlib import TopologicalSorter
from itertools import product

import numpy as np

from gossamer.ir.graph import Module
from gossamer.ir.hardware import Number
from gossamer.search.choices import Choices, Condition, Genomes
from gossamer.search.costs.columns import Population
from gossamer.search.spaces.base import Slot
from gossamer.search.spaces.blocks import Block, BlockNetwork, Part, slot_name
from gossamer.search.spaces.blocks_table import Ids, PlaceTable, Shapes

IMAGE = Slot("image", weighted=False, cast=True)
RESOLUTION = "resolution"


@dataclass(frozen=True)
class Place:
    """`block` gives what stands here for the values of the choices it `reads`; None: nothing, in this design."""

    name: str
    reads: tuple[str, ...]
    block: Callable[[Mapping[str, Number]], Block | None]


@dataclass(frozen=True)
class Chain:
    """Places in order of execution."""

    name: str
    input_shape: tuple[int, int, int]
    choices: Choices
    places: tuple[Place, ...]

    @cached_property
    def blocks(self) -> tuple[tuple[Block | None, ...], ...]:
        """For every place, the block of each combination of the values it reads, the last choice fastest."""
        return tuple(tuple(place.block(values) for values in self._combinations(place)) for place in self.places)

    @cached_property
    def slots(self) -> tuple[Slot, ...]:
        parts = [slot for place in range(len(self.places)) for slot in self._slots(place)]
        return (IMAGE, *parts)

    @cached_property
    def _parts(self) -> tuple[tuple[Part, ...], ...]:
        return tuple(_merged(blocks) for blocks in self.blocks)

    @cached_property
    def _shapes(self) -> Shapes:
        return Shapes()

    @cached_property
    def _tables(self) -> tuple[PlaceTable, ...]:
        return tuple(
            PlaceTable([part.name for part in parts], _distinct(blocks), self._shapes)
            for parts, blocks in zip(self._parts, self.blocks)
        )

    @cached_property
    def _block_ids(self) -> tuple[Ids, ...]:
        """For every place, combination -> number of its block."""
        found = [{block: number for number, block in enumerate(_distinct(blocks))} for blocks in self.blocks]
        return tuple(np.array([ids[block] for block in blocks]) for ids, blocks in zip(found, self.blocks))

    def shapes(self, choices: Choices, genomes: Genomes) -> Population:
        """See NetworkSpace: [P, slots] layers without bits."""
        found = Population.empty(len(genomes), len(self.slots))
        shape = self._entry(found, choices, genomes)
        columns = self._columns(choices, genomes)
        first = 1
        for place, ids, table in zip(self.places, self._block_ids, self._tables):
            entry = table.find(shape, ids[self._combination(place, columns, len(genomes))])
            last = first + table.rows.shape[1]
            found.rows[:, first:last], found.active[:, first:last] = table.rows[entry], table.active[entry]
            shape, first = table.out[entry], last
        return found

    def module(self, genome: Genomes, seed: int) -> Module:
        """The network of one repaired genome."""
        values = {item.name: item.values[int(gene)] for item, gene in zip(self.choices.items, genome)}
        net = BlockNetwork(self._image(int(values.get(RESOLUTION, 0))), seed)
        x = net.image
        for place in self.places:
            block = place.block(values)
            x = x if block is None else block.build(net, x, place.name)
        return net.finish(self.name, x)

    def _image(self, side: int) -> tuple[int, int, int]:
        return (self.input_shape[0], side, side) if side else self.input_shape

    def _entry(self, found: Population, choices: Choices, genomes: Genomes) -> Ids:
        """The image's cast, which only quantised networks have, and the number of the image's shape: [P]."""
        sides = choices.column(RESOLUTION, genomes) if RESOLUTION in self.choices.places else np.zeros(len(genomes))
        distinct, where = np.unique(sides.astype(np.int64), return_inverse=True)
        images = [self._image(int(side)) for side in distinct]
        c, h, w = np.array(images, np.int64).reshape(-1, 3)[where].T
        found.put(0, "eltwise", True, ic=c, ih=h, iw=w, oc=c, oh=h, ow=w)
        return np.array([self._shapes.id(image) for image in images], np.int64)[where]

    def _columns(self, choices: Choices, genomes: Genomes) -> dict[str, Ids]:
        """Choice -> the place of each design's value among this chain's own values; `choices` may hold fewer."""
        found: dict[str, Ids] = {}
        for item in self.choices.items:
            place = choices.places[item.name]
            given = choices.items[place].values
            genes = genomes[:, place]
            found[item.name] = genes if given == item.values else np.array([item.values.index(v) for v in given])[genes]
        return found

    def _combination(self, place: Place, columns: Mapping[str, Ids], count: int) -> Ids:
        key = np.zeros(count, np.int64)
        for name in place.reads:
            key = key * len(self.choices.items[self.choices.places[name]].values) + columns[name]
        return key

    def _combinations(self, place: Place) -> list[dict[str, Number]]:
        values = [self.choices.items[self.choices.places[name]].values for name in place.reads]
        return [dict(zip(place.reads, picked)) for picked in product(*values)]

    def _slots(self, place: int) -> list[Slot]:
        name, combinations = self.places[place].name, self._combinations(self.places[place])
        found: list[Slot] = []
        for part in self._parts[place]:
            there = [
                values
                for values, block in zip(combinations, self.blocks[place])
                if block is not None and part in block.parts
            ]
            found.append(Slot(slot_name(name, part.name), part.weighted, when=self._when(self.places[place], there)))
        return found

    def _when(self, place: Place, there: list[dict[str, Number]]) -> tuple[Condition, ...]:
        """The values of each choice with which a part can be there, for choices that can also rule it out."""
        found: list[Condition] = []
        for name in place.reads:
            every = self.choices.items[self.choices.places[name]].values
            seen = {values[name] for values in there}
            allowed = tuple(value for value in every if value in seen)
            if len(allowed) < len(every):
                found.append(Condition(name, allowed))
        return tuple(found)


class Chained(ABC):
    """The members of NetworkSpace that follow from a chain."""

    @property
    @abstractmethod
    def chain(self) -> Chain: ...

    @property
    def name(self) -> str:
        return self.chain.name

    @property
    def choices(self) -> Choices:
        return self.chain.choices

    @property
    def slots(self) -> tuple[Slot, ...]:
        return self.chain.slots

    def shapes(self, choices: Choices, genomes: Genomes) -> Population:
        return self.chain.shapes(choices, genomes)

    def module(self, genome: Genomes, seed: int = 0) -> Module:
        return self.chain.module(genome, seed)


def _distinct(blocks: tuple[Block | None, ...]) -> tuple[Block | None, ...]:
    return tuple(dict.fromkeys(blocks))


def _merged(blocks: tuple[Block | None, ...]) -> tuple[Part, ...]:
    """All parts of some blocks, in an order that agrees with each block's."""
    order = TopologicalSorter[Part]()
    for block in _distinct(blocks):
        before: tuple[Part, ...] = ()
        for part in () if block is None else block.parts:
            order.add(part, *before)
            before = (part,)
    return tuple(order.static_order())
