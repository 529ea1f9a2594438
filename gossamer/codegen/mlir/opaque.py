"""Ops without a loop nest, in generic form: `"gossamer.my.op"(%x) {axis = 1 : i64} : (tensor<4xf32>) -> tensor<4xf32>`.

Tools take such an operation when unregistered dialects are allowed, keep it, and leave its meaning to whoever knows it.
"""

from typing import Any

from gossamer.codegen.mlir.types import tensor_of
from gossamer.codegen.mlir.writer import Tensor, Writer
from gossamer.ir.graph import Node
from gossamer.ir.op import attribute_fields


def opaque(writer: Writer, node: Node, operands: list[Tensor]) -> list[Tensor]:
    results = [Tensor(writer.fresh(v.name), v.shape, v.dtype) for v in node.results]
    fields = attribute_fields(type(node.op))
    attributes = ", ".join(f"{f.name} = {_attribute(getattr(node.op, f.name))}" for f in fields)
    names, types = ", ".join(t.name for t in operands), ", ".join(t.type for t in operands)
    made = ", ".join(t.type for t in results)
    writer.line(
        f"{', '.join(t.name for t in results)} = \"gossamer.{node.op.name}\"({names}) {{{attributes}}}"
        f" : ({types}) -> {made if len(results) == 1 else f'({made})'}"
    )
    return results


def _attribute(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return f"{value} : i64"
    if isinstance(value, float):
        text = repr(value)
        return f"{text if '.' in text else text.replace('e', '.0e')} : f64" if value - value == 0 else f'"{text}"'
    if isinstance(value, (tuple, list)):
        return f"[{', '.join(_attribute(v) for v in value)}]"
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        return tensor_of(value)
    return f'"{_escaped(str(value))}"'


def _escaped(text: str) -> str:
    """Text within quotes: what is not plain ASCII as the hexadecimal of its bytes."""
    plain = (chr(b) if 32 <= b < 127 and b not in b'"\\' else f"\\{b:02X}" for b in text.encode("utf-8"))
    return "".join(plain)
