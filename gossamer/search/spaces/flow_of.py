"""The flow of a network, read off its IR: what the quantize pass will store in integers, and who reads it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gossamer.ir.analysis import layers as layers_of
from gossamer.ir.graph import Graph, Module, Node
from gossamer.ir.layer import Layer
from gossamer.ir.ops.structure import Fused, Param
from gossamer.ir.types import Value
from gossamer.passes.pipeline import parse_pipeline, run_pipeline
from gossamer.passes.precision import LayerBits
from gossamer.passes.quantize_plan import Plan, Product, layers
from gossamer.passes.regions import meaning
from gossamer.search.costs.columns import Rows, to_rows
from gossamer.search.spaces.flow import FLOAT, Flow

IMAGE = "image"
"""Slot of the cast of the network's input, the first of all slots."""


@dataclass(frozen=True)
class Template:
    """Layers of one module in order, the cast of its input (IMAGE) first: labels, rows without bits, which are
    weighted, and how tensors join them. `sources`, `results`: names of the values whose extents are the layer's ic, ih,
    iw and oc, oh, ow.
    """

    labels: tuple[str, ...]
    rows: Rows
    weighted: tuple[bool, ...]
    sources: tuple[str, ...]
    results: tuple[str, ...]
    flow: Flow

    def placed(self, places: Mapping[str, int]) -> Flow:
        """The flow with slots as numbered by `places`."""
        slots = tuple(places[label] for label in self.labels)
        readers = tuple(tuple(slots[layer] for layer in readers) for readers in self.flow.readers)
        return Flow(slots, self.flow.reads, self.flow.writes, readers)


def template_of(module: Module) -> Template:
    """Of a float module of one input. A layer is called as its anchor, by its label or else its name.

    Fusion finds the same regions on integers: casts to them and back are pointwise.
    """
    flat = run_pipeline(module, _BEFORE)
    reader = _Reader(flat.graph)
    pairs = layers_of(run_pipeline(flat, _FUSE))
    image = flat.graph.inputs[0]
    nodes = [node for node, _ in pairs]
    return Template(
        (IMAGE, *(_anchor(node).title for node in nodes)),
        to_rows([_cast_layer(image), *(layer for _, layer in pairs)]),
        (False, *(_anchor(node).result in reader.products for node in nodes)),
        (image.name, *(reader.source(node).name for node in nodes)),
        (image.name, *(node.result.name for node in nodes)),
        reader.flow(nodes, image),
    )


_BEFORE = parse_pipeline("fold-constants,simplify,fold-bn,dce")
_FUSE = parse_pipeline("fuse")


def _anchor(node: Node) -> Node:
    return node.op.anchor if isinstance(node.op, Fused) else node


def _cast_layer(image: Value) -> Layer:
    _, c, h, w = image.shape
    return Layer("eltwise", image.shape[0], c, h, w, c, h, w)


class _Reader:
    """Asks the plan of the quantize pass, with bits that mean nothing, which values are stored."""

    def __init__(self, flat: Graph) -> None:
        self._flat = flat
        found = layers(flat)
        self.products = {node.result: node for node in found}
        self._params = {node.result for node in flat.nodes if isinstance(node.op, Param)}
        self._plan = Plan(flat, {value: LayerBits(8, 8) for value in self.products}, 8)
        roots = dict.fromkeys(self._plan.group_bits)
        self._numbers = {root: number for number, root in enumerate(roots)}

    def _moves(self, node: Node) -> bool:
        return self._plan.is_move(node) and self._plan.stored(node.result)

    def flow(self, nodes: Sequence[Node], image: Value) -> Flow:
        """Slots are places in `nodes`, after the cast of the image, which is 0."""
        readers: list[list[int]] = [[] for _ in self._numbers]
        reads, writes = [FLOAT], [self._tensor(image)]
        for place, node in enumerate(nodes, 1):
            reads.append(self._read(node))
            writes.append(self._tensor(node.result))
            if _anchor(node).result in self.products:
                readers[reads[-1]].append(place)
        slots = tuple(range(len(nodes) + 1))
        return Flow(slots, tuple(reads), tuple(writes), tuple(map(tuple, readers)))

    def source(self, node: Node) -> Value:
        """What a product reads; of any other the largest operand, of equals a stored one, the first."""
        anchor = _anchor(node)
        product = Product.of(anchor.op)
        if product is not None:
            return product.x
        reads = node.op.operands if meaning(anchor.op).pointwise else anchor.op.operands
        own = [value for value in dict.fromkeys(reads) if value not in self._params] or [node.result]
        return max(own, key=lambda value: (value.type.elements, self._plan.stored(value)))

    def _tensor(self, value: Value) -> int:
        return self._numbers[self._plan.root(value)] if self._plan.stored(value) else FLOAT

    def _read(self, node: Node) -> int:
        """A weightless layer reads its own operands as they are stored only if it is pointwise or moves them."""
        anchor = _anchor(node)
        if self._moves(anchor):
            return self._tensor(anchor.result)
        integer = anchor.result in self.products or meaning(anchor.op).pointwise
        return self._tensor(self.source(node)) if integer else FLOAT
