"""Operators of onnxruntime's own domain against onnxruntime."""

import re

import numpy as np
import pytest
from onnx import helper

from gossamer.frontends import load
from gossamer.ir.errors import FrontendError

DOMAIN = "com.microsoft"


def floats(*shape):
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(np.float32)


X, IMAGE, SEQUENCE = floats(3, 5, 8), floats(2, 4, 7, 6), floats(2, 5, 12)

CASES = {
    "gelu": ("Gelu", X, [], {}),
    "bias gelu": ("BiasGelu", X, [floats(8)], {}),
    "fast gelu": ("FastGelu", X, [], {}),
    "fast gelu with bias": ("FastGelu", X, [floats(8)], {}),
    "quick gelu": ("QuickGelu", X, [], {"alpha": 1.3}),
    "matmul": ("FusedMatMul", X, [floats(3, 8, 4)], {"alpha": 0.5}),
    "matmul transposed": ("FusedMatMul", X, [floats(3, 4, 5)], {"transA": 1, "transB": 1}),
    "conv": ("FusedConv", IMAGE, [floats(3, 4, 3, 3), floats(3)], {"activation": "Relu", "pads": [1, 1, 1, 1]}),
    "conv and sum": ("FusedConv", IMAGE, [floats(4, 4, 3, 3), floats(4), floats(2, 4, 5, 4)], {"activation": "Relu"}),
    "conv clipped": ("FusedConv", IMAGE, [floats(3, 4, 3, 3)], {"activation": "Clip", "activation_params": [0.0, 6.0]}),
    "conv leaky": ("FusedConv", IMAGE, [floats(3, 4, 3, 3)], {"activation": "LeakyRelu", "activation_params": [0.2]}),
    "gemm": ("FusedGemm", X[0], [floats(8, 3), floats(3)], {"activation": "LeakyRelu", "activation_alpha": 0.3}),
    "gemm scaled": ("FusedGemm", X[0], [floats(3, 8), floats(3)], {"activation": "Relu", "alpha": 0.5, "transB": 1}),
    "skip": ("SkipLayerNormalization", X, [X[::-1].copy(), floats(8), floats(8)], {"epsilon": 1e-5}),
    "skip with bias": ("SkipLayerNormalization", X, [X[::-1].copy(), floats(8), floats(8), floats(8)], {}),
    "skip simplified": ("SkipSimplifiedLayerNormalization", X, [X[::-1].copy(), floats(8)], {}),
    "attention": ("MultiHeadAttention", SEQUENCE, [floats(2, 7, 12), floats(2, 7, 12)], {"num_heads": 3}),
    "attention biased": ("MultiHeadAttention", SEQUENCE, [floats(2, 7, 12), floats(2, 7, 12), floats(36)],
                         {"num_heads": 4, "scale": 0.3}),
}  # fmt: skip


def network(make, kind, x, constants, attributes, outputs=("y",)):
    names = [f"c{i}" if c is not None else "" for i, c in enumerate(constants)]
    node = helper.make_node(kind, ["x", *names], outputs, domain=DOMAIN, **attributes)
    given = {n: c for n, c in zip(names, constants) if n}
    return make([node], {"x": x.shape}, [o for o in outputs if o], given, 17, [DOMAIN])


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.replace(" ", "_"))
def test_contributed_operators(case, same, make):
    kind, x, constants, attributes = CASES[case]
    same(network(make, kind, x, constants, attributes), {"x": x})


def test_the_sum_that_was_normalised(same, make):
    constants = [X[::-1].copy(), floats(8), floats(8)]
    outputs = ["y", "", "", "sum"]
    same(network(make, "SkipLayerNormalization", X, constants, {}, outputs), {"x": X})


def test_simplified_layer_norm(same, make):
    node = helper.make_node("SimplifiedLayerNormalization", ["x", "s"], ["y"], epsilon=1e-3)
    same(make([node], {"x": X.shape}, constants={"s": floats(8)}, opset=17), {"x": X})


REFUSED = {
    "its activation 'Sine' is not supported": ("FusedConv", IMAGE, [floats(3, 4, 3, 3)], {"activation": "Sine"}),
    "it transposes batch axes": ("FusedMatMul", X, [floats(3, 8, 4)], {"transBatchA": 1}),
    "its num_heads is 5, needed a divisor": ("MultiHeadAttention", SEQUENCE, [SEQUENCE, SEQUENCE], {"num_heads": 5}),
    "it has a key padding mask or is causal": ("MultiHeadAttention", SEQUENCE, [SEQUENCE, SEQUENCE],
                                               {"num_heads": 3, "unidirectional": 1}),
    "packed into one tensor": ("MultiHeadAttention", SEQUENCE, [], {"num_heads": 3}),
}  # fmt: skip


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_refused(text, make):
    with pytest.raises(FrontendError, match=re.escape(text)):
        load(network(make, *REFUSED[text]))
