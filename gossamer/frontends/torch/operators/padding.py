"""Padding by a number, or by what is in the tensor already."""

from gossamer.frontends.torch.call import Call
from gossamer.frontends.torch.table import Result, operator
from gossamer.ir.ops import Pad, Slice
from gossamer.ir.ops.padding import PadMode
from gossamer.ir.types import Value

_MODES: dict[str, PadMode] = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


@operator("pad", "constant_pad_nd")
def pad(call: Call) -> Result:
    mode = _MODES[call["mode"]] if call.operator == "pad" else "constant"
    return _padded(call, mode, call["value"] or 0.0)


@operator("reflection_pad1d", "reflection_pad2d", "reflection_pad3d")
def reflection(call: Call) -> Result:
    return _padded_as(call, "reflect")


@operator("replication_pad1d", "replication_pad2d", "replication_pad3d")
def replication(call: Call) -> Result:
    return _padded_as(call, "edge")


def _padded_as(call: Call, mode: PadMode) -> Value:
    return _padded(call, mode, 0.0, "padding")


def _padded(call: Call, mode: PadMode, value: float, name: str = "pad") -> Value:
    """torch lists pads from the last axis on; negative ones crop."""
    x, flat = call.value("self"), call.ints(name)
    pairs = [(flat[i], flat[i + 1]) for i in range(0, len(flat), 2)]
    pads = ((0, 0),) * (x.type.rank - len(pairs)) + tuple(reversed(pairs))
    if mode != "constant" and min(flat) < 0:
        x, pads = _cropped(call, x, pads), tuple((max(0, b), max(0, a)) for b, a in pads)
    return call.emit(Pad(x, pads, float(value), mode))


def _cropped(call: Call, x: Value, pads: tuple[tuple[int, int], ...]) -> Value:
    starts = tuple(max(0, -before) for before, _ in pads)
    stops = tuple(extent + min(0, after) for extent, (_, after) in zip(x.shape, pads))
    return call.step(Slice(x, starts, stops, (1,) * x.type.rank))
