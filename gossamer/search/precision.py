"""Bits of weights and of inputs, per layer or one pair for the whole network: choices, and what they do to layers."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gossamer.ir.errors import SearchError
from gossamer.search.choices import Choice, Choices, Genomes
from gossamer.search.costs.columns import KINDS, PLACE, Population
from gossamer.search.spaces.base import NetworkSpace, Slot
from gossamer.search.spaces.flow import Flow, Joined

BITS = (4, 6, 8)
LEAST_BITS, MOST_BITS = 1, 16
STORED_BITS = 8
"""Bits of a tensor between two layers that only a weightless layer reads: the default of the quantize pass."""
FLOAT_BITS = 32
WEIGHT_BITS, INPUT_BITS = "weight_bits", "input_bits"
MODEL = "model"


@dataclass(frozen=True)
class Precisions:
    """Bits of one weighted layer of one design."""

    weight_bits: int
    input_bits: int


@dataclass(frozen=True)
class Precision:
    """Bits of the weights (`bits`) and of the input (`activations`; None: the same) of every weighted layer, chosen
    `per` layer or once. An empty `bits` leaves everything in float. What has one value only is no choice.
    """

    slots: tuple[Slot, ...]
    bits: tuple[int, ...] = BITS
    activations: tuple[int, ...] | None = None
    per: Literal["layer", "model"] = "layer"

    def __post_init__(self) -> None:
        for bits in (*self.bits, *self.input_bits):
            if not LEAST_BITS <= bits <= MOST_BITS:
                raise SearchError(f"precision: {bits} bits; integers here have {LEAST_BITS} to {MOST_BITS}")
        if bool(self.bits) != bool(self.input_bits):
            raise SearchError("precision: weights and activations are quantised together or not at all; give both bits")

    @property
    def input_bits(self) -> tuple[int, ...]:
        return self.bits if self.activations is None else self.activations

    @cached_property
    def items(self) -> tuple[Choice, ...]:
        """Per weighted slot, under the slot's own conditions (which name choices of the architecture), or per model."""
        places = [(slot.name, slot.when) for slot in self.slots if slot.weighted]
        return tuple(
            Choice(f"{name}.{what}", values, when)
            for name, when in (places if self.per == "layer" else [(MODEL, ())])
            for what, values in ((WEIGHT_BITS, self.bits), (INPUT_BITS, self.input_bits))
            if len(values) > 1
        )

    def column(self, choices: Choices, genomes: Genomes, slot: str, what: str) -> NDArray[np.int64]:
        """int64 [P]: `weight_bits` or `input_bits` of a weighted slot."""
        values = self.bits if what == WEIGHT_BITS else self.input_bits
        if len(values) == 1:
            return np.full(len(genomes), values[0], np.int64)
        return choices.column(f"{slot if self.per == 'layer' else MODEL}.{what}", genomes)

    def clip(self, choices: Choices, genomes: Genomes, widest: NDArray[np.int64]) -> None:
        """Cut chosen bits [P, genes] to what multipliers of `widest` [P] bits take, or to the fewest there are."""
        for item in self.items:
            place = choices.places[item.name]
            values = np.array([int(value) for value in item.values])
            fits = values <= widest[:, None]
            widest_fitting = np.where(fits.any(1), np.where(fits, values, 0).argmax(1), values.argmin())
            chosen = genomes[:, place]
            genomes[:, place] = np.where(values[chosen] <= widest, chosen, widest_fitting)

    def apply(self, network: NetworkSpace, choices: Choices, genomes: Genomes, population: Population) -> None:
        """Write bits into the layers."""
        if not self.bits:
            population.active[:, [place for place, slot in enumerate(network.slots) if slot.cast]] = False
            return
        for place, slot in enumerate(network.slots):
            if slot.weighted:
                bits = self.column(choices, genomes, slot.name, WEIGHT_BITS)
                population.rows[:, place, PLACE["weight_bits"]] = bits
        if isinstance(network, Joined):
            for designs, flow in network.flows(choices, genomes):
                self._along(flow, choices, genomes[designs], population, designs)
        else:
            self._along_chain(choices, genomes, population)

    def _along(
        self, flow: Flow, choices: Choices, genomes: Genomes, population: Population, designs: NDArray[np.int64]
    ) -> None:
        active = population.active[designs]
        bits = [self._stored(readers, choices, genomes, active) for readers in flow.readers]
        tensors = np.array([*bits, np.full(len(genomes), FLOAT_BITS)], np.int64).T
        for name, joined in (("activation_bits", flow.reads), ("output_bits", flow.writes)):
            population.rows[designs[:, None], list(flow.slots), PLACE[name]] = tensors[:, list(joined)]

    def _stored(
        self, readers: Sequence[int], choices: Choices, genomes: Genomes, active: NDArray[np.bool_]
    ) -> NDArray[np.int64]:
        """Bits of a tensor: readers that a design does not have ask for none."""
        if not readers:
            return np.full(len(genomes), STORED_BITS, np.int64)
        asked = [self.column(choices, genomes, self.slots[place].name, INPUT_BITS) for place in readers]
        return np.max([np.where(active[:, place], bits, 0) for place, bits in zip(readers, asked)], axis=0)

    def _along_chain(self, choices: Choices, genomes: Genomes, population: Population) -> None:
        """A tensor is stored in the bits of the layer that reads it, in float if none does. What only moves numbers
        (a channel shuffle) passes them on as they are stored.
        """
        following = np.full(len(genomes), FLOAT_BITS, np.int64)
        for place in range(len(self.slots) - 1, -1, -1):
            slot, row = self.slots[place], population.rows[:, place]
            row[:, PLACE["output_bits"]] = following
            own = np.full(len(genomes), STORED_BITS, np.int64)
            if slot.weighted:
                own = self.column(choices, genomes, slot.name, INPUT_BITS)
                row[:, PLACE["activation_bits"]] = own  # a reduction, or the image's cast, computes in float
            elif not slot.cast:
                moves = row[:, 0] == KINDS.index("move")
                own = np.where(moves, following, own)
                reads = moves | (row[:, 0] == KINDS.index("eltwise"))
                row[:, PLACE["activation_bits"]] = np.where(reads, own, row[:, PLACE["activation_bits"]])
            following = np.where(population.active[:, place], own, following)
