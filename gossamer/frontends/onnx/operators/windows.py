"""The sliding window that convolutions and pools share: which attributes say what, and the padding they mean."""

from dataclasses import dataclass
from typing import TypeAlias

from gossamer.frontends.onnx.call import Call
from gossamer.frontends.problems import Unsupported
from gossamer.ir.errors import FrontendError
from gossamer.ir.types import Value

Pair: TypeAlias = tuple[int, int]


@dataclass(frozen=True)
class Window:
    """Two of everything: rows, columns. `pads` = (top, left, bottom, right)."""

    kernel: Pair
    strides: Pair
    dilations: Pair
    pads: tuple[int, int, int, int]


def window_of(call: Call, x: Value, kernel: tuple[int, ...]) -> Window:
    """The window of `kernel` over `x` [N, C, H, W]. Unsupported when there is another number of spatial axes."""
    if x.type.rank != 4:
        raise Unsupported(f"it works on {x.type.rank - 2} spatial axes and only 2 are supported")
    rows_columns = _pair(call, "kernel", kernel)
    strides = _pair(call, "strides", call.attr_ints("strides", (1, 1)))
    dilations = _pair(call, "dilations", call.attr_ints("dilations", (1, 1)))
    window = Window(rows_columns, strides, dilations, (0, 0, 0, 0))
    return Window(rows_columns, strides, dilations, _pads(call, x, window))


def _pads(call: Call, x: Value, window: Window) -> tuple[int, int, int, int]:
    mode = call.attr_text("auto_pad", "NOTSET")
    if mode == "VALID":
        return (0, 0, 0, 0)
    if mode in ("SAME_UPPER", "SAME_LOWER"):
        rows, columns = (_same(mode, x.shape[2 + side], window, side) for side in (0, 1))
        return (rows[0], columns[0], rows[1], columns[1])
    if mode != "NOTSET":
        raise FrontendError(f"its auto_pad '{mode}' is malformed")
    pads = call.attr_ints("pads", (0, 0, 0, 0))
    if len(pads) != 4:
        raise FrontendError(f"its pads {list(pads)} are malformed: 4 numbers are needed")
    return (pads[0], pads[1], pads[2], pads[3])


def _same(mode: str, extent: int, window: Window, side: int) -> Pair:
    """Padding (before, after) with which the output has ceil(extent / stride) positions."""
    stride = window.strides[side]
    reach = (window.kernel[side] - 1) * window.dilations[side] + 1
    total = max(0, (-(-extent // stride) - 1) * stride + reach - extent)
    small, large = total // 2, total - total // 2
    return (small, large) if mode == "SAME_UPPER" else (large, small)


def _pair(call: Call, name: str, values: tuple[int, ...]) -> Pair:
    if len(values) != 2 or min(values) < 1:
        raise FrontendError(f"its {name} {list(values)} are malformed: 2 numbers >= 1 are needed")
    return (values[0], values[1])
