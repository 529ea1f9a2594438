"""PyTorch -> IR, through `torch.export`.

    module = load_torch(model, {"x": (1, 3, 224, 224)})          # a torch.nn.Module in eval mode
    module = load_torch(torch.export.export(model, (x,)))        # or a program exported by the user

Parameters keep their names ("layer1.0.conv1.weight"), a node's label is the path of the torch module it came from.
The parameters are copied: training the model further does not change the IR module. To add an operator, add a
function to the table (`table.py`).
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Union

from gossamer.ir.errors import FrontendError
from gossamer.ir.graph import Module

if TYPE_CHECKING:
    from torch.export import ExportedProgram
    from torch.nn import Module as TorchModule


def load_torch(
    program: Union["TorchModule", "ExportedProgram"], shapes: Mapping[str, Sequence[int]] | None = None, name: str = ""
) -> Module:
    """A torch module (with the shape of every input of its `forward`) or an exported program as an IR module.

    Raises FrontendError: torch is missing, shapes are missing or dynamic, the model is in training mode or cannot be
    exported, operators that are not supported (all of them).
    """
    try:
        import torch.export  # noqa: F401
    except ImportError:
        raise FrontendError("importing from PyTorch needs PyTorch: pip install 'gossamer[torch]'") from None
    from torch.export import ExportedProgram

    from gossamer.frontends.torch.export import exported
    from gossamer.frontends.torch.importer import import_program

    if isinstance(program, ExportedProgram):
        return import_program(program, name or "program")
    return import_program(exported(program, shapes or {}), name or type(program).__name__.lower())
