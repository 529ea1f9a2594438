"""DeiT-tiny (Touvron et al., ICML 2021): a vision transformer of 12 blocks over 16x16 patches, without distillation."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from gossamer.frontends.zoo.blocks import scaled

_SIZE, _PATCH, _DEPTH, _HEADS = 224, 16, 12, 3


class Attention(nn.Module):
    """softmax(q k^T / sqrt(d)) v in every head; x [N, T, C]."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        n, tokens, dim = x.shape
        q, k, v = self.qkv(x).reshape(n, tokens, 3, _HEADS, dim // _HEADS).permute(2, 0, 3, 1, 4).unbind(0)
        y = functional.scaled_dot_product_attention(q, k, v)
        return self.proj(y.transpose(1, 2).reshape(n, tokens, dim))


class Block(nn.Module):
    """Attention, then a perceptron of four times the width; each after a layer norm and with a skip."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim, eps=1e-6)
        self.attn = Attention(dim)
        self.norm2 = nn.LayerNorm(dim, eps=1e-6)
        self.mlp = nn.Sequential(nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class DeiT(nn.Module):
    """Images [N, 3, 224, 224]: the position embedding fixes the size."""

    def __init__(self, classes: int, width: float) -> None:
        super().__init__()
        dim = _HEADS * scaled(64, width)
        self.patch_embed = nn.Conv2d(3, dim, _PATCH, _PATCH)
        self.cls_token = nn.Parameter(0.02 * torch.randn(1, 1, dim))
        self.pos_embed = nn.Parameter(0.02 * torch.randn(1, (_SIZE // _PATCH) ** 2 + 1, dim))
        self.blocks = nn.Sequential(*(Block(dim) for _ in range(_DEPTH)))
        self.norm = nn.LayerNorm(dim, eps=1e-6)
        self.head = nn.Linear(dim, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patch_embed(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls_token.expand(x.shape[0], -1, -1), x], 1) + self.pos_embed
        return self.head(self.norm(self.blocks(x))[:, 0])


def deit_tiny(classes: int, width: float) -> nn.Module:
    return DeiT(classes, width)
