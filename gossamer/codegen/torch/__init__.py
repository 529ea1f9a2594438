"""IR -> a trainable torch module.

    net = to_torch(module)                     # a torch.fx.GraphModule in eval mode; net.train() to train it
    save_torch(module, "net.py")               # python source, and net.npz with the weights; runs without gossamer

Forward takes the module's inputs in order and gives its output (a tuple where there are several). Float parameters are
`nn.Parameter`s under their own names ("layer1.0.conv1.weight"); scalars, integers and the running statistics of batch
norms are buffers; batch norms use and update their statistics in training mode as torch's own do. Each op is written
as the torch function for it, an op torch lacks by its loop nest (`gossamer.codegen.array_nests`); scans are unrolled,
fused nodes opened. `net.code` is the forward function as python text, and `torch.export` takes the module.

Precision is trained through: a quantised tensor is held as the real numbers that its integers stand for, rounded to
its grid in the forward pass; the gradient passes through the rounding as if it were not there, and is 0 where the
number was clipped to the type's range (the straight-through estimator). Quantised weights are therefore float
parameters. Quantised inputs and outputs are integers, as the IR has them.
"""

from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING

from gossamer.ir.errors import BackendError
from gossamer.ir.graph import Module

if TYPE_CHECKING:
    from torch.fx import GraphModule


def to_torch(module: Module) -> "GraphModule":
    """The module as a torch module. Raises BackendError: torch or weights are missing, ops without a loop nest."""
    _need_torch()
    from gossamer.codegen.torch.network import network

    return network(module)


def save_torch(module: Module, path: str | PathLike[str]) -> None:
    """Write `path`, python source with a class `Network`, and beside it an .npz with the weights.

    Raises BackendError as `to_torch`, or OSError (disk full).
    """
    _need_torch()
    from gossamer.codegen.torch.source import write_source

    write_source(module, Path(fspath(path)))


def _need_torch() -> None:
    try:
        import torch  # noqa: F401
    except ImportError:
        raise BackendError("exporting to PyTorch needs PyTorch: pip install 'gossamer[torch]'") from None
