"""Gemm and MatMul."""

from gossamer.frontends.onnx.call import Call
from gossamer.frontends.onnx.table import Result, operator
from gossamer.ir.errors import FrontendError
from gossamer.ir.op import Op
from gossamer.ir.ops import Add, Gemm, MatMul, Mul, Reshape, Transpose


@operator("Gemm")
def gemm(call: Call) -> Result:
    return call.emit(product_of_matrices(call))


def product_of_matrices(call: Call) -> Op:
    """alpha * a @ b + beta * c. What the IR's gemm has no word for becomes an op before or after it."""
    a, b, c = call.value(0), call.value(1), call.optional(2)
    if call.attr_int("transA", 0):
        a = call.step(Transpose(a, (1, 0)))
    alpha, beta = call.attr_float("alpha", 1.0), call.attr_float("beta", 1.0)
    transpose_b = bool(call.attr_int("transB", 0))
    if c is not None and beta != 1.0:
        c = call.step(Mul(c, call.number(beta, c, "beta")))
    columns = b.shape[0 if transpose_b else -1]
    if alpha == 1.0 and (c is None or c.shape == (columns,)):
        return Gemm(a, b, c, transpose_b)
    product = call.step(Gemm(a, b, None, transpose_b))
    if alpha == 1.0 and c is not None:
        return Add(product, c)
    scaled = Mul(product, call.number(alpha, product, "alpha"))
    return scaled if c is None else Add(call.step(scaled), c)


@operator("MatMul")
def matmul(call: Call) -> Result:
    """A vector is a matrix of one row on the left, of one column on the right, and that axis is dropped again."""
    a, b = call.value(0), call.value(1)
    if not a.type.rank or not b.type.rank:
        raise FrontendError("its operands are malformed: a scalar cannot be multiplied as a matrix")
    left = a if a.type.rank > 1 else call.step(Reshape(a, (1, *a.shape)))
    right = b if b.type.rank > 1 else call.step(Reshape(b, (*b.shape, 1)))
    product = Gemm(left, right) if left.type.rank == right.type.rank == 2 else MatMul(left, right)
    if left is a and right is b:
        return call.emit(product)
    full = call.step(product)
    rows, columns = (full.shape[-2],) if left is a else (), (full.shape[-1],) if right is b else ()
    return call.emit(Reshape(full, (*full.shape[:-2], *rows, *columns)))
