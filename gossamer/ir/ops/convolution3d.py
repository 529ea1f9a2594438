"""3-D convolution: volumes NCDHW, weights OIDHW, `pads` = (front, top, left, back, bottom, right)."""

from dataclasses import dataclass

from gossamer.ir.nest import Kernel
from gossamer.ir.op import Op
from gossamer.ir.ops.convolution import convolution, convolved
from gossamer.ir.types import TensorType, Value


@dataclass(frozen=True)
class Conv3d(Op, name="nn.conv3d"):
    """3-D convolution (cross-correlation) with groups; padding reads 0.

    out[n,oc,od,oh,ow] = bias[oc] + sum over ic,kd,kh,kw of
        x[n, g*ICG + ic, od*sd + kd*dd - front, oh*sh + kh*dh - top, ow*sw + kw*dw - left] * weight[oc,ic,kd,kh,kw]
    with ICG = channels of x / groups and g = oc / (OC / groups). x [N, ICG*groups, ID, IH, IW], weight
    [OC, ICG, KD, KH, KW], bias [OC], out [N, OC, OD, OH, OW], OD = (ID + front + back - (KD - 1)*dd - 1) / sd + 1.
    """

    x: Value
    weight: Value
    bias: Value | None = None
    strides: tuple[int, ...] = (1, 1, 1)
    pads: tuple[int, ...] = (0, 0, 0, 0, 0, 0)
    dilations: tuple[int, ...] = (1, 1, 1)
    groups: int = 1

    def infer(self) -> tuple[TensorType, ...]:
        return (convolved(self, 3),)

    def kernel(self) -> Kernel:
        return convolution(self, self.infer()[0])
