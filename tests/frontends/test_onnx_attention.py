"""Attention of ONNX against onnxruntime, and against numpy where that is behind the standard."""

import re

import numpy as np
import pytest
from onnx import helper

from gossamer.frontends import load
from gossamer.ir.errors import FrontendError
from gossamer.ir.reference import evaluate

BATCH, HEADS, GROUPS, QUERIES, KEYS, SIZE, OUT = 2, 6, 3, 4, 5, 8, 7


def floats(*shape, seed=0):
    return np.random.default_rng(seed + sum(shape)).standard_normal(shape).astype(np.float32)


Q, K, V = floats(BATCH, HEADS, QUERIES, SIZE), floats(BATCH, GROUPS, KEYS, SIZE), floats(BATCH, GROUPS, KEYS, OUT)


def packed(x):
    """[B, heads, steps, size] as [B, steps, heads * size]."""
    return np.ascontiguousarray(x.transpose(0, 2, 1, 3)).reshape(x.shape[0], x.shape[2], -1)


def attended(q, k, v, allowed=True, bias=0.0, scale=None, cap=0.0):
    """The definition, in float64."""
    q, k, v = (x.astype(np.float64) for x in (q, k, v))
    k, v = (np.repeat(x, q.shape[1] // x.shape[1], axis=1) for x in (k, v))
    scores = q @ k.swapaxes(2, 3) * (scale or 1 / np.sqrt(q.shape[3]))
    scores = cap * np.tanh(scores / cap) if cap else scores
    scores = np.where(allowed, scores + bias, -np.inf)
    weights = np.exp(scores - np.maximum(scores.max(-1, keepdims=True), -1e300))
    total = weights.sum(-1, keepdims=True)
    return np.where(total > 0, weights / np.where(total > 0, total, 1), 0) @ v


def network(make, arrays, outputs=("y",), constants=None, opset=23, **attributes):
    """`arrays`: the operands in order, None for one that is left out; those in `constants` are known at import."""
    constants = constants or ()
    node = helper.make_node("Attention", [n if a is not None else "" for n, a in arrays.items()], outputs, **attributes)
    given = {n: a for n, a in arrays.items() if a is not None and n not in constants}
    fixed = {n: a for n, a in arrays.items() if a is not None and n in constants}
    proto = make([node], {n: a.shape for n, a in given.items()}, [o for o in outputs if o], fixed, opset)
    for info in proto.graph.input:
        info.type.tensor_type.elem_type = helper.np_dtype_to_tensor_dtype(given[info.name].dtype)
    return proto, given


def check(make, wanted, arrays, **options):
    proto, given = network(make, arrays, **options)
    found = evaluate(load(proto), given)
    np.testing.assert_allclose(found["y"], wanted, atol=1e-5)


FORMS = {"plain": {}, "scaled": {"scale": 0.3}, "capped": {"softcap": 2.0}, "causal": {"is_causal": 1}}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("heads", [HEADS, GROUPS, 1])
def test_grouped_heads(heads, form, make):
    """Query i of 4 stands at position i, whatever the number of keys."""
    attributes = FORMS[form]
    allowed = np.tri(QUERIES, KEYS, dtype=bool) if form == "causal" else True
    k, v = floats(BATCH, heads, KEYS, SIZE), floats(BATCH, heads, KEYS, OUT)
    wanted = attended(Q, k, v, allowed, scale=attributes.get("scale"), cap=attributes.get("softcap", 0.0))
    check(make, wanted, {"q": Q, "k": k, "v": v}, **attributes)


def test_packed_heads(make):
    arrays = {"q": packed(Q), "k": packed(K), "v": packed(V)}
    check(make, packed(attended(Q, K, V)), arrays, q_num_heads=HEADS, kv_num_heads=GROUPS)


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("shape", [(QUERIES, KEYS), (HEADS, QUERIES, KEYS), (BATCH, 1, QUERIES, KEYS)], ids=str)
def test_masks_that_are_added(shape, known, make):
    mask = floats(*shape)
    arrays = {"q": Q, "k": K, "v": V, "m": mask}
    check(make, attended(Q, K, V, bias=mask), arrays, constants={"m"} if known else None)


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("causal", [0, 1])
def test_masks_of_bools_and_queries_that_see_nothing(causal, known, make):
    mask = np.random.default_rng(0).random((BATCH, 1, QUERIES, KEYS)) < 0.4
    mask[0, 0, 1] = False
    allowed = mask & np.tri(QUERIES, KEYS, dtype=bool) if causal else mask
    arrays = {"q": Q, "k": K, "v": V, "m": mask}
    check(make, attended(Q, K, V, allowed), arrays, constants={"m"} if known else None, is_causal=causal)


@pytest.mark.parametrize("causal", [0, 1])
def test_a_cache_comes_in_front(causal, make):
    past_k, past_v = floats(BATCH, GROUPS, 3, SIZE), floats(BATCH, GROUPS, 3, OUT)
    arrays = {"q": Q, "k": K, "v": V, "m": None, "pk": past_k, "pv": past_v}
    proto, given = network(make, arrays, ("y", "present_k", "present_v"), is_causal=causal)
    found = evaluate(load(proto), given)
    keys, values = np.concatenate([past_k, K], 2), np.concatenate([past_v, V], 2)
    allowed = np.tri(QUERIES, KEYS + 3, 3, dtype=bool) if causal else True
    np.testing.assert_allclose(found["y"], attended(Q, keys, values, allowed), atol=1e-5)
    np.testing.assert_array_equal(found["present_k"], keys)
    np.testing.assert_array_equal(found["present_v"], values)


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("options", [{}, {"is_causal": 1}, {"left_window_size": 1, "right_window_size": 1}], ids=str)
def test_padded_caches(options, known, make):
    """lengths[n] keys are real; the queries are the last of them."""
    lengths = np.asarray([5, 4])
    place = lengths[:, None, None, None] - QUERIES + np.arange(QUERIES)[:, None]
    keys = np.arange(KEYS)
    allowed = (keys < lengths[:, None, None, None]) & np.ones((QUERIES, 1), bool)
    if "is_causal" in options:
        allowed &= keys <= place
    if "left_window_size" in options:
        allowed &= (keys >= place - 1) & (keys <= place + 1)
    arrays = {"q": Q, "k": K, "v": V, "m": None, "pk": None, "pv": None, "n": lengths}
    check(make, attended(Q, K, V, allowed), arrays, constants={"n"} if known else None, opset=25, **options)


@pytest.mark.parametrize("mode", range(4))
def test_stages_of_the_scores(mode, make):
    mask = floats(QUERIES, KEYS)
    arrays = {"q": Q, "k": K, "v": V, "m": mask}
    proto, given = network(make, arrays, ("y", "", "", "s"), softcap=1.5, qk_matmul_output_mode=mode)
    scores = Q @ np.repeat(K, 2, 1).swapaxes(2, 3) / np.sqrt(SIZE)
    capped = 1.5 * np.tanh(scores / 1.5)
    weights = np.exp(capped + mask) / np.exp(capped + mask).sum(-1, keepdims=True)
    wanted = (scores, capped, capped + mask, weights)[mode]
    np.testing.assert_allclose(evaluate(load(proto), given)["s"], wanted, atol=1e-5)


def test_plain_attention_is_two_products_and_a_softmax(make):
    module = load(network(make, {"q": Q, "k": floats(*Q.shape), "v": floats(*Q.shape)})[0])
    kinds = [n.op.name for n in module.graph.nodes if n.op.name != "ir.param"]
    assert kinds == ["math.mul", "tensor.transpose", "nn.matmul", "nn.softmax", "nn.matmul"]


@pytest.mark.parametrize("causal", [0, 1])
def test_onnxruntime_agrees(causal, same, make):
    k, v = floats(BATCH, HEADS, QUERIES, SIZE), floats(BATCH, HEADS, QUERIES, SIZE)
    same(*network(make, {"q": Q, "k": k, "v": v, "m": floats(QUERIES, QUERIES)}, is_causal=causal))


REFUSED = {
    "do not fit each other": {"k": floats(BATCH, 4, KEYS, SIZE), "v": floats(BATCH, 4, KEYS, OUT)},
    "its q_num_heads is 0 and an operand has shape [2, 4, 48]: they do not fit": {"q": packed(Q)},
    "its attn_mask has shape [4, 9], needed at most 5 columns": {"m": floats(4, 9)},
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_refused(text, make):
    proto, _ = network(make, {"q": Q, "k": K, "v": V} | REFUSED[text])
    with pytest.raises(FrontendError, match=re.escape(text)):
        load(proto)
