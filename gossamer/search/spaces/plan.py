"""A network as a short list of steps: what the supernet computes and what is lowered to IR read the same list.

A step reads the output of the step before it. Output tensors are quantised once, in the bits of the layer that reads
them next, and an addition reads that same quantised tensor.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

StepKind: TypeAlias = Literal["conv", "mean", "gemm"]


@dataclass(frozen=True, slots=True)
class Step:
    """One layer of a network.

    conv: square `kernel`, padded by kernel // 2, folded batch norm, then `+ output of the step called adds`, then relu.
    mean: over the image. gemm: the classifier. `groups` is 1 or (depthwise) equal to ic and oc.
    """

    slot: str
    kind: StepKind
    ic: int
    oc: int
    kernel: int = 1
    stride: int = 1
    groups: int = 1
    relu: bool = False
    adds: str = ""

    @property
    def weighted(self) -> bool:
        return self.kind != "mean"

    @property
    def weight_shape(self) -> tuple[int, ...]:
        """OIHW of a convolution, [N,K] of the classifier."""
        inner = self.ic // self.groups
        return (self.oc, inner, self.kernel, self.kernel) if self.kind == "conv" else (self.oc, inner)


Plan: TypeAlias = tuple[Step, ...]
