"""Ops that pick, join and pad."""

from gossamer.frontends.problems import Unsupported
from gossamer.frontends.torch.call import Call
from gossamer.frontends.torch.table import Result, operator
from gossamer.ir.ops import ChannelShuffle, Concat, Pad, Reshape, Slice, Split
from gossamer.ir.types import Value


@operator("cat", "concat")
def cat(call: Call) -> Result:
    first, *rest = call["tensors"]
    return call.emit(Concat((first, *rest), call.axis("dim", first.type.rank))) if rest else first


@operator("chunk")
def chunk(call: Call) -> Result:
    x = call.value("self")
    axis = call.axis("dim", x.type.rank)
    return _split(call, x, -(-x.shape[axis] // int(call["chunks"])), axis)


@operator("split.Tensor")
def split(call: Call) -> Result:
    x = call.value("self")
    return _split(call, x, int(call["split_size"]), call.axis("dim", x.type.rank))


@operator("split.sizes", "split_with_sizes")
def split_with_sizes(call: Call) -> Result:
    x, name = call.value("self"), "split_size" if call.operator == "split" else "split_sizes"
    return call.emit_all(Split(x, call.ints(name), call.axis("dim", x.type.rank)))


@operator("slice.Tensor")
def slice_(call: Call) -> Result:
    x = call.value("self")
    axis = call.axis("dim", x.type.rank)
    return _picked(call, x, axis, range(x.shape[axis])[slice(call["start"], call["end"], int(call["step"]))])


@operator("narrow")
def narrow(call: Call) -> Result:
    x, start = call.value("self"), int(call["start"])
    axis = call.axis("dim", x.type.rank)
    start += x.shape[axis] if start < 0 else 0
    return _picked(call, x, axis, range(start, start + int(call["length"])))


@operator("select.int")
def select(call: Call) -> Result:
    x = call.value("self")
    axis = call.axis("dim", x.type.rank)
    index = int(call["index"]) % x.shape[axis]
    part = call.step(_slice(x, axis, range(index, index + 1)))
    return call.emit(Reshape(part, tuple(e for i, e in enumerate(x.shape) if i != axis)))


@operator("pad", "constant_pad_nd")
def pad(call: Call) -> Result:
    """torch lists pads from the last axis on."""
    if call.operator == "pad" and call["mode"] != "constant":
        raise Unsupported(f"its mode is '{call['mode']}' and only 'constant' is supported")
    x, flat = call.value("self"), call.ints("pad")
    pairs = [(flat[i], flat[i + 1]) for i in range(0, len(flat), 2)]
    pads = ((0, 0),) * (x.type.rank - len(pairs)) + tuple(reversed(pairs))
    return call.emit(Pad(x, pads, float(call["value"] or 0.0)))


@operator("channel_shuffle", "native_channel_shuffle")
def channel_shuffle(call: Call) -> Result:
    return call.emit(ChannelShuffle(call.value("self"), int(call["groups"])))


def _split(call: Call, x: Value, size: int, axis: int) -> tuple[Value, ...]:
    extent = x.shape[axis]
    sizes = tuple(min(size, extent - at) for at in range(0, extent, size))
    return call.emit_all(Split(x, sizes, axis)) if len(sizes) > 1 else (x,)


def _picked(call: Call, x: Value, axis: int, chosen: range) -> Value:
    return x if chosen == range(x.shape[axis]) else call.emit(_slice(x, axis, chosen))


def _slice(x: Value, axis: int, chosen: range) -> Slice:
    ranges = [chosen if i == axis else range(extent) for i, extent in enumerate(x.shape)]
    return Slice(x, tuple(r.start for r in ranges), tuple(r.stop for r in ranges), tuple(r.step for r in ranges))
