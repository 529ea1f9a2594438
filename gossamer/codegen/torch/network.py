"""The walk over a module: an fx graph of torch calls, and the parameters it reads."""

import keyword
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import fx, nn
from torch.fx.proxy import GraphAppendingTracer

from gossamer.codegen.array_nests import run_kernel
from gossamer.codegen.arrays import Held, on_reals
from gossamer.codegen.torch import operators, products  # noqa: F401  (fill the table)
from gossamer.codegen.torch.library import Tensor, TorchArrays, torch_type
from gossamer.codegen.torch.precision import integers, on_grid, reals
from gossamer.codegen.torch.table import FUNCTIONS
from gossamer.ir.errors import BackendError
from gossamer.ir.graph import Graph, Module, Node
from gossamer.ir.op import Op
from gossamer.ir.ops import BatchNorm, Cast, Fused, Param, Scan, View
from gossamer.ir.types import TensorType, Value

CONSTANTS = "constants"
_UNSIGNED = {16: torch.uint16, 32: torch.uint32, 64: torch.uint64}
"""What torch can hold, though hardly compute with."""
Known = dict[Value, Tensor]


def network(module: Module) -> fx.GraphModule:
    """See `to_torch`."""
    _check(module)
    walk = _Walk(module)
    known = {value: walk.given(value) for value in module.graph.inputs}
    walk.nodes(module.graph.nodes, known)
    outputs = [walk.shown(value, known[value]) for value in module.graph.outputs]
    walk.graph.output(outputs[0].node if len(outputs) == 1 else tuple(o.node for o in outputs))
    made = fx.GraphModule(walk.root, walk.graph, _class_name(module.name))
    constants = getattr(made, CONSTANTS, None)
    if constants is not None:  # what the loops look up is no state to save
        constants._non_persistent_buffers_set.update(name for name, _ in constants.named_buffers())
    return made.eval()


class _Walk:
    def __init__(self, module: Module) -> None:
        self.graph, self.root = fx.Graph(), nn.Module()
        self._tracer = GraphAppendingTracer(self.graph)  # torch wants one for all
        self._module, self._constants = module, dict[tuple[Any, ...], str]()
        self._library = TorchArrays(self.constant)
        self._state: dict[str, str] = {}
        self._statistics = _statistics(module.graph)

    # --- tensors

    def given(self, value: Value) -> Tensor:
        x = self._proxy(self.graph.placeholder(_identifier(value.name)))
        return reals(x, value.type, self.constant) if value.type.quant else x

    def shown(self, value: Value, x: Tensor) -> Tensor:
        """An output in its own type."""
        if value.type.quant:
            return integers(x, value.type, self.constant)
        return x.to(_UNSIGNED[value.dtype.bits]) if value.dtype.kind == "u" and value.dtype.bits > 8 else x

    def constant(self, tensor: torch.Tensor) -> Tensor:
        """A tensor that is fixed; equal ones are kept once."""
        key = (str(tensor.dtype), tuple(tensor.shape), tensor.numpy().tobytes())
        if key not in self._constants:
            self._constants[key] = f"{CONSTANTS}.c{len(self._constants)}"
            _put(self.root, self._constants[key], tensor, trainable=False)
        return self._read(self._constants[key])

    def _proxy(self, node: fx.Node) -> fx.Proxy:
        return fx.Proxy(node, self._tracer)

    def _read(self, path: str) -> Tensor:
        return self._proxy(self.graph.create_node("get_attr", path))

    def _param(self, value: Value, op: Param) -> Tensor:
        quant = op.type.quant
        if op.ref not in self._state:
            array = np.array(self._module.params[op.ref])
            tensor = torch.from_numpy(array).to(torch_type(op.type.dtype))
            if quant is not None:
                tensor = _real_parameter(tensor, op.type)
            trainable = tensor.is_floating_point() and tensor.ndim > 0 and value not in self._statistics
            self._state[op.ref] = _put(self.root, _path(op.ref, set(self._state.values())), tensor, trainable)
        x = self._read(self._state[op.ref])
        return x if quant is None else on_grid(x, op.type, self.constant)

    # --- nodes

    def nodes(self, nodes: Sequence[Node], known: Known) -> None:
        """Write nodes; `known` holds what is defined so far."""
        for node in nodes:
            operands = [known[v] for v in node.op.operands]
            known.update(zip(node.results, self._node(node, operands), strict=True))

    def _node(self, node: Node, operands: list[Tensor]) -> Sequence[Tensor]:
        op = node.op
        if isinstance(op, Param):
            return (self._param(node.result, op),)
        if isinstance(op, Fused):
            inner = dict(zip(op.body.inputs, operands, strict=True))
            self.nodes(op.body.nodes, inner)
            return [inner[v] for v in op.body.outputs]
        if isinstance(op, Scan):
            return self._scan(op, operands)
        if isinstance(op, BatchNorm):
            return (self._batch_norm(op, *operands),)
        if isinstance(op, Cast) and op.type.quant is not None:
            real = operands[0] if op.x.dtype.floating or op.x.type.quant else operands[0].to(torch.float32)
            return (on_grid(real, op.type, self.constant),)
        if isinstance(op, View):
            return (self._view(op, operands[0]),)
        found = self._computed(on_reals(op), operands)
        return [on_grid(x, v.type, self.constant) if v.type.quant and _rounds(op) else x
                for x, v in zip(found, node.results)]  # fmt: skip

    def _view(self, op: View, x: Tensor) -> Tensor:
        """The same integers, read with another scale. No gradient passes."""
        whole = integers(x, op.x.type, self.constant) if op.x.type.quant else x
        return reals(whole, op.type, self.constant) if op.type.quant else whole

    def _computed(self, op: Op, operands: list[Tensor]) -> Sequence[Tensor]:
        """By a torch function, or by the loop nest."""
        function = FUNCTIONS.get(type(op))
        found = function(op, *operands) if function is not None else None
        if found is not None:
            return found if isinstance(found, tuple) else (found,)
        kernel = op.kernel()
        assert kernel is not None  # _check has seen to it
        held = [Held(x, v.shape, v.dtype) for x, v in zip(operands, op.operands)]
        return [result.array for result in run_kernel(self._library, kernel, held)]

    def _batch_norm(self, op: BatchNorm, x: Tensor, scale: Tensor, bias: Tensor, mean: Tensor, var: Tensor) -> Tensor:
        training: Any = self._proxy(self.graph.create_node("get_attr", "training"))
        return F.batch_norm(x, mean, var, scale, bias, training, 0.1, op.epsilon)

    def _scan(self, op: Scan, operands: list[Tensor]) -> Sequence[Tensor]:
        """One copy of the body per step."""
        last = op.states + op.scanned
        state, stacked = operands[: op.states], op.body.outputs[op.states :]
        rows = [dict[int, Tensor]() for _ in stacked]
        for step in reversed(range(op.steps)) if op.reverse else range(op.steps):
            slices = [x[step] for x in operands[op.states : last]]
            known = dict(zip(op.body.inputs, [*state, *slices, *operands[last:]], strict=True))
            self.nodes(op.body.nodes, known)
            state = [known[v] for v in op.body.outputs[: op.states]]
            for row, value in zip(rows, stacked):
                row[step] = known[value]
        return [*state, *(self._stacked(row, value) for row, value in zip(rows, stacked))]

    def _stacked(self, rows: dict[int, Tensor], value: Value) -> Tensor:
        if rows:
            return torch.stack([rows[i] for i in range(len(rows))])
        return self.constant(torch.zeros((0, *value.shape), dtype=torch_type(value.dtype)))


def _check(module: Module) -> None:
    """BackendError that lists what cannot be written."""
    bad = [f"{n.title} ({n.op.name})" for n in _flat(module.graph) if not _known(n.op)]
    if bad:
        count = f"{len(bad)} nodes have" if len(bad) > 1 else "1 node has"
        raise BackendError(f"{module.name}: {count} neither a torch function nor a loop nest: {', '.join(bad)}")
    missing = [n.op.ref for n in module.graph.nodes if isinstance(n.op, Param) and n.op.ref not in module.params]
    if missing:
        raise BackendError(f"{module.name}: the module holds no weights for '{missing[0]}', which torch needs")


def _known(op: Op) -> bool:
    return isinstance(op, (Param, Fused, Scan, Cast)) or type(op) in FUNCTIONS or op.kernel() is not None


def _flat(graph: Graph) -> list[Node]:
    bodies = [n.op.body for n in graph.nodes if isinstance(n.op, (Fused, Scan))]
    return [*graph.nodes, *(node for body in bodies for node in _flat(body))]


def _statistics(graph: Graph) -> set[Value]:
    """Parameters that are the running mean or variance of a batch norm."""
    norms = [n.op for n in graph.nodes if isinstance(n.op, BatchNorm)]
    found = {v for op in norms for v in (op.mean, op.variance)}
    for node in graph.nodes:
        if isinstance(node.op, Fused):
            inner = _statistics(node.op.body)
            found |= {given for given, own in zip(node.op.inputs, node.op.body.inputs) if own in inner}
    return found


def _rounds(op: Op) -> bool:
    """Sums of products: what is held is brought back to the accumulator's own grid."""
    kernel = op.kernel()
    return kernel is not None and any(stage.reduce == "sum" for stage in kernel.stages)


def _real_parameter(tensor: torch.Tensor, type: TensorType) -> torch.Tensor:
    return reals(tensor, type, lambda constant: constant)


def _put(root: nn.Module, path: str, tensor: torch.Tensor, trainable: bool) -> str:
    *folders, name = path.split(".")
    for folder in folders:
        if not hasattr(root, folder):
            root.add_module(folder, nn.Module())
        root = getattr(root, folder)
    if trainable:
        root.register_parameter(name, nn.Parameter(tensor))
    else:
        root.register_buffer(name, tensor)
    return path


def _path(ref: str, taken: set[str]) -> str:
    """A parameter's name as a path of attributes that clashes with no other and with nothing of nn.Module's."""
    parts = [_word(part) for part in ref.split(".")]
    parts = [f"{p}_" if hasattr(nn.Module, p) or p in ("training", CONSTANTS) else p for p in parts]
    path = ".".join(parts)
    while any(path == t or t.startswith(f"{path}.") or path.startswith(f"{t}.") for t in taken):
        path = f"{path.replace('.', '_')}_"
    return path


def _word(text: str) -> str:
    """Letters, digits and _, and no keyword: names come from files, and stand in source."""
    clean = re.sub(r"\W", "_", text, flags=re.ASCII) or "_"
    return f"{clean}_" if keyword.iskeyword(clean) else clean


def _identifier(name: str) -> str:
    clean = _word(name)
    return f"x{clean}" if clean[0].isdigit() or clean == "self" else clean


def _class_name(name: str) -> str:
    words = re.findall(r"[A-Za-z0-9]+", name)
    joined = "".join(word[:1].upper() + word[1:] for word in words)
    return joined if joined and not joined[0].isdigit() else f"Net{joined}"
