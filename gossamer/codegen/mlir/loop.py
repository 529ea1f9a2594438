"""A scan as `scf.for` over its steps: the states and the stacked results are carried from turn to turn."""

from collections.abc import Callable, Sequence

from gossamer.codegen.mlir.types import tensor
from gossamer.codegen.mlir.writer import Tensor, Writer
from gossamer.ir.graph import Node
from gossamer.ir.ops import Scan
from gossamer.ir.types import Value

Known = dict[Value, Tensor]


def scan(
    writer: Writer, op: Scan, operands: Sequence[Tensor], results: Sequence[Value],
    run: Callable[[Sequence[Node], Known], None],
) -> list[Tensor]:  # fmt: skip
    """The results of a scan; `run` writes the nodes of its body."""
    stacked = [writer.empty(v.shape, v.dtype) for v in results[op.states :]]
    start = [*operands[: op.states], *stacked]
    carried = [Tensor(writer.fresh("carried"), t.shape, t.dtype) for t in start]
    zero, one, steps = (writer.set("k", f"arith.constant {n} : index") for n in (0, 1, op.steps))
    turn, name = writer.fresh("turn"), writer.fresh("scan")
    given = ", ".join(f"{c.name} = {s.name}" for c, s in zip(carried, start))
    types = ", ".join(t.type for t in start)
    loop = f"scf.for {turn} = {zero} to {steps} step {one} iter_args({given}) -> ({types})"
    writer.line(f"{name}:{len(start)} = {loop} {{")
    with writer.indented():
        made = _turn(writer, op, operands, carried, turn, run)
        writer.line(f"scf.yield {', '.join(t.name for t in made)} : {types}")
    writer.line("}")
    return [Tensor(f"{name}#{i}", t.shape, t.dtype) for i, t in enumerate(start)]


def _turn(
    writer: Writer, op: Scan, operands: Sequence[Tensor], carried: Sequence[Tensor], turn: str,
    run: Callable[[Sequence[Node], Known], None],
) -> list[Tensor]:  # fmt: skip
    """One step: the carried values after it."""
    step, last = turn, op.states + op.scanned
    if op.reverse:
        end = writer.set("k", f"arith.constant {op.steps - 1} : index")
        step = writer.set("step", f"arith.subi {end}, {turn} : index")
    slices = [_slice(writer, t, step) for t in operands[op.states : last]]
    known = dict(zip(op.body.inputs, [*carried[: op.states], *slices, *operands[last:]], strict=True))
    run(op.body.nodes, known)
    outputs = [known[v] for v in op.body.outputs]
    rows = [_put(writer, row, whole, step) for row, whole in zip(outputs[op.states :], carried[op.states :])]
    return [*outputs[: op.states], *rows]


def _slice(writer: Writer, x: Tensor, step: str) -> Tensor:
    shape = x.shape[1:]
    text = f"tensor.extract_slice {x.name}{_place(x.shape, step)} : {x.type} to {tensor(shape, x.dtype)}"
    return writer.tensor("slice", shape, x.dtype, text)


def _put(writer: Writer, row: Tensor, whole: Tensor, step: str) -> Tensor:
    place = _place(whole.shape, step)
    text = f"tensor.insert_slice {row.name} into {whole.name}{place} : {row.type} into {whole.type}"
    return writer.tensor("stacked", whole.shape, whole.dtype, text)


def _place(shape: tuple[int, ...], step: str) -> str:
    rest = len(shape) - 1
    offsets, sizes = ", ".join([step, *["0"] * rest]), ", ".join(["1", *map(str, shape[1:])])
    return f"[{offsets}] [{sizes}] [{', '.join(['1'] * len(shape))}]"
