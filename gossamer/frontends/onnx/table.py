"""The table of operators: (domain, name) -> the function that writes one ONNX node as IR.

    @operator("Relu")
    def relu(call: Call) -> Result:
        return call.emit(Relu(call.value(0)))

A function returns what the node's outputs stand for, in order. It raises `Unsupported` for a variant it cannot
express; all of those are reported together.
"""

from collections.abc import Callable
from typing import TypeAlias

from gossamer.frontends.onnx.call import Call
from gossamer.frontends.onnx.tensors import Item

Result: TypeAlias = Item | tuple[Item, ...]
Handler: TypeAlias = Callable[[Call], Result]

HANDLERS: dict[tuple[str, str], Handler] = {}


def operator(*names: str, domain: str = "") -> Callable[[Handler], Handler]:
    """Put a function into the table, for every one of `names`."""

    def register(handler: Handler) -> Handler:
        HANDLERS.update({(domain, name): handler for name in names})
        return handler

    return register
