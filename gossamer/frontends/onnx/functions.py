"""Operators through function bodies: those that the ONNX standard defines for its own, and those of the model itself.

An operator such as MeanVarianceNormalization is defined by simpler ones. Its body is imported in its place, under names
of its own, so that an operator needs neither an op of the IR nor a function of the table to be understood.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from onnx import AttributeProto, FunctionProto, NodeProto, TypeProto, defs

from gossamer.frontends.onnx.renaming import Renaming
from gossamer.ir.errors import FrontendError


@dataclass(frozen=True)
class Body:
    """Nodes to import in place of one, and the versions of the operators they are written in."""

    nodes: tuple[NodeProto, ...]
    opsets: Mapping[str, int]


def body_of(
    node: NodeProto, opsets: Mapping[str, int], types: Sequence[TypeProto], renaming: Renaming
) -> Body | None:
    """The body of a node's operator with the node's own names and attributes; None when the standard has none."""
    schema = _schema_of(node, opsets)
    full = node if schema is None else _with_defaults(node, schema)
    function = schema and _function(schema, opsets[_plain(node.domain)], full, types)
    return None if function is None else _bound(function, full, {**opsets}, renaming)


def local_body(function: FunctionProto, node: NodeProto, renaming: Renaming) -> Body:
    """The body of a function that the model itself defines."""
    given = {a.name for a in node.attribute}
    full = NodeProto()
    full.CopyFrom(node)
    full.attribute.extend(a for a in function.attribute_proto if a.name not in given)
    return _bound(function, full, {}, renaming)


def _bound(function: FunctionProto, node: NodeProto, opsets: dict[str, int], renaming: Renaming) -> Body:
    renaming.bind(function.input, node.input)
    renaming.bind(function.output, node.output, keep_missing=False)
    attributes = {a.name: a for a in node.attribute}
    nodes = tuple(renaming.node(inner, attributes) for inner in function.node)
    return Body(nodes, opsets | {_plain(i.domain): i.version for i in function.opset_import})


def has_body(node: NodeProto, opsets: Mapping[str, int]) -> bool:
    """Does the standard define the node's operator by others?"""
    schema = _schema_of(node, opsets)
    return schema is not None and (schema.has_function or schema.has_context_dependent_function)


def _schema_of(node: NodeProto, opsets: Mapping[str, int]) -> Any:
    domain = _plain(node.domain)
    return _schema(node.op_type, domain, opsets[domain]) if domain in opsets else None


@lru_cache(maxsize=512)
def _schema(operator: str, domain: str, version: int) -> Any:  # onnx's stubs leave the functions of schemas out
    try:
        return defs.get_schema(operator, version, domain)
    except Exception:  # defs.SchemaError, which is not exported everywhere: no such operator in that version
        return None


def _function(schema: Any, version: int, node: NodeProto, types: Sequence[TypeProto]) -> FunctionProto | None:
    if schema.has_function:
        best = _newest(schema.function_opset_versions, version)
        return FunctionProto.FromString(schema.get_function_with_opset_version(best))
    if schema.has_context_dependent_function:
        best = _newest(schema.context_dependent_function_opset_versions, version)
        context = [kind.SerializeToString() for kind in types]
        try:
            found = schema.get_context_dependent_function_with_opset_version(best, node.SerializeToString(), context)
        except Exception as error:  # the native code raises types of its own for operands that do not fit
            raise FrontendError(f"it is malformed: {str(error).splitlines()[0][:200]}") from error
        return FunctionProto.FromString(found) if found else None
    return None


def _newest(versions: Sequence[int], version: int) -> int:
    """The newest body that the model's version may use; the oldest where the standard has newer ones only."""
    return max((v for v in versions if v <= version), default=min(versions))


def _with_defaults(node: NodeProto, schema: Any) -> NodeProto:
    """The node with the standard's default for every attribute that it leaves out."""
    given = {a.name for a in node.attribute}
    missing = [a.default_value for name, a in schema.attributes.items() if name not in given]
    full = NodeProto()
    full.CopyFrom(node)
    full.attribute.extend(a for a in missing if a.type != AttributeProto.UNDEFINED)
    return full


def _plain(domain: str) -> str:
    return "" if domain == "ai.onnx" else domain
