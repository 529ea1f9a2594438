"""The table of ops that torch has a function for. A package with ops of its own adds functions here.

    @as_torch(Relu)
    def relu(op: Relu, x: Tensor) -> Tensor: ...

Operands are fx proxies in order (absent ones left out); several results are a tuple. Quantised operands come as the
real numbers they stand for, and the op with the float types to match. None: take the loop nest.
"""

from collections.abc import Callable
from typing import Any

from gossamer.ir.op import Op

FUNCTIONS: dict[type[Op], Callable[..., Any]] = {}


def as_torch(*kinds: type[Op]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Put a function into the table, for every class in `kinds`."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        FUNCTIONS.update(dict.fromkeys(kinds, function))
        return function

    return register
