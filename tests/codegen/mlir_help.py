"""What other people's tools say of our MLIR text: xDSL parses and verifies it, IREE compiles and runs it."""

import re

import numpy as np
import pytest

from gossamer.codegen.mlir import export_mlir
from gossamer.ir.reference import evaluate


def verified(text):
    """The module as xDSL reads it, verified."""
    pytest.importorskip("xdsl", reason="xDSL is not installed")
    from xdsl.context import Context
    from xdsl.dialects import get_all_dialects
    from xdsl.parser import Parser

    context = Context(allow_unregistered=True)
    for name, make in get_all_dialects().items():
        context.register_dialect(name, make)
    module = Parser(context, text).parse_module()
    module.verify()
    return module


def run(text, inputs):
    """The outputs that IREE's CPU code computes."""
    tools = pytest.importorskip("iree.compiler.tools", reason="IREE's compiler is not installed")
    runtime = pytest.importorskip("iree.runtime", reason="IREE's runtime is not installed")
    options = ["--iree-llvmcpu-target-cpu=host", "--iree-input-demote-f64-to-f32=false"]
    binary = tools.compile_str(text, target_backends=["llvm-cpu"], extra_args=options)
    config = runtime.Config("local-sync")
    context = runtime.SystemContext(config=config)
    context.add_vm_module(runtime.VmModule.copy_buffer(config.vm_instance, binary))
    name = re.search(r"^module @([\w$.]+)", text, re.MULTILINE)[1]
    found = context.modules[name]["main"](*(np.ascontiguousarray(x) for x in inputs))
    return [np.asarray(x.to_host()) for x in (found if isinstance(found, (list, tuple)) else [found])]


def check(module, inputs, tolerance=1e-5, steps=0):
    """xDSL takes the text, and IREE computes what the reference does; the text.

    `tolerance` is relative to each output's largest number; integers may be `steps` apart.
    """
    text = export_mlir(module)
    verified(text)
    found = run(text, [inputs[v.name] for v in module.graph.inputs])
    wanted = evaluate(module, inputs)
    assert len(found) == len(wanted)
    for (name, right), ours in zip(wanted.items(), found):
        assert ours.shape == right.shape, name
        seen = ours.view(right.dtype) if right.dtype.kind == "u" else ours  # signless: IREE shows the bits as signed
        assert seen.dtype == right.dtype, name
        allowed = steps if right.dtype.kind in "iu" else tolerance * max(1.0, float(np.abs(right).max(initial=0)))
        off = np.abs(seen.astype(np.float64) - right.astype(np.float64)).max(initial=0)
        assert off <= allowed, f"{name} is off by {off}, allowed {allowed}"
    return text
