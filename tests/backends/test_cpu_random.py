"""Small random networks under random legal schedules, processors and thread counts, against the reference."""

from dataclasses import replace
from random import Random

import numpy as np
import pytest

from gossamer import api
from gossamer.backends.cpu import backend
from gossamer.backends.cpu.artifact import CpuArtifact
from gossamer.backends.cpu.hardware import CpuHardware
from gossamer.backends.cpu.schedules import legal_schedules
from gossamer.backends.cpu.target import missing_here
from gossamer.ir import ops
from gossamer.ir.graph import Module
from gossamer.ir.reference import evaluate
from gossamer.ir.types import F32, I8, U8, Quant, TensorType
from tests.codegen.tvm_help import Net

KINDS = ("conv", "conv", "grouped", "transposed", "pool", "mean", "softmax", "norm", "concat", "slice", "gate", "int8")
QUICK = range(9, 14)
"""Seeds of networks that compile fast."""

SEEDS = [pytest.param(s, marks=() if s in QUICK else pytest.mark.slow) for s in range(40)]
CPUS = ("native", "haswell", "x86-64")


def layer(kind: str, net: Net, r: Random, x):
    """A value that one layer of the kind, of random attributes, makes of x [n, c, h, w]."""
    n, c, h, w = x.shape
    kernel, oc, groups = (r.randint(1, 3), r.randint(1, 3)), r.randint(1, 36), r.choice([1, c])
    pads = tuple(r.randint(0, k // 2) for k in kernel * 2)
    strides = (r.randint(1, 2), r.randint(1, 2))
    match kind:
        case "conv":
            return net.add(ops.Conv2d(x, net.weight(oc, c, 3, 3), net.weight(oc), pads=(1, 1, 1, 1)))
        case "grouped":
            weight = net.weight(groups * (oc % 3 + 1), c // groups, *kernel)
            return net.add(ops.Conv2d(x, weight, None, strides, pads, groups=groups))
        case "transposed":
            return net.add(ops.ConvTranspose(x, net.weight(c, oc, *kernel), net.weight(oc), strides, groups=1))
        case "pool":
            return net.add(r.choice([ops.MaxPool2d, ops.AvgPool2d])(x, kernel, strides, pads))
        case "mean":
            return net.add(ops.Sub(x, net.add(ops.ReduceMean(x, tuple(r.sample(range(1, 4), 2))))))
        case "softmax":
            return net.add(ops.Softmax(x, r.randrange(4)))
        case "norm":
            return net.add(ops.LayerNorm(x, net.weight(w), net.weight(w), -1))
        case "concat":
            return net.add(ops.Concat((x, net.add(ops.Gelu(x)), x), r.randint(1, 2)))
        case "slice":
            return net.add(ops.Slice(x, (0, c // 3, 0, 0), x.shape, (1, r.randint(1, 2), 1, 1)))
        case "gate":
            return net.add(ops.Add(net.add(ops.Mul(net.add(ops.Sigmoid(x)), x)), x))
        case _:
            return quantised(net, r, x)


def quantised(net: Net, r: Random, x):
    """A convolution of 8-bit values with weights of one scale per channel, stored as 8 bits and made float again."""
    kind, oc, c = r.choice([U8, I8]), r.randint(1, 36), x.shape[1]
    stored = net.add(ops.Cast(x, TensorType(kind, x.shape, Quant((0.04,), (r.choice([0, 7, 100]),)))))
    scale = Quant(tuple(net.random.uniform(0.5, 1, oc) / 127 / np.sqrt(9 * c)), (0,), 0)
    weight = net.param(net.random.integers(-127, 128, (oc, c, 3, 3)), scale, I8)
    total = net.add(ops.Conv2d(stored, weight, pads=(1, 1, 1, 1)))
    stored = net.add(ops.Cast(total, TensorType(kind, total.shape, Quant((0.02,), (r.choice([0, 50]),)))))
    return net.add(ops.Cast(stored, TensorType(F32, total.shape)))


def network(seed: int) -> tuple[Net, Module, bool]:
    """Three layers, one of whose values is read inside and is an output as well; whether anything is rounded."""
    r, net = Random(seed), Net(seed)
    x = net.input(r.choice([1, 3]), r.randint(1, 36), r.randint(3, 12), r.randint(3, 12))
    kinds = r.sample(KINDS, 3)
    first = layer(kinds[0], net, r, x)
    last = layer(kinds[2], net, r, layer(kinds[1], net, r, first))
    return net, net.module(first, last), "int8" in kinds


@pytest.mark.parametrize("seed", SEEDS)
def test_random_networks_compute_what_the_reference_does(seed):
    r, (net, module, rounded) = Random(seed), network(seed)
    cpu, cores = r.choice(CPUS), r.randint(1, 3)
    cpu = "native" if cpu != "native" and missing_here(cpu) else cpu
    ready = api.prepare(module, "cpu", hardware={"cpu": cpu, "cores": cores})
    assert isinstance(ready.hardware, CpuHardware)
    nodes = []
    for node in ready.graph.nodes:
        found = () if isinstance(node.op, ops.Param) else legal_schedules(node, ready.hardware)
        layout = node.schedule.layout if node.schedule is not None else ""
        nodes.append(replace(node, schedule=replace(r.choice(found), layout=layout)) if found else node)
    artifact = backend.compile(ready.with_graph(replace(ready.graph, nodes=tuple(nodes))))
    assert isinstance(artifact, CpuArtifact), str(artifact)
    data = net.data(module)
    wanted, found = evaluate(module, data), artifact.run(data)
    for name, value in wanted.items():
        wrong = np.abs(found[name] - value) > 1e-4 * np.abs(value).max()
        assert wrong.mean() <= (0.01 if rounded else 0), f"%{name}: {wrong.sum()} of {wrong.size} are wrong"
