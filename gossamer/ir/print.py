"""Printing graphs and modules; `gossamer.ir.text` describes the form."""

from dataclasses import MISSING
from typing import Any, cast

from gossamer.ir.errors import IRError
from gossamer.ir.fields import MISFIT, fields_of
from gossamer.ir.graph import Graph, Module, Node
from gossamer.ir.hardware import Hardware
from gossamer.ir.lexer import MAX_NESTING, quoted, value_name, word
from gossamer.ir.op import Op
from gossamer.ir.print_values import BriefTypes, TypePrinter, attribute, schedule
from gossamer.ir.types import Value


def print_module(module: Module) -> str:
    """The module as text; ends with a newline. `parse_module` of it is an equal module."""
    target = "" if module.hardware is None else f" target={_hardware(module.hardware)}"
    return f"module {word(module.name)}{target}\n{print_graph(module.graph)}"


def print_graph(graph: Graph) -> str:
    """A graph's statements, then the aliases they use."""
    types = TypePrinter()
    lines = _Printer(types).graph(graph, "")
    return "\n".join([*lines, *types.aliases(), ""])


def print_node(node: Node) -> str:
    """One statement for people: as in the module's text, but long lists of scales are cut instead of named below."""
    return "\n".join(_Printer(BriefTypes()).node(node, ""))


def _hardware(hardware: Hardware) -> str:
    values = {n: word(v) if isinstance(v, str) else attribute(v, TypePrinter()) for n, v in hardware.values().items()}
    return f"{word(hardware.target)}({', '.join(f'{name}={text}' for name, text in values.items())})"


class _Printer:
    def __init__(self, types: TypePrinter) -> None:
        self._types = types

    def graph(self, graph: Graph, indent: str) -> list[str]:
        if len(indent) > 2 * MAX_NESTING:
            raise IRError(f"graphs are nested more than {MAX_NESTING} deep, which the text form does not hold")
        lines = [f"{indent}{self._typed(value)} = input" for value in graph.inputs]
        for node in graph.nodes:
            lines.extend(self.node(node, indent))
        lines.append(f"{indent}return {_values(graph.outputs)}".rstrip())
        return lines

    def _typed(self, value: Value) -> str:
        return f"{value_name(value.name)}: {self._types.text(value.type)}"

    def node(self, node: Node, indent: str) -> list[str]:
        """A statement's lines."""
        head = f"{indent}{', '.join(map(self._typed, node.results))} = {node.op.name}"
        lines = " ".join([head, *self._arguments(node, indent)]).split("\n")
        if node.label:
            lines[-1] += f" @label {quoted(node.label)}"
        if node.schedule is not None:
            lines.append(f"{indent}    {schedule(node.schedule)}")
        return lines

    def _arguments(self, node: Node, indent: str) -> list[str]:
        plan = fields_of(type(node.op))
        parts = _operands(node.op)
        block: list[str] = []
        for item in plan.attributes.values():
            value: Any = getattr(node.op, item.name)
            if value is item.default or (item.name == "type" and node.results and value == node.results[0].type):
                continue
            kept = item.fits(value)
            value = value if kept is MISFIT else kept
            if item.default is not MISSING and value == item.default and repr(value) == repr(item.default):
                continue
            if item.name == plan.body:
                block = [self._value(value, indent)]
            else:
                text = self._value(value, indent)
                parts.append(text if item.name == plan.text else f"{item.name}={text}")
        return parts + block

    def _value(self, value: object, indent: str) -> str:
        if isinstance(value, Graph):
            return "\n".join(["{", *self.graph(value, indent + "  "), f"{indent}}}"])
        return attribute(value, self._types)


def _operands(op: Op) -> list[str]:
    """`%x, %w bias=%b`: in place up to the first one that is absent, then by name."""
    place: list[Value] = []
    named: list[str] = []
    plan = fields_of(type(op)).operands
    in_place = True
    for position, (name, arity) in enumerate(plan):
        item = cast(Value | tuple[Value, ...] | None, getattr(op, name))
        if item is None or (arity == "many" and position < len(plan) - 1):
            in_place = False
        if isinstance(item, tuple):
            if in_place:
                place.extend(item)
            elif item:
                named.append(f"{name}=({_values(item)})")
        elif item is not None and in_place:
            place.append(item)
        elif item is not None:
            named.append(f"{name}={value_name(item.name)}")
    return ([_values(tuple(place))] if place else []) + named


def _values(values: tuple[Value, ...]) -> str:
    return ", ".join(value_name(value.name) for value in values)
