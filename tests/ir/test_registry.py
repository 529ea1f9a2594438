"""Plug-ins by name: what is found, and who is named when something is wrong."""

from importlib import metadata
from importlib.metadata import EntryPoint

import pytest

from gossamer.ir import registry
from gossamer.ir.errors import IRError, RegistryError
from gossamer.ir.op import Op, op_class, op_names
from gossamer.ir.registry import Registry

GROUP = "gossamer.tests"


@pytest.fixture
def things(monkeypatch: pytest.MonkeyPatch):
    """Makes a registry of the given name = value pairs."""

    def made(*pairs: tuple[str, str]) -> Registry:
        points = [EntryPoint(name, value, GROUP) for name, value in pairs]
        monkeypatch.setattr(metadata, "entry_points", lambda group: points)
        registry._collect.cache_clear()
        return Registry(GROUP, "thing")

    yield made
    registry._collect.cache_clear()


def test_what_is_installed_is_listed_and_loaded(things):
    found = things(("b", "math:pi"), ("a", "math:sqrt"))
    assert found.names() == ("a", "b") and found.load("a")(4) == 2 and found.owner("a") == "math:sqrt"


def test_an_unknown_name_suggests_the_nearest(things):
    with pytest.raises(
        RegistryError, match=r"unknown thing 'systolc'; did you mean 'systolic'\? \(known: cpu, systolic\)"
    ):
        things(("cpu", "math:pi"), ("systolic", "math:e")).load("systolc")


def test_two_packages_with_one_name_are_named(things):
    found = things(("a", "math:pi"), ("a", "math:e"))
    with pytest.raises(
        RegistryError, match=r"two packages provide the thing 'a': .*math:pi.* and .*math:e.*; uninstall"
    ):
        found.names()


def test_one_package_found_twice_is_no_clash(things):
    assert things(("a", "math:pi"), ("a", "math:pi")).names() == ("a",)


def test_a_missing_package_is_named(things):
    with pytest.raises(
        RegistryError, match="thing 'a' from no_such_package:x needs a package that is missing: No module"
    ):
        things(("a", "no_such_package:x")).load("a")


def test_a_plug_in_that_names_nothing_is_named(things):
    with pytest.raises(RegistryError, match="thing 'a' from math:no_such_thing"):
        things(("a", "math:no_such_thing")).load("a")


def test_ops_are_found_by_name_and_suggested():
    assert op_class("nn.relu").__name__ == "Relu" and {"nn.conv2d", "ir.param", "tensor.split"} <= set(op_names())
    with pytest.raises(IRError, match=r"unknown op 'nn.conv2'; did you mean 'nn.conv2d'\?"):
        op_class("nn.conv2")


def test_two_classes_with_one_op_name_are_named():
    with pytest.raises(
        IRError, match=r"two classes define the op 'nn.relu': gossamer.ir.ops.activations.Relu and .*Mine"
    ):

        class Mine(Op, name="nn.relu"):
            pass

    with pytest.raises(IRError, match=r"Nameless: an op needs a name: class X\(Op, name='mine.x'\)"):

        class Nameless(Op):
            pass
