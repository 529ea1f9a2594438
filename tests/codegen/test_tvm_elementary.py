"""Elementary functions in vectors against doubles, over all numbers and at the edges."""

import math

import numpy as np
import pytest

from gossamer.ir import ops
from gossamer.ir.types import F64

from .tvm_help import Net, check, compiled

SMALLEST, LARGEST = 1.2e-38, 3.4e38


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


FUNCTIONS = {
    "exp": (ops.Exp, np.exp, 2e-7),
    "sigmoid": (ops.Sigmoid, sigmoid, 3e-7),
    "tanh": (ops.Tanh, np.tanh, 3e-7),
    "erf": (ops.Erf, np.vectorize(math.erf, otypes=[float]), 4e-7),
}


def computed(op, x):
    net = Net()
    module = net.module(net.add(op(net.input(*x.shape))))
    (found,) = compiled(module).run({"x": x}).values()
    return found


@pytest.mark.parametrize("name", FUNCTIONS)
def test_relative_error_over_all_numbers(name):
    op, exact, tolerance = FUNCTIONS[name]
    small = np.logspace(-30, 2.1, 20_000)
    x = np.concatenate([np.linspace(-110, 110, 50_000), np.linspace(-5, 5, 50_000), small, -small]).astype(np.float32)
    with np.errstate(all="ignore"):
        wanted = exact(x.astype(np.float64))
        tame = (np.abs(wanted) > SMALLEST) & (np.abs(wanted) < LARGEST)
        error = np.abs(computed(op, x) - wanted)[tame] / np.abs(wanted[tame])
    assert tame.sum() > 100_000 and error.max() <= tolerance


@pytest.mark.parametrize("name, low, high", [("exp", 0, np.inf), ("sigmoid", 0, 1), ("tanh", -1, 1), ("erf", -1, 1)])
def test_edges(name, low, high):
    x = np.array([-np.inf, -200, 200, np.inf, np.nan, 0.0], np.float32)
    found = computed(FUNCTIONS[name][0], x)
    np.testing.assert_allclose(found[:4], [low, low, high, high], atol=2e-7)
    assert np.isnan(found[4]) and found[5] == FUNCTIONS[name][1](np.zeros(1))[0]


def test_results_too_small_for_a_normal_number_are_not_lost():
    x = np.array([-88.0, -95.0, -100.0, -103.0], np.float32)
    np.testing.assert_allclose(computed(ops.Exp, x), np.exp(x.astype(np.float64)), atol=1.5e-45)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_doubles(name):
    net = Net()
    module = net.module(net.add(FUNCTIONS[name][0](net.input(37, dtype=F64))))
    check(module, net.data(module), 1e-12)
