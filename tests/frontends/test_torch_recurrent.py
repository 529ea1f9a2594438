"""Recurrent layers of torch through `ir.scan`, against torch itself."""

import pytest

from gossamer.frontends import load
from gossamer.ir.errors import FrontendError

from .torch_help import check

torch = pytest.importorskip("torch")
nn = torch.nn

X = torch.randn(5, 2, 4, generator=torch.Generator().manual_seed(9))


class Everything(nn.Module):
    """The layer's steps and final states, one tensor each; `states` are given instead of zeros."""

    def __init__(self, layer, states=None):
        super().__init__()
        self.layer = layer
        self.states = states

    def forward(self, x):
        steps, final = self.layer(x, self.states)
        return (steps, *final) if isinstance(final, tuple) else (steps, final)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
@pytest.mark.parametrize(
    "options",
    [{}, {"num_layers": 2, "bidirectional": True}, {"bias": False, "batch_first": True}],
    ids=["plain", "deep", "bare"],
)
def test_layers(kind, options):
    torch.manual_seed(1)
    module = check(Everything(kind(4, 3, **options)), X)
    kinds = [node.op.name for node in module.graph.nodes]
    assert kinds.count("ir.scan") == options.get("num_layers", 1) * (2 if "bidirectional" in options else 1)
    assert kinds.count("nn.gemm") == kinds.count("ir.scan"), "the products with x of all steps are one gemm"


def test_relu_and_given_states():
    torch.manual_seed(2)
    check(Everything(nn.RNN(4, 3, nonlinearity="relu")), X)
    check(Everything(nn.GRU(4, 3)), X[:, 0].contiguous())
    state = torch.randn(2, 2, 3)
    check(Everything(nn.LSTM(4, 3, 2), (state, 2 * state)), X)


class Cells(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm, self.gru, self.rnn = nn.LSTMCell(4, 3), nn.GRUCell(4, 3), nn.RNNCell(4, 3)

    def forward(self, x):
        h, c = self.lstm(x)
        h, c = self.lstm(x, (h, c))
        return h, c, self.gru(x, h), self.rnn(x, c)


def test_cells():
    torch.manual_seed(3)
    check(Cells(), X[0])


def test_what_is_refused():
    with pytest.raises(FrontendError, match="its proj_size is not 0"):
        load(Everything(nn.LSTM(4, 3, proj_size=2)).eval(), {"x": (5, 2, 4)})


def test_weights_keep_their_names():
    module = load(Everything(nn.GRU(4, 3)).eval(), {"x": (5, 2, 4)})
    names = set(module.params) - {"zeros"}
    assert names == {f"layer.{n}_{m}h_l0.zrn" for n in ("weight", "bias") for m in "ih"}
