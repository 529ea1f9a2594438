"""Learned surrogates order designs they have not seen; their losses are what their formulas say."""

import numpy as np
import pytest
import torch
from scipy.stats import kendalltau

from gossamer.ir.errors import SearchError
from gossamer.search.choices import Genomes
from gossamer.search.spaces.base import NetworkSpace
from gossamer.search.spaces.nasbench201 import NasBench201
from gossamer.search.surrogates.base import Surrogate
from gossamer.search.surrogates.binary_relation import BinaryRelation
from gossamer.search.surrogates.learned import FeatureRank, Gates, Gcn, Gin, Lstm
from gossamer.search.surrogates.losses import hinge, list_mle, loss_of
from gossamer.search.surrogates.scores import normal_scores

SPACE: NetworkSpace = NasBench201()


def worth(genomes: Genomes) -> np.ndarray:
    """Made up: what convolutions of each size bring."""
    return np.exp((genomes == 3).sum(1) + 0.5 * (genomes == 2).sum(1)) + 0.01 * genomes[:, 0]


@pytest.fixture(scope="module")
def designs() -> Genomes:
    rng = np.random.default_rng(0)
    return rng.permutation(np.unique(SPACE.sample(120, rng), axis=0))


@pytest.mark.slow
@pytest.mark.parametrize(
    "surrogate",
    [
        Gcn(epochs=12, hidden=16, batch=32),
        Gin(epochs=12, hidden=16, batch=32, loss="mse"),
        Gates(epochs=12, hidden=16, batch=32),
        Lstm(epochs=12, hidden=16, batch=32, loss="hinge"),
        FeatureRank(epochs=12, batch=32, members=2),
        BinaryRelation(epochs=25, hidden=16, batch=32, features=True),
    ],
    ids=lambda item: type(item).__name__,
)
def test_orders_designs_it_has_not_seen(surrogate: Surrogate, designs: Genomes) -> None:
    known, other = designs[:80], designs[80:]
    mean, deviation = surrogate.fit(SPACE, known, worth(known), seed=0).predict(other)
    assert np.asarray(kendalltau(mean, worth(other)))[0] > 0.5
    assert mean.shape == deviation.shape == (len(other),) and (deviation >= 0).all()


def test_same_seed_same_prediction_whatever_else_torch_drew(designs: Genomes) -> None:
    surrogate = FeatureRank(epochs=2, batch=32)
    first = surrogate.fit(SPACE, designs, worth(designs), seed=3).predict(designs)[0]
    torch.rand(7)
    state = torch.get_rng_state()
    assert (surrogate.fit(SPACE, designs, worth(designs), seed=3).predict(designs)[0] == first).all()
    assert (torch.get_rng_state() == state).all()
    assert (surrogate.fit(SPACE, designs, worth(designs), seed=4).predict(designs)[0] != first).any()


def test_members_give_a_deviation(designs: Genomes) -> None:
    surrogate = FeatureRank(epochs=2, batch=32, members=3)
    assert (surrogate.fit(SPACE, designs, worth(designs), seed=0).predict(designs)[1] > 0).any()


def test_values_that_are_all_equal_are_learnt_as_such(designs: Genomes) -> None:
    mean, _ = FeatureRank(epochs=1).fit(SPACE, designs, np.full(len(designs), 4.0), seed=0).predict(designs)
    assert mean == pytest.approx(4.0)


def test_list_mle_is_the_likelihood_of_the_order() -> None:
    """Plackett and Luce: the product over places of exp f / sum of exp f of those not yet placed."""
    scores, order = torch.tensor([0.3, -1.0, 2.0]), torch.tensor([2, 0, 1])
    e = torch.exp(scores)
    likelihood = e[2] / e.sum() * e[0] / (e[0] + e[1])
    assert list_mle(scores, order).item() == pytest.approx(-torch.log(likelihood).item() / 3, rel=1e-6)


def test_hinge_counts_pairs_in_the_wrong_order_or_too_close() -> None:
    scores, targets = torch.tensor([1.0, 0.95, 0.0]), torch.tensor([3.0, 2.0, 1.0])
    assert hinge(scores, targets, 0.1).item() == pytest.approx(0.05 / 3, rel=1e-4)
    assert hinge(scores, torch.zeros(3), 0.1).item() == 0


def test_listwise_loss_does_not_depend_on_scale_of_targets() -> None:
    scores = torch.tensor([0.3, -1.0, 2.0])
    losses = [loss_of("listwise", scores, scale * torch.tensor([1.0, 5.0, 2.0]), 0.1).item() for scale in (1, 100)]
    assert losses[0] == losses[1]


def test_normal_scores_lead_back_to_values() -> None:
    values = np.array([3.0, 1.0, 100.0, 1.0, 7.0])
    scores, scale = normal_scores(values)
    assert scale.back(scores) == pytest.approx(values)
    assert scores[1] == scores[3]
    assert scale.back(np.array([9.0]))[0] > 100  # beyond the best known there is more


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Gcn(loss="least"), "loss is 'least'; it is one of mse, hinge, listwise"),  # pyright: ignore
        (lambda: Gin(epochs=0), "epochs is 0; it needs to be more than 0"),
        (lambda: BinaryRelation(batch=-1), "batch is -1"),
    ],
)
def test_options_out_of_range_are_refused(make: object, words: str) -> None:
    with pytest.raises(SearchError, match=words):
        make()  # pyright: ignore
