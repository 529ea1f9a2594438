"""A plan and its weights as a float module: what a returned design is before the passes."""

from collections.abc import Mapping

import numpy as np

from gossamer.ir.build import GraphBuilder
from gossamer.ir.graph import Array, Module, Params
from gossamer.ir.ops.activations import Relu
from gossamer.ir.ops.math import Add
from gossamer.ir.ops.nn import Conv2d, Gemm
from gossamer.ir.ops.reductions import ReduceMean
from gossamer.ir.ops.structure import Param
from gossamer.ir.types import F32, TensorType, Value
from gossamer.search.spaces.plan import Plan, Step

INPUT, OUTPUT = "image", "logits"


def build_module(
    name: str, plan: Plan, weights: Mapping[str, Array], image: tuple[int, int, int], batch: int = 1
) -> Module:
    """`weights`: `slot.weight` and `slot.bias` of every weighted step, batch norm folded. Labels are slots."""
    builder = GraphBuilder()
    x = builder.input(INPUT, TensorType(F32, (batch, *image)))
    outputs: dict[str, Value] = {}
    for step in plan:
        x = _add(builder, step, x, outputs, last=step is plan[-1])
        outputs[step.slot] = x
    params = {
        f"{step.slot}.{what}": weights[f"{step.slot}.{what}"]
        for step in plan
        if step.weighted
        for what in ("weight", "bias")
    }
    return Module(name, builder.finish((x,)), Params(params))


def drawn_weights(plan: Plan, seed: int) -> dict[str, Array]:
    """Normal weights of variance 2 / fan-in (He et al. 2015), biases 0."""
    rng = np.random.default_rng(seed)
    found: dict[str, Array] = {}
    for step in plan:
        if step.weighted:
            shape = step.weight_shape
            deviation = np.sqrt(2 / np.prod(shape[1:]))
            found[f"{step.slot}.weight"] = rng.normal(0, deviation, shape).astype(np.float32)
            found[f"{step.slot}.bias"] = np.zeros(step.oc, np.float32)
    return found


def _add(builder: GraphBuilder, step: Step, x: Value, outputs: Mapping[str, Value], last: bool) -> Value:
    if step.kind == "mean":
        return builder.add(ReduceMean(x, (2, 3), False), step.slot, label=step.slot)
    weight = builder.add(Param(f"{step.slot}.weight", TensorType(F32, step.weight_shape)), f"{step.slot}.weight")
    bias = builder.add(Param(f"{step.slot}.bias", TensorType(F32, (step.oc,))), f"{step.slot}.bias")
    name = OUTPUT if last else step.slot
    if step.kind == "gemm":
        return builder.add(Gemm(x, weight, bias, True), name, label=step.slot)
    half = step.kernel // 2
    x = builder.add(
        Conv2d(x, weight, bias, (step.stride, step.stride), (half,) * 4, (1, 1), step.groups), name, label=step.slot
    )
    if step.adds:
        x = builder.add(Add(x, outputs[step.adds]), f"{step.slot}.add")
    return builder.add(Relu(x), f"{step.slot}.relu") if step.relu else x
