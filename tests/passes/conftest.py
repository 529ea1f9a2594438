"""How a pass is tested: IR text in, IR text out, well formed, the same numbers, and nothing left to do again."""

import hashlib
from dataclasses import dataclass
from textwrap import dedent

import numpy as np
import pytest

from gossamer.ir.graph import Module, Params
from gossamer.ir.ops import Param
from gossamer.ir.reference import evaluate
from gossamer.ir.text import parse_module
from gossamer.ir.verify import same_interface, verify
from gossamer.passes.base import Pass
from gossamer.passes.pipeline import run_pipeline


def random_array(type, name):
    """Deterministic numbers of a type; positive where the name says variance."""
    rng = np.random.default_rng(int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big"))
    if type.dtype.integer:
        low, high = max(type.dtype.low, -100), min(type.dtype.high, 100)
        return rng.integers(low, high, type.shape, endpoint=True).astype(type.dtype.numpy)
    array = rng.standard_normal(type.shape)
    return (np.abs(array) + 0.5 if "var" in name else array).astype(type.dtype.numpy)


@dataclass(frozen=True)
class Lab:
    """`module(text)`: parsed, verified, with random parameters. `outputs(module)`: on random inputs."""

    def module(self, text: str) -> Module:
        parsed = parse_module(f"module test\n{dedent(text).strip()}\n")
        refs = {n.op.ref: n.op.type for n in parsed.graph.nodes if isinstance(n.op, Param)}
        params = Params({ref: random_array(type, ref) for ref, type in refs.items()})
        return verify(parsed.with_graph(parsed.graph, params), load=True)

    random = staticmethod(random_array)

    def outputs(self, module: Module) -> dict[str, np.ndarray]:
        return evaluate(module, {v.name: random_array(v.type, v.name) for v in module.graph.inputs})

    def body(self, module: Module) -> str:
        """The text of a module without its first line."""
        return str(module).partition("\n")[2].strip()

    def check(self, item: "Pass | str", before: str, after: str | None, tolerance: float = 1e-5) -> Module:
        """Run a pass; `after` None means that it declines. Returns the new module."""
        old = self.module(before)
        run = (lambda m: run_pipeline(m, item)) if isinstance(item, str) else item.run
        new = run(old)
        assert self.body(new) == dedent(before if after is None else after).strip()
        assert new is old or after is not None
        self.same(old, new, tolerance)
        assert run(new) == new, "running it twice is not running it once"
        return new

    def same(self, old: Module, new: Module, tolerance: float) -> None:
        verify(new, load=True)
        same_interface(old, new)
        want, got = self.outputs(old), self.outputs(new)
        for name, array in want.items():
            scale = max(1.0, float(np.abs(array).max(initial=0.0)))
            np.testing.assert_allclose(got[name], array, rtol=0, atol=tolerance * scale, err_msg=name)


@pytest.fixture(scope="session")
def lab() -> Lab:
    return Lab()
