"""Reshapes and concatenations in `tensor`'s own words, which say more than loops: nothing is computed."""

from collections.abc import Sequence
from math import prod

from gossamer.codegen.mlir.types import tensor
from gossamer.codegen.mlir.writer import Tensor, Writer

Groups = list[list[int]]


def reshaped(writer: Writer, x: Tensor, shape: tuple[int, ...], name: str) -> Tensor:
    """The elements of x under another shape: dimensions merged, then split. Neither side is a scalar."""
    if x.shape == shape:
        return x
    if 0 in shape:
        return writer.empty(shape, x.dtype)
    merges, splits, middle = _groups(x.shape, shape)
    joined = x
    if middle != x.shape:
        text = f"tensor.collapse_shape {x.name} {merges} : {x.type} into {tensor(middle, x.dtype)}"
        joined = writer.tensor(name, middle, x.dtype, text)
    if middle == shape:
        return joined
    result = tensor(shape, x.dtype)
    text = f"tensor.expand_shape {joined.name} {splits} output_shape {list(shape)} : {joined.type} into {result}"
    return writer.tensor(name, shape, x.dtype, text)


def _groups(old: Sequence[int], new: Sequence[int]) -> tuple[Groups, Groups, tuple[int, ...]]:
    """Dimensions of both shapes in the shortest runs of equal products, and those products."""
    merges, splits, middle = Groups(), Groups(), list[int]()
    i = j = 0
    while i < len(old) and j < len(new):
        left, right = [i], [j]
        while (a := prod(old[k] for k in left)) != (b := prod(new[k] for k in right)):
            (left if a < b else right).append((left if a < b else right)[-1] + 1)
        merges.append(left)
        splits.append(right)
        middle.append(a)
        i, j = left[-1] + 1, right[-1] + 1
    merges[-1].extend(range(i, len(old)))  # extents of 1 that are left over
    splits[-1].extend(range(j, len(new)))
    return merges, splits, tuple(middle)


def concatenated(writer: Writer, parts: Sequence[Tensor], axis: int, shape: tuple[int, ...], name: str) -> Tensor:
    """The parts, one after the other along `axis`, written into an empty tensor."""
    result, start = writer.empty(shape, parts[0].dtype), 0
    ones = [1] * len(shape)
    for part in parts:
        offsets = [start if i == axis else 0 for i in range(len(shape))]
        place = f"{offsets} {list(part.shape)} {ones} : {part.type} into {result.type}"
        result = writer.tensor(name, shape, part.dtype, f"tensor.insert_slice {part.name} into {result.name}{place}")
        start += part.shape[axis]
    return result
