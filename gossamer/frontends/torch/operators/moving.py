"""Ops that pick, join, turn and repeat."""

from gossamer.frontends.torch.call import Call
from gossamer.frontends.torch.table import Result, operator
from gossamer.ir.ops import ChannelShuffle, Concat, Expand, Reshape, Slice, Split, Tile
from gossamer.ir.types import Value


@operator("cat", "concat")
def cat(call: Call) -> Result:
    first, *rest = call.values("tensors")
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


@operator("stack")
def stack(call: Call) -> Result:
    parts = call.values("tensors")
    axis = call.axis("dim", parts[0].type.rank + 1)
    wide = [call.step(Reshape(x, (*x.shape[:axis], 1, *x.shape[axis:]))) for x in parts]
    return call.emit(Concat(tuple(wide), axis))


@operator("unbind")
def unbind(call: Call) -> Result:
    x = call.value("self")
    axis = call.axis("dim", x.type.rank)
    count = x.shape[axis]
    parts = call.steps(Split(x, (1,) * count, axis)) if count > 1 else (x,)
    shape = (*x.shape[:axis], *x.shape[axis + 1 :])
    return tuple(call.step(Reshape(part, shape)) for part in parts)


@operator("flip")
def flip(call: Call) -> Result:
    x = call.value("self")
    axes = {a % x.type.rank for a in call.ints("dims")}
    ranges = [range(e)[::-1] if i in axes and e else range(e) for i, e in enumerate(x.shape)]
    return call.emit(_cut(x, ranges))


@operator("roll")
def roll(call: Call) -> Result:
    """Each axis in two parts, the other way round; without axes over all elements in a row."""
    x, axes = call.value("self"), call.ints("dims")
    if not axes:
        flat = call.step(Reshape(x, (x.type.elements,)))
        return call.emit(Reshape(_rolled(call, flat, 0, call.ints("shifts")[0]), x.shape))
    for axis, shift in zip(axes, call.ints("shifts")):
        x = _rolled(call, x, axis % x.type.rank, shift)
    return x


@operator("repeat")
def repeat(call: Call) -> Result:
    x, repeats = call.value("self"), call.ints("repeats")
    wide = (1,) * (len(repeats) - x.type.rank) + x.shape
    return call.emit(Tile(x if wide == x.shape else call.step(Reshape(x, wide)), repeats))


@operator("repeat_interleave.self_int")
def repeat_interleave(call: Call) -> Result:
    """Every element `repeats` times, one after the other."""
    x, count = call.value("self"), int(call["repeats"])
    flat = x if call.has("dim") else call.step(Reshape(x, (x.type.elements,)))
    axis = call.axis("dim", x.type.rank) if call.has("dim") else 0
    front, back = flat.shape[: axis + 1], flat.shape[axis + 1 :]
    apart = call.step(Reshape(flat, (*front, 1, *back)))
    return call.emit(Reshape(call.step(Expand(apart, (*front, count, *back))), call.shape))


@operator("expand", "expand_as", "broadcast_to")
def expand(call: Call) -> Result:
    x = call.value("self")
    return x if call.shape == x.shape else call.emit(Expand(x, call.shape))


@operator("channel_shuffle", "native_channel_shuffle")
def channel_shuffle(call: Call) -> Result:
    return call.emit(ChannelShuffle(call.value("self"), int(call["groups"])))


def _split(call: Call, x: Value, size: int, axis: int) -> tuple[Value, ...]:
    extent = x.shape[axis]
    sizes = tuple(min(size, extent - at) for at in range(0, extent, size))
    return call.emit_all(Split(x, sizes, axis)) if len(sizes) > 1 else (x,)


def _picked(call: Call, x: Value, axis: int, chosen: range) -> Value:
    return x if chosen == range(x.shape[axis]) else call.emit(_slice(x, axis, chosen))


def _rolled(call: Call, x: Value, axis: int, shift: int) -> Value:
    extent = x.shape[axis]
    cut = (extent - shift) % extent if extent else 0
    if cut == 0:
        return x
    tail, head = (call.step(_slice(x, axis, part)) for part in (range(cut, extent), range(cut)))
    return call.step(Concat((tail, head), axis))


def _slice(x: Value, axis: int, chosen: range) -> Slice:
    return _cut(x, [chosen if i == axis else range(extent) for i, extent in enumerate(x.shape)])


def _cut(x: Value, ranges: list[range]) -> Slice:
    return Slice(x, tuple(r.start for r in ranges), tuple(r.stop for r in ranges), tuple(r.step for r in ranges))
