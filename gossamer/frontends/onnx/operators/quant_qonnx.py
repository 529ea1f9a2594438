"""QONNX: quantisation to any number of bits, written between float operators (Pappalardo et al. 2022).

    Quant(x, scale, zero, bits)     (clip(round(x / scale + zero), low, high) - zero) * scale
    BipolarQuant(x, scale)          scale where x >= 0, else -scale
    Trunc(x, scale, zero, in, out)  x, whole numbers of `scale`, without their lowest in - out bits
    FloatQuant(x, scale, exponent bits, mantissa bits, bias, largest)   x / scale as a small float, times scale

Rounding to the nearest even number makes a Quant a change of precision there and back: its integers are a type (i4 with
a scale), a constant becomes a parameter of that type, and `fold-qdq` makes integer layers of what lies between. Other
roundings are plain mathematics. The operators have had three domains.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gossamer.frontends.onnx.call import Call
from gossamer.frontends.onnx.table import Result, operator
from gossamer.frontends.onnx.tensors import Constant
from gossamer.frontends.problems import Unsupported
from gossamer.ir.errors import FrontendError
from gossamer.ir.op import Op
from gossamer.ir.ops import (
    Abs,
    Add,
    Cast,
    Ceil,
    Clip,
    Div,
    Floor,
    LessEqual,
    Maximum,
    Minimum,
    Mul,
    Round,
    Sign,
    Sub,
    Where,
)
from gossamer.ir.types import F32, DType, Quant, TensorType, Value

Numbers: TypeAlias = NDArray[np.float64]

DOMAINS = ("qonnx.custom_op.general", "onnx.brevitas", "finn.custom_op.general")
SMALL_FLOATS: dict[tuple[float, ...], str] = {(4.0, 3.0, 7.0, 448.0): "f8e4m3", (5.0, 2.0, 15.0, 57344.0): "f8e5m2"}
"""(exponent bits, mantissa bits, exponent bias, largest number) -> the element type."""


def qonnx(name: str) -> Callable[[Callable[[Call], Result]], Callable[[Call], Result]]:
    """Put a function into the table under every domain the operator has had."""

    def register(handler: Callable[[Call], Result]) -> Callable[[Call], Result]:
        for domain in DOMAINS:
            operator(name, domain=domain)(handler)
        return handler

    return register


@dataclass(frozen=True)
class Grid:
    """The numbers a Quant leaves: (q - zero) * scale for whole q in low..high."""

    scale: Numbers
    zero: Numbers
    bits: int
    signed: bool
    narrow: bool

    @property
    def low(self) -> int:
        return (-(1 << (self.bits - 1)) + self.narrow) if self.signed else 0

    @property
    def high(self) -> int:
        return (1 << (self.bits - 1)) - 1 if self.signed else (1 << self.bits) - 1 - self.narrow

    def type(self, shape: tuple[int, ...]) -> TensorType | None:
        """The integers with their scale as a type; None where the IR has none for them."""
        quant = _quant(self.scale, self.zero, shape)
        if quant is None or self.bits > 16:
            return None
        return TensorType(DType("i" if self.signed else "u", self.bits), shape, quant)

    def integers(self, x: NDArray[Any]) -> Numbers:
        """What a constant becomes."""
        steps = np.asarray(x, np.float32) / self.scale.astype(np.float32) + self.zero
        return np.clip(np.rint(steps), self.low, self.high)


@qonnx("Quant")
def quant(call: Call) -> Result:
    grid, mode = _grid(call), call.attr_text("rounding_mode", "ROUND").upper()
    item = call.item(0)
    kind = grid.type(item.type.shape) if mode == "ROUND" else None
    if kind is None:
        return call.emit(_in_reals(call, call.value(0), grid, mode))
    if isinstance(item, Constant):
        load = lambda: grid.integers(item.load()).astype(kind.dtype.numpy)  # noqa: E731
        stored = call.derived(Constant(kind, load), str(kind.dtype))
        return call.emit(Cast(stored, TensorType(F32, kind.shape)))
    x = call.value(0)
    if grid.narrow:  # the type has one number more
        x = _bounded(call, x, grid)
    return call.emit(Cast(call.step(Cast(x, kind)), TensorType(F32, kind.shape)))


@qonnx("BipolarQuant")
def bipolar(call: Call) -> Result:
    """Two bits hold -1 and 1."""
    scale, item = _known(call, 1, "scale"), call.item(0)
    quantity = _quant(scale, np.zeros(()), item.type.shape)
    if quantity is None:
        raise Unsupported(f"its scale has shape {list(scale.shape)}, needed one, or one per index of an axis")
    kind = TensorType(DType("i", 2), item.type.shape, quantity)
    if isinstance(item, Constant):
        load = lambda: np.where(np.asarray(item.load(), float) >= 0, 1, -1).astype(np.int8)  # noqa: E731
        stored = call.derived(Constant(kind, load), "bipolar")
        return call.emit(Cast(stored, TensorType(F32, kind.shape)))
    x = call.value(0)
    positive = call.step(LessEqual(call.number(0.0, x), x))
    factor = call.param(np.asarray(scale, np.float32), "scale")
    sign = Where(positive, call.number(1.0, x), call.number(-1.0, x))
    real = call.step(Mul(call.step(sign), factor))
    return call.emit(Cast(call.step(Cast(real, kind)), TensorType(F32, kind.shape)))


@qonnx("Trunc")
def trunc(call: Call) -> Result:
    scale, zero = _known(call, 1, "scale"), _known(call, 2, "zero point")
    drop = int(_known(call, 3, "number of bits").item()) - int(_known(call, 4, "number of bits").item())
    mode = call.attr_text("rounding_mode", "FLOOR").upper()
    if not 0 <= drop <= 32 or call.has(5):
        raise Unsupported("it adds bits, or has a scale of its own for the result, which is not supported")
    x = call.value(0)
    steps = _shifted(call, _times(call, Div, x, scale), zero, Add)
    whole = call.step(Round(steps))
    cut = _rounded(call, call.step(Mul(whole, call.number(2.0**-drop, x))), mode)
    return call.emit(_product(call, _shifted(call, cut, zero, Sub), scale))


@qonnx("FloatQuant")
def float_quant(call: Call) -> Result:
    """Only the two formats that the IR has as element types; larger numbers become the largest."""
    scale = _known(call, 1, "scale")
    names = ("number of exponent bits", "number of mantissa bits", "exponent bias", "largest number")
    described = tuple(float(_known(call, i + 2, name).item()) for i, name in enumerate(names))
    usual = call.attr_int("has_subnormal", 1) and call.attr_int("saturation", 1)
    mode = call.attr_text("rounding_mode", "ROUND").upper()
    if described not in SMALL_FLOATS or not usual or mode != "ROUND":
        raise Unsupported(
            f"it rounds to a float of (exponent bits, mantissa bits, bias, largest) {described}; supported are "
            f"{', '.join(map(str, SMALL_FLOATS))} with subnormals, saturation and rounding to nearest"
        )
    x, kind = call.value(0), DType.parse(SMALL_FLOATS[described])
    bounded = call.step(Clip(_times(call, Div, x, scale), -described[3], described[3]))
    small = call.step(Cast(bounded, TensorType(kind, x.shape)))
    return call.emit(_product(call, call.step(Cast(small, TensorType(F32, x.shape))), scale))


def _grid(call: Call) -> Grid:
    bits = float(_known(call, 3, "number of bits").item())
    if not bits.is_integer() or not 1 <= bits <= 32:
        raise Unsupported(f"it has {bits:g} bits, needed a whole number from 1 to 32")
    signed, narrow = call.attr_int("signed", 1), call.attr_int("narrow", 0)
    scale, zero = _known(call, 1, "scale"), _known(call, 2, "zero point")
    if not (np.isfinite(scale).all() and (scale > 0).all()):
        raise FrontendError("its scale is malformed: needed finite numbers > 0")
    return Grid(scale, zero, int(bits), bool(signed), bool(narrow))


def _known(call: Call, index: int, what: str) -> Numbers:
    found = call.constant(index)
    if found is None:
        raise FrontendError(f"it has no {what}")
    return np.asarray(found, np.float64)


def _quant(scale: Numbers, zero: Numbers, shape: tuple[int, ...]) -> Quant | None:
    """Scale and zero point as part of a type: one each, or one per index of one axis; whole zero points."""
    if not np.array_equal(zero, np.rint(zero)) or np.abs(zero).max(initial=0) >= 1 << 15:
        return None
    wide = np.broadcast_shapes(scale.shape, zero.shape)
    if len(wide) > len(shape):
        return None
    axes = [i + len(shape) - len(wide) for i, extent in enumerate(wide) if extent != 1]
    if len(axes) > 1 or any(shape[a] != wide[a - len(shape)] for a in axes):
        return None
    scales, zeros = (np.broadcast_to(a, wide).ravel() for a in (scale, zero))
    whole = tuple(int(z) for z in zeros)
    return Quant(tuple(float(s) for s in scales), whole if any(whole) else (0,), axes[0] if axes else None)


def _bounded(call: Call, x: Value, grid: Grid) -> Value:
    """x, no less or more than what the lowest and the highest integer stand for."""
    ends = [((end - grid.zero) * grid.scale).astype(np.float32) for end in (grid.low, grid.high)]
    if ends[0].size == 1:
        return call.step(Clip(x, float(ends[0].item()), float(ends[1].item())))
    above = call.step(Maximum(x, call.param(ends[0], "lowest")))
    return call.step(Minimum(above, call.param(ends[1], "highest")))


def _in_reals(call: Call, x: Value, grid: Grid, mode: str) -> Op:
    steps = _shifted(call, _times(call, Div, x, grid.scale), grid.zero, Add)
    clipped = call.step(Clip(steps, float(grid.low), float(grid.high)))
    return _product(call, _shifted(call, _rounded(call, clipped, mode), grid.zero, Sub), grid.scale)


def _times(call: Call, kind: Callable[[Value, Value], Op], x: Value, scale: Numbers) -> Value:
    return call.step(kind(x, call.param(scale.astype(np.float32), "scale")))


def _product(call: Call, x: Value, scale: Numbers) -> Op:
    return Mul(x, call.param(scale.astype(np.float32), "scale"))


def _shifted(call: Call, x: Value, zero: Numbers, kind: Callable[[Value, Value], Op]) -> Value:
    return call.step(kind(x, call.param(zero.astype(np.float32), "zero"))) if zero.any() else x


def _rounded(call: Call, x: Value, mode: str) -> Value:
    """Halves: ROUND to even, HALF_UP and HALF_DOWN away from and towards 0. UP away from 0, DOWN towards 0."""
    if mode in ("ROUND", "HALF_EVEN"):
        return call.step(Round(x))
    if mode in ("CEIL", "FLOOR"):
        return call.step(Ceil(x) if mode == "CEIL" else Floor(x))
    size, sign = call.step(Abs(x)), call.step(Sign(x))
    half = call.number(0.5, x)
    if mode in ("UP", "DOWN", "ROUND_TO_ZERO"):
        magnitude: Op = Ceil(size) if mode == "UP" else Floor(size)
    elif mode == "HALF_UP":
        magnitude = Floor(call.step(Add(size, half)))
    elif mode == "HALF_DOWN":
        magnitude = Ceil(call.step(Sub(size, half)))
    else:
        raise Unsupported(f"its rounding mode {mode} is not supported")
    return call.step(Mul(sign, call.step(magnitude)))
