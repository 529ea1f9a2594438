"""Units of ShuffleNetV2 (Ma et al., ECCV 2018, Figure 3c, 3d) and their variants in SPOS (Guo et al., ECCV 2020).

    stride 1: half of x as it is | half of x -> main     both: concatenated, channels shuffled in two groups
    first:    x -> depthwise, 1x1 | x -> main
    main:     1x1, depthwise k x k, 1x1, or ("x") depthwise 3x3 and 1x1 three times
"""

from dataclasses import dataclass

from gossamer.ir.types import Value
from gossamer.search.spaces.blocks import BlockNetwork, Part, slot_name

SIDE = (Part("side_depthwise"), Part("side_pointwise"))
PLAIN = (Part("before"), Part("depthwise"), Part("after"))
XCEPTION = tuple(Part(f"{what}{number}") for number in (1, 2, 3) for what in ("depthwise", "pointwise"))
JOIN = (Part("concat", False), Part("shuffle", False))


@dataclass(frozen=True)
class ShuffleUnit:
    """kernel 0: the Xception-like main branch. first: of a stage; it takes all channels into both branches."""

    out: int
    kernel: int
    stride: int
    first: bool

    @property
    def parts(self) -> tuple[Part, ...]:
        start = SIDE if self.first else (Part("split", False),)
        return (*start, *(PLAIN if self.kernel else XCEPTION), *JOIN)

    def build(self, net: BlockNetwork, x: Value, name: str) -> Value:
        side, main = (x, x) if self.first else net.halves(x, slot_name(name, "split"))
        half = self.out // 2
        if self.first:
            side = net.depthwise(side, slot_name(name, "side_depthwise"), self.kernel or 3, self.stride)
            side = net.conv_norm(side, slot_name(name, "side_pointwise"), half, activation="relu")
        main = self._plain(net, main, name, half) if self.kernel else self._xception(net, main, name, half)
        joined = net.concat((side, main), slot_name(name, "concat"))
        return net.shuffle(joined, slot_name(name, "shuffle"), 2)

    def _plain(self, net: BlockNetwork, x: Value, name: str, half: int) -> Value:
        x = net.conv_norm(x, slot_name(name, "before"), half, activation="relu")
        x = net.depthwise(x, slot_name(name, "depthwise"), self.kernel, self.stride)
        return net.conv_norm(x, slot_name(name, "after"), half, activation="relu")

    def _xception(self, net: BlockNetwork, x: Value, name: str, half: int) -> Value:
        for number in (1, 2, 3):
            x = net.depthwise(x, slot_name(name, f"depthwise{number}"), 3, self.stride if number == 1 else 1)
            x = net.conv_norm(x, slot_name(name, f"pointwise{number}"), half, activation="relu")
        return x


@dataclass(frozen=True)
class MaxPool:
    """3x3, every second pixel."""

    @property
    def parts(self) -> tuple[Part, ...]:
        return (Part("", False),)

    def build(self, net: BlockNetwork, x: Value, name: str) -> Value:
        return net.max_pool(x, name)
