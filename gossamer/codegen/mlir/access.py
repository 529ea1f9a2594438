"""Reads of a nest as operands of `linalg.generic`: the tensor padded and cut so that an affine map reads all of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod

from gossamer.codegen.mlir.indices import affine_text, straight
from gossamer.codegen.mlir.types import element, literal
from gossamer.codegen.mlir.writer import Tensor, Writer
from gossamer.ir.index import bounds
from gossamer.ir.nest import Affine, Load

_GROWTH = 4
"""A read that would pad its tensor to more than so many times its size is tested point by point instead."""


@dataclass(frozen=True)
class Operand:
    """A tensor to hand to a generic, and the results of its indexing map."""

    tensor: Tensor
    index: tuple[str, ...]


def mappable(load: Load, shape: Sequence[int], extents: Mapping[str, int]) -> bool:
    """Can an operand with an affine map stand for the read?"""
    if not all(straight(index) for index in load.index):
        return False
    spans = [bounds(index, extents) for index in load.index]
    padded = prod(max(high + 1, e) - min(low, 0) for (low, high), e in zip(spans, shape))
    return padded <= _GROWTH * max(1, prod(shape)) or padded <= 4096


def operand(writer: Writer, source: Tensor, load: Load, extents: Mapping[str, int]) -> Operand:
    """What `load` reads: padded where it leaves the tensor, cut where it starts inside, fixed dimensions dropped."""
    index = [i for i in load.index if isinstance(i, Affine)]
    spans = [bounds(i, extents) for i in index]
    before = [max(0, -low) for low, _ in spans]
    after = [max(0, high + 1 - e) for (_, high), e in zip(spans, source.shape)]
    whole = _padded(writer, source, before, after, load.fill)
    starts = [low + b for (low, _), b in zip(spans, before)]
    sizes = [high - low + 1 for low, high in spans]
    fixed = [not i.terms for i in index]
    cut = _cut(writer, whole, starts, _kept(index, whole.shape, starts, sizes), fixed)
    texts = [affine_text(Affine(i.terms, i.constant - low)) for i, (low, _), f in zip(index, spans, fixed) if not f]
    return Operand(cut, tuple(texts))


def _kept(index: Sequence[Affine], shape: Sequence[int], starts: Sequence[int], sizes: Sequence[int]) -> list[int]:
    """How much of each dimension is kept: all that follows, unless the map needs exactly what it reads."""
    exact = (start or not i.terms or _bare(i) for i, start in zip(index, starts))
    return [size if e else extent for e, size, extent in zip(exact, sizes, shape)]


def _bare(index: Affine) -> bool:
    return len(index.terms) == 1 and index.terms[0][1] == 1


def _padded(
    writer: Writer, source: Tensor, before: Sequence[int], after: Sequence[int], fill: float | None
) -> Tensor:
    if not any(before) and not any(after):
        return source
    shape = tuple(b + e + a for b, e, a in zip(before, source.shape, after))
    kind = element(source.dtype)
    typed = "" if source.dtype.kind == "bool" else f" : {kind}"
    value = writer.set("fill", f"arith.constant {literal(fill or 0.0, source.dtype)}{typed}")
    result = Tensor(writer.fresh("pad"), shape, source.dtype)
    writer.line(f"{result.name} = tensor.pad {source.name} low{list(before)} high{list(after)} {{")
    places = ", ".join(f"{writer.fresh('p')}: index" for _ in shape)
    writer.line(f"^bb0({places}):")
    writer.line(f"  tensor.yield {value} : {kind}")
    writer.line(f"}} : {source.type} to {result.type}")
    return result


def _cut(
    writer: Writer, source: Tensor, starts: Sequence[int], sizes: Sequence[int], fixed: Sequence[bool]
) -> Tensor:
    shape = tuple(size for size, f in zip(sizes, fixed) if not f)
    if shape == source.shape:
        return source
    ones = [1] * len(sizes)
    place = f"{list(starts)} {list(sizes)} {ones}"
    result = Tensor("", shape, source.dtype)
    text = f"tensor.extract_slice {source.name}{place} : {source.type} to {result.type}"
    return writer.tensor("cut", shape, source.dtype, text)
