"""HW-PR-NAS: ranks, losses, one encoder for every platform, and the search on its scores."""

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from gossamer.ir.errors import SearchError
from gossamer.search.choices import Genomes
from gossamer.search.encodings.base import join, joint_extent
from gossamer.search.encodings.features import ArchitectureFeatures
from gossamer.search.encodings.graph import Graph
from gossamer.search.encodings.tokens import Tokens
from gossamer.search.spaces.base import NetworkSpace
from gossamer.search.spaces.nasbench201 import NasBench201
from gossamer.search.strategies.base import Problem
from gossamer.search.strategies.hw_pr_nas import HwPrNasSearch
from gossamer.search.surrogates.encoders import to_batch
from gossamer.search.surrogates.hw_pr_nas.autoencoder import Autoencoder, CodeEncoder, WordDecoder
from gossamer.search.surrogates.hw_pr_nas.model import FIRST, HwPrNas, ParetoModel
from gossamer.search.surrogates.hw_pr_nas.ranks import pareto_ranks, printed, tied_list_mle

SPACE: NetworkSpace = NasBench201()
BRIEF = HwPrNas(encoder_epochs=3, epochs=25, hidden=16)


def costs(genomes: Genomes) -> np.ndarray:
    """Made up [n, 3]: what is lost without convolutions, what they take, and what pools take."""
    convs = (genomes == 3).sum(1) + 0.4 * (genomes == 2).sum(1)
    waste = (genomes == 4).sum(1)
    return np.stack([np.exp(-convs) + 0.1 * waste, convs + waste, 1.0 * waste], axis=1)


@pytest.fixture(scope="module")
def designs() -> Genomes:
    rng = np.random.default_rng(0)
    return rng.permutation(np.unique(SPACE.sample(200, rng), axis=0))


@pytest.fixture(scope="module")
def model(designs: Genomes) -> ParetoModel:
    return BRIEF.fit(SPACE, designs[:120], costs(designs[:120])[:, :2], seed=0)


def agreement(scores: np.ndarray, values: np.ndarray) -> float:
    """Spearman's between scores and Pareto ranks."""
    return float(np.asarray(spearmanr(-scores, pareto_ranks(values, np.zeros(len(values)))))[0])


def test_ranks_count_fronts_and_put_what_misses_limits_last() -> None:
    values = np.array([[1.0, 3.0], [2.0, 2.0], [3.0, 3.0], [4.0, 4.0], [0.0, 0.0], [0.0, 0.0]])
    assert pareto_ranks(values, np.array([0, 0, 0, 0, 5.0, 2.0])).tolist() == [0, 0, 1, 2, 4, 3]


def test_loss_is_least_for_scores_in_the_order_of_ranks_and_blind_within_a_front() -> None:
    ranks = torch.tensor([0, 1, 1, 2])
    right, wrong = torch.tensor([3.0, 1.0, 1.0, -2.0]), torch.tensor([-2.0, 1.0, 1.0, 3.0])
    assert tied_list_mle(right, ranks) < tied_list_mle(wrong, ranks)
    swapped = torch.tensor([3.0, 1.5, 0.5, -2.0]), torch.tensor([3.0, 0.5, 1.5, -2.0])
    assert tied_list_mle(swapped[0], ranks).item() == pytest.approx(tied_list_mle(swapped[1], ranks).item())


def test_printed_loss_hardly_tells_the_best_order_from_none() -> None:
    """Eq. 3.7: equal scores cost log n!, the best order by far-apart scores at most about 1 less."""
    scores, none, order = torch.linspace(9, -9, 18), torch.zeros(18), torch.arange(18)
    nothing = float(torch.lgamma(torch.tensor(19.0)))
    assert printed(none, order).item() == pytest.approx(nothing, rel=1e-5)
    assert 0 < nothing - printed(scores, order).item() < 1
    assert 18 * tied_list_mle(none, order).item() == pytest.approx(nothing, rel=1e-5)
    assert nothing - 18 * tied_list_mle(scores, order).item() > 20


@pytest.mark.slow
def test_decoder_learns_the_words_of_designs_from_their_codes(designs: Genomes) -> None:
    encoders = [item.start(SPACE) for item in (ArchitectureFeatures(), Graph(), Tokens())]
    batch = to_batch(join([item.encode(designs[:16]) for item in encoders]))
    torch.manual_seed(0)
    extent = joint_extent([item.extent for item in encoders])
    both = Autoencoder(CodeEncoder(extent, 16, 0.0), WordDecoder(extent))
    assert both.decoder.attend(both.encoder(batch), torch.zeros(16, 4, 32)).shape == (16, 4, 32)
    before = both.loss(batch).item()
    parameters = [*both.encoder.parameters(), *both.decoder.parameters()]
    optimiser = torch.optim.Adam(parameters, lr=1e-2)
    for _ in range(25):
        optimiser.zero_grad()
        both.loss(batch).backward()
        optimiser.step()
    assert both.loss(batch).item() < 0.7 * before


@pytest.mark.slow
def test_scores_order_unseen_designs_by_pareto_rank(model: ParetoModel, designs: Genomes) -> None:
    assert agreement(model.scores(designs[120:]), costs(designs[120:])[:, :2]) > 0.6


@pytest.mark.slow
def test_new_platform_leaves_encoder_and_other_predictors_alone(model: ParetoModel, designs: Genomes) -> None:
    before = [parameter.clone() for parameter in model.encoder.parameters()]
    other = costs(designs)[:, [0, 2]]
    both = model.with_platform("pools cost", designs[:120], other[:120], seed=1)
    assert all((old == new).all() for old, new in zip(before, both.encoder.parameters()))
    assert (both.scores(designs) == model.scores(designs)).all()
    assert agreement(both.scores(designs[120:], "pools cost"), other[120:]) > 0.5


@pytest.mark.slow
def test_another_objective_takes_a_few_epochs_of_the_predictor(model: ParetoModel, designs: Genomes) -> None:
    more = model.with_objective("three", designs[:120], costs(designs[:120]), seed=1)
    assert (more.scores(designs) == model.scores(designs)).all()
    assert agreement(more.scores(designs[120:], "three"), costs(designs[120:])) > 0.5


def test_unknown_platform_names_the_nearest(model: ParetoModel, designs: Genomes) -> None:
    with pytest.raises(SearchError, match=f"no predictor for platform 'frist'.*{FIRST}"):
        model.scores(designs, "frist")


@pytest.mark.slow
def test_same_seed_same_scores(designs: Genomes) -> None:
    brief = HwPrNas(encoder_epochs=1, epochs=1, hidden=8, tuned=True)
    first, second = (brief.fit(SPACE, designs[:40], costs(designs[:40]), seed=5).scores(designs) for _ in range(2))
    assert (first == second).all()


@pytest.mark.slow
def test_search_asks_for_better_fronts_than_its_first_designs() -> None:
    method = HwPrNasSearch(
        60, batch=20, encoder_epochs=2, predictor_epochs=20, whole=0, population=60, generations=6
    )
    strategy = method.start(Problem(SPACE, np.zeros((0, 6), np.int64), 2, 0), seed=0)
    rounds = []
    for _ in range(3):
        rounds.append(strategy.ask())
        strategy.tell(rounds[-1], costs(rounds[-1])[:, :2], np.zeros((len(rounds[-1]), 0)))
    everyone = np.concatenate(rounds)
    assert len(np.unique(everyone, axis=0)) == 100
    ranks = pareto_ranks(costs(everyone)[:, :2], np.zeros(100))
    assert ranks[60:].mean() < 0.6 * ranks[:60].mean()


def test_large_spaces_are_evolved() -> None:
    method = HwPrNasSearch(20, batch=5, encoder_epochs=0, predictor_epochs=1, whole=0, population=10, generations=2)
    strategy = method.start(Problem(SPACE, np.zeros((0, 6), np.int64), 2, 1), seed=0)
    first = strategy.ask()
    strategy.tell(first, costs(first)[:, :2], (first[:, :1] == 0) - 0.5)
    assert strategy.ask().shape == (5, 6)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: HwPrNas(batch=1), "batch is 1; it needs to be at least 2"),
        (lambda: HwPrNas(loss="pointwise"), "loss is 'pointwise'"),  # pyright: ignore
        (lambda: HwPrNasSearch(first=2), "first = 2 is too small"),
        (lambda: HwPrNasSearch(loss="listwize"), "did you mean 'listwise'"),  # pyright: ignore
    ],
)
def test_options_out_of_range_are_refused(make: object, words: str) -> None:
    with pytest.raises(SearchError, match=words):
        make()  # pyright: ignore
