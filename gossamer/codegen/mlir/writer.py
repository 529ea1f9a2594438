"""The text being written: lines with their indentation, SSA names, constants, and the resources behind the module."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from gossamer.codegen.mlir.types import literal, tensor
from gossamer.ir.graph import Array
from gossamer.ir.types import DType

_INLINE = 16
"""Constants of up to as many elements stand in the text as numbers."""


@dataclass(frozen=True)
class Tensor:
    """An SSA value that is a tensor."""

    name: str
    shape: tuple[int, ...]
    dtype: DType

    @property
    def type(self) -> str:
        return tensor(self.shape, self.dtype)


class Writer:
    """Collects the lines of one function."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.resources: dict[str, str] = {}
        self._taken: set[str] = set()
        self._serials: dict[str, int] = {}
        self._depth = 2
        self._constants: dict[tuple[str, tuple[int, ...], bytes], Tensor] = {}

    def line(self, text: str) -> None:
        self.lines.append("  " * self._depth + text)

    @contextmanager
    def indented(self) -> Iterator[None]:
        """Lines of a region. Constants made in it are not seen outside."""
        outside, self._constants = self._constants, dict(self._constants)
        self._depth += 1
        yield
        self._depth -= 1
        self._constants = outside

    def fresh(self, base: str) -> str:
        """An SSA name like `base`, not used before, with its %."""
        return f"%{self._unique(re.sub(r'[^A-Za-z0-9_.$-]', '_', base), numbers=True)}"

    def set(self, base: str, text: str, result: Tensor | None = None) -> str:
        """`%base = text`; the name it got."""
        name = self.fresh(base)
        self.line(f"{name} = {text}")
        return name

    def tensor(self, base: str, shape: tuple[int, ...], dtype: DType, text: str) -> Tensor:
        """An operation whose result is a tensor; `text` without the result's name."""
        return Tensor(self.set(base, text), shape, dtype)

    def empty(self, shape: tuple[int, ...], dtype: DType) -> Tensor:
        return self.tensor("empty", shape, dtype, f"tensor.empty() : {tensor(shape, dtype)}")

    def constant(self, base: str, array: Array, dtype: DType) -> Tensor:
        """A constant tensor; equal ones are written once."""
        held = np.ascontiguousarray(_narrow(array, dtype)).reshape(np.shape(array))
        key = (str(dtype), held.shape, held.tobytes())
        if key not in self._constants:
            text = f"arith.constant {self._dense(base, held, dtype)} : {tensor(held.shape, dtype)}"
            self._constants[key] = self.tensor(base, held.shape, dtype, text)
        return self._constants[key]

    def _dense(self, base: str, array: Array, dtype: DType) -> str:
        if array.size == 0:
            return "dense<[]>"
        if array.size == 1 or array.size <= _INLINE or dtype.kind == "bool":
            return f"dense<{_nested(array, dtype)}>"
        name = self._unique(re.sub(r"[^A-Za-z0-9_]", "_", base) or "_", numbers=False)
        # Four bytes of alignment, then the elements.
        self.resources[name] = f"0x{_ALIGNMENT.to_bytes(4, 'little').hex()}{array.tobytes().hex().upper()}"
        return f"dense_resource<{name}>"

    def _unique(self, base: str, numbers: bool) -> str:
        clean = base or "v"
        if clean[0].isdigit():  # %12 is for the parser to number, and a resource's name starts with a letter
            clean = f"v{clean}" if numbers else f"_{clean}"
        name = clean
        while name in self._taken:
            self._serials[clean] = self._serials.get(clean, 0) + 1
            name = f"{clean}_{self._serials[clean]}"
        self._taken.add(name)
        return name


_ALIGNMENT = 16


def _narrow(array: Array, dtype: DType) -> Array:
    """The array in its own width; bf16 and fp8 are kept in float32 elsewhere."""
    if dtype.kind not in ("bf", "f8e4m3", "f8e5m2"):
        return np.asarray(array).astype(dtype.numpy, copy=False)
    import ml_dtypes

    kinds = {"bf": ml_dtypes.bfloat16, "f8e4m3": ml_dtypes.float8_e4m3fn, "f8e5m2": ml_dtypes.float8_e5m2}
    return np.asarray(array).astype(kinds[dtype.kind])


def _nested(array: Array, dtype: DType) -> str:
    if array.ndim == 0:
        return literal(array.item() if dtype.integer or dtype.kind == "bool" else float(array), dtype)
    return f"[{', '.join(_nested(part, dtype) for part in array)}]"
