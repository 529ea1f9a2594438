"""Local response normalisation, which divides by what the neighbouring channels hold."""

from math import prod

from gossamer.frontends.onnx.call import Call
from gossamer.frontends.onnx.table import Result, operator
from gossamer.ir.errors import FrontendError
from gossamer.ir.ops import Add, AvgPool2d, Div, Mul, Pow, Reshape


@operator("LRN")
def lrn(call: Call) -> Result:
    """x / (bias + alpha / size * sum of x^2 over `size` channels around)^beta (Krizhevsky et al. 2012).

    alpha / size times the sum is alpha times the mean, channels beyond the ends counted: a pool along the channels.
    """
    x, size = call.value(0), call.attr_int("size", 0)
    if x.type.rank < 2 or size < 1:
        raise FrontendError(f"its size is {size} and its input has shape {list(x.shape)}, needed size >= 1, N and C")
    squares = call.step(Mul(x, x))
    planes = call.step(Reshape(squares, (x.shape[0], 1, x.shape[1], prod(x.shape[2:]))))
    pads = ((size - 1) // 2, 0, size // 2, 0)
    means = call.step(AvgPool2d(planes, (size, 1), (1, 1), pads, count_include_pad=True))
    share = call.step(Mul(call.step(Reshape(means, x.shape)), call.number(call.attr_float("alpha", 1e-4), x, "alpha")))
    base = call.step(Add(share, call.number(call.attr_float("bias", 1.0), x, "bias")))
    return call.emit(Div(x, call.step(Pow(base, call.number(call.attr_float("beta", 0.75), x, "beta")))))
