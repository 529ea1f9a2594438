"""Pointwise functions, comparisons, logic and activations of torch, against torch itself."""

import pytest

from .torch_help import Lambda, X, check, grouped

torch = pytest.importorskip("torch")
F = torch.nn.functional

WHOLE = torch.arange(-6, 6, dtype=torch.int32).reshape(3, 4)


def test_functions_of_one_number():
    check(grouped(
        torch.sin, torch.cos, torch.atan, torch.tan, torch.sinh, torch.cosh, torch.asinh, torch.square, torch.trunc,
        torch.expm1, torch.exp2, torch.erfc, torch.sgn, torch.frac, torch.deg2rad, torch.sinc,
        lambda x: torch.asin(x.tanh()), lambda x: torch.acos(x.tanh()), lambda x: torch.atanh(x.tanh() * 0.9),
        lambda x: torch.acosh(x.abs() + 1), lambda x: torch.log2(x.abs()), lambda x: torch.log10(x.abs()),
        lambda x: torch.log1p(x.abs()), lambda x: x.abs().reciprocal(), lambda x: torch.logit(x.sigmoid()),
    ))  # fmt: skip


@pytest.mark.slow
def test_functions_of_two_numbers():
    check(grouped(
        lambda x: torch.atan2(x, x.roll(1)), lambda x: torch.atan2(x, torch.zeros_like(x)),
        lambda x: x % 0.7, lambda x: x // 0.7, lambda x: torch.fmod(x, -0.7), lambda x: x % x.roll(1),
        lambda x: torch.div(x, 0.3, rounding_mode="trunc"), lambda x: torch.div(x, 0.3, rounding_mode="floor"),
        lambda x: torch.lerp(x, x * 2, 0.3), lambda x: torch.addcmul(x, x, x, value=2), lambda x: torch.hypot(x, x),
        lambda x: torch.addcdiv(x, x, x.abs() + 1), lambda x: x.abs() ** 1.5, lambda x: 2**x,
        lambda x: torch.max(x, -x), lambda x: torch.logaddexp(x, -x), lambda x: torch.heaviside(x, x),
    ))  # fmt: skip


def test_whole_numbers():
    check(grouped(
        lambda x: x // 3, lambda x: x % 3, lambda x: x // -3, lambda x: x % -3, lambda x: torch.fmod(x, 3),
        lambda x: torch.div(x, 3, rounding_mode="trunc"), lambda x: x**3, lambda x: x & 5, lambda x: x | 5,
        lambda x: x ^ 5, lambda x: ~x, lambda x: x << 2, lambda x: x >> 1, lambda x: x.sqrt(), lambda x: x.floor(),
        lambda x: x.clamp(-2, 3), lambda x: x.sum(1), lambda x: x.abs().prod(0), lambda x: x.bool(), lambda x: -x,
        lambda x: x + 0.5, lambda x: x > 1.5, lambda x: x.double().mean(),
    ), WHOLE)  # fmt: skip


def test_comparisons_and_choices():
    check(grouped(
        lambda x: x > 0, lambda x: x >= x.roll(1), lambda x: x < 0.3, lambda x: x <= 0, lambda x: x == x,
        lambda x: torch.where(x > 0, x, -1.0), lambda x: torch.where(x > 0, 1, 0), lambda x: x.masked_fill(x < 0, 2.0),
        lambda x: x != 0,
        lambda x: (x > 0) & (x < 1), lambda x: (x > 0) | (x < -1), lambda x: (x > 0) ^ (x < 1), lambda x: ~(x > 0),
        lambda x: torch.logical_xor(x, x.round()), lambda x: torch.logical_not(x.round()), lambda x: (x > 0) == (x > 1),
        lambda x: (x > 0).float() * 2, lambda x: (x > 0).sum(1), lambda x: torch.where(x.round() == 0, x, x.relu()),
        lambda x: x.masked_fill(torch.tensor([True, False] * 3), 0.0), lambda x: x.clamp(min=x.roll(1)),
    ))  # fmt: skip


def test_numbers_that_are_none():
    x = torch.tensor([1.0, float("inf"), -float("inf"), float("nan"), 0.0])
    check(grouped(torch.isnan, torch.isinf, torch.isfinite, lambda x: torch.nan_to_num(x, 7.0, 8.0, 9.0)), x)


def test_activations():
    check(grouped(
        F.softplus, F.mish, F.selu, F.celu, F.logsigmoid, F.softsign, F.hardshrink, F.softshrink, F.tanhshrink,
        lambda x: F.softmin(x, 1), lambda x: F.softplus(x, beta=2.0), lambda x: F.celu(x, 2.0),
        lambda x: F.threshold(x, 0.1, 20.0),
        lambda x: F.glu(x, 1), lambda x: F.softplus(1000 * x), lambda x: F.rrelu(x), lambda x: F.normalize(x, dim=1),
        lambda x: F.log_softmax(x, 1), lambda x: F.cosine_similarity(x, x.roll(1), dim=1), lambda x: F.elu(x, 0.5),
    ))  # fmt: skip


def test_types_are_cast():
    check(grouped(
        lambda x: x.to(torch.int64), lambda x: x.half(), lambda x: x.type_as(torch.zeros(1, dtype=torch.float64)),
        lambda x: (10 * x).to(torch.int8).float(), lambda x: x.bool().to(torch.uint8), lambda x: x.long() + x.int(),
    ))  # fmt: skip


def test_what_depends_on_no_input_is_computed_at_import():
    def positions(_, x):
        steps = torch.arange(6.0)
        mask = torch.ones(6, 6).tril().bool()
        return x + torch.sin(steps / 10)[None], x.masked_fill(~mask[:1], 0.0), x * torch.full_like(x, 3), x.new_ones(2)

    module = check(Lambda(positions))
    kinds = [node.op.name for node in module.graph.nodes if node.op.name != "ir.param"]
    assert kinds == ["math.add", "math.where", "math.mul"]


def test_the_sum_is_stable():
    check(grouped(lambda x: torch.logsumexp(x, 1), lambda x: torch.logsumexp(200 * x, (1, 2), keepdim=True)), X)
