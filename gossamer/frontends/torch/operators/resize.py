"""Interpolation: `upsample_*` in the words of ONNX's Resize, which the IR's op follows."""

from gossamer.frontends.problems import Unsupported
from gossamer.frontends.torch.call import Call
from gossamer.frontends.torch.table import Result, operator
from gossamer.ir.op import Op
from gossamer.ir.ops import Resize
from gossamer.ir.types import Value

_NEAREST = [f"{prefix}{n}d" for prefix in ("upsample_nearest", "_upsample_nearest_exact") for n in (1, 2, 3)]
_SMOOTH = (
    "upsample_linear1d", "upsample_bilinear2d", "upsample_trilinear3d", "upsample_bicubic2d",
    "_upsample_bilinear2d_aa", "_upsample_bicubic2d_aa",
)  # fmt: skip


@operator(*_NEAREST)
def nearest(call: Call) -> Result:
    """torch's "nearest" takes floor(o * scale), its "nearest-exact" the element whose middle is nearest."""
    x, scales = call.value("input" if "input" in call else "self"), _scales(call)
    if "exact" in call.operator:
        return call.emit(Resize(x, call.shape, "nearest", "half_pixel", scales, "round_prefer_ceil"))
    return call.emit(Resize(x, call.shape, "nearest", "asymmetric", scales, "floor"))


@operator(*_SMOOTH)
def smooth(call: Call) -> Result:
    x = call.value("input" if "input" in call else "self")
    return call.emit(_smooth(call, x))


def _smooth(call: Call, x: Value) -> Op:
    mode = "cubic" if "cubic" in call.operator else "linear"
    antialias, corners = call.operator.endswith("_aa"), bool(call["align_corners"])
    if antialias and corners:
        raise Unsupported("it has both antialias and align_corners")
    coordinates = "align_corners" if corners else "half_pixel"
    scales = () if corners else _scales(call)
    # With antialias torch does as Pillow: a sharper cubic, and weights beyond the border are dropped.
    cubic = -0.5 if antialias else -0.75
    return Resize(
        x, call.shape, mode, coordinates, scales, cubic_a=cubic, exclude_outside=antialias, antialias=antialias
    )


def _scales(call: Call) -> tuple[float, ...]:
    """Out over in per axis, where the user gave a factor; () where the sizes say it."""
    if "scale_factors" in call:
        given = call["scale_factors"]
    else:
        names = [n for n in ("scales", "scales_d", "scales_h", "scales_w") if n in call]
        given = [call[n] for n in names]
    if not given or None in given:
        return ()
    return (*(1.0,) * (len(call.shape) - len(given)), *(float(s) for s in given))
