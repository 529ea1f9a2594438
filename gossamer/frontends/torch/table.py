"""The table of operators: ATen name -> the function that writes one call as IR.

    @operator("relu")
    def relu(call: Call) -> Result:
        return call.emit(Relu(call.value("self")))

A name may say the overload ("conv2d.padding"); without one it stands for all. A function returns what the call's
results stand for. It raises `Unsupported` for a variant it cannot express; all of those are reported together.
"""

from collections.abc import Callable
from typing import TypeAlias

from gossamer.frontends.torch.call import Call
from gossamer.ir.types import Value

Result: TypeAlias = Value | tuple[Value, ...]
Handler: TypeAlias = Callable[[Call], Result]

HANDLERS: dict[str, Handler] = {}


def operator(*names: str) -> Callable[[Handler], Handler]:
    """Put a function into the table, for every one of `names`."""

    def register(handler: Handler) -> Handler:
        HANDLERS.update(dict.fromkeys(names, handler))
        return handler

    return register


def handler_of(name: str, overload: str) -> Handler | None:
    return HANDLERS.get(f"{name}.{overload}") or HANDLERS.get(name)
