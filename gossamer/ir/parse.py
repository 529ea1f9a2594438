"""Parsing graphs and modules; `gossamer.ir.text` describes the form.

Every error is a ParseError that starts with `line:column` and says what was found, what was needed and, for a
misspelt name, the nearest one. Text is never evaluated; nesting is limited; time is linear in the text.
"""

from collections.abc import Mapping

from gossamer.ir import parse_values as values
from gossamer.ir.errors import GossamerError
from gossamer.ir.graph import Array, Graph, Module, Node, Params
from gossamer.ir.hardware import Hardware, Number
from gossamer.ir.lexer import MAX_NESTING, Token
from gossamer.ir.op import Op, op_class
from gossamer.ir.parse_arguments import Arguments, Scope
from gossamer.ir.parse_cursor import Cursor
from gossamer.ir.parse_schedule import parse_schedule
from gossamer.ir.print_values import contrast
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


def parse_schedule_text(text: str) -> Schedule:
    """The schedule that `print_values.schedule` printed: `@schedule tile=(oc:64, ow:6)`. Raises ParseError."""
    at = Cursor(text)
    at.take()
    found = parse_schedule(at)
    at.expect("end", "the end of the schedule")
    return found


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
        self.scope = Scope(at, self._nested)
        self.inputs: list[Value] = []
        self.nodes: list[Node] = []

    def parse(self) -> Graph:
        at = self.at
        while not at.accept_word("return"):
            self._line()
        outputs = self.scope.uses() if at.sees("value") else []
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
        return token, self.scope.name(token), values.tensor_type(self.at) if self.at.accept(":") else None

    def _input(self, results: list[tuple[Token, str, TensorType | None]], token: Token) -> None:
        (place, name, type), *more = results
        if more or type is None:
            raise self.at.error("an input is one value with its type: %x: f32[1,3] = input", token)
        self.inputs.append(self.scope.define(place, name, type))

    def _node(self, cls: type[Op], results: list[tuple[Token, str, TensorType | None]], token: Token) -> None:
        parts = Arguments(self.scope, cls, token)
        parts.read()
        op, types = parts.build(*results[0][1:])
        where = f"{parts.label or results[0][1]} ({cls.name})"
        if len(types) != len(results):
            raise self.at.error(f"{where}: found {len(results)} results, needed {len(types)}", results[0][0])
        for (place, _, type), inferred in zip(results, types):
            if type is not None and type != inferred:
                found, needed = contrast(type, inferred)
                raise self.at.error(f"{where}: found {found}, needed {needed}, which its operands give", place)
        made = tuple(self.scope.define(place, name, type) for (place, name, _), type in zip(results, types))
        self.nodes.append(Node(op, made, parts.schedule, parts.label))

    def _nested(self) -> Graph:
        token = self.at.take()
        if self.depth + 1 > MAX_NESTING:
            raise self.at.error(f"graphs are nested more than {MAX_NESTING} deep", token)
        graph = _GraphParser(self.at, self.depth + 1).parse()
        self.at.expect("}", "'}' after return")
        return graph
