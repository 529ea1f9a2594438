"""Activation functions: pointwise, the result has the type of `x`, of any shape. Float types only, but for Relu."""

from dataclasses import dataclass
from math import isfinite, pi, sqrt

from gossamer.ir.errors import IRError
from gossamer.ir.nest import Const, Expr, Kernel, apply
from gossamer.ir.op import Op
from gossamer.ir.ops.checks import need_arithmetic, need_float
from gossamer.ir.ops.nests import clipped, mapped
from gossamer.ir.types import DType, TensorType, Value


@dataclass(frozen=True)
class Relu(Op, name="nn.relu"):
    """max(x, 0). Keeps a quantised type whose zero point is 0."""

    x: Value

    def infer(self) -> tuple[TensorType, ...]:
        quant = self.x.type.quant
        if quant is None:
            need_arithmetic("x", self.x)
        elif not quant.symmetric:
            raise IRError(f"x is quantised with zero point {quant.zero_point[0]}, needed 0: cast to f32 first")
        return (self.x.type,)

    def kernel(self) -> Kernel:
        return mapped(self.x, lambda x: apply("maximum", x, Const(0.0)))


@dataclass(frozen=True)
class Clip(Op, name="nn.clip"):
    """min(max(x, low), high); ReLU6 is Clip(x, 0, 6). On integers the bounds are whole, or infinite for none."""

    x: Value
    low: float
    high: float

    def infer(self) -> tuple[TensorType, ...]:
        need_arithmetic("x", self.x)
        if not self.low <= self.high:
            raise IRError(f"low is {self.low} and high {self.high}, needed low <= high")
        if self.x.dtype.integer:
            self._check_integers(self.x.dtype)
        return (self.x.type,)

    def _check_integers(self, dtype: DType) -> None:
        if any(isfinite(bound) and not float(bound).is_integer() for bound in (self.low, self.high)):
            raise IRError(f"low is {self.low} and high {self.high}, needed whole bounds on {dtype}: cast to f32 first")
        if self.low > dtype.high or self.high < dtype.low:
            found = f"low is {self.low} and high {self.high}"
            raise IRError(f"{found}, needed bounds that leave a number of {dtype} ({dtype.low}..{dtype.high})")

    def kernel(self) -> Kernel:
        return mapped(self.x, self._body)

    def _body(self, x: Expr) -> Expr:
        dtype = self.x.dtype
        if not dtype.integer:
            return clipped(x, self.low, self.high)
        # A bound that the type keeps anyway is left out: it may not be a number of the type computed in.
        above = apply("maximum", x, Const(self.low)) if self.low > dtype.low else x
        return apply("minimum", above, Const(self.high)) if self.high < dtype.high else above


@dataclass(frozen=True)
class Sigmoid(Op, name="nn.sigmoid"):
    """1 / (1 + exp(-x))."""

    x: Value

    def infer(self) -> tuple[TensorType, ...]:
        return _float(self.x)

    def kernel(self) -> Kernel:
        return mapped(self.x, lambda x: apply("sigmoid", x))


@dataclass(frozen=True)
class Tanh(Op, name="nn.tanh"):
    """tanh(x)."""

    x: Value

    def infer(self) -> tuple[TensorType, ...]:
        return _float(self.x)

    def kernel(self) -> Kernel:
        return mapped(self.x, lambda x: apply("tanh", x))


@dataclass(frozen=True)
class HardSigmoid(Op, name="nn.hard_sigmoid"):
    """clip(alpha * x + beta, 0, 1). The defaults are torch's and MobileNetV3's (ONNX's own default alpha is 0.2)."""

    x: Value
    alpha: float = 1 / 6
    beta: float = 0.5

    def infer(self) -> tuple[TensorType, ...]:
        return _float(self.x)

    def kernel(self) -> Kernel:
        return mapped(self.x, lambda x: _hard_sigmoid(x, self.alpha, self.beta))


@dataclass(frozen=True)
class HardSwish(Op, name="nn.hard_swish"):
    """x * clip(x / 6 + 1/2, 0, 1) (Howard et al. 2019, Searching for MobileNetV3)."""

    x: Value

    def infer(self) -> tuple[TensorType, ...]:
        return _float(self.x)

    def kernel(self) -> Kernel:
        return mapped(self.x, lambda x: apply("mul", x, _hard_sigmoid(x, 1 / 6, 0.5)))


@dataclass(frozen=True)
class Silu(Op, name="nn.silu"):
    """x * sigmoid(x), also called swish."""

    x: Value

    def infer(self) -> tuple[TensorType, ...]:
        return _float(self.x)

    def kernel(self) -> Kernel:
        return mapped(self.x, lambda x: apply("mul", x, apply("sigmoid", x)))


@dataclass(frozen=True)
class LeakyRelu(Op, name="nn.leaky_relu"):
    """x where x >= 0, else alpha * x."""

    x: Value
    alpha: float = 0.01

    def infer(self) -> tuple[TensorType, ...]:
        return _float(self.x)

    def kernel(self) -> Kernel:
        def body(x: Expr) -> Expr:
            return apply("where", apply("lt", x, Const(0.0)), apply("mul", Const(self.alpha), x), x)

        return mapped(self.x, body)


@dataclass(frozen=True)
class Gelu(Op, name="nn.gelu"):
    """x * Phi(x) = x/2 * (1 + erf(x / sqrt 2)); `approximate`: tanh(sqrt(2/pi) * (x + 0.044715 x^3)) as the erf."""

    x: Value
    approximate: bool = False

    def infer(self) -> tuple[TensorType, ...]:
        return _float(self.x)

    def kernel(self) -> Kernel:
        return mapped(self.x, self._body)

    def _body(self, x: Expr) -> Expr:
        if self.approximate:
            cubic = apply("mul", Const(0.044715), apply("mul", x, apply("mul", x, x)))
            bend: Expr = apply("tanh", apply("mul", Const(sqrt(2 / pi)), apply("add", x, cubic)))
        else:
            bend = apply("erf", apply("mul", x, Const(1 / sqrt(2))))
        return apply("mul", apply("mul", Const(0.5), x), apply("add", Const(1.0), bend))


@dataclass(frozen=True)
class Elu(Op, name="nn.elu"):
    """x where x > 0, else alpha * (exp(x) - 1)."""

    x: Value
    alpha: float = 1.0

    def infer(self) -> tuple[TensorType, ...]:
        return _float(self.x)

    def kernel(self) -> Kernel:
        def body(x: Expr) -> Expr:
            # exp of the negative part only: exp(x) of a large x would overflow in the branch not taken.
            below = apply("sub", apply("exp", apply("minimum", x, Const(0.0))), Const(1.0))
            return apply("where", apply("lt", Const(0.0), x), x, apply("mul", Const(self.alpha), below))

        return mapped(self.x, body)


def _float(x: Value) -> tuple[TensorType, ...]:
    need_float("x", x)
    return (x.type,)


def _hard_sigmoid(x: Expr, alpha: float, beta: float) -> Expr:
    return clipped(apply("add", apply("mul", Const(alpha), x), Const(beta)), 0.0, 1.0)
