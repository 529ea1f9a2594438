"""Fourier transforms as products with constant matrices.

A complex number is two numbers on the last axis, real and imaginary. K frequencies of N samples.
"""

import numpy as np
from numpy.typing import NDArray

from gossamer.frontends.onnx.call import Call, from_front, whole
from gossamer.frontends.onnx.table import Result, operator
from gossamer.frontends.onnx.tensors import Constant
from gossamer.frontends.problems import Unsupported
from gossamer.ir.errors import FrontendError
from gossamer.ir.ops import Conv2d, Gemm, Mul, Reshape, Transpose
from gossamer.ir.types import Value

Matrix = NDArray[np.float64]
_LARGEST = 1 << 25
"""More numbers in a matrix than this (a transform of 4,096 complex samples has as many) would want a fast transform."""


@operator("DFT")
def dft(call: Call) -> Result:
    """x [..., N at `axis`, ..., 1 or 2]: [..., K, ..., 2], or [..., N, ..., 1], the signal of a one-sided spectrum."""
    x = call.value(0)
    axis, parts = _axis(call, x.type.rank), x.shape[-1]
    inverse, onesided = bool(call.attr_int("inverse", 0)), bool(call.attr_int("onesided", 0))
    if parts not in (1, 2) or (onesided and parts != (2 if inverse else 1)):
        raise FrontendError(f"its input of shape {list(x.shape)} is malformed: its last axis has {parts} parts")
    have = x.shape[axis]
    length = _scalar(call, 1) or (2 * (have - 1) if inverse and onesided else have)
    matrix = _real_signal(have, length) if inverse and onesided else _spectrum(have, length, parts, inverse, onesided)
    order = (*(i for i in range(x.type.rank) if i not in (axis, x.type.rank - 1)), axis, x.type.rank - 1)
    moved = call.step(Transpose(x, order))
    rows = call.step(Reshape(moved, (moved.type.elements // max(1, have * parts), have * parts)))
    product = call.step(Gemm(rows, call.param(_narrow(matrix), "fourier", x.dtype)))
    out_parts = 1 if inverse and onesided else 2
    spread = call.step(Reshape(product, (*moved.shape[:-2], matrix.shape[1] // out_parts, out_parts)))
    return call.emit(Transpose(spread, tuple(int(i) for i in np.argsort(order))))


@operator("STFT")
def stft(call: Call) -> Result:
    """Transforms of frames of the signal [B, L, 1 or 2]: [B, frames, K, 2], as a convolution with the waves."""
    x, step = call.value(0), _scalar(call, 1)
    if x.type.rank == 2:
        x = call.step(Reshape(x, (*x.shape, 1)))
    if x.type.rank != 3 or x.shape[2] not in (1, 2) or not step or step < 1:
        raise FrontendError(f"its signal of shape {list(x.shape)} or its frame_step {step} is malformed")
    length = _frame_length(call, x)
    parts, onesided = x.shape[2], bool(call.attr_int("onesided", 1))
    matrix = _spectrum(length, length, parts, False, onesided)
    signal = call.step(Reshape(call.step(Transpose(x, (0, 2, 1))), (x.shape[0], parts, 1, x.shape[1])))
    waves = matrix.reshape(length, parts, -1).transpose(2, 1, 0)[:, :, None, :]
    found = call.step(Conv2d(signal, _windowed(call, waves, x), strides=(1, step)))
    spread = call.step(Reshape(found, (x.shape[0], found.shape[1] // 2, 2, found.shape[3])))
    return call.emit(Transpose(spread, (0, 3, 1, 2)))


def _windowed(call: Call, waves: Matrix, x: Value) -> Value:
    """The waves [2 K, parts, 1, N] times the window [N]."""
    if not call.has(2):
        return call.param(_narrow(waves), "waves", x.dtype)
    window = call.item(2)
    if isinstance(window, Constant):
        return call.param(_narrow(waves * np.asarray(window.numbers(), np.float64)), "waves", x.dtype)
    return call.step(Mul(call.param(_narrow(waves), "waves", x.dtype), window))


def _frame_length(call: Call, x: Value) -> int:
    window = call.item(2) if call.has(2) else None
    shape = None if window is None else window.shape if isinstance(window, Value) else window.type.shape
    length = _scalar(call, 3) or (shape[0] if shape else x.shape[1])
    if (shape and shape != (length,)) or not 1 <= length <= x.shape[1]:
        raise FrontendError(f"its frame_length is {length}, needed the window's, at most the signal's {x.shape[1]}")
    return length


def _spectrum(have: int, length: int, parts: int, inverse: bool, onesided: bool) -> Matrix:
    """[have * parts, K * 2]: sum over n of x[n] * exp(-2 pi i k n / N), or the conjugate over N for the inverse."""
    count = length // 2 + 1 if onesided else length
    _check(have * parts * count * 2)
    angle = 2 * np.pi * np.outer(np.arange(have), np.arange(count)) / length
    cosine, sine = np.cos(angle), np.sin(angle) * (-1 if inverse else 1)
    matrix = np.stack([np.stack([cosine, -sine], -1), np.stack([sine, cosine], -1)], 1)[:, :parts]
    matrix[length:] = 0  # a longer signal is cut off
    return matrix.reshape(have * parts, count * 2) / (length if inverse else 1)


def _real_signal(have: int, length: int) -> Matrix:
    """[have * 2, N]: the real signal whose spectrum up to N / 2 is given; the rest is its mirror image."""
    _check(have * 2 * length)
    frequency = np.arange(have)
    angle = 2 * np.pi * np.outer(frequency, np.arange(length)) / length
    times = np.where((frequency == 0) | (2 * frequency == length), 1.0, 2.0) * (2 * frequency <= length)
    return (np.stack([np.cos(angle), -np.sin(angle)], 1) * times[:, None, None] / length).reshape(have * 2, length)


def _check(size: int) -> None:
    if size > _LARGEST:
        raise Unsupported(f"its transform would be a matrix of {size:.3g} numbers, and {_LARGEST:.3g} are supported")


def _axis(call: Call, rank: int) -> int:
    """An attribute before opset 20, an operand since."""
    given = call.constant(2)
    axis = call.attr_int("axis", 1) if call.opset < 20 else -2 if given is None else whole(given)[0]
    found = from_front(axis, rank)
    if found == rank - 1:
        raise FrontendError(f"its axis {axis} is malformed: the last one has the parts of complex numbers")
    return found


def _scalar(call: Call, index: int) -> int | None:
    array = call.constant(index)
    return None if array is None else whole(array)[0]


def _narrow(matrix: Matrix) -> Matrix:
    """Sines of multiples of pi are 0, not 1e-16."""
    return np.where(np.abs(matrix) < 1e-15, 0.0, matrix)
