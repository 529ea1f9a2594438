r"""Winograd convolution transforms, generated exactly for any output tile m and kernel r by Cook-Toom.

F(m, r) computes m outputs of an r-tap correlation y_i = sum_k g_k d_(i+k) from n = m + r - 1 inputs by n products:

    y = A^T [(G g) * (B^T d)]          and in two dimensions          Y = A^T [(G g G^T) * (B^T d B)] A

(Lavin and Gray 2016, eqs. 4-8). n - 1 finite points p_i and infinity are used. With V_k the n x k matrix of the powers
p_i^0 .. p_i^(k-1) (row of infinity: 0 .. 0 1), polynomial products are V_n^-1 (V_m a * V_r g); transposing that form
gives A^T = V_m^T, G = V_r, B^T = V_n^-T. Row i of B^T is then multiplied by |prod_j!=i (p_i - p_j)| and row i of G
divided by it: B^T becomes as integral as the points allow, and F(2,3), F(4,3) are the published ones up to sign.

Invariant: the entries are exact rationals; `verify` proves the identity on all pairs of unit vectors.

    >>> [[str(x) for x in row] for row in transforms(2, 3).bt]
    [['1', '0', '-1', '0'], ['0', '1', '1', '0'], ['0', '-1', '1', '0'], ['0', '-1', '0', '1']]
"""

from dataclasses import dataclass
from fractions import Fraction
from functools import cache, cached_property
from importlib import import_module
from math import sqrt
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gossamer.ir.errors import IRError

Matrix: TypeAlias = tuple[tuple[Fraction, ...], ...]

LARGEST_TILE = 16
"""Largest m + r - 1: beyond it the transforms lose every digit of float64."""


@dataclass(frozen=True)
class Transforms:
    """Exact A^T [m, n], G [n, r] and B^T [n, n] of F(m, r), n = m + r - 1, and the finite points they come from."""

    m: int
    r: int
    at: Matrix
    g: Matrix
    bt: Matrix
    points: tuple[Fraction, ...]

    @property
    def n(self) -> int:
        return self.m + self.r - 1

    def arrays(self, dtype: Any = np.float32) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """(A^T, G, B^T) as arrays, each entry correctly rounded."""
        return _array(self.at, dtype), _array(self.g, dtype), _array(self.bt, dtype)

    @cached_property
    def amplification(self) -> float:
        """Root-mean-square growth of rounding errors in two dimensions; a direct convolution has 1.

        For independent inputs of variance 1 the product in slot j of one dimension has variance |G_j|^2 |B_j|^2, which
        output i weighs with A_ij^2, while the output's own variance is r:

            growth^2 = mean_i sum_j A_ij^2 |G_j|^2 |B_j|^2 / r

        Two dimensions are its Kronecker square. (Barabasz et al. 2020 bound the worst case by norms of the same
        matrices; what is seen stays far below that bound.)
        """
        a, g, b = self.arrays(np.float64)
        slots = (g**2).sum(1) * (b**2).sum(1)
        return float((a**2 @ slots).mean() / self.r)

    def error(self, epsilon: float = 2.0**-24) -> float:
        """Expected rms error of a 2-D convolution relative to its rms output; `epsilon` is the unit round-off.

        `amplification` times the round-offs on a value's way, which add up as a random walk. Within a factor of two
        of what is measured for m, r <= 6 in float32. The channel sum's own error, which a direct convolution has too,
        is left out.
        """
        return epsilon * self.amplification * sqrt(_ROUNDINGS)


_ROUNDINGS = 3.0  # variance of a value's round-offs in units of epsilon^2: transforms of input, weight and output


@cache
def transforms(m: int, r: int) -> Transforms:
    """The transforms of F(m, r). IRError unless m, r >= 1 and m + r - 1 <= LARGEST_TILE."""
    if m < 1 or r < 1 or m + r - 1 > LARGEST_TILE:
        raise IRError(f"winograd F({m}, {r}): needs m >= 1, r >= 1 and m + r - 1 <= {LARGEST_TILE}")
    sympy: Any = import_module("sympy")  # half a second to import: only who makes transforms pays
    n, x = m + r - 1, sympy.Symbol("x")
    points = [sympy.Rational(p.numerator, p.denominator) for p in interpolation_points(n - 1)]
    scale = [abs(sympy.prod(p - q for q in points if q != p)) for p in points]

    def monic(roots: list[Any]) -> Any:
        return sympy.prod((x - p for p in roots), start=sympy.Poly(1, x, domain="QQ"))

    def basis(point: Any, size: Any) -> Any:  # scaled Lagrange polynomial of a point: its row of B^T
        others = monic([p for p in points if p != point])
        return others * (size / others.eval(point))

    rows = [*(basis(p, s) for p, s in zip(points, scale)), monic(points)]
    return Transforms(
        m, r,
        at=tuple(zip(*(_powers(p, m) for p in (*points, None)))),
        g=tuple(_powers(p, r, s) for p, s in zip((*points, None), (*scale, 1))),
        bt=tuple(tuple(_fraction(row.coeff_monomial(x**k)) for k in range(n)) for row in rows),
        points=tuple(_fraction(p) for p in points),
    )


def interpolation_points(count: int) -> tuple[Fraction, ...]:
    """The first `count` of 0, 1, -1, 2, -2, 1/2, -1/2, 4, -4, 1/4, ...: powers of two, exact in every float type."""
    found = [Fraction(0)]
    power = 0
    while len(found) < count:
        size = Fraction(2) ** power
        found += [size, -size] if power == 0 else [size, -size, 1 / size, -1 / size]
        power += 1
    return tuple(found[:count])


def verify(form: Transforms) -> bool:
    """Whether A^T [(G g) * (B^T d)] is the correlation, exactly: checked on every pair of unit vectors g and d."""
    return all(
        sum(form.at[i][j] * form.g[j][k] * form.bt[j][l] for j in range(form.n)) == (l == i + k)
        for i in range(form.m) for k in range(form.r) for l in range(form.n)
    )


def winograd_conv2d(
    x: NDArray[Any],
    weight: NDArray[Any],
    m: int,
    pads: tuple[int, int, int, int] = (0, 0, 0, 0),
    dtype: Any = np.float32,
) -> NDArray[Any]:
    """Stride-1 convolution of x [n, ic, ih, iw] with weight [oc, ic, r, r] by F(m x m, r x r), computed in `dtype`.

    The slow, plain meaning of `algorithm=winograd(m)` in a schedule, for tests of backends.
    """
    form = transforms(m, weight.shape[2])
    at, g, bt = form.arrays(dtype)
    tiles, (oh, ow) = _tiles(x.astype(dtype), form, pads)
    u = np.einsum("ai,ocij,bj->abco", g, weight.astype(dtype), g)
    v = np.einsum("ai,nhwcij,bj->abnhwc", bt, tiles, bt)
    product = np.einsum("abnhwc,abco->nohwab", v, u, optimize=True)
    y = np.einsum("ia,nohwab,jb->nohiwj", at, product, at, optimize=True)
    count, oc, rows, _, columns, _ = y.shape
    return y.reshape(count, oc, rows * m, columns * m)[:, :, :oh, :ow]


def _tiles(x: NDArray[Any], form: Transforms, pads: tuple[int, int, int, int]) -> tuple[NDArray[Any], tuple[int, int]]:
    """Overlapping n x n input tiles, m apart: [batch, tile row, tile column, ic, n, n]; and the output's (oh, ow)."""
    top, left, bottom, right = pads
    extents = x.shape[2] + top + bottom - form.r + 1, x.shape[3] + left + right - form.r + 1
    more = tuple(-e % form.m for e in extents)  # the last tiles reach past the border
    padded = np.pad(x, ((0, 0), (0, 0), (top, bottom + more[0]), (left, right + more[1])))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (form.n, form.n), (2, 3))
    return windows[:, :, :: form.m, :: form.m].transpose(0, 2, 3, 1, 4, 5), extents


def _powers(point: Any, count: int, scale: Any = 1) -> tuple[Fraction, ...]:
    """(1, p, p^2, ...) / scale; of infinity (None) the last is 1."""
    if point is None:
        return tuple(Fraction(int(k == count - 1)) for k in range(count))
    return tuple(_fraction(point**k / scale) for k in range(count))


def _fraction(number: Any) -> Fraction:
    return Fraction(int(number.p), int(number.q))


def _array(matrix: Matrix, dtype: Any) -> NDArray[Any]:
    return np.array([[float(x) for x in row] for row in matrix], dtype=dtype)
