"""Residual blocks with several equal branches, as AnalogNAS's ResNet-like networks have them.

B branches that read one tensor and are added up are one branch of B times the width: the first convolutions side by
side, inner ones in B groups, the last one over all channels, which does the sum (Xie et al., CVPR 2017, Fig. 3). In
evaluation the two are the same network; there is one batch norm after the sum instead of one per branch.
"""

from dataclasses import dataclass
from functools import cache
from typing import Literal, TypeAlias

from gossamer.ir.ops.nn import Conv2d
from gossamer.ir.types import Value
from gossamer.search.spaces.blocks import BlockNetwork, Part, slot_name

Kind: TypeAlias = Literal["A", "B", "C", "D"]
"""A: bottleneck, 1x1 to a quarter, 3x3, 1x1. B: two 3x3. C and D: A and B with ReLU before batch norm."""
BOTTLENECK = 4


@dataclass(frozen=True)
class Residual:
    """relu(x + branches(x)) for A and B; x + branches(x) for C and D, whose branches end in ReLU and batch norm.

    Channels are multiplied by `widen`. Where that or the stride changes the shape, x passes a 1x1 convolution.
    """

    kind: Kind
    branches: int = 1
    widen: float = 1.0
    stride: int = 1

    @property
    def parts(self) -> tuple[Part, ...]:
        return _parts(self._bottleneck, self._late, self._skip)

    @property
    def _bottleneck(self) -> bool:
        return self.kind in ("A", "C")

    @property
    def _late(self) -> bool:
        """Whether batch norms come after the rectifiers."""
        return self.kind in ("C", "D")

    @property
    def _skip(self) -> bool:
        return self.widen != 1 or self.stride != 1

    def build(self, net: BlockNetwork, x: Value, name: str) -> Value:
        out = max(1, round(x.shape[1] * self.widen))
        inner = self.branches * (max(1, out // BOTTLENECK) if self._bottleneck else out)
        y = x
        if self._bottleneck:
            y = self._unit(net, y, name, 1, inner)
            y = self._unit(net, y, name, 2, inner, 3, self.stride, self.branches)
            y = self._unit(net, y, name, 3, out, last=True)
        else:
            y = self._unit(net, y, name, 1, inner, 3, self.stride)
            y = self._unit(net, y, name, 2, out, 3, last=True)
        if self._skip:
            x = net.conv_norm(x, slot_name(name, "skip"), out, 1, self.stride)
        y = net.plus(y, x, slot_name(name, "add"))
        return y if self._late else net.relu(y, slot_name(name, "relu"))

    def _unit(
        self,
        net: BlockNetwork,
        x: Value,
        name: str,
        number: int,
        oc: int,
        kernel: int = 1,
        stride: int = 1,
        groups: int = 1,
        last: bool = False,
    ) -> Value:
        slot, norm = slot_name(name, f"conv{number}"), slot_name(name, f"norm{number}")
        y = net.conv(x, slot, oc, kernel, stride, groups)
        if self._late:
            return net.batch_norm(net.relu(y, f"{slot}.relu"), norm)
        y = net.batch_norm(y, norm)
        return y if last else net.relu(y, f"{slot}.relu")


@cache
def _parts(bottleneck: bool, late: bool, skip: bool) -> tuple[Part, ...]:
    found: list[Part] = []
    for number in range(1, 4 if bottleneck else 3):
        found += [Part(f"conv{number}")] + ([Part(f"norm{number}", False)] if late else [])
    return (*found, *((Part("skip"),) if skip else ()), *((Part("add", False),) if late else ()))


@dataclass(frozen=True)
class AnyStem:
    """Convolution of any kernel that keeps the size, batch norm, ReLU; an even kernel sees one pixel more below."""

    out: int
    kernel: int

    @property
    def parts(self) -> tuple[Part, ...]:
        return (Part(""),)

    def build(self, net: BlockNetwork, x: Value, name: str) -> Value:
        before, after = (self.kernel - 1) // 2, self.kernel // 2
        weight = net._normal(f"{name}.weight", (self.out, x.shape[1], self.kernel, self.kernel))
        y = net.add(Conv2d(x, weight, None, (1, 1), (before, before, after, after)), name)
        return net.relu(net.batch_norm(y, f"{name}.bn"), f"{name}.relu")


@dataclass(frozen=True)
class MeanTail:
    """Mean over the image, classifier."""

    classes: int

    @property
    def parts(self) -> tuple[Part, ...]:
        return (Part("mean", False), Part("classifier"))

    def build(self, net: BlockNetwork, x: Value, name: str) -> Value:
        return net.linear(net.mean(x, slot_name(name, "mean")), slot_name(name, "classifier"), self.classes)
