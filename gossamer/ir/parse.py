"""Parsing graphs and modules; `gossamer.ir.text` describes the form.

Every error is a ParseError that starts with `line:column` and says what was found, what was needed and, for a
misspelt name, the nearest one. Text is never evaluated; nesting is limited; time is linear in the text.
"""

from collections.abc import Mapping
from dataclasses import MISSING
from difflib import get_close_matches
from typing import Any

from gossamer.ir import parse_values as values
from gossamer.ir.errors import GossamerError, IRError, ParseError, nearest
from gossamer.ir.fields import MISFIT, Fields, fields_of
from gossamer.ir.graph import Array, Graph, Module, Node, Params
from gossamer.ir.hardware import Hardware, Number
from gossamer.ir.lexer import MAX_NESTING, Token
from gossamer.ir.op import Op, op_class
from gossamer.ir.parse_values import Cursor
from gossamer.ir.registry import BACKENDS
from gossamer.ir.schedule import Schedule
from gossamer.ir.types import TensorType, Value

_STATEMENT = "a statement (%name: type = op ...), or return"


def parse_module(text: str, params: Mapping[str, Array] | None = None) -> Module:
    """The module a text describes; `params` become its parameters. Raises ParseError."""
    at = _opened(text)
    if not at.accept_word("module"):
        raise at.misfit("'module' and the module's name")
    name = at.name("the module's name")
    hardware = _hardware(at) if at.kind == "word" and at.token[1] == "target" else None
    graph = _whole_graph(at)
    return Module(name, graph, params if isinstance(params, Params) else Params(params or {}), hardware)


def parse_graph(text: str) -> Graph:
    """The graph that `print_graph` printed. Raises ParseError."""
    return _whole_graph(_opened(text))


def _opened(text: str) -> Cursor:
    at = Cursor(text)
    values.define_aliases(at)
    return at


def _whole_graph(at: Cursor) -> Graph:
    graph = _GraphParser(at, 0).parse()
    while at.kind == "alias":
        values.skip_alias(at)
    at.expect("end", "the end of the text, or an alias, after return")
    return graph


def _hardware(at: Cursor) -> Hardware:
    at.take()
    at.expect("=", "'=' after target")
    target = at.token
    name = at.name("the name of a target")
    found: dict[str, Number] = {}

    def item() -> None:
        token = at.expect("word", "the name of a hardware parameter")
        if token[1] in found:
            raise at.error(f"{token[1]} is given twice", token)
        at.expect("=", f"'=' after {token[1]}")
        plain = at.kind == "number" or at.token[1] in ("inf", "nan")
        found[token[1]] = at.number("a number") if plain else at.name("a number or a word")

    if at.kind == "(":
        at.items("(", ")", "a hardware parameter", item)
    try:
        return BACKENDS.load(name).hardware.build(found)
    except (GossamerError, OverflowError) as error:
        raise at.error(str(error), target) from None


class _GraphParser:
    """Statements up to `return`, in a scope of their own."""

    def __init__(self, at: Cursor, depth: int) -> None:
        self.at = at
        self.depth = depth
        self.scope: dict[str, Value] = {}
        self.defined: dict[str, int] = {}
        self.inputs: list[Value] = []
        self.nodes: list[Node] = []

    def parse(self) -> Graph:
        at = self.at
        while not at.accept_word("return"):
            self._line()
        outputs = self.uses() if at.sees("value") else []
        return Graph(tuple(self.inputs), tuple(self.nodes), tuple(outputs))

    def _line(self) -> None:
        at = self.at
        if at.sees("alias"):
            values.skip_alias(at)
        elif at.sees("value"):
            self._statement()
        else:
            raise at.misfit(_STATEMENT)
        if not at.fresh_line() and not at.sees("end"):
            raise at.misfit("an attribute (name=value), @label, @schedule or a new line")

    def _statement(self) -> None:
        at = self.at
        results = [self._result()]
        while at.accept(","):
            results.append(self._result())
        at.expect("=", "':' and a type, or '=' and an op")
        token = at.expect("word", "the name of an op, or input")
        if token[1] == "input":
            self._input(results, token)
            return
        try:
            cls = op_class(token[1])
        except GossamerError as error:
            raise at.error(str(error), token) from None
        self._node(cls, results, token)

    def _result(self) -> tuple[Token, str, TensorType | None]:
        token = self.at.expect("value", "the name of a result (%name)")
        return token, self._name(token), values.tensor_type(self.at) if self.at.accept(":") else None

    def _input(self, results: list[tuple[Token, str, TensorType | None]], token: Token) -> None:
        (place, name, type), *more = results
        if more or type is None:
            raise self.at.error("an input is one value with its type: %x: f32[1,3] = input", token)
        self.inputs.append(self._define(place, name, type))

    def _node(self, cls: type[Op], results: list[tuple[Token, str, TensorType | None]], token: Token) -> None:
        parts = _Arguments(self, cls, token)
        parts.read()
        op, types = parts.build(results[0][2])
        where = f"{parts.label or results[0][1]} ({cls.name})"
        if len(types) != len(results):
            raise self.at.error(f"{where}: found {len(results)} results, needed {len(types)}", results[0][0])
        for (place, _, type), inferred in zip(results, types):
            if type is not None and type != inferred:
                raise self.at.error(f"{where}: found the type {_shown(type)}, needed {_shown(inferred)}, which its operands give", place)
        made = tuple(self._define(place, name, type) for (place, name, _), type in zip(results, types))
        self.nodes.append(Node(op, made, parts.schedule, parts.label))

    def _define(self, token: Token, name: str, type: TensorType) -> Value:
        if name in self.scope:
            line = self.at.line(self.defined[name])
            raise self.at.error(f"{token[1]} is defined a second time (first on line {line}), needed another name", token)
        self.defined[name] = token[2]
        self.scope[name] = result = Value(name, type)
        return result

    def _name(self, token: Token) -> str:
        return self.at.unquote(token, 1) if token[1].startswith('%"') else token[1][1:]

    def use(self) -> Value:
        token = self.at.expect("value", "a value (%name)")
        name = self._name(token)
        if name not in self.scope:
            close = get_close_matches(name, self.scope, n=1)
            hint = f"; did you mean %{close[0]}?" if close else ""
            raise self.at.error(f"{token[1]} is not defined above{hint}", token)
        return self.scope[name]

    def uses(self) -> list[Value]:
        found = [self.use()]
        while self.at.accept(","):
            found.append(self.use())
        return found


class _Arguments:
    """What follows an op's name: operands, attributes, label, schedule."""

    def __init__(self, graph: _GraphParser, cls: type[Op], token: Token) -> None:
        self.graph, self.at, self.cls, self.token = graph, graph.at, cls, token
        self.plan: Fields = fields_of(cls)
        self.found: dict[str, Any] = {}
        self.schedule: Schedule | None = None
        self.label = ""

    def read(self) -> None:
        at, plan = self.at, self.plan
        if at.kind == "value" and not at.fresh_line():
            self._place(self.graph.uses())
        while True:
            kind, text, _ = token = at.token
            if kind == "word" and text != "return":
                self._named()
            elif kind == "string" and plan.text is not None:
                self._set(plan.text, at.string("a string"), token)
            elif kind == "{" and plan.body is not None:
                self._set(plan.body, self._graph(), token)
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
            raise self.at.error(f"{self.cls.name} takes {len(operands) - len(rest)} operands in place, found {len(operands)}", self.token)

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
        self._set(token[1], self._graph() if at.kind == "{" else values.value(at), place)

    def _set_operand(self, token: Token, many: bool) -> None:
        operands: list[Value] = []
        if many:
            self.at.items("(", ")", "a value", lambda: operands.append(self.graph.use()))
        self._put(token[1], tuple(operands) if many else self.graph.use(), token)

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

    def _graph(self) -> Graph:
        token = self.at.take()
        if self.graph.depth + 1 > MAX_NESTING:
            raise self.at.error(f"graphs are nested more than {MAX_NESTING} deep", token)
        graph = _GraphParser(self.at, self.graph.depth + 1).parse()
        self.at.expect("}", "'}' after return")
        return graph

    def _mark(self) -> None:
        token = self.at.take()
        if token[1] == "@label" and not self.label:
            self.label = self.at.string("the label, a string")
        elif token[1] == "@schedule" and self.schedule is None:
            self.schedule = values.schedule(self.at)
        else:
            self.at.index -= 1
            raise self.at.misfit("@label or @schedule, each once")

    def build(self, type: TensorType | None) -> tuple[Op, tuple[TensorType, ...]]:
        """The op and its inferred result types."""
        if self.plan.typed and type is not None:
            self.found.setdefault("type", type)
        self._complete()
        try:
            op = self.cls(**self.found)
            return op, op.infer()
        except ParseError:
            raise
        except IRError as error:
            raise self.at.error(f"{self.label or self.cls.name}: {error}", self.token) from None
        except (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError) as error:
            message = f"{self.cls.name} refuses these operands and attributes without saying why ({type_name(error)}: {error})"
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


def type_name(value: object) -> str:
    return type(value).__name__


def _short(value: object) -> str:
    text = "a graph" if isinstance(value, Graph) else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _shown(type: TensorType) -> str:
    from gossamer.ir.print_values import TypePrinter

    return _short_text(TypePrinter().text(type))


def _short_text(text: str) -> str:
    return text if len(text) <= 80 else text[:77] + "..."
