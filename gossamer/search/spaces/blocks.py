"""What chains of blocks are made of: a block is a frozen dataclass that appends its layers to a network.

    block = MBConv(hidden=96, out=24, kernel=3, stride=2)
    net = BlockNetwork((16, 112, 112))
    y = block.build(net, net.image, "stage1.block1")        # labels: stage1.block1.expand, ...depthwise, ...project

`parts` says which layers it makes, in order of execution, whatever comes in; part "" is called like the block itself.
"""

from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from gossamer.ir.op import Op
from gossamer.ir.ops.activations import Clip, HardSigmoid, HardSwish, Relu, Sigmoid, Silu
from gossamer.ir.ops.math import Mul
from gossamer.ir.ops.nn import ChannelShuffle, Conv2d, Gemm
from gossamer.ir.ops.pooling import MaxPool2d
from gossamer.ir.ops.reductions import ReduceMean
from gossamer.ir.ops.tensor import Concat, Split
from gossamer.ir.types import Value
from gossamer.search.spaces.drawn import DrawnNetwork

Activation: TypeAlias = Literal["relu", "relu6", "hard_swish", "silu", "none"]
Gate: TypeAlias = Literal["sigmoid", "hard_sigmoid"]


@dataclass(frozen=True)
class Part:
    """One layer of a block."""

    name: str
    weighted: bool = True


class Block(Protocol):
    """A frozen, hashable description of some layers."""

    @property
    def parts(self) -> tuple[Part, ...]: ...

    def build(self, net: "BlockNetwork", x: Value, name: str) -> Value:
        """Append the layers of a block called `name` that reads x [1,C,H,W]."""
        ...


def slot_name(block: str, part: str) -> str:
    """What a layer is called."""
    return f"{block}.{part}" if part else block


class BlockNetwork(DrawnNetwork):
    """A drawn network with the layers that mobile networks have."""

    def conv_norm(
        self,
        x: Value,
        slot: str,
        oc: int,
        kernel: int = 1,
        stride: int = 1,
        groups: int = 1,
        activation: Activation = "none",
    ) -> Value:
        """Convolution, batch norm, activation."""
        y = self.batch_norm(self.conv(x, slot, oc, kernel, stride, groups), f"{slot}.bn")
        return self.activate(y, f"{slot}.act", activation)

    def depthwise(self, x: Value, slot: str, kernel: int, stride: int, activation: Activation = "none") -> Value:
        return self.conv_norm(x, slot, x.shape[1], kernel, stride, x.shape[1], activation)

    def activate(self, x: Value, slot: str, activation: Activation) -> Value:
        return x if activation == "none" else self.add(_activation(x, activation), slot)

    def biased(self, x: Value, slot: str, oc: int, bias: bool = True) -> Value:
        """A 1x1 convolution with a bias and no batch norm."""
        weight = self._normal(f"{slot}.weight", (oc, x.shape[1], 1, 1))
        return self.add(Conv2d(x, weight, self._constant(f"{slot}.bias", (oc,), 0.0) if bias else None), slot)

    def squeeze_excite(self, x: Value, name: str, width: int, activation: Activation, gate: Gate) -> Value:
        """x * gate(W2 act(W1 mean(x))), Hu et al. 2018, with `width` channels in between."""
        mean = self.add(ReduceMean(x, (2, 3), True), slot_name(name, "squeeze"))
        reduced = self.biased(mean, slot_name(name, "reduce"), width)
        reduced = self.activate(reduced, slot_name(name, "reduce.act"), activation)
        excited = self.biased(reduced, slot_name(name, "excite"), x.shape[1])
        gated = self.add(_gate(excited, gate), slot_name(name, "gate"))
        return self.add(Mul(x, gated), slot_name(name, "scale"))

    def dense(self, x: Value, slot: str, oc: int) -> Value:
        """x [1,C] times a matrix, without bias."""
        return self.add(Gemm(x, self._normal(f"{slot}.weight", (oc, x.shape[1])), None, True), slot)

    def shuffle(self, x: Value, slot: str, groups: int) -> Value:
        return self.add(ChannelShuffle(x, groups), slot)

    def halves(self, x: Value, slot: str) -> tuple[Value, Value]:
        """The first and the second half of the channels."""
        half = x.shape[1] // 2
        names = (slot, f"{slot}.second")
        first, second = self._builder.add_all(Split(x, (half, x.shape[1] - half), 1), names, label=slot)
        return first, second

    def concat(self, inputs: tuple[Value, ...], slot: str) -> Value:
        """Along the channels."""
        return self.add(Concat(inputs, 1), slot)

    def max_pool(self, x: Value, slot: str) -> Value:
        """3x3, every second pixel."""
        return self.add(MaxPool2d(x, (3, 3), (2, 2), (1, 1, 1, 1)), slot)


SQUEEZE_EXCITE = (Part("squeeze", False), Part("reduce"), Part("excite"), Part("scale", False))
"""The parts of `squeeze_excite`."""


def _activation(x: Value, activation: Activation) -> Op:
    match activation:
        case "relu":
            return Relu(x)
        case "relu6":
            return Clip(x, 0.0, 6.0)
        case "hard_swish":
            return HardSwish(x)
        case _:
            return Silu(x)


def _gate(x: Value, gate: Gate) -> Op:
    return Sigmoid(x) if gate == "sigmoid" else HardSigmoid(x)


def divisible(channels: float, by: int = 8) -> int:
    """The multiple of `by` nearest to a number of channels, at least `by` and at least 90 % of it (MobileNetV2)."""
    rounded = max(by, int(channels + by / 2) // by * by)
    return rounded + by if rounded < 0.9 * channels else rounded


def kept_strides(side: int, strides: tuple[int, ...], least: int = 4) -> tuple[int, ...]:
    """Strides for an image of this side: the first ones become 1 as long as fewer than `least` pixels would be left.

    224 keeps all five halvings of the published networks; 32 keeps three, as HW-NAS-Bench does for CIFAR.
    """
    halvings = sum(1 for stride in strides if stride > 1)
    most = max(0, (side // least).bit_length() - 1)
    found = list(strides)
    for place in [place for place, stride in enumerate(strides) if stride > 1][: max(0, halvings - most)]:
        found[place] = 1
    return tuple(found)
