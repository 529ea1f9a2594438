"""Cook-Toom transforms: exact, equal to the published ones, and as accurate as their error model says."""

import itertools
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest

from gossamer.ir.errors import IRError
from gossamer.ir.winograd import interpolation_points, transforms, verify, winograd_conv2d

SIZES = list(itertools.product(range(2, 7), range(2, 7)))


def rationals(text: str) -> tuple[tuple[Fraction, ...], ...]:
    return tuple(tuple(Fraction(word) for word in line.split()) for line in text.strip().splitlines())


def direct(x, weight, pads=(0, 0, 0, 0)):
    top, left, bottom, right = pads
    padded = np.pad(x.astype(float), ((0, 0), (0, 0), (top, bottom), (left, right)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, weight.shape[2:], (2, 3))
    return np.einsum("nchwij,ocij->nohw", windows, weight.astype(float), optimize=True)


def random_conv(r: int, seed: int = 0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((2, 16, 13, 14)).astype(np.float32)
    return x, rng.standard_normal((8, 16, r, r)).astype(np.float32)


@pytest.mark.slow
@pytest.mark.parametrize("m, r", [*SIZES, (1, 3), (3, 1), (1, 1), (8, 3), (10, 5)])
def test_transforms_are_exact(m, r):
    form = transforms(m, r)
    assert verify(form)
    assert (len(form.at), len(form.g), len(form.bt)) == (m, form.n, form.n)


def test_verify_notices_one_wrong_entry():
    form = transforms(2, 3)
    wrong = ((form.bt[0][0] + 1, *form.bt[0][1:]), *form.bt[1:])
    assert not verify(type(form)(2, 3, form.at, form.g, wrong, form.points))


def test_f23_is_lavins():
    form = transforms(2, 3)
    assert form.g == rationals("1 0 0\n1/2 1/2 1/2\n1/2 -1/2 1/2\n0 0 1")
    assert form.bt == rationals("1 0 -1 0\n0 1 1 0\n0 -1 1 0\n0 -1 0 1")  # Lavin negates the last row ...
    assert form.at == rationals("1 1 1 0\n0 1 -1 1")  # ... and the last entry


def test_f43_is_lavins_up_to_row_signs():
    form = transforms(4, 3)
    lavin = rationals("4 0 -5 0 1 0\n0 -4 -4 1 1 0\n0 4 -4 -1 1 0\n0 -2 -1 2 1 0\n0 2 -1 -2 1 0\n0 4 0 -5 0 1")
    assert all(ours in (theirs, tuple(-x for x in theirs)) for ours, theirs in zip(form.bt, lavin, strict=True))
    assert form.at == rationals("1 1 1 1 1 0\n0 1 -1 2 -2 0\n0 1 1 4 4 0\n0 1 -1 8 -8 1")


def test_points_are_distinct_powers_of_two():
    points = interpolation_points(11)
    assert [str(p) for p in points] == ["0", "1", "-1", "2", "-2", "1/2", "-1/2", "4", "-4", "1/4", "-1/4"]
    assert len(set(interpolation_points(15))) == 15


@pytest.mark.parametrize("m, r", SIZES)
def test_convolution_in_double_precision(m, r):
    x, weight = random_conv(r)
    got = winograd_conv2d(x, weight, m, (1, 2, 1, 0), np.float64)
    np.testing.assert_allclose(got, direct(x, weight, (1, 2, 1, 0)), rtol=0, atol=1e-9)


@pytest.mark.parametrize("m, r", SIZES)
def test_float32_error_is_what_the_model_predicts(m, r):
    x, weight = random_conv(r)
    want = direct(x, weight)
    error = winograd_conv2d(x, weight, m) - want
    relative = np.sqrt((error**2).mean() / (want**2).mean())
    predicted = transforms(m, r).error()
    assert predicted / 2 < relative < predicted * 2


def test_errors_of_the_usual_tiles():
    predicted = [transforms(m, 3).error() for m in (2, 4, 6)]
    assert predicted == sorted(predicted)
    assert predicted == pytest.approx([1.7e-7, 1.1e-6, 2.1e-6], rel=0.1)


@pytest.mark.parametrize("m, r", [(0, 3), (2, 0), (15, 3)])
def test_refuses_impossible_sizes(m, r):
    with pytest.raises(IRError, match=rf"winograd F\({m}, {r}\): needs m >= 1"):
        transforms(m, r)


def test_sympy_is_imported_only_to_make_transforms():
    code = "import sys, gossamer.ir.winograd; print('sympy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
