"""One case: imported, evaluated, compared, in the manner of onnx.backend.test.

A node test gives every operand as an input of the graph, those that say a shape or an axis too. Where the importer
answers that such an input has to be a constant, it is made one, as `constants` of `load` does for a user.
"""

import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from gossamer.frontends import load
from gossamer.frontends.onnx.tensors import dtype_of
from gossamer.ir.errors import FrontendError, GossamerError
from gossamer.ir.graph import Array, Module
from gossamer.ir.ops.structure import Param
from gossamer.ir.reference import evaluate
from gossamer.ir.verify import verify

from .cases import Case

_NEEDED = re.compile(r"load the model with constants=\{([^}]*)\}")
_BF16_RTOL = 2.0**-6

Outcome = Literal["passed", "folded", "refused", "wrong"]
"""passed; passed because every operand had to be a constant; not imported; imported and not equal."""


@dataclass(frozen=True, eq=False)
class Prepared:
    """A case as a module, and what it is to be run on. `fixed`: inputs that had to be constants."""

    case: Case
    module: Module
    feeds: Mapping[str, Array]
    fixed: tuple[str, ...]

    @property
    def folded(self) -> bool:
        """Is there nothing left to compute when it runs?"""
        return all(isinstance(node.op, Param) for node in self.module.graph.nodes)


@dataclass(frozen=True)
class Verdict:
    """What became of a case; `why` says what went wrong."""

    name: str
    outcome: Outcome
    why: str = ""

    @property
    def good(self) -> bool:
        return self.outcome in ("passed", "folded")


def prepare(case: Case) -> Prepared:
    """The case imported. FrontendError when it cannot be."""
    weights = {tensor.name for tensor in case.model.graph.initializer}
    names = [info.name for info in case.model.graph.input if info.name not in weights]
    given = dict(zip(names, case.inputs))
    shapes = {name: np.shape(array) for name, array in given.items() if isinstance(array, np.ndarray)}
    fixed: dict[str, Array] = {}
    while True:
        try:
            module = load(case.model, {n: s for n, s in shapes.items() if n not in fixed}, fixed)
        except FrontendError as error:
            needed = [name for text in _NEEDED.findall(str(error)) for name in re.findall(r"'([^']*)'", text)]
            if not needed or any(name in fixed for name in needed):
                raise
            fixed |= {name: given[name] for name in needed}
            continue
        verify(module)
        feeds = {value.name: _held(given[value.name]) for value in module.graph.inputs}
        return Prepared(case, module, feeds, tuple(fixed))


def judged_by_reference(case: Case) -> Verdict:
    """Import a case, evaluate it by the meaning of its ops, and compare."""
    try:
        prepared = prepare(case)
    except FrontendError as error:
        return Verdict(case.name, "refused", str(error))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return judged(prepared, evaluate(prepared.module, prepared.feeds))
        except GossamerError as error:
            return Verdict(case.name, "wrong", f"{type(error).__name__}: {error}")


def judged(prepared: Prepared, found: Mapping[str, Array]) -> Verdict:
    """The verdict on outputs, by name."""
    case, types = prepared.case, {v.name: v.dtype for v in prepared.module.graph.outputs}
    for info, wanted in zip(case.model.graph.output, case.outputs, strict=True):
        dtype = dtype_of(info.type.tensor_type.elem_type, "output")
        if types[info.name] != dtype:
            return Verdict(case.name, "wrong", f"output '{info.name}' is {types[info.name]}, wanted {dtype}")
        rtol = max(case.rtol, _BF16_RTOL) if dtype.kind == "bf" else case.rtol
        text = _difference(found[info.name], _held(wanted), rtol, case.atol)
        if text:
            return Verdict(case.name, "wrong", f"output '{info.name}': {text}")
    return Verdict(case.name, "folded" if prepared.folded else "passed")


def _difference(found: Array, wanted: Array, rtol: float, atol: float) -> str:
    if found.shape != wanted.shape:
        return f"shape {found.shape}, wanted {wanted.shape}"
    try:
        np.testing.assert_allclose(np.asarray(found, wanted.dtype), wanted, rtol, atol)
    except AssertionError as error:
        return " ".join(str(error).split())
    return ""


def _held(array: Any) -> Array:
    """In a type that numpy itself has: narrow floats as float32, narrow integers as int8."""
    found = np.asarray(array)
    if found.dtype.kind in "biu" or found.dtype in (np.float16, np.float32, np.float64):
        return found
    name = found.dtype.name
    return found.astype(np.uint8 if name.startswith("uint") else np.int8 if name.startswith("int") else np.float32)
