"""Reading, writing, ordering and reducing along axes in torch, against torch itself."""

import pytest

from gossamer.frontends import load
from gossamer.ir.errors import FrontendError

from .torch_help import Lambda, X, check, grouped

torch = pytest.importorskip("torch")
F = torch.nn.functional

INDEX = torch.tensor([2, 0, 3])


@pytest.mark.slow
def test_reading():
    check(grouped(
        lambda x: x[:, [0, 2]], lambda x: x[:, torch.tensor([[0, -1], [2, 1]])], lambda x: x.index_select(1, INDEX),
        lambda x: x[[0, 1], [2, 3]], lambda x: x[:, [0, 1], [2, 3]], lambda x: x[[0, 1], :, [2, 3]],
        lambda x: x[:, [[0], [1]], :, [2, 3]],
        lambda x: x.take_along_dim(x.argsort(1), 1), lambda x: torch.gather(x, 2, x[:, :, :3].long().clamp(0, 2)),
        lambda x: x.diagonal(0, 2, 3), lambda x: x.diagonal(-2, 1, 2), lambda x: x[:, -1],
        lambda x: x[None, :, :, 1:-1],
        lambda x: x.flatten()[x[0, 0].long().abs()], lambda x: x.unfold(2, 3, 2), lambda x: F.unfold(x, 2),
    ))  # fmt: skip


def test_embedding():
    table = torch.nn.Embedding(10, 4)
    check(torch.nn.Sequential(table), torch.tensor([[1, 9, 0], [3, 3, 2]]))
    check(grouped(lambda x: F.one_hot(x, 5)), torch.tensor([[1, 4], [0, 2]]))


@pytest.mark.slow
def test_writing():
    def written(_, x):
        y = x.clone()
        y[:, 1] = 5.0
        y[..., 2:4] = x[..., :2]
        y[:, [0, 3]] = 1.5
        y[:, [0, 3], [1, 2]] = x[:, :2, 0]
        return y, x.index_put((torch.tensor([0, 1]), torch.tensor([3, 2])), torch.ones(7, 6))

    check(Lambda(written))
    check(grouped(
        lambda x: x.scatter(1, INDEX[None, :, None, None], x[:1, :3, :1, :1]),
        lambda x: x.scatter(3, x[..., :1].long() * 0, 7.0),
        lambda x: x.scatter_add(1, torch.zeros(2, 4, 7, 6, dtype=torch.long), x),
        lambda x: x.scatter_reduce(2, torch.ones(2, 4, 7, 6, dtype=torch.long), x, "amax"),
        lambda x: x.index_add(1, INDEX, x[:, :3]), lambda x: x.index_fill(1, INDEX, 2.0),
        lambda x: x.index_copy(1, INDEX, x[:, :3]), lambda x: x.select_scatter(x[:, 0], 1, 2),
        lambda x: x.slice_scatter(x[:, :2], 1, 1, 3), lambda x: F.fold(F.unfold(x[:1, :1, :4], 2), (4, 6), 2),
    ))  # fmt: skip


def test_order():
    check(grouped(
        lambda x: x.topk(2, 1)[0], lambda x: x.topk(3, 2, largest=False)[1], lambda x: x.sort(1)[0],
        lambda x: x.sort(-1, descending=True)[1], lambda x: x.argsort(2), lambda x: torch.msort(x)[0],
        lambda x: x.argmax(1), lambda x: x.argmax(2, keepdim=True), lambda x: x.argmin(), lambda x: x.argmin(-1),
        lambda x: x.max(1)[0], lambda x: x.max(2, keepdim=True)[1], lambda x: x.min(0)[0], lambda x: x.min(),
        lambda x: x.median(1)[0], lambda x: x.median(2, keepdim=True)[1],
    ))  # fmt: skip


def flattened(*functions):
    """As `grouped`, of functions that may give several tensors."""
    def all_of(_, x):
        given = (f(x) for f in functions)
        return tuple(y for item in given for y in (item if isinstance(item, tuple) else (item,)))

    return Lambda(all_of)


def test_reductions():
    check(flattened(
        lambda x: x.prod(1), lambda x: x.prod(), lambda x: x.amax((1, 2)), lambda x: x.std(1), lambda x: x.var((1, 2)),
        lambda x: x.var(1, unbiased=False), lambda x: x.std(), lambda x: torch.var_mean(x, 1), lambda x: x.norm(dim=1),
        lambda x: x.norm(), lambda x: torch.linalg.vector_norm(x, 1, (1, 2)), lambda x: x.norm(3, 1, keepdim=True),
        lambda x: torch.linalg.vector_norm(x, float("inf"), 1), lambda x: (x > 0).any(), lambda x: (x > -9).all(1),
        lambda x: (x > 0).any(2, keepdim=True), lambda x: x.cumsum(1), lambda x: x.cumprod(2), lambda x: x.sum(),
        lambda x: x.sum((0, 2), keepdim=True), lambda x: x.diff(dim=1), lambda x: x.max(),
    ))  # fmt: skip


@pytest.mark.slow
def test_moving():
    check(grouped(
        lambda x: x.flip(1), lambda x: x.flip((0, 3)), lambda x: x.roll(2, 1), lambda x: x.roll((-1, 3), (1, 2)),
        lambda x: x.roll(5), lambda x: x.repeat(1, 2, 1, 1), lambda x: x.repeat(2, 1, 1, 1, 3),
        lambda x: x.tile((2, 1)),
        lambda x: x.repeat_interleave(2, 1), lambda x: torch.stack((x, x * 2), 1), lambda x: torch.stack([x, x], -1),
        lambda x: x.unbind(1)[2], lambda x: x[:, :1].expand(2, 4, 7, 6), lambda x: x[0, 0, 0, 0].expand(3, 2),
        lambda x: x.movedim(1, -1), lambda x: x.movedim((1, 2), (3, 1)), lambda x: F.pixel_shuffle(x[0], 2),
        lambda x: x.swapaxes(0, 2), lambda x: x.mT, lambda x: x.tril(1),
        lambda x: x.triu(-1), lambda x: x[0, 0].T,
        lambda x: F.pixel_unshuffle(x[:, :, :6], 2), lambda x: torch.meshgrid(x[0, 0, 0], x[1, 1, 1], indexing="ij")[1],
        lambda x: torch.rot90(x, 1, (2, 3)), lambda x: torch.tensor_split(x, 3, 2)[1], lambda x: torch.hstack((x, x)),
        lambda x: x.view_as(x).reshape_as(x), lambda x: torch.broadcast_to(x[:1], (2, 4, 7, 6)), lambda x: x.ravel(),
    ))  # fmt: skip


def test_padding():
    check(grouped(
        lambda x: F.pad(x, (1, 2, 0, 3), mode="reflect"), lambda x: F.pad(x, (1, 2, 2, 0), mode="replicate"),
        lambda x: F.pad(x, (2, 1, 0, 1), mode="circular"), lambda x: F.pad(x, (1, 1), value=2.5),
        lambda x: torch.nn.ReflectionPad1d(2)(x[0]), lambda x: torch.nn.ReplicationPad3d(1)(x[None]),
        lambda x: F.pad(x, (-1, 2, 1, -1), mode="replicate"),
    ))  # fmt: skip


def test_a_mask_known_only_at_run_time_is_refused():
    model = Lambda(lambda _, x: torch.where(x > 0, x, 0).index_put((x > 0,), torch.tensor(1.0)))
    with pytest.raises(FrontendError) as caught:
        load(model.eval(), {"x": tuple(X.shape)})
    assert "it selects by a mask computed at run time, so the result's shape is not known" in str(caught.value)
