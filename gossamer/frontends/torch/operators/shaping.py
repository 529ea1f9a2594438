"""Ops that give the same numbers another shape, order or type, and ops that are nothing at inference."""

from gossamer.frontends.problems import Unsupported
from gossamer.frontends.torch.call import Call
from gossamer.frontends.torch.table import Result, operator
from gossamer.ir.ops import Cast, Expand, Reshape, Transpose
from gossamer.ir.types import TensorType


@operator(
    "contiguous", "clone", "alias", "detach", "detach_", "lift_fresh_copy", "positive", "resolve_conj", "resolve_neg"
)
def same(call: Call) -> Result:
    return call.value("self")


@operator("dropout", "feature_dropout")
def dropout(call: Call) -> Result:
    if call["train"]:
        raise Unsupported("it is in training mode; call model.eval() first")
    return call.value("input")


@operator("to", "_to_copy", "type_as")
def to(call: Call) -> Result:
    x = call.value("self")
    return x if x.dtype == call.dtype else call.emit(Cast(x, TensorType(call.dtype, x.shape)))


@operator("copy")
def copy(call: Call) -> Result:
    """The numbers of `src` in the shape and type of the other."""
    x = call.operand("src")
    return x if x.shape == call.shape else call.emit(Expand(x, call.shape))


@operator(
    "view.default", "reshape", "_unsafe_view", "view_as", "reshape_as", "flatten.using_ints", "unflatten.int",
    "unsqueeze", "squeeze", "ravel",
)  # fmt: skip
def reshape(call: Call) -> Result:
    """What torch makes of the given numbers is in the result's shape."""
    x = call.value("self")
    return x if call.shape == x.shape else call.emit(Reshape(x, call.shape))


@operator("permute")
def permute(call: Call) -> Result:
    x = call.value("self")
    return call.emit(Transpose(x, tuple(a % x.type.rank for a in call.ints("dims"))))


@operator("mT", "numpy_T")
def matrix_transpose(call: Call) -> Result:
    """The last two axes swapped, or (`x.T`) all of them turned round."""
    x = call.value("self")
    axes = range(x.type.rank)
    return call.emit(Transpose(x, (*axes[:-2], axes[-1], axes[-2]) if call.operator == "mT" else tuple(axes[::-1])))


@operator("transpose.int", "t")
def transpose(call: Call) -> Result:
    x = call.value("self")
    perm = list(range(x.type.rank))
    one, other = (call.axis(n, x.type.rank) for n in ("dim0", "dim1")) if call.operator == "transpose" else (0, -1)
    perm[one], perm[other] = perm[other], perm[one]
    return call.emit(Transpose(x, tuple(perm)))


@operator("movedim", "moveaxis")
def movedim(call: Call) -> Result:
    x = call.value("self")
    sources, places = ([a % x.type.rank for a in call.ints(name)] for name in ("source", "destination"))
    rest = iter(i for i in range(x.type.rank) if i not in sources)
    perm = tuple(sources[places.index(i)] if i in places else next(rest) for i in range(x.type.rank))
    return call.emit(Transpose(x, perm))


@operator("pixel_shuffle")
def pixel_shuffle(call: Call) -> Result:
    """Channels -> blocks of pixels: [..., C r r, H, W] -> [..., C, H r, W r]."""
    x, r = call.value("self"), int(call["upscale_factor"])
    *outer, c, h, w = x.shape
    blocks = call.step(Reshape(x, (*outer, c // (r * r), r, r, h, w)))
    n = len(outer)
    mixed = call.step(Transpose(blocks, (*range(n + 1), n + 3, n + 1, n + 4, n + 2)))
    return call.emit(Reshape(mixed, call.shape))
