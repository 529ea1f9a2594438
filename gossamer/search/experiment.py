"""An experiment: what is searched, how, and by which yardstick - every part as the dataclass of its options.

    experiment = load_recipe("young", target="systolic")
    experiment = Experiment("mine", ("systolic",), MobileNet((1, 8, 8), 10), Product(), Nsga2(), (Cost(), Supernet()),
                            ("accuracy", "latency"), data="digits")

Recipes, the keyword interface and the command line all make one; `gossamer.search.engine.run` carries it out. Two
experiments with equal `settings` are the same search: its folder may be gone on with.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

from gossamer.ir.errors import SearchError
from gossamer.ir.registry import BACKENDS
from gossamer.search.budget import Budget
from gossamer.search.evaluators import EvaluatorSettings
from gossamer.search.spaces.base import NetworkSpace
from gossamer.search.strategies.base import Method

if TYPE_CHECKING:
    from gossamer.backends.base import Backend
    from gossamer.search.datasets.base import Dataset
    from gossamer.search.executors.base import Executor
    from gossamer.search.space import CoDesignSpace

DEFAULT_BUDGET = "5m"
DEFAULT_DESIGNS = 12

Goal = str | Mapping[str, Any]
"""An objective as `gossamer.search.objectives.resolve` reads it."""


class ProductOptions(Protocol):
    """What is free besides the network: bits, algorithms, hardware."""

    def build(self, network: NetworkSpace, backend: "Backend | None") -> "CoDesignSpace": ...


@dataclass(frozen=True)
class Experiment:
    """`targets`: installed backends, or devices of published tables; the first backend is the one that is compiled
    for. `reference`: per objective the value, with its unit, beyond which a design is of no interest. `data`: images
    to train on, "" for none. `executor`: where candidates are evaluated; None: as the evaluators need. `origin`:
    recipe and version, for the record.
    """

    name: str
    targets: tuple[str, ...]
    space: NetworkSpace
    product: ProductOptions
    strategy: Method
    evaluators: tuple[EvaluatorSettings, ...]
    objectives: tuple[Goal, ...]
    limits: tuple[str, ...] = ()
    reference: Mapping[str, str] = field(default_factory=dict[str, str])
    budget: str = DEFAULT_BUDGET
    seed: int = 0
    designs: int = DEFAULT_DESIGNS
    data: str = ""
    executor: "Executor | None" = None

    def __post_init__(self) -> None:
        if not self.targets:
            raise SearchError(f"{self.name}: needs a target")
        if not self.evaluators:
            raise SearchError(f"{self.name}: needs an evaluator, such as cost or table")
        if not self.objectives:
            raise SearchError(f"{self.name}: a search needs at least one objective")
        if self.designs < 1:
            raise SearchError(f"{self.name}: designs = {self.designs} must be at least 1")
        if self.seed < 0:
            raise SearchError(f"{self.name}: seed = {self.seed} must be at least 0")
        Budget.parse(self.budget)

    @property
    def target(self) -> str:
        """The targets as one text."""
        return ",".join(self.targets)

    def backend(self) -> "Backend | None":
        """The first target that is an installed backend: what designs are compiled for."""
        installed = BACKENDS.names()
        return next((BACKENDS.load(name) for name in self.targets if name in installed), None)

    def images(self) -> "Dataset | None":
        """The images, split by seed; None in a search without any."""
        return images(self.data, self.seed) if self.data else None

    @property
    def settings(self) -> dict[str, str]:
        """What makes two searches the same one. A longer budget, another executor and more designs do not."""
        found = {
            "experiment": self.name,
            "target": self.target,
            "space": self.space.name,
            "options of the space": str(self.space),
            "product": str(self.product),
            "strategy": str(self.strategy),
            "evaluators": _listed(self.evaluators),
            "objectives": ",".join(map(str, self.objectives)),
            "limits": ", ".join(self.limits) or "none",
            "reference": _listed([f"{name} {value}" for name, value in self.reference.items()]),
            "seed": str(self.seed),
            "data": self.data.partition(":")[0] or "none",
        }
        return found | ({"data fingerprint": images(self.data, self.seed).fingerprint} if self.data else {})


def _listed(values: Iterable[Any]) -> str:
    return ", ".join(map(str, values)) or "none"


@lru_cache(maxsize=2)
def images(name: str, seed: int) -> "Dataset":
    """`load_data`, remembered: MNIST takes seconds to read."""
    from gossamer.search.datasets.base import load_data

    return load_data(name, seed)
