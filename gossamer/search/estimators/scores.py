"""Zero-cost scores of an untrained torch network: what one batch of images, or none, says about it.

    scores(net, images, labels, ("naswot", "synflow"))

Definitions as in Abdelfattah et al. (ICLR 2021) and Mellor et al. (ICML 2021); of each, higher is meant to be better.
Batch norms normalise by the batch, as in the first step of training; sums are over the weights of convolutions and
matrix products. A score is nan where a network has none, as when no gradient reaches its input, or where it is
infinite: that would read as a design that does not fit its hardware.
"""

import copy
from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor, fx, nn
from torch.nn import functional as F

RECTIFIERS = (F.relu, F.hardswish, F.silu, F.leaky_relu, F.relu6, F.hardtanh, torch.clamp, torch.relu)
SMALL = 1e-5


def naswot(net: fx.GraphModule, images: Tensor, labels: Tensor) -> float:
    """log |K|, K[i, j]: how many rectifiers images i and j have on the same side (Mellor et al., version 3).

    A small multiple of the identity is added, without which a network that cannot tell two images apart has none.
    """
    patterns = _Patterns(net)
    with torch.no_grad():
        patterns.run(images)
    kernel = patterns.kernel
    if kernel is None:
        return float("nan")
    kernel = kernel + SMALL * np.trace(kernel) / len(kernel) * np.eye(len(kernel))
    return float(np.linalg.slogdet(kernel)[1])


class _Patterns(fx.Interpreter):
    """Runs a network and adds up the kernels of its rectifiers."""

    kernel: np.ndarray | None = None

    def run_node(self, n: fx.Node) -> object:
        result = super().run_node(n)
        if n.target in RECTIFIERS and isinstance(result, Tensor):
            on = (result > 0).flatten(1).double()
            same = (on @ on.T + (1 - on) @ (1 - on).T).numpy()
            self.kernel = same if self.kernel is None else self.kernel + same
        return result


def jacob_cov(net: fx.GraphModule, images: Tensor, labels: Tensor) -> float:
    """- sum of log(v + k) + 1 / (v + k) over the eigenvalues v of the correlation of the images' input gradients
    (Mellor et al., version 1), k = 1e-5.
    """
    inputs = images.clone().requires_grad_()
    logits = net(inputs)
    logits.backward(torch.ones_like(logits))
    assert inputs.grad is not None
    jacobian = inputs.grad.flatten(1).double().numpy()
    if (jacobian.std(axis=1) == 0).any():
        return float("nan")
    values = np.linalg.eigvalsh(np.corrcoef(jacobian)) + SMALL
    return float(-(np.log(values) + 1 / values).sum())


def grad_norm(net: fx.GraphModule, images: Tensor, labels: Tensor) -> float:
    """Sum over weights of the norm of the loss's gradient."""
    _backward(net, images, labels)
    return sum(float(_gradient(weight).norm()) for weight in _weights(net))


def snip(net: fx.GraphModule, images: Tensor, labels: Tensor) -> float:
    """Sum of |weight x gradient of the loss| (Lee et al., ICLR 2019)."""
    _backward(net, images, labels)
    return _saliency(net)


def synflow(net: fx.GraphModule, images: Tensor, labels: Tensor) -> float:
    """log(1 + sum of |weight x gradient|) of the sum of outputs for an image of ones, with absolute weights and no
    batch norms (Tanaka et al., NeurIPS 2020). The logarithm is ours: the sum grows as the product of all layers.
    """
    flow = _without_norms(net).double()
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter.abs_()
    flow(torch.ones_like(images[:1]).double()).sum().backward()
    return float(np.log1p(_saliency(flow)))


Score = Callable[[fx.GraphModule, Tensor, Tensor], float]
SCORES: Mapping[str, Score] = {
    "naswot": naswot,
    "synflow": synflow,
    "jacob_cov": jacob_cov,
    "grad_norm": grad_norm,
    "snip": snip,
}


def scores(net: fx.GraphModule, images: np.ndarray, labels: np.ndarray, names: tuple[str, ...]) -> dict[str, float]:
    """The scores `names` of a network from `gossamer.codegen.torch`; images f32 [N,C,H,W], labels i64 [N]."""
    x, y = torch.from_numpy(images), torch.from_numpy(labels)
    found: dict[str, float] = {}
    for name in names:
        fresh = copy.deepcopy(net)  # a forward pass moves the running statistics
        fresh.train()
        value = SCORES[name](fresh, x, y)
        found[name] = value if np.isfinite(value) else float("nan")
    return found


def _backward(net: nn.Module, images: Tensor, labels: Tensor) -> None:
    net.zero_grad()
    F.cross_entropy(net(images), labels).backward()


def _saliency(net: nn.Module) -> float:
    return sum(float((weight.detach() * _gradient(weight)).abs().sum()) for weight in _weights(net))


def _weights(net: nn.Module) -> list[Tensor]:
    return [parameter for parameter in net.parameters() if parameter.ndim > 1]


def _gradient(weight: Tensor) -> Tensor:
    return torch.zeros_like(weight) if weight.grad is None else weight.grad


def _without_norms(net: fx.GraphModule) -> fx.GraphModule:
    """The network with every batch norm left out."""
    for node in list(net.graph.nodes):
        if node.target is F.batch_norm:
            node.replace_all_uses_with(node.args[0])
            net.graph.erase_node(node)
    net.recompile()
    return net
