"""QONNX: every published file against onnx's own evaluator with the operators written down from their definition."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun

from gossamer.frontends import load
from gossamer.ir.errors import FrontendError
from gossamer.ir.graph import Module
from gossamer.ir.ops import Cast, Param
from gossamer.ir.reference import evaluate
from gossamer.ir.verify import verify
from gossamer.passes.pipeline import run_pipeline

BREVITAS, QONNX = "onnx.brevitas", "qonnx.custom_op.general"
ROUNDINGS = {
    "ROUND": np.rint,
    "CEIL": np.ceil,
    "FLOOR": np.floor,
    "UP": lambda x: np.sign(x) * np.ceil(np.abs(x)),
    "DOWN": np.trunc,
    "ROUND_TO_ZERO": np.trunc,
    "HALF_EVEN": np.rint,
    "HALF_UP": lambda x: np.sign(x) * np.floor(np.abs(x) + 0.5),
    "HALF_DOWN": lambda x: np.sign(x) * np.ceil(np.abs(x) - 0.5),
}


def quant(x, scale, zero, bits, signed, narrow, rounding):
    low = -(2.0 ** (bits - 1)) + narrow if signed else 0.0
    high = 2.0 ** (bits - 1) - 1 if signed else 2.0**bits - 1 - narrow
    q = ROUNDINGS[rounding](np.clip(x / scale + zero, low, high))
    return ((q - zero) * scale).astype(np.float32)


class Quant(OpRun):
    op_domain = BREVITAS

    def _run(self, x, scale, zero, bits, signed=None, narrow=None, rounding_mode=None):
        return (quant(x, scale, zero, bits, signed, narrow, rounding_mode),)


class BipolarQuant(OpRun):
    op_domain = BREVITAS

    def _run(self, x, scale):
        return ((np.where(x >= 0, 1, -1) * scale).astype(np.float32),)


class FloatQuant(OpRun):
    op_domain = BREVITAS

    def _run(self, x, scale, exponent, mantissa, bias, largest, has_inf=None, has_nan=None, has_subnormal=None,
             rounding_mode=None, saturation=None):  # fmt: skip
        size = np.abs(x / scale)
        step = 2.0 ** (np.maximum(np.floor(np.log2(np.maximum(size, 1e-30))), 1 - bias) - mantissa)
        return ((np.sign(x) * np.minimum(np.rint(size / step) * step, largest) * scale).astype(np.float32),)


class BatchNormalization(OpRun):
    """onnx's own takes one of opset 9 for one that is being trained."""

    op_domain = ""

    def _run(self, x, scale, bias, mean, variance, epsilon=None, momentum=None, training_mode=None):
        mean, variance, scale, bias = (
            a.reshape(1, -1, *(1,) * (x.ndim - 2)) for a in (mean, variance, scale, bias)
        )
        return ((x - mean) / np.sqrt(variance + np.float32(epsilon)) * scale + bias,)


OPERATORS = [Quant, BipolarQuant, FloatQuant, BatchNormalization]
QUANTISED = (
    "onnx_qonnx/bsd300x3-espcn/nn_resize/quant_model.onnx",
    "onnx_qonnx/bsd300x3-espcn/subpixel/quant_model.onnx",
    "onnx_qonnx/floatquant_exec/qonnx_act_weight_fp8.onnx",
    "onnx_qonnx_model_zoo/TFC_1W1A.onnx",
    "onnx_qonnx_model_zoo/TFC_1W2A.onnx",
    "onnx_qonnx_model_zoo/TFC_2W2A.onnx",
)


@pytest.fixture(params=QUANTISED)
def published(data, request):
    path = data / request.param
    if not path.exists():
        pytest.skip("the published networks are not here: set GOSSAMER_DATA")
    return path


def small(proto: onnx.ModelProto) -> dict[str, tuple[int, ...]]:
    """The input with less of an image where the network allows it."""
    given = next(i for i in proto.graph.input if i.name not in {t.name for t in proto.graph.initializer})
    dims = given.type.tensor_type.shape.dim
    for dim in dims[2:] if dims[2:] and dims[2].dim_value > 28 else ():
        dim.dim_value = 16
    return {given.name: tuple(d.dim_value for d in dims)}


def test_published_networks(published):
    proto = onnx.load(published)
    ((name, shape),) = small(proto).items()
    del proto.graph.output[0].type.tensor_type.shape.dim[:]
    if BREVITAS not in [o.domain for o in proto.opset_import]:  # which onnx insists on
        proto.opset_import.append(helper.make_opsetid(BREVITAS, 1))
    module = load(proto)
    verify(module)
    x = np.random.default_rng(0).random(shape, dtype=np.float32)
    (wanted,) = ReferenceEvaluator(proto, new_ops=OPERATORS).run(None, {name: x})
    folded = run_pipeline(module, "fold-qdq,fold-constants,simplify,dce")
    for candidate in (module, folded):
        found = evaluate(candidate, {name: x})[module.graph.outputs[0].name]
        differing = np.abs(found - wanted) > 1e-5 * np.abs(wanted).max()
        # A number that lies between two steps may go either way, by another order of summation.
        assert found.shape == wanted.shape and differing.mean() < 2e-3


def test_every_published_file_loads(data):
    files = sorted((data / "onnx_qonnx").rglob("*.onnx")) + sorted((data / "onnx_qonnx_model_zoo").rglob("*.onnx"))
    assert len(files) == 12
    for file in files:
        verify(load(file))


@pytest.mark.parametrize("name, bits", [("TFC_1W1A", (2, 2)), ("TFC_2W2A", (2, 2))])
def test_layers_of_few_bits_become_products_of_integers(data, name, bits):
    module = run_pipeline(load(data / "onnx_qonnx_model_zoo" / f"{name}.onnx"), "fold-qdq,fold-constants,dce")
    products = [n.op for n in module.graph.nodes if n.op.name == "nn.gemm"]
    assert [(p.a.dtype.bits, p.b.dtype.bits) for p in products] == [bits] * 4


def test_weights_are_stored_in_their_bits(data):
    module = load(data / "onnx_qonnx" / "bsd300x3-espcn" / "subpixel" / "quant_model.onnx")
    quantised = [n.result.type for n in module.graph.nodes if isinstance(n.op, Param) and n.result.type.quant]
    assert [str(t.dtype) for t in quantised] == ["i8", "i4", "i4", "i8"]
    assert [t.quant.axis for t in quantised] == [0, 0, 0, None]


# --- one operator at a time

RNG = np.random.default_rng(1)
X = RNG.uniform(-3, 3, (2, 4, 3)).astype(np.float32)


def one(operator, *operands, domain=QONNX, known=True, **attributes):
    """A model of one operator; `x` is an input or (with `known`) a constant."""
    names = ["x", *(f"o{i}" for i in range(len(operands)))]
    constants = {n: np.asarray(a, np.float32) for n, a in zip(names[1:], operands)} | ({"x": X} if known else {})
    graph = helper.make_graph(
        [helper.make_node(operator, names, ["y"], domain=domain, **attributes)],
        "net",
        [] if known else [helper.make_tensor_value_info("x", TensorProto.FLOAT, X.shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(a, n) for n, a in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid(domain, 1)])


def run(proto) -> tuple[Module, np.ndarray]:
    module = load(proto)
    verify(module)
    return module, evaluate(module, {i.name: X for i in module.graph.inputs})["y"]


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("narrow", [0, 1])
@pytest.mark.parametrize("signed", [0, 1])
@pytest.mark.parametrize("bits", [2, 3, 4, 8, 12])
def test_any_number_of_bits(bits, signed, narrow, known):
    attributes = {"signed": signed, "narrow": narrow, "rounding_mode": "ROUND"}
    module, found = run(one("Quant", 0.25, 0.0, float(bits), known=known, **attributes))
    np.testing.assert_array_equal(found, quant(X, np.float32(0.25), 0.0, bits, **attributes_of(attributes)))
    stored = next(n.op.x.type for n in module.graph.nodes if n.op.name == "quant.cast" and n.op.x.type.quant)
    assert str(stored.dtype) == f"{'i' if signed else 'u'}{bits}" and stored.quant.scale == (0.25,)


def attributes_of(given):
    return {"signed": given["signed"], "narrow": given["narrow"], "rounding": given["rounding_mode"]}


@pytest.mark.parametrize("mode", ROUNDINGS)
def test_rounding_modes(mode):
    given = {"signed": 1, "narrow": 0, "rounding_mode": mode}
    _, found = run(one("Quant", 0.5, 2.0, 4.0, known=False, **given))
    np.testing.assert_array_equal(found, quant(X, np.float32(0.5), 2.0, 4, **attributes_of(given)))


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("narrow", [0, 1])
def test_one_scale_per_channel(narrow, known):
    scale = np.float32([0.1, 0.2, 0.3, 0.5]).reshape(1, 4, 1)
    given = {"signed": 1, "narrow": narrow, "rounding_mode": "ROUND"}
    module, found = run(one("Quant", scale, 0.0, 4.0, known=known, **given))
    wanted = quant(X, scale, 0.0, 4, **attributes_of(given))
    np.testing.assert_allclose(found, wanted, atol=1e-6)
    assert any(n.result.type.quant and n.result.type.quant.axis == 1 for n in module.graph.nodes)


@pytest.mark.parametrize("zero", [0.5, 3.0])
def test_zero_points(zero):
    """One that is no whole number has no place in a type."""
    given = {"signed": 0, "narrow": 0, "rounding_mode": "ROUND"}
    module, found = run(one("Quant", 0.25, zero, 4.0, known=False, **given))
    np.testing.assert_array_equal(found, quant(X, np.float32(0.25), zero, 4, **attributes_of(given)))
    assert any(isinstance(n.op, Cast) for n in module.graph.nodes) == (zero == 3.0)


@pytest.mark.parametrize("domain", [QONNX, BREVITAS, "finn.custom_op.general"])
@pytest.mark.parametrize("known", [False, True])
def test_bipolar(known, domain):
    _, found = run(one("BipolarQuant", 0.5, domain=domain, known=known))
    np.testing.assert_array_equal(found, np.where(X >= 0, np.float32(0.5), np.float32(-0.5)))


@pytest.mark.parametrize("mode", ["FLOOR", "ROUND"])
def test_trunc(mode):
    _, found = run(one("Trunc", 0.25, 1.0, 8.0, 6.0, known=False, rounding_mode=mode))
    whole = np.rint(X / np.float32(0.25) + 1) / 4
    np.testing.assert_array_equal(found, ((np.floor(whole) if mode == "FLOOR" else np.rint(whole)) - 1) * 0.25)


@pytest.mark.parametrize("layout", [(4.0, 3.0, 7.0, 448.0), (5.0, 2.0, 15.0, 57344.0)])
def test_small_floats(layout):
    _, found = run(one("FloatQuant", 0.01, *layout, known=False, rounding_mode="ROUND"))
    exponent, mantissa, bias, largest = layout
    size = np.abs(X / np.float32(0.01))
    step = 2.0 ** (np.maximum(np.floor(np.log2(size)), 1 - bias) - mantissa)
    np.testing.assert_allclose(found, np.sign(X) * np.minimum(np.rint(size / step) * step, largest) * 0.01, rtol=1e-6)


@pytest.mark.parametrize(
    "operator, operands, attributes, message",
    [
        ("Quant", (0.25, 0.0, 2.5), {}, "it has 2.5 bits, needed a whole number from 1 to 32"),
        ("Quant", (0.25, 0.0, 40.0), {}, "it has 40 bits"),
        ("Quant", (-1.0, 0.0, 4.0), {}, "its scale is malformed: needed finite numbers > 0"),
        ("Quant", (0.25, 0.0, 4.0), {"rounding_mode": "STOCHASTIC"}, "its rounding mode STOCHASTIC is not supported"),
        ("FloatQuant", (1.0, 3.0, 2.0, 3.0, 28.0), {}, r"rounds to a float of .* \(3.0, 2.0, 3.0, 28.0\); supported"),
        ("Trunc", (0.25, 0.0, 4.0, 8.0), {}, "it adds bits"),
    ],
)
def test_what_is_refused(operator, operands, attributes, message):
    with pytest.raises(FrontendError, match=message):
        load(one(operator, *operands, known=False, **attributes))
