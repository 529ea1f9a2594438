"""Networks of the space `fixed`: read once a process, folded, every layer with a name of its own."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from inspect import signature
from itertools import chain, count

from gossamer.frontends.zoo.catalogue import NAMES, SIZE, entry
from gossamer.frontends.zoo.catalogue import input_shape as published_shape
from gossamer.ir.errors import SearchError
from gossamer.ir.graph import Graph, Module, Node
from gossamer.ir.ops.structure import Param
from gossamer.ir.types import Value
from gossamer.passes.pipeline import parse_pipeline, run_pipeline
from gossamer.search.costs.columns import KINDS, PLACE
from gossamer.search.spaces.base import Slot
from gossamer.search.spaces.channels import Channels
from gossamer.search.spaces.flow_of import IMAGE, Template, template_of

OWN = (0, 0, 0)
"""An input shape that says: the network's own."""


@dataclass(frozen=True)
class Network:
    """A network as it was read: folded, every layer labelled with a name of its own."""

    module: Module

    @cached_property
    def image(self) -> tuple[int, int, int]:
        _, channels, height, width = self.module.graph.inputs[0].shape
        return channels, height, width

    @property
    def classes(self) -> int:
        return self.module.graph.outputs[0].shape[-1]

    @cached_property
    def channels(self) -> Channels:
        return Channels(self.module.graph)

    @cached_property
    def template(self) -> Template:
        return template_of(self.module)

    @cached_property
    def widths(self) -> dict[str, int]:
        """Group -> its channels."""
        return {group: nodes[0].result.shape[1] for group, nodes in self.channels.makers.items()}

    @cached_property
    def slots(self) -> tuple[Slot, ...]:
        every = zip(self.template.labels, self.template.weighted)
        return tuple(Slot(label, weighted, label == IMAGE) for label, weighted in every)

    @cached_property
    def wide(self) -> dict[str, dict[str, list[int]]]:
        """Group -> field of Layer -> layers in which it is the group's width."""
        found = {group: {"ic": [], "oc": [], "groups": []} for group in self.channels.prunable}
        values = {value.name: value for node in self.module.graph.nodes for value in node.results}
        for place, (row, source, result) in enumerate(
            zip(self.template.rows, self.template.sources, self.template.results)
        ):
            before, after = (self._group(values, name) for name in (source, result))
            if before is not None:
                found[before]["ic"].append(place)
                if row[0] == KINDS.index("conv") and row[PLACE["groups"]] > 1:
                    found[before]["groups"].append(place)
            if after is not None:
                found[after]["oc"].append(place)
        return found

    def _group(self, values: Mapping[str, Value], name: str) -> str | None:
        return self.channels.of(values[name]) if name in values else None


@lru_cache(maxsize=8)
def read_network(model: str, input_shape: tuple[int, int, int], classes: int) -> Network:
    """SearchError: more than one input or output, or an input that is no image; FrontendError: what cannot be read."""
    module = run_pipeline(_load(model, input_shape, classes), _FOLD)
    inputs, outputs = module.graph.inputs, module.graph.outputs
    if len(inputs) != 1 or inputs[0].type.rank != 4 or inputs[0].shape[0] != 1:
        shapes = ", ".join(f"{value.name} {times(value.shape)}" for value in inputs)
        raise SearchError(f"space 'fixed': {model} reads {shapes}; needed one image, 1 x channels x height x width")
    if len(outputs) != 1:
        raise SearchError(f"space 'fixed': {model} has {len(outputs)} outputs; needed one")
    return Network(replace(module, graph=_labelled(module.graph)))


_FOLD = parse_pipeline("fold-constants,simplify,fold-bn,dce")


def sized(model: str, input_shape: tuple[int, int, int], classes: int) -> tuple[str, tuple[int, int, int], int]:
    """The arguments of `read_network` with nothing left open for a network of the zoo; for a file all is left open."""
    if model not in NAMES:
        return model, OWN, 0
    published = entry(model)
    shape = published_shape(model)[1:] if input_shape == OWN or SIZE not in published.shape else input_shape
    channels, height, width = shape if len(shape) == 3 else OWN
    return model, (published.shape[0], height, width) if channels else OWN, classes or published.classes


def _load(model: str, input_shape: tuple[int, int, int], classes: int) -> Module:
    from gossamer.frontends.load import load

    if model not in NAMES:
        return load(model)
    from gossamer.frontends.zoo import build

    network = build(model, classes=classes)
    shape = (1, *input_shape) if input_shape != OWN else published_shape(model)
    return load(network, {next(iter(signature(network.forward).parameters)): shape})


def _labelled(graph: Graph) -> Graph:
    """Every statement that is no parameter gets a label that no other has: the one it had, or its result's name."""
    taken: set[str] = {IMAGE}
    nodes = (node if isinstance(node.op, Param) else _named(node, taken) for node in graph.nodes)
    return replace(graph, nodes=tuple(nodes))


def _named(node: Node, taken: set[str]) -> Node:
    """A label without what separates words and values in the text of a genome."""
    plain = node.title.replace(" ", "_").replace("=", "_")
    numbered = (f"{plain}_{serial}" for serial in count(2))
    title = next(name for name in chain([plain], numbered) if name not in taken)
    taken.add(title)
    return replace(node, label=title)


def times(shape: tuple[int, ...]) -> str:
    """A shape as users write it."""
    return "x".join(map(str, shape))
