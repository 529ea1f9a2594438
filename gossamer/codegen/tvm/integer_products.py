"""Sums of 8-bit products by the machine's own instructions: four products a lane and step."""

from collections.abc import Mapping
from typing import Any

from gossamer.codegen.tvm.adapter import Loops, llvm_intrinsic, tirx
from gossamer.codegen.tvm.forms import DOT
from gossamer.codegen.tvm.lower import StageCode
from gossamer.codegen.tvm.place import Coordinate
from gossamer.ir.nest import Load


def dot_product(
    loops: Loops, code: StageCode, total: Any, product: tuple[Load, Load], where: Mapping[str, Coordinate], lanes: int
) -> None:
    """total[lane] += sum over k < 4 of u8 x[k] * i8 w[lane, k], at the first lane and step of `where`."""
    x, place, tests = code.operand_at(product[0], where)
    w, rows, _ = code.operand_at(product[1], where)
    four = tirx.reinterpret("int32", x.vector(place, DOT))
    if tests:
        filled = int(product[0].fill or 0) * 0x01010101
        four = tirx.if_then_else(tirx.all(*tests), four, tirx.const(filled, "int32"))
    spread = tirx.reinterpret(f"uint8x{lanes * DOT}", tirx.Broadcast(four, lanes))
    # the lanes' fours lie one after the other, so that one vector of the last dimension reaches over both
    weights = w.vector(rows, lanes * DOT)
    zero = tirx.const(0, "int32")
    old = total.vector([zero], lanes)
    name = f"llvm.x86.avx512.vpdpbusd.{lanes * 32}"
    loops.store_vector(total, llvm_intrinsic(name, f"int32x{lanes}", old, spread, weights), [zero], lanes)
