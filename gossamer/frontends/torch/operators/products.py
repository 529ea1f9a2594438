"""Products of matrices and vectors."""

from gossamer.frontends.problems import Unsupported
from gossamer.frontends.torch.call import Call
from gossamer.frontends.torch.table import Result, operator
from gossamer.ir.op import Op
from gossamer.ir.ops import Add, Gemm, MatMul, Mul, ReduceSum, Reshape, Sqrt, Sub, Transpose
from gossamer.ir.types import Value


@operator("linear")
def linear(call: Call) -> Result:
    """x @ weight.T + bias over the last axis of x."""
    x, weight, bias = call.value("input"), call.value("weight"), call.optional("bias")
    if x.type.rank == 1:
        found = call.step(Gemm(call.step(Reshape(x, (1, *x.shape))), weight, bias, transpose_b=True))
        return call.emit(Reshape(found, call.shape))
    if x.type.rank == 2:
        return call.emit(Gemm(x, weight, bias, transpose_b=True))
    product = MatMul(x, call.step(Transpose(weight, (1, 0))))
    return call.emit(product) if bias is None else call.emit(Add(call.step(product), bias))


@operator("addmm", "baddbmm", "addmv")
def added_product(call: Call) -> Result:
    """beta * self + alpha * a @ b."""
    bias = call.value("self")
    a, b = (call.value(name) for name in _FACTORS[call.operator])
    alpha, beta = call["alpha"], call["beta"]
    if call.operator == "addmm" and alpha == beta == 1 and bias.shape == (b.shape[1],):
        return call.emit(Gemm(a, b, bias))
    product = call.step(_product(call, a, b))
    product = product if alpha == 1 else call.step(Mul(product, call.number(alpha, product)))
    if beta == 0:
        return product
    bias = bias if beta == 1 else call.step(Mul(bias, call.number(beta, bias)))
    return call.emit(Add(product, bias))


_FACTORS = {"addmm": ("mat1", "mat2"), "baddbmm": ("batch1", "batch2"), "addmv": ("mat", "vec")}


@operator("mm", "matmul", "bmm", "mv", "dot", "vdot")
def matmul(call: Call) -> Result:
    a = call.value("self")
    b = call.value({"matmul": "other", "mv": "vec", "dot": "tensor", "vdot": "other"}.get(call.operator, "mat2"))
    return call.emit(_product(call, a, b))


@operator("bilinear")
def bilinear(call: Call) -> Result:
    """out[..., o] = bias[o] + sum over i, j of a[..., i] * weight[o, i, j] * b[..., j]."""
    a, b, weight, bias = call.value("input1"), call.value("input2"), call.value("weight"), call.optional("bias")
    rows = a.type.elements // a.shape[-1]
    left = call.step(MatMul(call.step(Reshape(a, (rows, 1, 1, a.shape[-1]))), weight))
    both = call.step(MatMul(left, call.step(Reshape(b, (rows, 1, b.shape[-1], 1)))))
    found = Reshape(both, call.shape)
    return call.emit(found) if bias is None else call.emit(Add(call.step(found), bias))


@operator("cdist")
def cdist(call: Call) -> Result:
    """Distance of every row of x1 [..., P, M] to every row of x2 [..., R, M]; the square root of summed squares."""
    x, y, order = call.value("x1"), call.value("x2"), call["p"]
    if order != 2:
        raise Unsupported(f"its p is {order} and only 2 is supported")
    rows = call.step(Reshape(x, (*x.shape[:-1], 1, x.shape[-1])))
    columns = call.step(Reshape(y, (*y.shape[:-2], 1, *y.shape[-2:])))
    apart = call.step(Sub(rows, columns))
    return call.emit(Sqrt(call.step(ReduceSum(call.step(Mul(apart, apart)), (-1,), False))))


def _product(call: Call, a: Value, b: Value) -> Op:
    """A vector in front is a row, one behind a column; the axis made for it goes again."""
    if a.type.rank == b.type.rank == 2:
        return Gemm(a, b)
    if min(a.type.rank, b.type.rank) > 1:
        return MatMul(a, b)
    left = a if a.type.rank > 1 else call.step(Reshape(a, (1, *a.shape)))
    right = b if b.type.rank > 1 else call.step(Reshape(b, (*b.shape, 1)))
    shape = (*left.shape[: -1 if a.type.rank > 1 else -2], *(right.shape[-1:] if b.type.rank > 1 else ()))
    batch = right.shape[:-2] if b.type.rank > 2 else ()
    return Reshape(call.step(_product(call, left, right)), (*batch, *shape))
