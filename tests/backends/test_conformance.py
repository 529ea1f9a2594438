"""The conformance suite passes the target in the box and finds broken promises."""

from dataclasses import replace

import numpy as np
import pytest

from gossamer.backends.conformance import CHECKS, check_backend, check_object
from gossamer.backends.systolic.backend import SystolicBackend
from gossamer.ir.errors import RegistryError
from gossamer.ir.schedule import Schedule


def test_systolic_passes():
    findings = check_backend("systolic")
    assert len(findings) == len(CHECKS) + 1
    assert [str(f) for f in findings if not f.passed] == []
    assert all(f.detail for f in findings)


def test_an_unknown_target_is_an_error_with_the_nearest_name():
    with pytest.raises(RegistryError, match="did you mean 'systolic'"):
        check_backend("systolik")


class Negative(SystolicBackend):
    def cost(self, layers, hardware):
        costs = super().cost(layers, hardware)
        return replace(costs, energy_j=-costs.energy_j)


class Neighbours(SystolicBackend):
    def cost(self, layers, hardware):
        costs = super().cost(layers, hardware)
        return replace(costs, latency_s=costs.latency_s * len(layers))


class Smaller(SystolicBackend):
    def cost(self, layers, hardware):
        costs = super().cost(layers, hardware)
        return replace(costs, latency_s=np.where(costs.fits, 1 / np.maximum(costs.latency_s, 1e-9), np.inf))


class Raises(SystolicBackend):
    def cost(self, layers, hardware):
        if any(layer.weight_bits > 32 for layer in layers):
            raise ValueError("too wide")
        return super().cost(layers, hardware)


class WrongAxes(SystolicBackend):
    def schedules(self, node, hardware):
        return (Schedule(order=("no_such_loop",)),)


class Renamed(SystolicBackend):
    name = "other"


class WrongNumbers(SystolicBackend):
    def compile(self, module):
        made = super().compile(module)
        if hasattr(made, "run"):
            right = type(made).run
            wrong = type("Wrong", (type(made),), {"run": lambda self, x: {k: v + 1 for k, v in right(self, x).items()}})
            return wrong(made.module, made.hardware, made.reports)
        return made


@pytest.mark.parametrize(
    ("broken", "check", "words"),
    [
        (Negative, "cost columns are complete, positive and finite", "energy_j: needs to be finite and > 0"),
        (Neighbours, "rows are independent of each other", "alone"),
        (Smaller, "a bigger layer never takes less time", "with twice"),
        (Raises, "what does not fit is data", "ValueError: too wide"),
        (WrongAxes, "schedules name the op's own axes", "no_such_loop"),
        (Renamed, "attributes", "hardware.target is 'systolic', needed 'other'"),
        (WrongNumbers, "compiled networks equal the reference", "differs from the reference by 1"),
    ],
)
def test_a_broken_promise_is_found(broken, check, words):
    (finding,) = check_object(broken(), check)
    assert not finding.passed
    assert words in finding.detail
