"""The table of operators: name in the schema -> the function that writes one operator as IR.

    @operator("RELU")
    def relu(call: Call) -> Placed:
        x = call.any(0)
        return Placed(call.emit(Relu(x.value)), x.nchw)

It returns what the operator's first output stands for, or a tuple when there are several. It raises `Unsupported` for
a variant it cannot express; all of those are reported together.
"""

from collections.abc import Callable
from typing import TypeAlias

from gossamer.frontends.tflite.call import Call
from gossamer.frontends.tflite.scope import Placed

Result: TypeAlias = Placed | tuple[Placed, ...]
Handler: TypeAlias = Callable[[Call], Result]

HANDLERS: dict[str, Handler] = {}


def operator(*names: str) -> Callable[[Handler], Handler]:
    """Put a function into the table, for every one of `names`."""

    def register(handler: Handler) -> Handler:
        HANDLERS.update(dict.fromkeys(names, handler))
        return handler

    return register
