"""Surrogates that predict values: they learn, are deterministic, know what they do not know, and refuse bad options."""

import numpy as np
import pytest
from scipy.stats import kendalltau

from gossamer.ir.errors import SearchError
from gossamer.search.choices import Choice, Choices
from gossamer.search.spaces.base import PlainSpace
from gossamer.search.surrogates.gaussian_process import GaussianProcess
from gossamer.search.surrogates.mlp import MLPEnsemble
from gossamer.search.surrogates.ridge import Ridge
from gossamer.search.surrogates.xgb import XGBoost

SPACE = PlainSpace(Choices(tuple(Choice(f"c{i}", (0, 1, 2, 3)) for i in range(6))))
SURROGATES = [Ridge(), GaussianProcess(), GaussianProcess(warped=False), XGBoost(), MLPEnsemble(members=3, epochs=60)]


def drawn(count, seed):
    return np.random.default_rng(seed).integers(0, 4, (count, 6))


def cost(genomes):
    """Like a latency: a product of what the choices bring."""
    return np.exp(0.3 * genomes[:, 0] + 0.2 * genomes[:, 1] - 0.25 * genomes[:, 2]) + 0.1 * genomes[:, 3]


@pytest.mark.slow
@pytest.mark.parametrize("surrogate", SURROGATES, ids=lambda item: type(item).__name__)
def test_it_ranks_designs_it_has_not_seen_and_equal_seeds_predict_equally(surrogate):
    known, new = drawn(120, 0), drawn(300, 1)
    fits = [surrogate.fit(SPACE, known, cost(known), seed=3) for _ in range(2)]
    (mean, deviation), (again, _) = (predictor.predict(new) for predictor in fits)
    assert kendalltau(mean, cost(new))[0] > 0.8
    assert np.array_equal(mean, again)
    assert mean.shape == deviation.shape == (300,)
    assert (deviation >= 0).all()


@pytest.mark.slow
@pytest.mark.parametrize("surrogate", SURROGATES, ids=lambda item: type(item).__name__)
def test_few_or_equal_designs_are_no_accident(surrogate):
    """One design, equal values, equal designs, and a space that has one design only."""
    one = PlainSpace(Choices((Choice("only", (1,)),)))
    cases = [
        (SPACE, drawn(1, 0), np.ones(1)), (SPACE, drawn(9, 0), np.ones(9)),
        (SPACE, np.zeros((9, 6), np.int64), np.arange(9.0)), (one, np.zeros((3, 1), np.int64), np.arange(3.0)),
    ]  # fmt: skip
    for space, genomes, values in cases:
        mean, deviation = surrogate.fit(space, genomes, values, seed=0).predict(genomes)
        assert np.isfinite(mean).all() and np.isfinite(deviation).all() and (deviation >= 0).all()
        assert values.min() - 1 <= mean.min() and mean.max() <= values.max() + 1


@pytest.mark.slow
@pytest.mark.parametrize("surrogate", [GaussianProcess(), XGBoost(), MLPEnsemble(members=3, epochs=60)])
def test_it_is_less_sure_of_what_is_unlike_the_designs_it_knows(surrogate):
    known = drawn(80, 0) % 2
    far, near = drawn(200, 1) // 2 + 2, drawn(200, 2) % 2
    predictor = surrogate.fit(SPACE, known, cost(known), seed=0)
    assert predictor.predict(np.clip(far, 0, 3))[1].mean() >= predictor.predict(near)[1].mean()


def test_a_process_learns_from_so_many_designs_at_most():
    known = drawn(60, 0)
    predictor = GaussianProcess(most=25).fit(SPACE, known, cost(known), seed=0)
    assert len(predictor.model.features) == 25


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Ridge(penalty=0), "penalty is 0; it must be above 0"),
        (lambda: GaussianProcess(most=1), "most is 1"),
        (lambda: XGBoost(depth=0), "counts of at least 1"),
        (lambda: XGBoost(subsample=1.5), "up to 1"),
        (lambda: MLPEnsemble(epochs=0), "counts of at least 1"),
    ],
)
def test_options_that_make_no_model_are_refused(make, text):
    with pytest.raises(SearchError, match=text):
        make()
