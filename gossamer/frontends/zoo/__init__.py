"""Networks to try things on, built in code with seeded weights: nothing is downloaded.

    model = build("resnet18")                                # a torch.nn.Module in eval mode
    save_onnx(model, "resnet18.onnx", input_shape("resnet18"))
    $ python -m gossamer.frontends.zoo resnet18 -o resnet18.onnx
    $ python -m gossamer.frontends.zoo --list

The topologies are the published ones (tests count the parameters). The weights are random but not careless: every
batch norm holds the statistics of the activations that really reach it and random scales and shifts, so signals
neither vanish nor explode and folding a batch norm changes numbers. To add a network, write its maker and one line of
`catalogue.py`.
"""

import warnings
from collections.abc import Callable, Sequence
from importlib import import_module
from os import PathLike
from typing import TYPE_CHECKING

from gossamer.frontends.zoo.catalogue import ENTRIES, NAMES, SIZE, Entry, entry, input_shape
from gossamer.ir.errors import FrontendError

if TYPE_CHECKING:
    from torch import nn

__all__ = ["ENTRIES", "NAMES", "build", "input_shape", "maker", "save_onnx"]

_TORCH = "the network zoo needs PyTorch: pip install 'gossamer[torch]'"


def build(name: str, *, classes: int | None = None, width: float = 1.0, seed: int = 0) -> "nn.Module":
    """A network of the zoo in eval mode. `width` scales every layer's channels; `classes` None: as published.

    Raises FrontendError for an unknown name, or without PyTorch.
    """
    found = entry(name)
    try:
        import torch
    except ImportError:
        raise FrontendError(_TORCH) from None
    from gossamer.frontends.zoo.settle import settle

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = maker(found)(found.classes if classes is None else classes, width)
        settle(model, input_shape(name, found.settle_size if SIZE in found.shape else None, batch=4))
    return model.eval()


def maker(entry: Entry) -> Callable[[int, float], "nn.Module"]:
    """The function (classes, width) -> network, its weights not yet settled."""
    file, function = entry.maker.split(":")
    return getattr(import_module(f"{__name__}.{file}"), function)


def save_onnx(
    model: "nn.Module",
    path: str | PathLike[str],
    shape: Sequence[int] | None = None,
    *,
    size: int = 224,
    batch: int = 1,
    fold_bn: bool = False,
) -> None:
    """Write the model as ONNX with one input `x` of `shape` (None: images, [batch, 3, size, size]) and one output `y`.

    Batch norms are kept unless `fold_bn`.
    """
    import torch
    from torch.onnx import TrainingMode

    mode = TrainingMode.EVAL if fold_bn else TrainingMode.PRESERVE
    example = torch.zeros(tuple(shape) if shape is not None else (batch, 3, size, size))
    with warnings.catch_warnings():  # the exporter that needs no further package says that it is the older one
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model, (example,), path, input_names=["x"], output_names=["y"],
            opset_version=17, training=mode, do_constant_folding=fold_bn, dynamo=False,
        )  # fmt: skip
