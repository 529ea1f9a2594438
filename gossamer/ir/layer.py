"""A layer's signature: all that a cost model may look at.

Two ways lead here - from an op in a module (`gossamer.ir.analysis.layers`) and straight from a genome in a search
space - and equal layers have equal signatures whichever way they came; that is what makes layer tables shareable.
Notation: n batch, ic/oc input/output channels, ih/iw/oh/ow input/output height and width, kh/kw kernel.
A gemm of M x K by K x N is (n=M, ic=K, oc=N, all spatial extents 1); B of them, each with weights of its own, are
(n=M, ic=B K, oc=B N, groups=B).
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

LayerKind: TypeAlias = Literal["conv", "gemm", "pool", "eltwise", "reduce", "move", "other"]


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer. `groups == ic == oc` is a depthwise convolution.

    eltwise: pointwise arithmetic left after fusion; move: data movement without arithmetic (concat, pad, ...);
    reduce: reductions other than pooling. For these kinds oc/oh/ow give the output extents and `operands` the
    number of activation tensors read.
    """

    kind: LayerKind
    n: int
    ic: int
    ih: int
    iw: int
    oc: int
    oh: int
    ow: int
    kh: int = 1
    kw: int = 1
    stride_h: int = 1
    stride_w: int = 1
    dilation_h: int = 1
    dilation_w: int = 1
    groups: int = 1
    weight_bits: int = 32
    activation_bits: int = 32
    output_bits: int = 32
    operands: int = 1

    @property
    def macs(self) -> int:
        """Multiply-accumulates; 0 for kinds without weights."""
        if self.kind not in ("conv", "gemm"):
            return 0
        return self.n * self.oc * self.oh * self.ow * (self.ic // self.groups) * self.kh * self.kw

    @property
    def weight_elements(self) -> int:
        return self.oc * (self.ic // self.groups) * self.kh * self.kw if self.kind in ("conv", "gemm") else 0

    @property
    def input_elements(self) -> int:
        """Elements of all activation operands."""
        return self.n * self.ic * self.ih * self.iw * self.operands

    @property
    def output_elements(self) -> int:
        return self.n * self.oc * self.oh * self.ow

    @property
    def depthwise(self) -> bool:
        return self.kind == "conv" and self.groups > 1 and self.groups == self.ic
