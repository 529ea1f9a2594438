"""Scalar arithmetic in `arith` and `math`: conversions, the functions of `gossamer.ir.nest`, how reductions combine."""

from collections.abc import Callable
from dataclasses import dataclass

from gossamer.codegen.mlir.types import element, literal
from gossamer.codegen.mlir.writer import Writer
from gossamer.ir.nest import Function, Reduction
from gossamer.ir.types import BOOL, DType


@dataclass(frozen=True)
class Scalar:
    """An SSA value that is a number of an IR type (which also says whether its bits are signed)."""

    name: str
    dtype: DType


class Arithmetic:
    """Writes scalar operations into the body of a generic."""

    def __init__(self, writer: Writer) -> None:
        self.writer = writer

    def set(self, dtype: DType, operation: str, *args: Scalar) -> Scalar:
        """An operation whose operands and result have one type."""
        names = ", ".join(a.name for a in args)
        return Scalar(self.writer.set("t", f"{operation} {names} : {element(dtype)}"), dtype)

    def constant(self, value: float, dtype: DType) -> Scalar:
        typed = "" if dtype.kind == "bool" else f" : {element(dtype)}"
        return Scalar(self.writer.set("c", f"arith.constant {literal(value, dtype)}{typed}"), dtype)

    def convert(self, value: Scalar, to: DType) -> Scalar:
        """The number in another type; floats to integers by truncation, anything but 0 is true."""
        if element(value.dtype) == element(to) and (value.dtype.kind == "bool") == (to.kind == "bool"):
            return Scalar(value.name, to)
        if to.kind == "bool":
            return self.compare("ne", value, self.constant(0, value.dtype))
        text = f"arith.{_conversion(value.dtype, to)} {value.name} : {element(value.dtype)} to {element(to)}"
        return Scalar(self.writer.set("t", text), to)

    def compare(self, how: str, x: Scalar, y: Scalar) -> Scalar:
        """`how`: lt, le, eq or ne. Gives a bool."""
        if x.dtype.floating:
            # Unordered for "not equal" alone: NaN differs from everything.
            kind = f"cmpf {'u' if how == 'ne' else 'o'}{how}"
        else:
            kind = f"cmpi {how if how in ('eq', 'ne') else ('s' if x.dtype.kind == 'i' else 'u') + how}"
        return Scalar(self.writer.set("t", f"arith.{kind}, {x.name}, {y.name} : {element(x.dtype)}"), BOOL)

    def select(self, condition: Scalar, x: Scalar, y: Scalar) -> Scalar:
        names = f"{condition.name}, {x.name}, {y.name}"
        return Scalar(self.writer.set("t", f"arith.select {names} : {element(x.dtype)}"), x.dtype)

    def call(self, function: Function, args: list[Scalar], dtype: DType) -> Scalar:
        """A function computed in `dtype`; what compares gives a bool, which the caller converts."""
        if function == "where":
            return self.select(self.convert(args[0], BOOL), *(self.convert(a, dtype) for a in args[1:]))
        if function in _LOGIC:
            return self._logic(function, [self.convert(a, BOOL) for a in args])
        operands = [self.convert(a, dtype) for a in args]
        if function in ("lt", "le", "eq"):
            return self.compare(function, *operands)
        if function in _SPELLED:
            return _SPELLED[function](self, *operands)
        return self.set(dtype, _operation(function, dtype), *operands)

    def _logic(self, function: str, args: list[Scalar]) -> Scalar:
        if function == "not":
            return self.set(BOOL, "arith.xori", args[0], self.constant(1, BOOL))
        return self.set(BOOL, _LOGIC[function], *args)

    def combine(self, reduce: Reduction, x: Scalar, y: Scalar) -> Scalar:
        function: dict[Reduction, Function] = {"sum": "add", "prod": "mul", "max": "maximum", "min": "minimum"}
        return self.call(function[reduce], [x, y], x.dtype)


_LOGIC = {"and": "arith.andi", "or": "arith.ori", "not": ""}

_FLOAT = {
    "add": "arith.addf", "sub": "arith.subf", "mul": "arith.mulf",
    "maximum": "arith.maximumf", "minimum": "arith.minimumf", "pow": "math.powf", "neg": "arith.negf",
    "abs": "math.absf", "exp": "math.exp", "log": "math.log", "sqrt": "math.sqrt", "tanh": "math.tanh",
    "erf": "math.erf", "floor": "math.floor", "ceil": "math.ceil", "round": "math.roundeven", "sin": "math.sin",
    "cos": "math.cos", "atan": "math.atan",
}  # fmt: skip
_INTEGER = {
    "add": "arith.addi", "sub": "arith.subi", "mul": "arith.muli", "pow": "math.ipowi", "abs": "math.absi",
    "bit_and": "arith.andi", "bit_or": "arith.ori", "bit_xor": "arith.xori",
}  # fmt: skip
_SIGNED = {"maximum": ("maxsi", "maxui"), "minimum": ("minsi", "minui")}


def _operation(function: str, dtype: DType) -> str:
    if dtype.floating:
        return _FLOAT[function]
    if function in _SIGNED:
        return f"arith.{_SIGNED[function][dtype.kind != 'i']}"
    return _INTEGER[function]


def _conversion(old: DType, new: DType) -> str:
    signed = old.kind == "i"
    if old.floating and new.floating:
        return "extf" if new.bits > old.bits else "truncf"
    if old.floating:
        return "fptosi" if new.kind == "i" else "fptoui"
    if new.floating:
        return "sitofp" if signed else "uitofp"
    if old.kind != "bool" and new.numpy.itemsize < old.numpy.itemsize:
        return "trunci"
    return "extsi" if signed else "extui"


def _sigmoid(a: Arithmetic, x: Scalar) -> Scalar:
    one = a.constant(1.0, x.dtype)
    small = a.set(x.dtype, "math.exp", a.set(x.dtype, "arith.negf", x))
    return a.set(x.dtype, "arith.divf", one, a.set(x.dtype, "arith.addf", one, small))


def _sign(a: Arithmetic, x: Scalar) -> Scalar:
    zero, one, minus = (a.constant(v, x.dtype) for v in (0, 1, -1))
    below = a.select(a.compare("lt", x, zero), minus, x)  # x itself where it is 0 or NaN
    return a.select(a.compare("lt", zero, x), one, below)


def _neg(a: Arithmetic, x: Scalar) -> Scalar:
    if x.dtype.floating:
        return a.set(x.dtype, "arith.negf", x)
    return a.set(x.dtype, "arith.subi", a.constant(0, x.dtype), x)


def _rounding(name: str) -> Callable[[Arithmetic, Scalar], Scalar]:
    return lambda a, x: a.set(x.dtype, _FLOAT[name], x) if x.dtype.floating else x


def _shift(name: str) -> Callable[[Arithmetic, Scalar, Scalar], Scalar]:
    """Shifting by all bits or more is left to the largest shift twice: MLIR gives it no meaning."""

    def shift(a: Arithmetic, x: Scalar, y: Scalar) -> Scalar:
        last = a.constant(8 * x.dtype.numpy.itemsize - 1, x.dtype)
        operation = "arith.shli" if name == "shl" else "arith.shrsi" if x.dtype.kind == "i" else "arith.shrui"
        part = a.set(x.dtype, "arith.minui", y, last)
        rest = a.set(x.dtype, "arith.minui", a.set(x.dtype, "arith.subi", y, part), last)
        return a.set(x.dtype, operation, a.set(x.dtype, operation, x, part), rest)

    return shift


def _div(a: Arithmetic, x: Scalar, y: Scalar) -> Scalar:
    """Division; of integers by 0 it gives 0 and by -1 it negates, since `arith` gives those no meaning (or a trap)."""
    if x.dtype.floating:
        return a.set(x.dtype, "arith.divf", x, y)
    signed = x.dtype.kind == "i"
    zero, one = a.constant(0, x.dtype), a.constant(1, x.dtype)
    trap, other = a.compare("eq", y, zero), zero
    if signed:
        negated = a.set(x.dtype, "arith.subi", zero, x)
        other = a.select(trap, zero, negated)
        trap = a.set(BOOL, "arith.ori", trap, a.compare("eq", y, a.constant(-1, x.dtype)))
    quotient = a.set(x.dtype, "arith.divsi" if signed else "arith.divui", x, a.select(trap, one, y))
    return a.select(trap, other, quotient)


_SPELLED: dict[str, Callable[..., Scalar]] = {
    "div": _div, "sigmoid": _sigmoid, "sign": _sign, "neg": _neg, "shl": _shift("shl"), "shr": _shift("shr"),
    "floor": _rounding("floor"), "ceil": _rounding("ceil"), "round": _rounding("round"),
}  # fmt: skip
