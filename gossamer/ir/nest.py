"""What an op means, once: structured loop nests over affine accesses.

A `Kernel` is a list of stages. A stage (`Nest`) computes one tensor:

    for every point of the parallel axes:
        acc   = reduce over the reduction axes of body(loads)
        out[point] = epilogue(acc)

MACs, bytes, the numpy reference, TVM programs, HLS loops and systolic mappings derive from it. Example, the bare
2-D convolution (groups = 1), with `fill` as what a read outside the tensor gives (the padding):

    Nest(axes=(Axis("n", 1), Axis("oc", 16), Axis("oh", 8), Axis("ow", 8),
               Axis("ic", 3, reduce=True), Axis("kh", 3, reduce=True), Axis("kw", 3, reduce=True)),
         body=mul(Load(0, (at("n"), at("ic"), at("oh") + at("kh") - 1, at("ow") + at("kw") - 1), fill=0.0),
                  Load(1, (at("oc"), at("ic"), at("kh"), at("kw")))),
         reduce="sum", compute=F32, dtype=F32)

Operand numbering: `Load(k, ...)` with k < number of operands reads operand k of the op; k >= that number reads the
result of stage k - number of operands of the same kernel. Every load is converted to `compute` before arithmetic; the
stored value is converted to `dtype` (by truncation of an already rounded and clipped number: `round`, `maximum`,
`minimum` stand in the body where they are meant).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import prod
from typing import Literal, TypeAlias, Union

from gossamer.ir.types import DType

Reduction: TypeAlias = Literal["sum", "prod", "max", "min"]


@dataclass(frozen=True, slots=True)
class Axis:
    """One loop. Names are the field's own: n ic oc oh ow kh kw; d0 d1 ... where there is none."""

    name: str
    extent: int
    reduce: bool = False


@dataclass(frozen=True, slots=True)
class Affine:
    """sum(coefficient * axis) + constant. Build with `at("oh") * 2 + at("kh") - 1`."""

    terms: tuple[tuple[str, int], ...] = ()
    constant: int = 0

    def __add__(self, other: "Affine | int") -> "Affine":
        if isinstance(other, int):
            return Affine(self.terms, self.constant + other)
        merged = dict(self.terms)
        for name, factor in other.terms:
            merged[name] = merged.get(name, 0) + factor
        return Affine(tuple((n, f) for n, f in merged.items() if f), self.constant + other.constant)

    def __sub__(self, other: int) -> "Affine":
        return self + -other

    def __mul__(self, factor: int) -> "Affine":
        return Affine(tuple((n, f * factor) for n, f in self.terms if factor), self.constant * factor)


@dataclass(frozen=True, slots=True)
class Div:
    """floor(index / divisor): for reshapes and shuffles, which are quasi-affine."""

    index: "Index"
    divisor: int


@dataclass(frozen=True, slots=True)
class Mod:
    """index modulo divisor."""

    index: "Index"
    divisor: int


@dataclass(frozen=True, slots=True)
class Sum:
    """sum(factor * index) where some index is a Div or Mod (else it is an Affine): grouped channels."""

    terms: tuple[tuple["Index", int], ...]


@dataclass(frozen=True, slots=True)
class Computed:
    """A whole number computed in i64, clipped to 0 .. extent - 1, as an index: for gathers and look-ups.

    `value` may read operands (a gather at run time) and tables (positions fixed at compile time):
    `Computed(Load(1, (at("d0"),)), 10)` reads row indices[d0] of a tensor of ten rows. Never outside the tensor.
    """

    value: "Expr"
    extent: int


Index: TypeAlias = Union[Affine, "Div", "Mod", "Sum", "Computed"]


def at(axis: str) -> Affine:
    return Affine(((axis, 1),))


@dataclass(frozen=True, slots=True)
class Load:
    """Read operand (or earlier stage) `operand` at `index`; outside its shape it gives `fill` (None: never outside)."""

    operand: int
    index: tuple[Index, ...]
    fill: float | None = None


@dataclass(frozen=True, slots=True)
class Const:
    value: float


@dataclass(frozen=True, slots=True)
class IndexValue:
    """An index used as a number."""

    index: Index


@dataclass(frozen=True, slots=True)
class Table:
    """values[index]: numbers fixed at compile time, one per index (per-channel scales). Never read outside."""

    values: tuple[float, ...]
    index: Index


@dataclass(frozen=True, slots=True)
class Acc:
    """The reduced value, in an epilogue; converted to the type computed in around it, as a load is."""


Function: TypeAlias = Literal[
    "add", "sub", "mul", "div", "maximum", "minimum", "pow", "neg", "abs", "exp", "log", "sqrt", "tanh", "erf",
    "sigmoid", "floor", "ceil", "round", "sign", "sin", "cos", "atan", "lt", "le", "eq", "and", "or", "not", "where",
    "bit_and", "bit_or", "bit_xor", "shl", "shr",
]
"""Scalar functions. `round` is half to even; `where(c, a, b)`; comparisons give 0 or 1; `div` truncates on integers.

`bit_*` and shifts are for integers; a shift by less than 0, or by all bits or more, leaves 0, or the sign where `shr`
moves it in. NaN goes through, but for comparisons, which it makes false.
"""


@dataclass(frozen=True, slots=True)
class Apply:
    function: Function
    args: tuple["Expr", ...]


@dataclass(frozen=True, slots=True)
class Convert:
    """A stage inlined into another: `value` computed in `compute`, stored as `dtype`, converted to the type around it.

    Lowering is one recursion that carries the type computed in, starting with the nest's:
    lower(Load, t) = cast(load, t); lower(Const, t) = t(const);
    lower(Convert(v, c, d), t) = cast(cast(lower(v, c), d), t).
    """

    value: "Expr"
    compute: DType
    dtype: DType


Expr: TypeAlias = Load | Const | IndexValue | Table | Acc | Apply | Convert


def apply(function: Function, *args: Expr) -> Apply:
    return Apply(function, args)


def rewritten(expr: Expr, change: Callable[[Expr], Expr]) -> Expr:
    """The expression with `change` applied to every leaf (anything but Apply and Convert), not inside of indices."""
    if isinstance(expr, Apply):
        return Apply(expr.function, tuple(rewritten(a, change) for a in expr.args))
    if isinstance(expr, Convert):
        return Convert(rewritten(expr.value, change), expr.compute, expr.dtype)
    return change(expr)


def parts(expr: Expr) -> Iterator[Expr]:
    """The expression and everything in it, the expressions of computed indices included, outermost first."""
    yield expr
    for item in _inner(expr):
        yield from parts(item)


def _inner(expr: Expr) -> tuple[Expr, ...]:
    if isinstance(expr, Apply):
        return expr.args
    if isinstance(expr, Convert):
        return (expr.value,)
    if isinstance(expr, Load):
        return tuple(found.value for index in expr.index for found in computed(index))
    return tuple(found.value for found in computed(expr.index)) if isinstance(expr, (IndexValue, Table)) else ()


def computed(index: Index) -> tuple[Computed, ...]:
    """The computed indices in an index, left to right."""
    if isinstance(index, Affine):
        return ()
    if isinstance(index, Computed):
        return (index,)
    if isinstance(index, Sum):
        return tuple(found for part, _ in index.terms for found in computed(part))
    return computed(index.index)


@dataclass(frozen=True)
class Nest:
    """One stage; see the module's docstring. Without `reduce` there are no reduction axes and `body` is the value.

    An epilogue that is a Convert converts to `dtype`, computes in that Convert's type, and what it gives is stored as
    it is: the f32 epilogue of an integer sum.
    """

    axes: tuple[Axis, ...]
    body: Expr
    compute: DType
    dtype: DType
    reduce: Reduction | None = None
    epilogue: Expr | None = None

    @property
    def parallel(self) -> tuple[Axis, ...]:
        return tuple(a for a in self.axes if not a.reduce)

    @property
    def reduction(self) -> tuple[Axis, ...]:
        return tuple(a for a in self.axes if a.reduce)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the result: the extents of the parallel axes, in order."""
        return tuple(a.extent for a in self.axes if not a.reduce)

    @property
    def points(self) -> int:
        return prod(a.extent for a in self.axes)

    @property
    def loads(self) -> tuple[Load, ...]:
        """Every read, those inside of indices included, those of the epilogue last."""
        exprs = (self.body,) if self.epilogue is None else (self.body, self.epilogue)
        return tuple(part for expr in exprs for part in parts(expr) if isinstance(part, Load))


@dataclass(frozen=True)
class Kernel:
    """Stages in order of execution; `results[i]` is the stage that computes result i of the op."""

    operands: int
    stages: tuple[Nest, ...]
    results: tuple[int, ...]


def single(operands: int, nest: Nest) -> Kernel:
    """A kernel of one stage and one result."""
    return Kernel(operands, (nest,), (0,))
