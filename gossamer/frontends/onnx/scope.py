"""What every name of the ONNX graph stands for while it is imported."""

from collections.abc import Callable

from gossamer.frontends.onnx.tensors import Constant, Item, Listed
from gossamer.frontends.problems import Unsupported
from gossamer.ir.build import GraphBuilder
from gossamer.ir.errors import FrontendError
from gossamer.ir.graph import Array, Params
from gossamer.ir.ops.structure import Param
from gossamer.ir.types import TensorType, Value

_MADE_MAX = 1 << 26
"""Elements of all constants computed at import together."""


class Lost(Exception):
    """A name that a node which could not be imported was to define."""


class Scope:
    """Names -> values or constants. A constant becomes an `ir.param` at its first use as a value.

    `taken`: names that the file uses, which nothing made up by the importer may have.
    """

    def __init__(self, taken: set[str]) -> None:
        self.builder = GraphBuilder()
        self.param_names: set[str] = set()  # of the values that hold them
        self._items: dict[str, Item | None] = {}
        self._params: dict[str, Array | Callable[[], Array]] = {}
        self._placed: dict[tuple[str, TensorType], Value] = {}
        self._taken = taken
        self._made = 0
        self._serials: dict[str, int] = {}

    def define(self, name: str, item: Item | None) -> None:
        """None marks a name as lost. FrontendError when the name is already defined."""
        if name in self._items:
            raise FrontendError(f"the graph is malformed: '{name}' is defined twice")
        self._items[name] = item

    def look(self, name: str) -> Value | Constant:
        """The tensor of that name. Unsupported when it is a sequence."""
        item = self.anything(name)
        if isinstance(item, Listed):
            raise Unsupported(f"'{name}' is a sequence, and a tensor is needed")
        return item

    def anything(self, name: str) -> Item:
        if name not in self._items:
            raise FrontendError(f"the graph is malformed: '{name}' is used before it is defined")
        item = self._items[name]
        if item is None:
            raise Lost(name)
        return item

    def withdraw(self, name: str) -> Item | None:
        """What the name was defined as; it can be defined again."""
        return self._items.pop(name, None)

    def known(self, name: str) -> bool:
        """Is its content known at import?"""
        return isinstance(self._items.get(name), Constant)

    def unknown(self, name: str) -> str:
        """Why a name whose content has to be known is refused, and what can be done about it."""
        item = self.look(name)
        inputs = {v.name for v in self.builder.inputs}
        behind, pending = {item.name} & inputs, {item.name}
        for node in reversed(self.builder.nodes):
            if any(v.name in pending for v in node.results):
                pending |= {v.name for v in node.op.operands}
                behind |= pending & inputs
        remedy = ", ".join(f"'{found}': ..." for found in sorted(behind))
        text = f"its operand '{name}' is computed at run time and has to be a constant"
        return f"{text}; if it is always the same, load the model with constants={{{remedy}}}" if behind else text

    def value(self, name: str, item: Value | Constant) -> Value:
        """A value for it, called `name` if that is a constant used for the first time."""
        if isinstance(item, Value):
            return item
        key = (name, item.type)
        if key not in self._placed:
            self._params.setdefault(name, item.load)
            self._placed[key] = self.builder.add(Param(name, item.type), name, label=name)
            self.param_names.add(self._placed[key].name)
        return self._placed[key]

    def fresh(self, name: str) -> str:
        """The name, or one like it that the file leaves free."""
        unique, serial = name, self._serials.get(name, 1)
        while unique in self._taken or unique in self._params:
            serial += 1
            unique = f"{name}{serial}"
        if serial > 1:
            self._serials[name] = serial - 1  # the name itself is looked at first again, and then this one
        return unique

    def reserve(self, name: str) -> str:
        """A name like `fresh` gives, never given again: for names inside of function bodies and loops."""
        unique = self.fresh(name)
        self._taken.add(unique)
        return unique

    def count_made(self, elements: int) -> None:
        """To be called before a constant is made up; FrontendError when all of them together are too large."""
        self._made += elements
        if self._made > _MADE_MAX:
            raise FrontendError(f"with it the constants computed at import have more than {_MADE_MAX} elements")

    def params(self) -> Params:
        return Params(self._params)
