"""Layers of torch over 1 to 3 axes, norms, products, attention and interpolation, against torch itself."""

import pytest

from .torch_help import Lambda, X, check, grouped

torch = pytest.importorskip("torch")
nn, F = torch.nn, torch.nn.functional

V = torch.randn(1, 4, 6, 5, 7, generator=torch.Generator().manual_seed(7))
R = X[:, :, 0].contiguous()


class Side(nn.Module):
    """Layers side by side."""

    def __init__(self, *layers):
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def forward(self, x):
        return tuple(layer(x) for layer in self.layers)


def side(x, *layers):
    for norm in (m for layer in layers for m in layer.modules() if getattr(m, "running_var", None) is not None):
        nn.init.uniform_(norm.running_mean)
        nn.init.uniform_(norm.running_var, 0.5, 1.5)
    for norm in (m for layer in layers for m in layer.modules() if "Norm" in type(m).__name__):
        if getattr(m := norm, "weight", None) is not None:
            nn.init.uniform_(m.weight, 0.5, 1.5)
    return check(Side(*layers), x)


def test_convolutions_of_one_axis():
    side(
        R, nn.Conv1d(4, 6, 3), nn.Conv1d(4, 8, 3, 2, 1, 2, 4), nn.Conv1d(4, 2, 4, padding="same"),
        nn.Conv1d(4, 2, 3, padding=2, padding_mode="reflect"), nn.ConvTranspose1d(4, 3, 3, 2, 1, 1),
        nn.ConvTranspose1d(4, 4, 4, 3, groups=2, dilation=2), nn.BatchNorm1d(4),
    )  # fmt: skip


def test_convolutions_of_two_axes():
    side(
        X, nn.ConvTranspose2d(4, 3, 2, 2), nn.ConvTranspose2d(4, 4, (3, 4), (2, 1), 1, (1, 0), groups=2, bias=False),
        nn.ConvTranspose2d(4, 2, 3, 2, 1, dilation=2), nn.Conv2d(4, 4, 3, padding=1, padding_mode="circular"),
    )  # fmt: skip


def test_convolutions_of_three_axes():
    side(
        V, nn.Conv3d(4, 3, 3, 2, 1), nn.Conv3d(4, 4, (1, 2, 3), groups=2, dilation=(2, 1, 1), bias=False),
        nn.ConvTranspose3d(4, 2, 2, 2), nn.Conv3d(4, 2, 3, padding="same"), nn.BatchNorm3d(4),
    )  # fmt: skip


def test_pools_of_one_and_three_axes():
    side(
        R, nn.MaxPool1d(2), nn.MaxPool1d(3, 2, 1, 1, ceil_mode=True), nn.AvgPool1d(3, 2, 1), nn.AdaptiveAvgPool1d(1),
        nn.AdaptiveAvgPool1d(4), nn.AdaptiveMaxPool1d(4), nn.AdaptiveAvgPool1d(3),
        nn.AvgPool1d(2, count_include_pad=False), nn.AdaptiveMaxPool1d(2),
    )  # fmt: skip
    side(
        V, nn.MaxPool3d(2), nn.MaxPool3d((1, 3, 2), (1, 2, 3), (0, 1, 1), ceil_mode=True), nn.AvgPool3d(2),
        nn.AvgPool3d(3, 2, 1, count_include_pad=False), nn.AvgPool3d(3, 2, 1, ceil_mode=True), nn.AdaptiveAvgPool3d(1),
        nn.AdaptiveAvgPool3d((3, 2, 4)), nn.AdaptiveMaxPool3d(2),
    )  # fmt: skip


def test_pools_of_two_axes():
    side(
        X, nn.AdaptiveAvgPool2d((3, 4)), nn.AdaptiveMaxPool2d((3, 4)), nn.AdaptiveAvgPool2d((None, 2)),
        nn.LPPool2d(2, 3), nn.AvgPool2d(3, divisor_override=4),
    )  # fmt: skip
    check(grouped(lambda x: F.max_pool2d(x[0], 2), lambda x: F.adaptive_avg_pool2d(x[0], 1)))
    side(X[0], nn.Conv2d(4, 2, 3), nn.ConvTranspose2d(4, 2, 3))


def test_norms():
    side(
        X, nn.LayerNorm(6), nn.LayerNorm((7, 6), elementwise_affine=False), nn.GroupNorm(2, 4), nn.InstanceNorm2d(4),
        nn.InstanceNorm2d(4, affine=True), nn.InstanceNorm2d(4, track_running_stats=True), nn.RMSNorm(6),
        nn.LocalResponseNorm(3), nn.GroupNorm(4, 4, affine=False), nn.RMSNorm((7, 6), eps=1e-3),
    )  # fmt: skip


@pytest.mark.slow
def test_weight_and_spectral_norm():
    side(X, nn.utils.parametrizations.weight_norm(nn.Conv2d(4, 2, 3)))


@pytest.mark.slow
def test_products():
    check(Lambda(lambda m, x: (
        torch.einsum("nchw,cd->ndhw", x, m.w), torch.einsum("nchw,nchv->nwv", x, x), x @ m.v, m.v @ x.mT, m.v @ m.v,
        torch.mv(x[0, 0], m.v), torch.baddbmm(x[0] @ x[0].mT, x[0], x[1].mT, beta=0.5, alpha=2.0),
        torch.addmm(m.b, x[0, 0], m.u, alpha=0.5), torch.outer(m.v, m.v), torch.tensordot(x, m.w, ([1], [0])),
        F.linear(x[0, 0, 0], m.w6), torch.kron(m.w, m.w), torch.dot(m.v, m.v), F.bilinear(x, x, m.bi),
        torch.cdist(x, x + 1),
    ), w=torch.randn(4, 5), v=torch.randn(6), u=torch.randn(6, 3), b=torch.randn(7, 3),
       w6=torch.randn(2, 6), bi=torch.randn(3, 6, 6)))  # fmt: skip


def test_attention():
    def several(m, x):
        q, k, v = x, x.roll(1, 2), x.roll(2, 2)
        mask = torch.ones(7, 7).tril(2).bool()
        return (
            F.scaled_dot_product_attention(q, k, v), F.scaled_dot_product_attention(q, k, v, is_causal=True),
            F.scaled_dot_product_attention(q, k, v, mask, scale=0.5), F.scaled_dot_product_attention(q, k, v, m.mask),
            F.scaled_dot_product_attention(q, k[:, :2], v[:, :2], enable_gqa=True),
        )  # fmt: skip

    check(Lambda(several, mask=torch.randn(7, 7)))


@pytest.mark.parametrize("weights", [True, False])
def test_multihead_attention(weights):
    layer = nn.MultiheadAttention(6, 3, batch_first=True)
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = layer

        def forward(self, x):
            found = self.layer(x, x, x, need_weights=weights)
            return found if weights else found[0]

    check(Net(), X[0])


@pytest.mark.slow
def test_transformer_layers():
    torch.manual_seed(0)
    encoder = nn.TransformerEncoder(
        nn.TransformerEncoderLayer(6, 2, 12, batch_first=True, activation="gelu"), 2, enable_nested_tensor=False
    )
    side(X[0], encoder, nn.TransformerEncoderLayer(6, 3, 8, norm_first=True))


@pytest.mark.slow
def test_interpolation():
    check(grouped(
        lambda x: F.interpolate(x, scale_factor=2), lambda x: F.interpolate(x, (5, 11)),
        lambda x: F.interpolate(x, (10, 3), mode="nearest-exact"), lambda x: F.interpolate(x, (10, 4), mode="bilinear"),
        lambda x: F.interpolate(x, scale_factor=1.7, mode="bilinear"),
        lambda x: F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True),
        lambda x: F.interpolate(x, (9, 13), mode="bicubic"), lambda x: F.interpolate(x, scale_factor=0.6),
        lambda x: F.interpolate(x, (9, 13), mode="bicubic", align_corners=True),
        lambda x: F.interpolate(x[0], 9, mode="linear"), lambda x: F.interpolate(x[None], 5, mode="trilinear"),
        lambda x: F.interpolate(x[None], 5), lambda x: F.interpolate(x, (3, 3), mode="area"),
        lambda x: F.interpolate(x, (3, 4), mode="bilinear", antialias=True),
        lambda x: F.interpolate(x, (3, 12), mode="bicubic", antialias=True),
    ), tolerance=3e-5)  # fmt: skip


@pytest.mark.slow
def test_sampling_of_a_grid():
    def sampled(_, x):
        turn = torch.tensor([[[0.8, -0.3, 0.1], [0.3, 0.8, -0.2]]]).expand(2, -1, -1)
        grid = F.affine_grid(turn, (2, 4, 5, 5), align_corners=False)
        return F.grid_sample(x, grid, align_corners=False), F.grid_sample(x, grid, mode="nearest", align_corners=False)

    check(Lambda(sampled))
