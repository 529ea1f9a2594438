"""The conformance suite passes the target in the box and finds broken promises."""

from dataclasses import replace

import numpy as np
import pytest

from gossamer.backends.base import Infeasible
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
        return altered(made, run=lambda self, x: {name: found + 1 for name, found in made.run(x).items()})


class Moody(SystolicBackend):
    calls = 0

    def cost(self, layers, hardware):
        costs = super().cost(layers, hardware)
        self.calls += 1
        return replace(costs, dram_bytes=costs.dram_bytes + self.calls)


class Negated(SystolicBackend):
    def area_mm2(self, hardware):
        return -1.0


class Stubborn(SystolicBackend):
    def compile(self, module):
        if any(node.schedule for node in module.graph.nodes):
            return Infeasible("stem", "no schedule", "one", "drop it")
        return super().compile(module)


class Curt(SystolicBackend):
    def supports(self, node):
        return Infeasible(node.title, "more", "less", "")


def altered(made, **methods):
    """The artifact with other methods; what is no artifact stays."""
    if not hasattr(made, "run"):
        return made
    return type("Altered", (type(made),), methods)(made.module, made.hardware, made.reports)


class Forgetful(SystolicBackend):
    def load(self, folder):
        return altered(super().load(folder), run=lambda self, x: {"y": np.zeros((1, 5), np.float32)})


class Careless(SystolicBackend):
    def compile(self, module):
        def save(self, folder):
            (folder / "manifest.json").write_text("{}")

        return altered(super().compile(module), save=save)


class Trusting(SystolicBackend):
    def compile(self, module):
        return altered(super().compile(module), run=lambda self, x: {})


@pytest.mark.parametrize(
    ("broken", "check", "words"),
    [
        (Moody, "cost is deterministic", "dram_bytes: differs between the same call twice"),
        (Moody, "one hardware is broadcast over all layers", "differs between one hardware against a copy per row"),
        (Negated, "area is known or None", "area_mm2 is -1.0"),
        (Stubborn, "listed schedules are honoured and change no result", "needs no schedule, has one; drop it"),
        (Curt, "supports() answers for every node", "needs all four parts"),
        (Forgetful, "saved and loaded, they still do", "saved and loaded, y: differs from the reference"),
        (Careless, "foreign folders are refused", "accepted, needed a GossamerError"),
        (Trusting, "bad inputs are refused", "a missing input: accepted, needed a GossamerError"),
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
