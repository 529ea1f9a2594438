"""Operators that several formats know and the IR does not: the IR ops that they are made of.

`step` appends an op and gives its value; what is returned is the last op, for the caller to append under its own name.
"""

from collections.abc import Callable

from gossamer.ir.op import Op
from gossamer.ir.ops import Exp, Log, ReduceMax, ReduceSum, Sub
from gossamer.ir.types import Value


def log_softmax(step: Callable[[Op], Value], x: Value, axis: int) -> Op:
    """y - log(sum(exp(y))), y = x - max(x): finite for all x, where the logarithm of a softmax of 0 is not."""
    y = step(Sub(x, step(ReduceMax(x, (axis,)))))
    return Sub(y, step(Log(step(ReduceSum(step(Exp(y)), (axis,))))))
