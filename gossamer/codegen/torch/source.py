"""A module as python source that needs torch and numpy alone, and its weights beside it.

The source is the forward function of `to_torch`'s graph under a class that reads the weights; it can be edited, trained
and imported anywhere.
"""

from pathlib import Path

import numpy as np
from torch import fx

from gossamer.codegen.torch.network import CONSTANTS, network
from gossamer.ir.errors import BackendError
from gossamer.ir.files import write_text, write_whole
from gossamer.ir.graph import Module

_HEAD = '''"""{name}: a network exported by Gossamer. Needs torch and numpy; the weights are in {weights}.

    from {stem} import Network

    net = Network()          # in eval mode; net.train() to train it
    y = net({arguments})
"""

from math import inf, nan
from pathlib import Path

import numpy as np
import torch
from torch import device, nn

WEIGHTS = Path(__file__).with_name("{weights}")
TRAINABLE = {{
{trainable}}}


class Network(nn.Module):
    """Inputs: {inputs}."""

    def __init__(self, weights=WEIGHTS):
        super().__init__()
        with np.load(weights, allow_pickle=False) as arrays:
            for name in arrays.files:
                self._put(name, torch.from_numpy(arrays[name]))
        self.eval()

    def _put(self, path, tensor):
        """A tensor under its path of attributes, as a parameter if it is trained, else as a buffer."""
        home, (*folders, name) = self, path.split(".")
        for folder in folders:
            if not hasattr(home, folder):
                home.add_module(folder, nn.Module())
            home = getattr(home, folder)
        if path in TRAINABLE:
            home.register_parameter(name, nn.Parameter(tensor))
        else:
            home.register_buffer(name, tensor, persistent=not path.startswith("{constants}."))

'''


def write_source(module: Module, path: Path) -> None:
    """See `save_torch`."""
    if not path.stem.isidentifier():
        raise BackendError(f"{path}: python imports the file by its name, needed letters, digits and _, as in net.py")
    made = network(module)
    weights = path.with_suffix(".npz")
    tensors = {**dict(made.named_parameters()), **dict(made.named_buffers())}
    arrays = {name: tensor.detach().cpu().numpy() for name, tensor in tensors.items()}
    write_whole(weights, lambda out: np.savez(out, **arrays))  # type: ignore[arg-type]
    write_text(path, _head(module, made, path, weights.name) + _forward(made))


def _head(module: Module, made: fx.GraphModule, path: Path, weights: str) -> str:
    trainable = "".join(f"    {name!r},\n" for name, _ in made.named_parameters())
    return _HEAD.format(
        name=_plain(module.name), weights=weights, stem=path.stem, constants=CONSTANTS,
        arguments=", ".join(n.name for n in made.graph.nodes if n.op == "placeholder"), trainable=trainable,
        inputs=", ".join(f"{_plain(v.name)} {v.dtype}{list(v.shape)}" for v in module.graph.inputs),
    )  # fmt: skip


def _plain(text: str) -> str:
    """Names come from files: nothing of them may end the comment they stand in."""
    return "".join(c if c.isalnum() or c in " ._-/:" else "_" for c in text)


def _forward(made: fx.GraphModule) -> str:
    lines = made.graph.python_code("self").src.strip("\n").splitlines()
    return "\n".join(f"    {line}" if line else line for line in lines) + "\n"
