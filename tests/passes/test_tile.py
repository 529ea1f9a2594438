"""tile: the target's first schedule that keeps an algorithm chosen before, through the registry alone."""

from dataclasses import dataclass

import pytest

from gossamer.ir.errors import PassError, RegistryError
from gossamer.ir.hardware import Hardware, parameter
from gossamer.ir.registry import BACKENDS
from gossamer.ir.schedule import Schedule, Tile
from gossamer.passes.pipeline import run_pipeline
from gossamer.passes.tile import ChooseSchedules

CONV = """
%x: f32[1,8,14,14] = input
%w: f32[8,8,3,3] = ir.param "w"
"""


@dataclass(frozen=True)
class ToyHardware(Hardware, target="toy"):
    lanes: int = parameter(4, unit="lanes", low=1, high=64, doc="multipliers in parallel")


class ToyBackend:
    hardware = ToyHardware

    def schedules(self, node, hardware):
        if node.op.name not in ("nn.conv2d", "ir.fused"):
            return ()
        tiled = tuple(Schedule(tile=(Tile("oc", (n,)),)) for n in (hardware.lanes, 1))
        return (*tiled, Schedule("winograd", winograd_m=2, tile=(Tile("oc", (2,)),)))


@pytest.fixture(autouse=True)
def toy(monkeypatch):
    found = type(BACKENDS).load
    load = lambda self, name: ToyBackend() if self is BACKENDS and name == "toy" else found(self, name)  # noqa: E731
    monkeypatch.setattr(type(BACKENDS), "load", load)


def schedules(module):
    return [node.schedule for node in module.graph.nodes if node.schedule]


def test_first_schedule_and_default_hardware(lab):
    module = lab.module(CONV + "%1 = nn.conv2d %x, %w\n%2 = nn.softmax %1\nreturn %2")
    new = run_pipeline(module, "tile{target=toy}")
    assert lab.body(new) == lab.body(module).replace("nn.conv2d %x, %w", "nn.conv2d %x, %w\n    @schedule tile=(oc:4)")
    assert new.hardware == ToyHardware()
    assert run_pipeline(new, "tile{target=toy}") == new


def test_the_modules_own_hardware(lab):
    module = lab.module(CONV + "%1 = nn.conv2d %x, %w\nreturn %1").with_hardware(ToyHardware(lanes=8))
    assert schedules(run_pipeline(module, "tile{target=toy}")) == [Schedule(tile=(Tile("oc", (8,)),))]


def test_keeps_a_chosen_algorithm(lab):
    module = lab.module(CONV + "%1 = nn.conv2d %x, %w\n%2 = nn.relu %1\nreturn %2")
    new = run_pipeline(module, "fuse,winograd{m=2},tile{target=toy}")
    assert schedules(new) == [Schedule("winograd", winograd_m=2, tile=(Tile("oc", (2,)),))]


def test_refuses_an_algorithm_that_the_target_cannot_run(lab):
    module = lab.module(CONV + '%1 = nn.conv2d %x, %w @label "stem"\nreturn %1')
    message = (
        r"tile: stem is to run as winograd\(m=4\), which target 'toy' lists no schedule for "
        r"\(it lists direct, winograd\(m=2\)\); leave that choice out of the pipeline, or make another"
    )
    with pytest.raises(PassError, match=message):
        run_pipeline(module, "winograd{m=4},tile{target=toy}")


def test_refuses_a_module_for_another_target(lab):
    module = lab.module(CONV + "%1 = nn.conv2d %x, %w\nreturn %1").with_hardware(ToyHardware())
    with pytest.raises(PassError, match="module 'test' is for target 'toy', not 'systolic'; use tile{target=toy}"):
        ChooseSchedules("systolic").run(module)


def test_unknown_target(lab):
    with pytest.raises(RegistryError, match="unknown target 'systolik'; did you mean 'systolic'"):
        run_pipeline(lab.module("%x: f32[1] = input\n%1 = nn.relu %x\nreturn %1"), "tile{target=systolik}")
