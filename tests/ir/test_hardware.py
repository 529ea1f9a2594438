"""Hardware descriptions: bounds, loose values, and that every installed target's comes back from text."""

from dataclasses import dataclass

import pytest

from gossamer.ir.errors import HardwareError
from gossamer.ir.graph import Graph, Module
from gossamer.ir.hardware import Hardware, parameter
from gossamer.ir.registry import BACKENDS
from gossamer.ir.text import parse_module, print_module


@dataclass(frozen=True)
class Toy(Hardware, target="toy"):
    lanes: int = parameter(8, unit="lanes", low=1, high=64, search=(4, 8, 16), doc="multipliers in parallel")
    clock_hz: float = parameter(1e9, unit="Hz", low=1e6, high=5e9, doc="core clock")
    dataflow: str = parameter("ws", unit="", choices=("ws", "os"), doc="what stays in place")


def test_parameters_know_their_name_unit_and_search_values():
    [lanes, clock, dataflow] = Toy.parameters()
    assert (lanes.name, lanes.default, lanes.unit, lanes.low, lanes.search) == ("lanes", 8, "lanes", 1, (4, 8, 16))
    assert (clock.search, dataflow.choices) == ((), ("ws", "os"))
    assert Toy().values() == {"lanes": 8, "clock_hz": 1e9, "dataflow": "ws"}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"lanes": 0}, r"toy.lanes = 0 lanes is outside 1 .. 64 lanes"),
        ({"lanes": 65}, r"toy.lanes = 65 lanes is outside"),
        ({"clock_hz": float("nan")}, r"toy.clock_hz = nan Hz is outside"),
        ({"dataflow": "is"}, r"toy.dataflow: 'is' is none of ws, os"),
        ({"lanes": "many"}, r"toy.lanes: 'many' is not a whole number of lanes"),
        ({"lanes": 2.5}, r"toy.lanes: 2.5 is not a whole number of lanes"),
        ({"lanes": float("inf")}, r"toy.lanes: inf is not a whole number of lanes"),
        ({"lanes": True}, r"toy.lanes: True is not a whole number of lanes"),
        ({"clock_hz": "fast"}, r"toy.clock_hz: 'fast' is not a number of Hz"),
        ({"clock_hz": 10**400}, r"toy.clock_hz: 1000.* is not a number of Hz"),
        ({"dataflow": 3}, r"toy.dataflow: 3 is not a word, needed one of ws, os"),
        (
            {"lane": 3},
            r"toy: no hardware parameter 'lane'; did you mean 'lanes'\? \(known: clock_hz, dataflow, lanes\)",
        ),
    ],
)
def test_bad_values_say_field_value_and_what_is_needed(values: dict[str, object], message: str):
    with pytest.raises(HardwareError, match=message):
        Toy.build(values)  # type: ignore[arg-type]


def test_loose_values_become_the_fields_types():
    toy = Toy.build({"lanes": "16", "clock_hz": 2_000_000})
    assert toy == Toy(16, 2e6) and type(toy.clock_hz) is float and type(toy.lanes) is int


def test_one_bound_may_be_missing():
    @dataclass(frozen=True)
    class Open(Hardware, target="open"):
        banks: int = parameter(1, unit="banks", low=1, doc="")
        leak_w: float = parameter(0.0, unit="W", high=2, doc="")

    assert Open(banks=10**9, leak_w=-1.0).values() == {"banks": 10**9, "leak_w": -1.0}
    with pytest.raises(HardwareError, match="open.banks = 0 banks is out of bounds, needed 1 banks or more"):
        Open(banks=0)
    with pytest.raises(HardwareError, match="open.leak_w = 3.0 W is out of bounds, needed 2 W or less"):
        Open(leak_w=3.0)


def test_construction_checks_too():
    with pytest.raises(HardwareError, match="toy.lanes = 100 lanes is outside 1 .. 64 lanes"):
        Toy(lanes=100)
    with pytest.raises(HardwareError, match="toy.lanes: 2.5 is not a whole number of lanes"):
        Toy(lanes=2.5)  # type: ignore[arg-type]
    with pytest.raises(HardwareError, match="toy.lanes: '8' is not a whole number of lanes"):
        Toy(lanes="8")  # type: ignore[arg-type]


def test_a_field_without_a_declaration_is_refused():
    @dataclass(frozen=True)
    class Bare(Hardware, target="bare"):
        lanes: int = 3

    with pytest.raises(HardwareError, match=r"Bare.lanes: declare it with parameter\(...\), with a unit and bounds"):
        Bare()


@pytest.mark.parametrize("target", BACKENDS.names())
def test_every_installed_targets_hardware_comes_back_from_text(target: str):
    module = Module("m", Graph((), (), ()), hardware=BACKENDS.load(target).hardware())
    assert parse_module(print_module(module)) == module
    assert parse_module(f"module m target={target}\nreturn") == module
