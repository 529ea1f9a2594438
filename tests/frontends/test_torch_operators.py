"""ATen operators and their variants through torch.export, against torch itself."""

import numpy as np
import pytest

from gossamer.frontends import load
from gossamer.ir.errors import FrontendError

from .torch_help import Lambda, X, check, grouped

torch = pytest.importorskip("torch")
F = torch.nn.functional


def test_activations():
    check(grouped(
        F.relu, F.relu6, F.hardtanh, F.sigmoid, F.tanh, F.silu, F.hardswish, F.hardsigmoid, F.gelu, F.elu, F.leaky_relu,
        lambda x: F.gelu(x, approximate="tanh"), lambda x: F.softmax(x, 1), lambda x: F.log_softmax(x, -1),
        lambda x: x.clamp(-0.5, 0.5), lambda x: x.clamp(min=0), lambda x: x.clamp(max=0.3), lambda x: x.clamp(min=-0.2),
        lambda x: F.dropout(x, training=False),
    ))  # fmt: skip


def test_arithmetic():
    check(grouped(
        lambda x: x + x, lambda x: torch.add(x, x, alpha=2), lambda x: x - 1.5, lambda x: 1.5 - x, lambda x: x * 2,
        lambda x: x / 3, lambda x: 1 / (x.abs() + 1), lambda x: x**2, lambda x: (x.abs() + 1).rsqrt(), torch.neg,
        torch.exp, torch.floor, torch.ceil, torch.round, torch.sign, torch.erf, lambda x: (x.abs() + 1).log(),
        lambda x: x.abs().sqrt(), lambda x: torch.maximum(x, -x), lambda x: torch.minimum(x, -x),
        lambda x: x + torch.arange(6.0), lambda x: x * torch.tensor(2.0),
    ))  # fmt: skip


def test_reductions_and_pools():
    check(grouped(
        lambda x: x.mean((2, 3)), lambda x: x.mean((2, 3), keepdim=True), lambda x: x.sum(1), lambda x: x.amax(-1),
        lambda x: x.amin((0, 1)), torch.mean, lambda x: F.adaptive_avg_pool2d(x, 1),
        lambda x: F.adaptive_avg_pool2d(x[:, :, :6], (3, 2)),
        lambda x: F.max_pool2d(x, 3, 2, 1), lambda x: F.max_pool2d(x, 2, ceil_mode=True),
        lambda x: F.max_pool2d(x, 2, 1, 1, 2), lambda x: F.avg_pool2d(x, 3, 2, 1),
        lambda x: F.avg_pool2d(x, 3, 2, 1, count_include_pad=False), lambda x: F.avg_pool2d(x, 2, ceil_mode=True),
    ))  # fmt: skip


def test_shapes():
    check(grouped(
        lambda x: x.flatten(1), lambda x: x.flatten(), lambda x: x.view(2, -1, 6), lambda x: x.permute(0, 2, 3, 1),
        lambda x: x.transpose(1, -1), lambda x: x[0, 0].t(), lambda x: x.unsqueeze(-1), lambda x: x[:, :1].squeeze(1),
        lambda x: x.reshape(2, 2, 2, 7, 6).transpose(1, 2).reshape(2, 4, 7, 6), lambda x: F.pixel_shuffle(x, 2),
        lambda x: x[:, :1].expand(-1, 3, -1, -1), lambda x: x.contiguous().clone(), lambda x: x.double().float(),
        lambda x: x.unflatten(1, (2, -1)),
    ))  # fmt: skip


def test_parts():
    check(grouped(
        lambda x: torch.cat((x, x), 1), lambda x: x.chunk(2, 1)[1], lambda x: x.split(3, 2)[-1],
        lambda x: x.split((1, 3), 1)[0], lambda x: x[:, 1:3, ::2], lambda x: x[..., -1], lambda x: x[:, 2],
        lambda x: F.pad(x, (1, 2, 0, 1)), lambda x: F.pad(x, (-1, 0), value=1.0), lambda x: x.narrow(1, 1, 2),
        lambda x: F.channel_shuffle(x, 2),
    ))  # fmt: skip


@pytest.mark.parametrize(
    "layer",
    [
        torch.nn.Conv2d(4, 6, 3, 2, 1, dilation=2), torch.nn.Conv2d(4, 8, 3, groups=4, bias=False),
        torch.nn.Conv2d(4, 2, (2, 4), padding="same"), torch.nn.Conv2d(4, 2, 3, padding="valid"), torch.nn.PReLU(4),
        torch.nn.BatchNorm2d(4, affine=False), torch.nn.Linear(6, 3),
    ],
    ids=["strided", "depthwise", "same", "valid", "prelu", "norm", "linear"],
)  # fmt: skip
def test_layers(layer):
    check(torch.nn.Sequential(layer))


def test_products():
    check(Lambda(lambda m, x: (m.w @ x.flatten(2), x.flatten(1) @ m.v, torch.bmm(x[0], m.u)),
                 w=torch.randn(3, 4), v=torch.randn(168, 2), u=torch.randn(4, 6, 2)))  # fmt: skip


def test_element_types_are_promoted_as_torch_does():
    check(grouped(
        lambda x: x.round().to(torch.int32) * 0.5, lambda x: x.round().to(torch.int32) / 2,
        lambda x: x.round().to(torch.int32) + x, lambda x: 2 - x.round().to(torch.int32),
    ))  # fmt: skip


def test_logarithm_of_a_softmax_is_finite():
    check(grouped(lambda x: F.log_softmax(300 * x, 1), lambda x: F.log_softmax(x, -1)))


def test_outputs_that_are_inputs_parameters_or_each_other():
    def several(self, x):
        y = x.relu()
        return x, y, y, self.w

    module = check(Lambda(several, w=torch.ones(3)))
    assert [v.name for v in module.graph.outputs] == ["x", "relu", "relu_1", "w"]


@pytest.mark.slow
def test_operations_in_place():
    """`x + x` reads what the in-place relu has left behind."""
    doubled = Lambda(lambda _, x: x.add_(x))
    module = check(torch.nn.Sequential(torch.nn.Conv2d(4, 4, 1), torch.nn.ReLU(inplace=True), doubled))
    assert [n.op.name for n in module.graph.nodes][-3:] == ["nn.conv2d", "nn.relu", "math.add"]


def test_an_exported_program_and_its_names():
    program = torch.export.export(torch.nn.Sequential(torch.nn.Conv2d(4, 2, 1)).eval(), (X,))
    module = load(program)
    assert set(module.params) == {"0.weight", "0.bias"}
    assert [n.label for n in module.graph.nodes] == ["0.weight", "0.bias", "0"]


def test_training_on_does_not_change_the_module():
    model = torch.nn.Sequential(torch.nn.Linear(6, 3)).eval()
    module = load(model, {"input": (1, 6)})
    before = module.params["0.weight"].copy()
    with torch.no_grad():
        model[0].weight.add_(1)
    assert np.array_equal(module.params["0.weight"], before)


def refused(model, shapes=None):
    with pytest.raises(FrontendError) as caught:
        load(model, {"x": tuple(X.shape)} if shapes is None else shapes)
    return str(caught.value)


def test_what_is_refused():
    relu = Lambda(lambda _, x: x.relu()).eval()
    assert refused(torch.nn.Sequential(torch.nn.Dropout())) == (
        "the model is in training mode (Sequential); call model.eval() first"
    )
    assert refused(relu, {}) == (
        'the shape of x is needed to trace Lambda; give it, for example shapes={"x": (1, 3, 224, 224)}'
    )
    assert refused(relu, {"y": (1,)}) == "Lambda.forward has no argument 'y' (known: x)"
    places = Lambda(lambda _, x: F.max_pool2d(x, 2, return_indices=True)[1]).eval()
    assert "result 1 of its operand is not supported, only result 0" in refused(places)
    assert refused(Lambda(lambda _, x: (x.relu(), 3)).eval()) == (
        "the program returns 3, which is not a tensor; return tensors only"
    )
    broken = Lambda(lambda _, x: x @ x).eval()
    assert refused(broken).startswith("torch.export cannot trace Lambda: ")


def test_every_unsupported_operator_is_listed_at_once():
    """Torch decomposes nothing here into what is known, so the names are those that the user wrote."""
    model = Lambda(lambda _, x: torch.erfinv(x) + torch.lgamma(x.cumsum(1)) + x.sort(1)[0] + torch.rand(1))
    assert refused(model.eval()) == (
        "2 operators are not supported: aten.erfinv.default (node erfinv), aten.lgamma.default (node lgamma); "
        "1 node cannot be imported: rand (rand): it draws random numbers, and a network has to give the same result "
        "every time"
    )


def test_dynamic_shapes():
    relu, axes = Lambda(lambda _, x: x.relu()).eval(), {"x": {0: torch.export.Dim("n")}}
    assert refused(torch.export.export(relu, (X,), dynamic_shapes=axes)) == (
        "inputs have dynamic axes: x (0), and every shape has to be known; export the model without dynamic_shapes"
    )
