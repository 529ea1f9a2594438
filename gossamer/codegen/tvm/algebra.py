"""What index expressions come to, given the bounds of the loop variables in them."""

from typing import Any

from gossamer.codegen.tvm.adapter import tirx, tvm


class Algebra:
    """Knows bounds of variables; simplifies expressions and tells how they move with a variable."""

    def __init__(self) -> None:
        self._analyzer = tvm.sym.Analyzer()
        self._meanings = tvm.sym.Analyzer()

    def bound(self, variable: Any, extent: int) -> Any:
        """The variable, known to be in 0 .. extent-1; numbers are let through."""
        if isinstance(variable, tirx.Var):
            self._analyzer.bind(variable, tvm.ir.Range(tirx.const(0, "int32"), tirx.const(extent, "int32")))
        return variable

    def variable(self, name: str, extent: int) -> Any:
        """A fresh variable in 0 .. extent-1; the number 0 where it can be nothing else."""
        return self.bound(tirx.Var(name, "int32"), extent) if extent > 1 else tirx.const(0, "int32")

    def standing_for(self, value: Any, extent: int) -> Any:
        """A variable that stands for a value in 0 .. extent-1 until it is simplified: its parts are not seen."""
        if isinstance(value, (int, tirx.IntImm, tirx.Var)):
            return value
        name = self.variable("m", extent)
        self._meanings.bind(name, value)
        return name

    def simplified(self, expression: Any) -> Any:
        """The expression made short, nothing standing for anything else."""
        if isinstance(expression, int):
            return expression
        return self._meanings.simplify(self._analyzer.simplify(expression))

    def step(self, expression: Any, variable: Any) -> int | None:
        """What a step of the variable adds to the expression, where it always adds the same."""
        if not isinstance(variable, tirx.Var):
            return None
        found = tvm.sym.detect_linear_equation(expression, [variable])
        if not found:
            return None
        factor = self.simplified(found[0])
        return int(factor.value) if isinstance(factor, tirx.IntImm) else None
