"""A search space: architecture x precision x hardware, a product of named choices.

    space = CoDesignSpace(architecture, Precision(architecture.slots), backend)
    genomes = space.choices.sample(100, rng)
    population = space.layers(genomes)            # what a cost model prices: no IR involved
    plan = space.plan(genome)   # what is trained, and lowered to IR

Invariant (tested): `space.layers` of a genome equals `gossamer.ir.analysis.layers` of the module it is lowered to.
"""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from gossamer.backends.base import Backend
from gossamer.ir.errors import HardwareError, SearchError
from gossamer.ir.graph import Module
from gossamer.ir.hardware import Hardware, Number
from gossamer.ir.layer import Layer
from gossamer.ir.schedule import Schedule
from gossamer.search.algorithms import Algorithms
from gossamer.search.choices import Choice, Choices, Genomes
from gossamer.search.costs.columns import Population, to_layers
from gossamer.search.precision import BITS, INPUT_BITS, WEIGHT_BITS, Precision, Precisions
from gossamer.search.spaces.base import Matrix, NetworkSpace, Plannable
from gossamer.search.spaces.plan import Plan


class CoDesignSpace:
    """The product. Gene order: architecture, precision, hardware."""

    def __init__(
        self,
        architecture: NetworkSpace,
        precision: Precision,
        backend: Backend | None,
        hardware: Choices | None = None,
        algorithms: Algorithms | None = None,
    ) -> None:
        """`backend`: None where published tables are all there is. `hardware`: what of the chip is free; by default
        everything that its description lets be searched.
        """
        self.architecture, self.precision, self.target = architecture, precision, backend
        self.algorithms = algorithms
        free = hardware_choices(backend.hardware) if backend else Choices(())
        self.hardware_choices = free if hardware is None else hardware
        network = (*architecture.choices.items, *precision.items, *(algorithms.items if algorithms else ()))
        self.choices = Choices((*network, *self.hardware_choices.items))
        self.network_genes = len(network)
        self._known_hardware: dict[bytes, Hardware | None] = {}

    @property
    def backend(self) -> Backend:
        """What designs are compiled for. SearchError in a search over tables alone."""
        if self.target is None:
            raise SearchError(f"space '{self.name}' is searched on tables alone: there is no target that has costs")
        return self.target

    def repair(self, genomes: Genomes) -> Genomes:
        """Canonical genomes. Bits are cut to what a chip's multipliers take, if its hardware has `pe_bits`."""
        found = self.choices.repair(genomes)
        own = len(self.architecture.choices)
        found[:, :own] = self.architecture.repair(found[:, :own])
        if "hardware.pe_bits" in self.choices.places:
            self.precision.clip(self.choices, found, self.choices.column("hardware.pe_bits", found))
        if self.algorithms:
            self.algorithms.repair(self.architecture, self.choices, found, self._quantised(found))
        return found

    def sample(self, count: int, rng: np.random.Generator) -> Genomes:
        """Canonical genomes drawn at random."""
        return self.repair(self.choices.sample(count, rng))

    @property
    def name(self) -> str:
        return self.architecture.name

    def features(self, genomes: Genomes) -> Matrix:
        """The network's own, then one number per value of every other choice."""
        own = len(self.architecture.choices)
        return np.concatenate(
            [self.architecture.features(genomes[:, :own]), self.choices.one_hot(genomes)[:, self._others]], 1
        )

    @property
    def groups(self) -> tuple[int, ...]:
        """The network's groups; bits and whatever else there is of the network; the hardware."""
        own = len(self.architecture.choices)
        sizes = self.choices.sizes
        rest = (int(sizes[own : self.network_genes].sum()), int(sizes[self.network_genes :].sum()))
        return (*self.architecture.groups, *(width for width in rest if width))

    @cached_property
    def _others(self) -> slice:
        return slice(int(self.architecture.choices.sizes.sum()), None)

    def sketch(self, genome: Genomes) -> Module:
        return self.architecture.sketch(genome[: len(self.architecture.choices)])

    def text(self, genome: Genomes) -> str:
        """The network's text, then `name=value` of bits and hardware."""
        own = len(self.architecture.choices)
        rest = {name: value for name, value in self.decode(genome).items() if self.choices.places[name] >= own}
        own_text = self.architecture.text(genome[:own])
        return " ".join(filter(None, [own_text, *(f"{name}={value}" for name, value in rest.items())]))

    def parse(self, text: str) -> Genomes:
        """Reads `text` back. SearchError: as the network's own text and `Choices.parse` say."""
        own = len(self.architecture.choices)
        others = {item.name for item in self.choices.items[own:]}
        words = text.split()
        network = self.architecture.parse(" ".join(word for word in words if word.partition("=")[0] not in others))
        values = {**self.architecture.choices.decode(network), **self._given(words, others)}
        genome = self.repair(self.choices.encode(values)[None])[0]
        missing = [name for name in self.decode(genome) if name not in values]
        if missing:
            raise SearchError(f"the text gives no value to {', '.join(missing)}")
        return genome

    def _given(self, words: Sequence[str], others: set[str]) -> dict[str, Number]:
        pairs = [word.partition("=") for word in words]
        return {name: self.choices.value(name, text) for name, _, text in pairs if name in others}

    def plan(self, genome: Genomes) -> Plan:
        """The steps of one design. SearchError where its family is no chain of steps."""
        if not isinstance(self.architecture, Plannable):
            raise SearchError(
                f"space '{self.name}' is no chain of steps, so a supernet cannot train it; use another estimator"
            )
        return self.architecture.plan(self.decode(genome))

    def layers(self, genomes: Genomes) -> Population:
        """Layers of [P, genes] repaired genomes; where algorithms are free, a last column of `rows` is their number."""
        found = self._quantised(genomes)
        if not self.algorithms:
            return found
        numbers = self.algorithms.numbers(self.architecture, self.choices, genomes)
        return Population(np.concatenate([found.rows, numbers[:, :, None]], axis=2), found.active)

    def _quantised(self, genomes: Genomes) -> Population:
        population = self.architecture.shapes(self.choices, genomes)
        self.precision.apply(self.architecture, self.choices, genomes, population)
        return population

    def schedules(self, genome: Genomes) -> dict[str, Schedule]:
        """Slot -> the algorithm chosen for it; the target chooses for the others."""
        if not self.algorithms:
            return {}
        numbers = self.algorithms.numbers(self.architecture, self.choices, genome[None])[0]
        pairs = zip(self.architecture.slots, self.algorithms.schedules(numbers.tolist()))
        return {slot.name: schedule for slot, schedule in pairs if schedule is not None}

    def layers_of(self, genome: Genomes) -> tuple[Layer, ...]:
        """Layers of one genome, as objects."""
        return to_layers(self.layers(genome[None]).flat()[0])

    def hardware(self, genome: Genomes) -> Hardware | None:
        """The hardware of one genome; None where its values exclude each other."""
        return self.chip(genome[self.network_genes :])

    def chip(self, genes: Genomes) -> Hardware | None:
        """The hardware of the hardware genes alone."""
        key = genes.tobytes()
        if key not in self._known_hardware:
            self._known_hardware[key] = self._build_hardware(genes)
        return self._known_hardware[key]

    def _build_hardware(self, genes: Genomes) -> Hardware | None:
        values = {name.removeprefix("hardware."): value for name, value in self.hardware_choices.decode(genes).items()}
        if self.target is None:
            return None
        try:
            return self.backend.hardware(**values)
        except HardwareError:
            return None

    def decode(self, genome: Genomes) -> dict[str, Number]:
        """Every active choice of one genome by name."""
        return self.choices.decode(genome)

    def network_values(self, genome: Genomes) -> dict[str, Number]:
        """The active choices of the network alone: architecture and bits."""
        return {name: value for name, value in self.decode(genome).items() if not name.startswith("hardware.")}

    def bits(self, genome: Genomes) -> dict[str, Precisions]:
        """Slot -> its bits, for the weighted slots that exist. Empty in a float space."""
        if not self.precision.bits:
            return {}
        here = self.architecture.shapes(self.choices, genome[None]).active[0]
        slots = [slot for slot, active in zip(self.architecture.slots, here) if slot.weighted and active]
        return {slot.name: self._precisions(genome[None], slot.name) for slot in slots}

    def _precisions(self, genomes: Genomes, slot: str) -> Precisions:
        columns = [self.precision.column(self.choices, genomes, slot, what) for what in (WEIGHT_BITS, INPUT_BITS)]
        return Precisions(int(columns[0][0]), int(columns[1][0]))

    def network_keys(self, genomes: Genomes) -> NDArray[np.int64]:
        """The genes that accuracy depends on."""
        return np.ascontiguousarray(genomes[:, : self.network_genes])

    def corners(self) -> Genomes:
        """A few designs at the edges of the space, so that a search starts knowing how far each axis reaches."""
        parts = np.split(self.choices.sizes, (len(self.architecture.choices), self.network_genes))
        ends = [(np.zeros_like(sizes), sizes // 2, sizes - 1) for sizes in parts]
        picks = [(a, p, h) for a in (0, 1, 2) for p in (0, 2) for h in (0, 1, 2)]
        rows = [np.concatenate([ends[part][pick] for part, pick in enumerate(picked)]) for picked in picks]
        return np.unique(self.repair(np.stack(rows)), axis=0)


def hardware_choices(hardware: type[Hardware]) -> Choices:
    """One choice per hardware parameter that may be searched; the others stay at their defaults."""
    return Choices(tuple(Choice(f"hardware.{info.name}", info.search) for info in hardware.parameters() if info.search))


def load_space(
    name: str, backend: Backend, input_shape: tuple[int, int, int], classes: int, bits: Sequence[int] = BITS
) -> CoDesignSpace:
    """The installed space `name` for these images and this target."""
    from gossamer.ir.registry import SPACES

    if min(input_shape[1:]) < 8:
        raise SearchError(
            f"images of {input_shape[1]}x{input_shape[2]} are too small for space '{name}': 8x8 is the least"
        )
    architecture: NetworkSpace = SPACES.load(name)(input_shape, classes)
    return CoDesignSpace(architecture, Precision(architecture.slots, tuple(bits)), backend)
