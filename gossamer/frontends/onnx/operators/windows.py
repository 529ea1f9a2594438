"""The sliding window that convolutions and pools share: which attributes say what, and the padding they mean."""

from dataclasses import dataclass
from math import prod
from typing import TypeAlias

from gossamer.frontends.onnx.call import Call
from gossamer.frontends.problems import Unsupported
from gossamer.ir.errors import FrontendError
from gossamer.ir.types import Value

Numbers: TypeAlias = tuple[int, ...]


@dataclass(frozen=True)
class Window:
    """One number per spatial axis each; `pads` has those before every axis, then those after."""

    kernel: Numbers
    strides: Numbers
    dilations: Numbers
    pads: Numbers

    @property
    def axes(self) -> int:
        return len(self.kernel)

    @property
    def reach(self) -> Numbers:
        """From the first element that a window covers to behind the last."""
        return tuple((k - 1) * d + 1 for k, d in zip(self.kernel, self.dilations))

    @property
    def before(self) -> Numbers:
        return self.pads[: self.axes]

    @property
    def after(self) -> Numbers:
        return self.pads[self.axes :]

    def along(self, first: int, last: int) -> "Window":
        """The window over spatial axes `first` to before `last` alone."""
        cut = slice(first, last)
        pads = (*self.before[cut], *self.after[cut])
        return Window(self.kernel[cut], self.strides[cut], self.dilations[cut], pads)

    def in_row(self) -> "Window":
        """A window over one axis as one over two, the first of extent 1."""
        (before,), (after,) = self.before, self.after
        return Window((1, *self.kernel), (1, *self.strides), (1, *self.dilations), (0, before, 0, after))

    def in_column(self) -> "Window":
        """A window over one axis as one over two, the second of extent 1."""
        (before,), (after,) = self.before, self.after
        return Window((*self.kernel, 1), (*self.strides, 1), (*self.dilations, 1), (before, 0, after, 0))


def window_of(call: Call, x: Value, kernel: Numbers) -> Window:
    """The window of `kernel` over `x` [N, C, D1 ...]. Unsupported when there are not 1 to 3 spatial axes."""
    axes = x.type.rank - 2
    if not 1 <= axes <= 3:
        raise Unsupported(f"it works on {axes} spatial axes, and 1 to 3 are supported")
    plain = Window(
        _numbers(call, "kernel", kernel, axes),
        _numbers(call, "strides", call.attr_ints("strides", (1,) * axes), axes),
        _numbers(call, "dilations", call.attr_ints("dilations", (1,) * axes), axes),
        (0,) * (2 * axes),
    )
    return Window(plain.kernel, plain.strides, plain.dilations, _pads(call, x, plain))


def row(x: Value) -> Numbers:
    """The shape of x [N, C, L] as an image of one row."""
    return (*x.shape[:-1], 1, x.shape[-1])


def positions(window: Window, extents: Numbers, ceil: bool) -> Numbers:
    """How often the window fits into each axis; a last one that would start behind the padding in front is left out."""
    found: list[int] = []
    for extent, reach, stride, before, after in zip(
        extents, window.reach, window.strides, window.before, window.after, strict=True
    ):
        room = extent + before + after - reach
        count = (-(-room // stride) if ceil else room // stride) + 1
        found.append(count - 1 if ceil and (count - 1) * stride >= extent + before else count)
    if min(found) < 1:
        raise FrontendError(f"its window of {list(window.reach)} is larger than the padded input {list(extents)}")
    return tuple(found)


def given_pads(call: Call, axes: int) -> Numbers:
    pads = call.attr_ints("pads", (0,) * (2 * axes))
    if len(pads) != 2 * axes:
        raise FrontendError(f"its pads {list(pads)} are malformed: {2 * axes} numbers are needed")
    return pads


def halves(mode: str, total: int) -> tuple[int, int]:
    """Padding before and after: the odd one comes last with SAME_UPPER, first otherwise."""
    small, large = total // 2, total - total // 2
    return (small, large) if mode == "SAME_UPPER" else (large, small)


def auto_pad(call: Call) -> str:
    mode = call.attr_text("auto_pad", "NOTSET")
    if mode not in ("NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"):
        raise FrontendError(f"its auto_pad '{mode}' is malformed")
    return mode


def _pads(call: Call, x: Value, window: Window) -> Numbers:
    mode = auto_pad(call)
    if mode == "VALID":
        return (0,) * (2 * window.axes)
    if mode == "NOTSET":
        return given_pads(call, window.axes)
    each = [_same(mode, *sizes) for sizes in zip(x.shape[2:], window.strides, window.reach, strict=True)]
    return (*(before for before, _ in each), *(after for _, after in each))


def _same(mode: str, extent: int, stride: int, reach: int) -> tuple[int, int]:
    """Padding with which the output has ceil(extent / stride) positions."""
    return halves(mode, max(0, (-(-extent // stride) - 1) * stride + reach - extent))


def _numbers(call: Call, name: str, values: Numbers, axes: int) -> Numbers:
    if len(values) != axes or min(values) < 1 or prod(values) > 1 << 32:
        raise FrontendError(f"its {name} {list(values)} are malformed: {axes} numbers >= 1 are needed")
    return values
