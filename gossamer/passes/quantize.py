"""Post-training quantisation: convolutions and gemms in integers, from float weights and observed activations."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from gossamer.ir.errors import PassError, nearest
from gossamer.ir.graph import Graph, Module, Node
from gossamer.ir.ops.structure import Fused
from gossamer.ir.types import TensorType, Value
from gossamer.passes.base import Pass
from gossamer.passes.calibrate import Calibration, Method, calibrate, load_inputs
from gossamer.passes.dce import live, pruned
from gossamer.passes.fuse import fused, inlined
from gossamer.passes.precision import LayerBits, activation_type
from gossamer.passes.quantize_plan import Plan, layers, obstacles
from gossamer.passes.quantize_rewrite import ACCUMULATOR, Writer


@dataclass(frozen=True)
class Quantize(Pass, name="quantize"):
    """Compute products in integers: weights signed and symmetric per output channel, activations unsigned with a zero
    point, biases in the accumulator's own scale.

        %1 = nn.conv2d %x, %w, %b          %x.q = quant.cast %x                      u8{scale, zero_point}
        %2 = nn.relu %1               ->   %1.acc = nn.conv2d %x.q, %w.q, %b.q       i32{scale per channel}
        %3 = nn.conv2d %2, ...             %1 = quant.cast %1.acc                    f32
                                           %2 = nn.relu %1
                                           %2.q = quant.cast %2                      u8, read by all who read %2

    Every tensor that a quantised layer reads, or that lies between two of them, is stored as integers once, for all
    its readers. Ranges come from `calibrated(...)`, or from running the reference on the inputs in the npz file
    `calibration`. A fused module is fused again, casts included.

    bits: of weights and activations, unless weight_bits or activation_bits say otherwise
    layers: exceptions by layer name, as in (conv1:w4a8, head:float); first, last: the same for the outermost layers
    method: how ranges follow from what was observed; see `Observed.range`

    Refuses to guess ranges, and unknown layer names. Leaves layers alone whose weights are not float parameters, and
    recurrent cells (`refusals` says which).
    """

    bits: int = 8
    weight_bits: int | None = None
    activation_bits: int | None = None
    layers: tuple[tuple[str, str], ...] = ()
    first: str = ""
    last: str = ""
    method: Method = "mse"
    percentile: float = 99.99
    calibration: str = ""
    ranges: Calibration | None = field(default=None, repr=False, metadata={"option": False})

    def __post_init__(self) -> None:
        self._default()
        for text in (*(text for _, text in self.layers), *filter(None, (self.first, self.last))):
            LayerBits.parse(text)
        if not 50 < self.percentile <= 100:
            raise PassError(f"quantize: percentile={self.percentile:g} needs to be over 50 and at most 100")

    def calibrated(self, ranges: "Calibration | Mapping[str, tuple[float, float]]") -> "Quantize":
        """The same pass with these ranges: observed ones, or (low, high) by value name."""
        known = ranges if isinstance(ranges, Calibration) else Calibration.of_ranges(ranges)
        return replace(self, ranges=known)

    def run(self, module: Module) -> Module:
        graph = inlined(module.graph)
        bits = self._bits(layers(graph))
        if not bits:
            return module
        plan = Plan(graph, bits, self._default().activation)
        writer = Writer(plan, module.params, self._types(plan, self._ranges(module)))
        quantised = live(writer.graph())
        final = fused(quantised) if _is_fused(module.graph) else quantised
        return pruned(module, final, module.params.updated(writer.made))

    def refusals(self, module: Module) -> dict[str, str]:
        """Title of every product that stays as it is -> why."""
        return obstacles(inlined(module.graph))

    def _default(self) -> LayerBits:
        weight, activation = self.weight_bits, self.activation_bits
        return LayerBits(self.bits if weight is None else weight, self.bits if activation is None else activation)

    def _bits(self, found: tuple[Node, ...]) -> dict[Value, LayerBits]:
        """Result of each layer that is still to be quantised -> its precision."""
        special = self._exceptions(found)
        todo = (node.result for node in found if node.op.operands[0].dtype.floating)
        chosen = {value: special.get(value, self._default()) for value in todo}
        return {value: bits for value, bits in chosen.items() if bits is not None}

    def _exceptions(self, found: tuple[Node, ...]) -> dict[Value, LayerBits | None]:
        special: dict[Value, LayerBits | None] = {}
        for text, node in ((self.first, found[:1]), (self.last, found[-1:])):
            if text:
                special.update((n.result, LayerBits.parse(text)) for n in node)
        for name, text in self.layers if found else ():
            called = [node.result for node in found if name in _names(node)]  # one module called twice is two layers
            if not called:
                raise PassError(f"quantize: no layer '{name}'{nearest(name, [node.title for node in found])}")
            special.update(dict.fromkeys(called, LayerBits.parse(text)))
        return special

    def _ranges(self, module: Module) -> Calibration:
        if self.ranges is not None:
            return self.ranges
        if not self.calibration:
            raise PassError(
                "quantize: needs to see what values the activations take; give calibration=inputs.npz "
                "(an array [N, ...] per input), or Quantize(...).calibrated(calibrate(module, inputs))"
            )
        return calibrate(module, load_inputs(self.calibration))

    def _types(self, plan: Plan, ranges: Calibration) -> dict[Value, TensorType]:
        """Root of each group -> the integer type that covers all its members."""
        found: dict[Value, TensorType] = {}
        for root, members in plan.members().items():
            bits = plan.group_bits[root]
            spans = [ranges.range(v, self.method, bits, self.percentile) for v in members]
            low, high = min(low for low, _ in spans), max(high for _, high in spans)
            found[root] = activation_type(low, high, bits, root.shape)
        return found


def _names(node: Node) -> tuple[str, ...]:
    """What a layer may be called: by its label or its result, of which the integer form is the accumulator."""
    return node.title, node.result.name, node.result.name.removesuffix(ACCUMULATOR)


def _is_fused(graph: Graph) -> bool:
    return any(isinstance(node.op, Fused) for node in graph.nodes)
