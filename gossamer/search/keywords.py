"""An experiment from plain words, as the Python interface and the command line take them."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from gossamer.ir.errors import SearchError
from gossamer.ir.registry import BACKENDS, EVALUATORS, SPACES
from gossamer.search.costs.evaluator import Cost
from gossamer.search.datasets.base import Dataset
from gossamer.search.estimators.shared_weights import Predicted, Supernet
from gossamer.search.evaluators import EvaluatorSettings
from gossamer.search.experiment import Experiment, images
from gossamer.search.objectives import parse_limits, parse_objectives
from gossamer.search.product import Bits, Product
from gossamer.search.spaces.base import NetworkSpace
from gossamer.search.strategies.base import load_method

if TYPE_CHECKING:
    from gossamer.search.estimators.train import Training

LEAST_SIDE = 8


def experiment_of(
    target: str,
    space: str,
    data: str,
    objectives: str | Iterable[str],
    limits: Iterable[str],
    budget: str | int | float,
    seed: int,
    strategy: str,
    estimator: str,
    population: int,
    designs: int,
    bits: Iterable[int],
    training: "Training | None",
) -> Experiment:
    """A family of networks in these bits on a target with all its hardware choices free. SearchError, DataError or
    RegistryError for what does not exist.
    """
    asked, bounds = parse_objectives(objectives), parse_limits(limits)
    BACKENDS.load(target)
    widths = tuple(bits)
    return Experiment(
        name=space,
        targets=(target,),
        space=network_space(space, images(data, seed)),
        product=Product(Bits(weights=widths, activations=widths) if widths else None, hardware={"search": True}),
        strategy=load_method(strategy, population),
        evaluators=(Cost(), _estimator(estimator, training)),
        objectives=tuple(item.label for item in asked),
        limits=tuple(limit.text for limit in bounds),
        budget=str(budget),
        seed=seed,
        designs=designs,
        data=data,
    )


def network_space(name: str, data: Dataset) -> NetworkSpace:
    """The installed family `name` for these images."""
    if min(data.input_shape[1:]) < LEAST_SIDE:
        height, width = data.input_shape[1:]
        raise SearchError(f"images of {height}x{width} are too small for space '{name}': 8x8 is the least")
    kind = SPACES.load(name)
    known = {item.name for item in fields(kind)}
    given = {"input_shape": data.input_shape, "classes": data.classes}
    return kind(**{word: value for word, value in given.items() if word in known})


def _estimator(name: str, training: "Training | None") -> EvaluatorSettings:
    """The installed evaluator; `training` where it is a supernet, or learns from one."""
    kind = EVALUATORS.load(name)
    if training is None or kind not in (Supernet, Predicted):
        return kind()
    shared = Supernet(
        training.steps, training.batch, training.learning_rate, training.weight_decay, training.shift
    )
    return shared if kind is Supernet else Predicted(truth=shared)


def recipe_changes(given: Mapping[str, Any], estimator: str | None) -> Iterator[str]:
    """Keywords as changes of a recipe, `name=value` with the value as JSON. SearchError for what a recipe has no
    single place for.
    """
    if estimator is not None:
        raise SearchError(
            f"estimator '{estimator}': a recipe has a list of evaluators; --set 'evaluators=[cost, {estimator}]'"
        )
    for name, value in given.items():
        if name == "objectives" and isinstance(value, str):
            value = [word.strip() for word in value.split(",")]
        listed = isinstance(value, Iterable) and not isinstance(value, str | Mapping)
        yield f"{name}={json.dumps(list(value) if listed else str(value))}"
