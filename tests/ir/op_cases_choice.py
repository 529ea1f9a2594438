"""Cases of comparisons, logic, bits, gathers, scatters, order, running sums and repetition."""

import numpy as np
import torch

from gossamer.ir import ops

from .op_cases import RNG, case, normal

X = normal(3, 4, 5)
SQUARE = normal(3, 4)
TIES = RNG.integers(0, 4, (3, 7)).astype(np.float32)
NANS = np.array([[1, np.nan, 3, np.nan], [np.inf, -np.inf, 0, np.inf]], np.float32)
BOOLS = [RNG.integers(0, 2, (3, 4)) > 0, RNG.integers(0, 2, (4,)) > 0]
BITS = [np.array([1, 3, 200, 255], np.uint8), np.array([7, 1, 2, 3], np.uint8)]
SIGNED = [np.array([-128, -7, 100, 3], np.int32), np.array([3, 1, 31, 0], np.int32)]
INTS = RNG.integers(-5, 5, (2, 4, 3))
ROWS = np.array([[0, -1, 2, 1], [1, 1, 0, 0]])
PLACES = np.array([[[0, 1]], [[2, -1]], [[0, 1]]])


def wrapped(index, extent):
    return torch.where(index < 0, index + extent, index)


def scattered(reduce):
    def want(x, index, source):
        if reduce is None:
            return torch.from_numpy(_last_write(x.numpy(), index.numpy(), source.numpy()))
        return x.scatter_reduce(0, wrapped(index, len(x)), source, reduce)

    return want


def _last_write(x, index, source):
    x = x.copy()
    for k in range(index.shape[0]):
        x[index[k], np.arange(index.shape[1])] = source[k]
    return x


def scattered_nd(combine):
    def want(x, index, source):
        x = x.clone()
        for place, update in zip(index[:, 0], source[:, 0]):
            x[tuple(place)] = combine(x[tuple(place)], update)
        return x

    return want


def gathered_nd(x, index):
    return torch.stack([x[b][index[b, :, 0]] for b in range(len(x))])


def top_k_stably(x, largest):
    order = torch.sort(x, dim=1, descending=largest, stable=True)
    return order.values[:, :3], order.indices[:, :3]


def exclusive(x):
    return torch.cat([torch.zeros_like(x[:, :1]), x.cumsum(1)[:, :-1]], 1)


COMPARISONS = [
    case("less", [X, normal(4, 1)], ops.Less, torch.lt),
    case("less_int", SIGNED, ops.Less, torch.lt),
    case("less_nan", [NANS, NANS[::-1].copy()], ops.Less, torch.lt),
    case("less_equal", [NANS, NANS[::-1].copy()], ops.LessEqual, torch.le),
    case("equal", [TIES, TIES[:1]], ops.Equal, torch.eq),
    case("equal_nan", [NANS, NANS], ops.Equal, torch.eq),
    case("and", BOOLS, ops.And, torch.logical_and),
    case("or", BOOLS, ops.Or, torch.logical_or),
    case("not", BOOLS[:1], ops.Not, torch.logical_not),
    case("where", [BOOLS[0], SQUARE, normal(2, 1, 1)], ops.Where, torch.where),
    case("where_bool", [BOOLS[0], BOOLS[1], BOOLS[1]], ops.Where, torch.where),
    case("where_wide", [BOOLS[1], np.arange(4) + 2**60, np.arange(4)], ops.Where, torch.where),
    case("where_nan", [BOOLS[1], NANS[0], NANS[1]], ops.Where, torch.where),
    case("bit_and", BITS, lambda x, y: ops.Bitwise(x, y, "and"), torch.bitwise_and),
    case("bit_or", BITS, lambda x, y: ops.Bitwise(x, y, "or"), torch.bitwise_or),
    case("bit_xor", SIGNED, lambda x, y: ops.Bitwise(x, y, "xor"), torch.bitwise_xor),
    case("shl", BITS, lambda x, y: ops.Bitwise(x, y, "shl"), torch.bitwise_left_shift),
    case("shr", BITS, lambda x, y: ops.Bitwise(x, y, "shr"), torch.bitwise_right_shift),
    case("shr_signed", SIGNED, lambda x, y: ops.Bitwise(x, y, "shr"), torch.bitwise_right_shift),
]
FUNCTIONS = [
    case("sin", [9 * X], ops.Sin, torch.sin),
    case("cos", [9 * X], ops.Cos, torch.cos),
    case("atan", [9 * X], ops.Atan, torch.atan),
    case("prod", [X], lambda x: ops.ReduceProd(x, (1,)), lambda x: x.prod(1, keepdim=True)),
    case("sum_of_nothing", [normal(3, 0)], lambda x: ops.ReduceSum(x, (1,), False), lambda x: x.sum(1)),
    case("prod_of_nothing", [normal(3, 0)], lambda x: ops.ReduceProd(x, (1,), False), lambda x: x.prod(1)),
    case("max_of_nothing", [normal(2, 0)], lambda x: ops.ReduceMax(x, (1,)), lambda x: torch.full((2, 1), -torch.inf)),
    case("mean_of_nothing", [normal(2, 0)], lambda x: ops.ReduceMean(x, (1,)), lambda x: torch.full((2, 1), torch.nan)),
    case("cum_sum", [X], lambda x: ops.CumSum(x, -2), lambda x: x.cumsum(1)),
    case("cum_sum_exclusive", [X], lambda x: ops.CumSum(x, 1, exclusive=True), exclusive),
    case("cum_sum_reverse", [X], lambda x: ops.CumSum(x, 2, reverse=True), lambda x: x.flip(2).cumsum(2).flip(2)),
    case("cum_sum_both", [X], lambda x: ops.CumSum(x, 1, True, True), lambda x: exclusive(x.flip(1)).flip(1)),
    case("cum_prod", [X], lambda x: ops.CumProd(x, 0), lambda x: x.cumprod(0)),
    case("cum_sum_empty", [normal(3, 0)], lambda x: ops.CumSum(x, 1), lambda x: x),
]
ORDER = [
    case("arg_max", [TIES], lambda x: ops.ArgMax(x, 1), lambda x: x.argmax(1, keepdim=True)),
    case("arg_max_last", [TIES], lambda x: ops.ArgMax(x, 1, False, True), lambda x: 6 - x.flip(1).argmax(1)),
    case("arg_max_nan", [NANS], lambda x: ops.ArgMax(x, -1, False), lambda x: x.argmax(1)),
    case("arg_min", [X], lambda x: ops.ArgMin(x, 0, False), lambda x: x.argmin(0)),
    case("arg_min_u8", BITS[:1], lambda x: ops.ArgMin(x, 0), lambda x: x.argmin(0, keepdim=True)),
    case("top_k", [X], lambda x: ops.TopK(x, 2, 1), lambda x: x.topk(2, 1)),
    case("top_k_ties", [TIES], lambda x: ops.TopK(x, 3), lambda x: top_k_stably(x, True)),
    case("top_k_smallest", [TIES], lambda x: ops.TopK(x, 3, 1, False), lambda x: top_k_stably(x, False)),
    case("top_k_nan", [NANS], lambda x: ops.TopK(x, 3), lambda x: top_k_stably(x, True)),
    case("top_k_nan_smallest", [NANS], lambda x: ops.TopK(x, 3, -1, False), lambda x: top_k_stably(x, False)),
    case("top_k_none", [X], lambda x: ops.TopK(x, 0), lambda x: x.topk(0)),
]
PLACED = [
    case("gather", [X, INTS[0] % 5 - 4], lambda x, i: ops.Gather(x, i, 1), lambda x, i: x[:, wrapped(i, 4)]),
    case("gather_scalar", [X, np.array(-2)], ops.Gather, lambda x, i: x[-2]),
    case("gather_beyond", [X, np.array([9, -9])], ops.Gather, lambda x, i: x[[2, 0]]),
    case("gather_none", [X, np.zeros((0, 2), int)], ops.Gather, lambda x, i: x[i]),
    case(
        "gather_elements",
        [X, INTS],
        lambda x, i: ops.GatherElements(x, i, -1),
        lambda x, i: x.gather(2, wrapped(i, 5)),
    ),
    case("gather_nd", [X, PLACES], ops.GatherND, lambda x, i: x[i[:, 0, 0], i[:, 0, 1]][:, None]),
    case("gather_nd_whole", [X, np.zeros((2, 0), int)], ops.GatherND, lambda x, i: torch.stack([x, x])),
    case("gather_nd_batch", [X, INTS[:1].repeat(3, 0)[..., :1] % 4], lambda x, i: ops.GatherND(x, i, 1), gathered_nd),
    case("scatter", [SQUARE, ROWS, normal(2, 4)], lambda *v: ops.ScatterElements(*v, 0), scattered(None)),
    *(
        case(f"scatter_{name}", [SQUARE, ROWS, normal(2, 4)], lambda *v, n=name: ops.ScatterElements(*v, 0, n), want)
        for name, want in (
            ("add", scattered("sum")), ("mul", scattered("prod")),
            ("max", scattered("amax")), ("min", scattered("amin")),
        )
    ),
    case("scatter_none", [SQUARE, ROWS[:0], normal(0, 4)], lambda *v: ops.ScatterElements(*v, 0), lambda x, i, u: x),
    *(
        case(f"scatter_nd_{name}", [X, PLACES, normal(3, 1, 5)], lambda *v, n=name: ops.ScatterND(*v, n), want)
        for name, want in (
            ("none", scattered_nd(lambda old, new: new)), ("add", scattered_nd(torch.add)),
            ("mul", scattered_nd(torch.mul)), ("max", scattered_nd(torch.maximum)),
            ("min", scattered_nd(torch.minimum)),
        )
    ),
    case("scatter_nd_scalar", [normal(), np.zeros(0, int), normal()], ops.ScatterND, lambda x, i, u: u),
    case("scatter_int", [ROWS, ROWS % 2, ROWS], lambda *v: ops.ScatterElements(*v, 0, "max"), scattered("amax")),
]  # fmt: skip
REPEATED = [
    case("tile", [X], lambda x: ops.Tile(x, (2, 1, 3)), lambda x: x.tile((2, 1, 3))),
    case("tile_none", [X], lambda x: ops.Tile(x, (0, 1, 1)), lambda x: x[:0]),
    case("expand", [X[:, :1]], lambda x: ops.Expand(x, (2, 3, 4, 5)), lambda x: x.expand(2, 3, 4, 5)),
    case("expand_scalar", [normal()], lambda x: ops.Expand(x, (2, 3)), lambda x: x.expand(2, 3)),
    *(
        case(
            f"pad_{mode}",
            [X],
            lambda x, m=mode: ops.Pad(x, ((1, 2), (0, 3), (9, 5)), mode=m),
            lambda x, m=mode: torch.from_numpy(np.pad(x.numpy(), ((1, 2), (0, 3), (9, 5)), mode=m)),
        )
        for mode in ("reflect", "edge", "wrap")
    ),
    case(
        "pad_reflect_one",
        [X[:, :1]],
        lambda x: ops.Pad(x, ((0, 0), (2, 0), (0, 0)), mode="reflect"),
        lambda x: x.expand(3, 3, 5),
    ),
]
CHOICE = [*COMPARISONS, *FUNCTIONS, *ORDER, *PLACED, *REPEATED]
