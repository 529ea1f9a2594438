"""Small networks as torch's exporter writes them: what comes in computes what torch does."""

import io
import warnings

import numpy as np
import onnx
import pytest

from gossamer.frontends import load
from gossamer.ir.reference import evaluate
from gossamer.passes.pipeline import run_pipeline

torch = pytest.importorskip("torch")
nn = torch.nn


def exported(network, x, opset=17):
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter warns of its own successor
        torch.onnx.export(network.eval(), (x,), file, opset_version=opset, dynamo=False)
    return onnx.ModelProto.FromString(file.getvalue())


def check(network, x, opset=17):
    module = load(exported(network, x, opset))
    with torch.no_grad():
        wanted = network(x).numpy()
    (found,) = evaluate(module, {module.graph.inputs[0].name: x.numpy()}).values()
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5 * max(1.0, float(np.abs(wanted).max())))
    return module


class Recurrent(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.layers = getattr(nn, kind)(6, 8, num_layers=2, batch_first=True, bidirectional=True)
        self.head = nn.Linear(16, 3)

    def forward(self, x):
        return self.head(self.layers(x)[0][:, -1])


class Volume(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv3d(2, 4, 3, padding=1)
        self.norms = nn.Sequential(nn.InstanceNorm3d(4, affine=True), nn.GroupNorm(2, 4), nn.Mish(), nn.MaxPool3d(2))
        self.up = nn.Sequential(nn.Upsample(scale_factor=2, mode="trilinear"), nn.ConvTranspose3d(4, 2, 2, stride=2))

    def forward(self, x):
        return self.up(self.norms(self.conv(x)))


class Line(nn.Module):
    """As in networks that read a pulse: dilated 1-D convolutions, pools, up again."""

    def __init__(self):
        super().__init__()
        self.down = nn.Sequential(nn.Conv1d(2, 6, 5, dilation=2, padding=4), nn.SELU(), nn.AvgPool1d(2), nn.PReLU(6))
        self.up = nn.Sequential(nn.ConvTranspose1d(6, 3, 4, stride=2, padding=1), nn.Softsign(), nn.Upsample(None, 2))

    def forward(self, x):
        return self.up(self.down(x))


class Transformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(16, 4, 32, batch_first=True, activation="gelu", norm_first=True)
        self.attention = nn.MultiheadAttention(16, 2, batch_first=True)

    def forward(self, x):
        y = self.layer(x)
        return self.attention(y, y, y)[0]


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
def test_recurrent_layers(kind):
    module = check(Recurrent(kind), torch.randn(2, 5, 6))
    assert [n.op.name for n in module.graph.nodes].count("ir.scan") == 4  # two layers of two directions


def test_volumes():
    check(Volume(), torch.randn(1, 2, 4, 6, 8))


def test_lines():
    check(Line(), torch.randn(2, 2, 24))


@pytest.mark.parametrize("opset", [14, 17])
def test_transformers(opset):
    """Before opset 17 a layer norm is written out; a gelu is at both."""
    module = run_pipeline(check(Transformer(), torch.randn(2, 5, 16), opset), "fold-constants,recognise,simplify,dce")
    kinds = [n.op.name for n in module.graph.nodes]
    assert (kinds.count("nn.layer_norm"), kinds.count("nn.gelu"), kinds.count("math.erf")) == (2, 1, 0)
