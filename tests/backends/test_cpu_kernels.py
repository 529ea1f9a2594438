"""Compiled kernels are kept by what they are made from; what is damaged, or cannot be kept, is made anew."""

import json
from dataclasses import replace

import numpy as np
import pytest

from gossamer.backends.cpu import kernels
from gossamer.backends.cpu.build import Build, Store, compile_module
from gossamer.backends.cpu.hardware import host
from gossamer.backends.cpu.kernels import KernelCache, compiled_kernels, symbol_of
from gossamer.backends.cpu.target import target_of
from gossamer.ir import ops

from ..codegen.tvm_help import Net


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv(kernels.SETTING, str(tmp_path / "kept"))
    return KernelCache(tmp_path / "kept")


@pytest.fixture
def made(monkeypatch):
    """Names of what was compiled."""
    found, real = [], kernels.compile_object

    def compiled(functions, target, path):
        found.append(path.stem)
        real(functions, target, path)

    monkeypatch.setattr(kernels, "compile_object", compiled)
    return found


def network(channels=16):
    net = Net()
    x = net.add(ops.Conv2d(net.input(1, channels, 8, 8), net.weight(16, channels, 3, 3), pads=(1, 1, 1, 1)))
    return net, net.module(net.add(ops.Softmax(x, 1)))


def ran(module, given):
    return next(iter(compile_module(module, host()).run(given).values()))


def test_equal_kernels_are_compiled_once(cache, made):
    net, module = network()
    given = net.data(module)
    first = ran(module, given)
    count = len(made)
    assert count >= 2 and {path.stem for path in cache.folder.glob("*.o")} == set(made)
    np.testing.assert_array_equal(ran(module, given), first)
    assert len(made) == count
    compile_module(network(channels=24)[1], host())
    assert len(made) == count + 1  # the softmax is the same


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["cut", "changed", "no json", "json", "foreign json"])
def test_what_is_damaged_is_made_anew(cache, made, damage):
    net, module = network()
    given = net.data(module)
    first, count = ran(module, given), len(made)
    for path in cache.folder.glob("*.o"):
        data, told = path.read_bytes(), path.with_suffix(".json")
        match damage:
            case "cut":
                path.write_bytes(data[:100])
            case "changed":
                path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
            case "no json":
                told.unlink()
            case "json":
                told.write_text("{")
            case _:
                told.write_text(json.dumps([1, 2]))
    np.testing.assert_array_equal(ran(module, given), first)
    assert len(made) == 2 * count
    ran(module, given)
    assert len(made) == 2 * count  # mended


def test_nothing_is_kept_when_it_is_off_or_cannot_be(made, tmp_path, monkeypatch):
    net, module = network()
    given = net.data(module)
    monkeypatch.setenv(kernels.SETTING, "off")
    first, count = ran(module, given), len(made)
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv(kernels.SETTING, str(tmp_path / "file"))
    np.testing.assert_array_equal(ran(module, given), first)
    assert len(made) == 2 * count


def test_a_symbol_says_what_the_kernel_depends_on():
    _, module = network()
    store = Store()
    Build(module, host(), store).actions()
    spec, target = next(iter(store.kernels)), target_of(host())
    assert symbol_of(spec, target) == symbol_of(spec, replace(target, threads=7))
    assert symbol_of(spec, target) != symbol_of(spec, replace(target, mcpu="haswell"))
    assert len({symbol_of(spec, target) for spec in store.kernels}) == len(store.kernels)
    assert " at 0x" not in "".join(map(repr, store.kernels))  # an address would never be met again


def test_the_cache_keeps_within_its_size(cache, made, tmp_path, monkeypatch):
    _, module = network()
    store = Store()
    Build(module, host(), store).actions()
    compiled_kernels(store.kernels, host(), tmp_path)
    sizes = sum(path.stat().st_size for path in cache.folder.glob("*.o"))
    monkeypatch.setattr(kernels, "MOST_BYTES", sizes - 1)
    cache.prune()
    left = list(cache.folder.glob("*.o"))
    assert sum(path.stat().st_size for path in left) <= sizes // 2
    assert {path.stem for path in cache.folder.glob("*.json")} == {path.stem for path in left}
