"""Sums of 8-bit products by the machine's own instructions: four products a lane and step.

`vpdpbusd` (VNNI) takes the fours as they are. `pmaddwd`, which every x86 machine has, multiplies 16-bit numbers in
pairs: the first and third of a four make one, the second and fourth another. Neither can overflow.
"""

from collections.abc import Mapping
from typing import Any

from gossamer.codegen.tvm.adapter import Loops, llvm_intrinsic, tirx
from gossamer.codegen.tvm.forms import DOT
from gossamer.codegen.tvm.lower import StageCode
from gossamer.codegen.tvm.place import Coordinate
from gossamer.ir.nest import Load

_PAIRS = {4: "llvm.x86.sse2.pmadd.wd", 8: "llvm.x86.avx2.pmadd.wd", 16: "llvm.x86.avx512.pmaddw.d.512"}


def dot_product(
    loops: Loops, code: StageCode, total: Any, product: tuple[Load, Load], where: Mapping[str, Coordinate], lanes: int
) -> None:
    """total[lane] += sum over k < 4 of u8 x[k] * i8 w[lane, k], at the first lane and step of `where`."""
    x, place, tests = code.operand_at(product[0], where)
    w, rows, _ = code.operand_at(product[1], where)
    four = tirx.reinterpret("int32", x.vector(place, DOT))
    if tests:
        filled = int(product[0].fill or 0) * 0x01010101
        four = tirx.if_then_else(tirx.all(*tests), four, tirx.const(filled - (filled >> 31 << 32), "int32"))
    # the lanes' fours lie one after the other, so that one vector of the last dimension reaches over both
    weights = w.vector(rows, lanes * DOT)
    zero = tirx.const(0, "int32")
    summed = _quadruples if code.form.dot == "vpdpbusd" else _pairs
    loops.store_vector(total, summed(total.vector([zero], lanes), four, weights, lanes), [zero], lanes)


def _quadruples(old: Any, four: Any, weights: Any, lanes: int) -> Any:
    spread = tirx.reinterpret(f"uint8x{lanes * DOT}", tirx.Broadcast(four, lanes))
    return llvm_intrinsic(f"llvm.x86.avx512.vpdpbusd.{lanes * 32}", f"int32x{lanes}", old, spread, weights)


def _pairs(old: Any, four: Any, weights: Any, lanes: int) -> Any:
    """The pairs (0, 2) and (1, 3) of every four as 16-bit numbers; x by zeros, weights by their sign."""
    kind, byte = f"int16x{lanes * 2}", tirx.Broadcast(tirx.const(8, "int16"), lanes * 2)
    numbers, mask = tirx.reinterpret("uint32", four), tirx.const(0x00FF00FF, "uint32")
    halves = tirx.reinterpret(kind, weights)
    factors = (
        (numbers, tirx.shift_right(tirx.shift_left(halves, byte), byte)),
        (tirx.shift_right(numbers, tirx.const(8, "uint32")), tirx.shift_right(halves, byte)),
    )
    for shifted, pair in factors:
        spread = tirx.reinterpret(kind, tirx.Broadcast(tirx.bitwise_and(shifted, mask), lanes))
        old = old + llvm_intrinsic(_PAIRS[lanes], f"int32x{lanes}", spread, pair)
    return old
