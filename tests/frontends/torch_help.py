"""Functions as torch modules, imported and compared with torch."""

import numpy as np
import pytest

from gossamer.frontends import load
from gossamer.ir.reference import evaluate
from gossamer.ir.verify import verify

torch = pytest.importorskip("torch")

X = torch.randn(2, 4, 7, 6, generator=torch.Generator().manual_seed(3))


class Lambda(torch.nn.Module):
    """A function as a module, with what it needs as parameters."""

    def __init__(self, function, **tensors):
        super().__init__()
        self.function = function
        for name, tensor in tensors.items():
            self.register_buffer(name, tensor)

    def forward(self, x):
        return self.function(self, x)


def check(model, x=X, tolerance=1e-5):
    """Import the model; the reference must agree with torch, in type and shape and relative to the largest number."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # the tensors are so small that threads only wait for each other
    try:
        return _check(model.eval(), x, tolerance)
    finally:
        torch.set_num_threads(threads)


def _check(model, x, tolerance):
    argument = "input" if isinstance(model, torch.nn.Sequential) else "x"
    module = load(torch.export.export(model, (), {argument: x}) if x.dtype != torch.float32 else model,
                  {argument: tuple(x.shape)})  # fmt: skip
    verify(module)
    with torch.no_grad():
        wanted = model(x.clone())
    found = evaluate(module, {argument: x.numpy()})
    for i, want in enumerate(wanted if isinstance(wanted, tuple) else (wanted,)):
        agree(found[module.graph.outputs[i].name], want.numpy(), tolerance, f"output {i}")
    return module


def agree(found, wanted, tolerance, where):
    assert (found.shape, found.dtype) == (wanted.shape, wanted.dtype), where
    if wanted.dtype.kind != "f":
        np.testing.assert_array_equal(found, wanted, where)
        return
    finite = np.isfinite(wanted)
    np.testing.assert_array_equal(found[~finite], wanted[~finite], where)
    scale = max(1.0, float(np.abs(wanted[finite]).max(initial=0)))
    np.testing.assert_allclose(found[finite], wanted[finite], rtol=0, atol=tolerance * scale, err_msg=where)


def grouped(*functions):
    """Many small functions side by side: one trace instead of many."""
    return Lambda(lambda _, x: tuple(f(x) for f in functions))
