"""Networks to try things on, built in code with seeded weights: nothing is downloaded.

    model = build("resnet18")                                # a torch.nn.Module in eval mode
    save_onnx(model, "resnet18.onnx", size=224)
    $ python -m gossamer.frontends.zoo resnet18 -o resnet18.onnx

The weights are random but not careless: every batch norm holds the statistics of the activations that really reach
it and random scales and shifts, so signals neither vanish nor explode and folding a batch norm changes numbers.
"""

import warnings
from os import PathLike
from typing import TYPE_CHECKING

from gossamer.ir.errors import FrontendError, nearest

if TYPE_CHECKING:
    from torch import nn

NAMES = ("resnet18", "mobilenet_v2", "mobilenet_v3", "efficientnet_b0", "vgg11", "squeezenet", "shufflenet_v2")
_TORCH = "the network zoo needs PyTorch: pip install 'gossamer[torch]'"


def build(name: str, *, classes: int = 1000, width: float = 1.0, seed: int = 0) -> "nn.Module":
    """A network of the zoo in eval mode. `width` scales every layer's channels.

    Raises FrontendError for an unknown name, or without PyTorch.
    """
    if name not in NAMES:
        raise FrontendError(f"unknown network '{name}'{nearest(name, NAMES)}")
    try:
        import torch
    except ImportError:
        raise FrontendError(_TORCH) from None
    from gossamer.frontends.zoo import mobile, plain, residual

    makers = {n: getattr(m, n) for m in (mobile, plain, residual) for n in NAMES if hasattr(m, n)}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = (makers | {"resnet18": residual.ResNet18})[name](classes, width)
        _settle(model)
    return model.eval()


def _settle(model: "nn.Module") -> None:
    """Draw weights that keep the signal's scale and fill in batch-norm statistics from one random batch."""
    import torch
    from torch import nn

    from gossamer.frontends.zoo.blocks import SqueezeExcite

    norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.normal_(module.bias, std=0.05)
    for module in model.modules():
        if isinstance(module, SqueezeExcite):  # gates near one half: shut ones would leave channels without variance
            nn.init.normal_(module.expand.weight, std=0.02)
    for norm in norms:
        nn.init.uniform_(norm.weight, 0.6, 1.4)
        nn.init.normal_(norm.bias, std=0.1)
        norm.momentum = 1.0  # the running statistics become this batch's
    with torch.no_grad():
        model.train()(torch.randn(4, 3, 80, 80))
    for norm in norms:
        norm.momentum = 0.1


def save_onnx(
    model: "nn.Module", path: str | PathLike[str], *, size: int = 224, batch: int = 1, fold_bn: bool = False
) -> None:
    """Write the model as ONNX with one input `x` of [batch, 3, size, size] and one output `y`.

    Batch norms are kept unless `fold_bn`.
    """
    import torch
    from torch.onnx import TrainingMode

    mode = TrainingMode.EVAL if fold_bn else TrainingMode.PRESERVE
    with warnings.catch_warnings():  # the exporter that needs no further package says that it is the older one
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model, (torch.zeros(batch, 3, size, size),), path, input_names=["x"], output_names=["y"],
            opset_version=17, training=mode, do_constant_folding=fold_bn, dynamo=False,
        )  # fmt: skip
