"""Parsing what follows an op's name: operands, attributes, label, schedule."""

from collections.abc import Callable
from dataclasses import MISSING
from difflib import get_close_matches
from typing import Any

from gossamer.ir import parse_values as values
from gossamer.ir.errors import IRError, ParseError, nearest
from gossamer.ir.fields import MISFIT, Fields, fields_of
from gossamer.ir.graph import Graph
from gossamer.ir.lexer import Token
from gossamer.ir.op import Op
from gossamer.ir.parse_cursor import Cursor
from gossamer.ir.parse_schedule import parse_schedule
from gossamer.ir.schedule import Schedule
from gossamer.ir.types import TensorType, Value


class Scope:
    """The values of one graph, by name. `nested` parses a graph within it, from `{` to `}`."""

    def __init__(self, at: Cursor, nested: Callable[[], Graph]) -> None:
        self.at = at
        self.nested = nested
        self._values: dict[str, Value] = {}
        self._offsets: dict[str, int] = {}

    def define(self, token: Token, name: str, type: TensorType) -> Value:
        if name in self._values:
            line = self.at.line(self._offsets[name])
            raise self.at.error(f"{token[1]} is defined on line {line} already, needed another name", token)
        self._offsets[name] = token[2]
        self._values[name] = result = Value(name, type)
        return result

    def name(self, token: Token) -> str:
        """The name in a `%...` token."""
        name = self.at.unquote(token, 1) if token[1].startswith('%"') else token[1][1:]
        if not name:
            raise self.at.error("found a value without a name, needed at least one character in the quotes", token)
        return name

    def use(self) -> Value:
        token = self.at.expect("value", "a value (%name)")
        name = self.name(token)
        if name not in self._values:
            close = get_close_matches(name, self._values, n=1)
            hint = f"; did you mean %{close[0]}?" if close else ""
            raise self.at.error(f"{token[1]} is not defined above{hint}", token)
        return self._values[name]

    def uses(self) -> list[Value]:
        found = [self.use()]
        while self.at.accept(","):
            found.append(self.use())
        return found


class Arguments:
    """What follows an op's name: operands, attributes, label, schedule."""

    def __init__(self, scope: Scope, cls: type[Op], token: Token) -> None:
        self.scope, self.at, self.cls, self.token = scope, scope.at, cls, token
        self.plan: Fields = fields_of(cls)
        self.found: dict[str, Any] = {}
        self.schedule: Schedule | None = None
        self.label = ""

    def read(self) -> None:
        at, plan = self.at, self.plan
        if at.kind == "value" and not at.fresh_line():
            self._place(self.scope.uses())
        while True:
            kind, text, _ = token = at.token
            if kind == "word" and text != "return":
                self._named()
            elif kind == "string" and plan.text is not None:
                self._set(plan.text, at.string("a string"), token)
            elif kind == "{" and plan.body is not None:
                self._set(plan.body, self.scope.nested(), token)
            elif kind == "mark":
                self._mark()
            else:
                return

    def _place(self, operands: list[Value]) -> None:
        rest = operands
        last = len(self.plan.operands) - 1
        for position, (name, arity) in enumerate(self.plan.operands):
            if not rest or (arity == "many" and position < last):
                break
            self.found[name], rest = (tuple(rest), []) if arity == "many" else (rest[0], rest[1:])
        if rest:
            takes = len(operands) - len(rest)
            raise self.at.error(f"{self.cls.name}: found {len(operands)} operands, needed at most {takes}", self.token)

    def _named(self) -> None:
        at, token = self.at, self.at.take()
        arity = dict(self.plan.operands).get(token[1])
        if arity is None and token[1] not in self.plan.attributes:
            known = [*self.plan.attributes, *(name for name, _ in self.plan.operands)]
            raise at.error(f"{self.cls.name} has no attribute '{token[1]}'{nearest(token[1], known)}", token)
        at.expect("=", f"'=' after {token[1]}")
        if arity is not None:
            self._set_operand(token, arity == "many")
            return
        place = at.token
        self._set(token[1], self.scope.nested() if at.kind == "{" else values.value(at), place)

    def _set_operand(self, token: Token, many: bool) -> None:
        operands: list[Value] = []
        if many:
            self.at.items("(", ")", "a value", lambda: operands.append(self.scope.use()))
        self._put(token[1], tuple(operands) if many else self.scope.use(), token)

    def _set(self, name: str, value: object, token: Token) -> None:
        attribute = self.plan.attributes[name]
        kept = attribute.fits(value)
        if kept is MISFIT:
            raise self.at.error(f"{self.cls.name}: found {_short(value)} for {name}, needed {attribute.needed}", token)
        self._put(name, kept, token)

    def _put(self, name: str, value: object, token: Token) -> None:
        if name in self.found:
            raise self.at.error(f"{name} is given twice", token)
        self.found[name] = value

    def _mark(self) -> None:
        token = self.at.take()
        if token[1] == "@label" and not self.label:
            self.label = self.at.string("the label, a string")
        elif token[1] == "@schedule" and self.schedule is None:
            self.schedule = parse_schedule(self.at)
        else:
            self.at.index -= 1
            raise self.at.misfit("@label or @schedule, each once")

    def build(self, name: str, type: TensorType | None) -> tuple[Op, tuple[TensorType, ...]]:
        """The op and its inferred result types, given the name and the type of its first result."""
        if self.plan.typed and type is not None:
            self.found.setdefault("type", type)
        self._complete()
        try:
            op = self.cls(**self.found)
            return op, op.infer()
        except ParseError:
            raise
        except IRError as error:
            raise self.at.error(f"{self.label or name} ({self.cls.name}): {error}", self.token) from None
        except (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError) as error:
            why = f"{error.__class__.__name__}: {error}"  # the op's fault: it should say IRError, found and needed
            message = f"{self.cls.name} fails on these operands and attributes ({why})"
            raise self.at.error(message, self.token) from error

    def _complete(self) -> None:
        for name, arity in self.plan.operands:
            if name not in self.found and arity == "one":
                raise self.at.error(f"{self.cls.name} needs the operand {name}", self.token)
            self.found.setdefault(name, () if arity == "many" else None)
        for name, attribute in self.plan.attributes.items():
            if name not in self.found and attribute.default is MISSING:
                help = "a type before the '='" if name == "type" else f"{name}=..., {attribute.needed}"
                raise self.at.error(f"{self.cls.name} needs {help}", self.token)


def _short(value: object) -> str:
    text = "a graph" if isinstance(value, Graph) else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
