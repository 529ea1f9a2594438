"""Ops that hold the graph together: parameters, and a body of ops that is compiled as one."""

from dataclasses import dataclass

from gossamer.ir.errors import IRError
from gossamer.ir.graph import Graph, Node
from gossamer.ir.inline import concatenated
from gossamer.ir.nest import Kernel
from gossamer.ir.op import Op
from gossamer.ir.types import TensorType, Value


@dataclass(frozen=True)
class Param(Op, name="ir.param"):
    """The module's parameter called `ref`, which has that type."""

    ref: str
    type: TensorType

    def infer(self) -> tuple[TensorType, ...]:
        if not self.ref:
            raise IRError("the reference is empty, needed the name of a parameter of the module")
        return (self.type,)


@dataclass(frozen=True)
class Fused(Op, name="ir.fused"):
    """The body, run as one: body input i is inputs[i], the results are the body's outputs.

    The node's schedule speaks of the anchor. The body has names of its own and holds no ir.param.
    """

    inputs: tuple[Value, ...]
    body: Graph

    def infer(self) -> tuple[TensorType, ...]:
        if len(self.inputs) != len(self.body.inputs):
            raise IRError(f"there are {len(self.inputs)} inputs, the body needs {len(self.body.inputs)}")
        for i, (given, needed) in enumerate(zip(self.inputs, self.body.inputs)):
            if given.type != needed.type:
                raise IRError(f"input {i} is {typed_text(given)}, the body's %{needed.name} needs {typed_text(needed)}")
        if not self.body.outputs or any(v not in self.body.producers for v in self.body.outputs):
            raise IRError("the body returns a value that none of its nodes computes, needed computed outputs")
        if any(isinstance(node.op, Param) for node in self.body.nodes):
            raise IRError("the body holds an ir.param, needed it outside and passed in as an input")
        return tuple(value.type for value in self.body.outputs)

    @property
    def anchor(self) -> Node:
        """The one node of the body with a reduction; else its last node."""
        return next((node for node in self.body.nodes if _reduces(node)), self.body.nodes[-1])

    def kernel(self) -> Kernel | None:
        """The kernels of the body one after the other; None when a node of the body is opaque."""
        return concatenated(self.body)


def typed_text(value: Value) -> str:
    """A value's type, for messages."""
    quant = value.type.quant
    scale = f" of scale {quant.scale[:3]}, zero point {quant.zero_point[:3]}" if quant else ""
    return f"{value.dtype}{list(value.shape)}{scale}"


def _reduces(node: Node) -> bool:
    kernel = node.op.kernel()
    return kernel is not None and any(stage.reduce for stage in kernel.stages)
