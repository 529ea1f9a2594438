"""Loop nests as pseudo-code that people read; ranges leave their end out, `//` and `%` are floor division and rest.

    for n in 0..1, oc in 0..64, oh in 0..112, ow in 0..112:
      acc = 0
      for ic in 0..3, kh in 0..7, kw in 0..7:
        acc += x[n, ic, oh*2 + kh - 3, ow*2 + kw - 3] * weight[oc, ic, kh, kw]  # x is 0 outside
      out[n, oc, oh, ow] = max(acc + bias[oc], 0)

Operands are called what the op's fields call them, results `out`, stages in between `t0`, `t1`; a fused body is shown
as the few nests it is compiled to. Printing only: nothing reads this form back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias, cast

from gossamer.ir.graph import Graph, Node
from gossamer.ir.index import bounds
from gossamer.ir.inline import inline_pointwise
from gossamer.ir.nest import Axis, Kernel, Load, Nest
from gossamer.ir.op import Op, operand_fields
from gossamer.ir.ops.scan import Scan
from gossamer.ir.ops.structure import Fused
from gossamer.ir.print_expression import ExpressionPrinter, number
from gossamer.ir.types import BOOL, Value

Shape: TypeAlias = tuple[int, ...]

_START = {"sum": "0", "prod": "1", "max": "lowest", "min": "highest"}
_STEP = {"sum": "acc += {}", "prod": "acc *= {}", "max": "acc = max(acc, {})", "min": "acc = min(acc, {})"}


def print_nest(op: Op) -> str:
    """What an op computes, as pseudo-code without a newline at the end; for an opaque op a comment that says so."""
    return "\n".join(_lines(op, operand_names(op), None))


def print_kernel(kernel: Kernel, operands: Sequence[str], shapes: Sequence[Shape], results: Sequence[str]) -> str:
    """The kernel's stages in order; `operands` and `shapes` are its operands' names and shapes."""
    return "\n".join(_kernel(kernel, operands, shapes, results))


def operand_names(op: Op) -> tuple[str, ...]:
    """What the pseudo-code calls each operand: its field's name, with a number where the field holds several.

    The inputs of a body are called as the op in the body that reads them calls them.
    """
    if isinstance(op, (Fused, Scan)):
        return _names_in(op.body)
    names: list[str] = []
    for name in operand_fields(type(op)):
        item = cast(Value | tuple[Value, ...] | None, getattr(op, name))
        names.extend(_numbered(name, len(item)) if isinstance(item, tuple) else [name] if item is not None else [])
    return tuple(names)


def _names_in(body: Graph) -> tuple[str, ...]:
    first: dict[Value, str] = {}
    for node in body.nodes:
        for value, name in zip(node.op.operands, operand_names(node.op)):
            first.setdefault(value, name)
    used: dict[str, int] = {}
    found: list[str] = []
    for value in body.inputs:
        name = first.get(value, "unused")
        used[name] = used.get(name, 0) + 1
        found.append(name if used[name] == 1 else f"{name}_{used[name]}")
    return tuple(found)


def _numbered(name: str, count: int) -> list[str]:
    return [name] if count == 1 else [f"{name}{i}" for i in range(count)]


def _lines(op: Op, operands: Sequence[str], results: Sequence[str] | None) -> list[str]:
    """`results` None: they are called out, or out0, out1, ..."""
    if isinstance(op, Scan):
        return _scan(op, operands, results or _numbered("out", len(op.body.outputs)))
    kernel = op.kernel()
    if kernel is None:
        return [f"# {op.name} has no loop nest: {_first_line(op)}"]
    shapes = [value.shape for value in op.operands]
    kernel = inline_pointwise(kernel, shapes) if isinstance(op, Fused) else kernel
    return _kernel(kernel, operands, shapes, results or _numbered("out", len(kernel.results)))


def _first_line(op: Op) -> str:
    return next(iter((type(op).__doc__ or "").strip().splitlines()), "")


def _kernel(kernel: Kernel, operands: Sequence[str], shapes: Sequence[Shape], results: Sequence[str]) -> list[str]:
    names = [*operands, *_stage_names(kernel, results)]
    extents = [*shapes, *(stage.shape for stage in kernel.stages)]
    printer = ExpressionPrinter(names)
    blocks = [_Block(printer, names, extents, stage, name).lines() for stage, name in
              zip(kernel.stages, names[kernel.operands :])]  # fmt: skip
    return [*printer.tables(), *(line for block in blocks for line in block)]


def _stage_names(kernel: Kernel, results: Sequence[str]) -> list[str]:
    place = dict(zip(kernel.results, results))
    serial = iter(range(len(kernel.stages)))
    return [place.get(i) or f"t{next(serial)}" for i in range(len(kernel.stages))]


@dataclass(frozen=True)
class _Block:
    """One stage being printed; `names` and `extents` are those of what its loads read."""

    printer: ExpressionPrinter
    names: Sequence[str]
    extents: Sequence[Shape]
    nest: Nest
    name: str

    def lines(self) -> list[str]:
        nest = self.nest
        head = _loop(nest.parallel)
        deep = "  " if head else ""
        target = f"{self.name}[{', '.join(a.name for a in nest.parallel)}]" if nest.parallel else self.name
        inner = self._plain(target) if nest.reduce is None else self._reduced(target)
        return [*([head + self._types()] if head else []), *(deep + line for line in inner)]

    def _types(self) -> str:
        same = self.nest.dtype in (self.nest.compute, BOOL)
        return "" if same else f"  # computed in {self.nest.compute}, stored as {self.nest.dtype}"

    def _plain(self, target: str) -> list[str]:
        value = self.printer.stored(self.nest.body, self.nest.compute, self.nest.dtype)
        return [f"{target} = {value}{self._outside()}"]

    def _reduced(self, target: str) -> list[str]:
        nest = self.nest
        kind = nest.reduce or "sum"
        step = _STEP[kind].format(self.printer.text(nest.body, nest.compute))
        loop = _loop(nest.reduction)
        body = [loop, f"  {step}{self._outside()}"] if loop else [step + self._outside()]
        last = "acc" if nest.epilogue is None else self.printer.stored(nest.epilogue, nest.compute, nest.dtype)
        return [f"acc = {_START[kind]}", *body, f"{target} = {last}"]

    def _outside(self) -> str:
        """What the reads give that may leave their tensor."""
        ranges = {a.name: a.extent for a in self.nest.axes}
        found: dict[float, dict[str, None]] = {}
        for load in self.nest.loads:
            if load.fill is not None and self._leaves(load, ranges):
                found.setdefault(load.fill, {})[self.names[load.operand]] = None
        notes = [f"{_few(list(names))} {number(fill)} outside" for fill, names in found.items()]
        return f"  # {'; '.join(notes)}" if notes else ""

    def _leaves(self, load: Load, ranges: dict[str, int]) -> bool:
        ends = [bounds(index, ranges) for index in load.index]
        return any(low < 0 or high >= extent for (low, high), extent in zip(ends, self.extents[load.operand]))


def _few(names: list[str]) -> str:
    if len(names) == 1:
        return f"{names[0]} is"
    return f"{', '.join(names) if len(names) <= 3 else f'{names[0]} to {names[-1]}'} are"


def _loop(axes: Sequence[Axis]) -> str:
    return f"for {', '.join(f'{a.name} in 0..{a.extent}' for a in axes)}:" if axes else ""


def _scan(op: Scan, operands: Sequence[str], results: Sequence[str]) -> list[str]:
    """The loop over steps, with every statement of the body as its own nests inside."""
    states, last = op.states, op.states + op.scanned
    steps = f"{op.steps - 1} down to 0" if op.reverse else f"0..{op.steps}"
    slices = [f"{name}[t]" if states <= i < last else name for i, name in enumerate(operands)]
    called = dict(zip(op.body.inputs, slices))
    inner = [line for node in op.body.nodes for line in _step(node, called)]
    new = [called[value] for value in op.body.outputs]
    carried = [f"{', '.join(operands[:states])} = {', '.join(new[:states])}"] if states else []
    stacked = [f"{name}[t] = {value}" for name, value in zip(results[states:], new[states:])]
    final = [f"{name} = {state}" for name, state in zip(results, operands[:states])]
    return [f"for t in {steps}:", *(f"  {line}" for line in (*inner, *carried, *stacked)), *final]


def _step(node: Node, called: dict[Value, str]) -> list[str]:
    """One statement of a scan's body; its results get the next free names."""
    names = [called[value] for value in node.op.operands]
    results = [called.setdefault(value, f"v{len(called)}") for value in node.results]
    return [f"# {node.op.name}", *_lines(node.op, names, results)]
