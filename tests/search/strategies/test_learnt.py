"""Controllers that learn: policies, their rewards, and what they find beside random search."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from gossamer.ir.errors import SearchError  # noqa: E402
from gossamer.search.strategies.controller import Controller  # noqa: E402
from gossamer.search.strategies.ddpg import Agent, Ddpg  # noqa: E402
from gossamer.search.strategies.random import RandomSearch  # noqa: E402
from gossamer.search.strategies.reinforce import Ascent, Ppo, Reinforce  # noqa: E402
from gossamer.search.strategies.rewards import Rewards  # noqa: E402
from tests.search.strategies.conftest import conditional, plain, problem_of, run  # noqa: E402


@pytest.mark.parametrize("kind", ["independent", "rnn"])
def test_a_policy_judges_designs_as_it_draws_them(kind):
    space = conditional()
    policy = Controller(space.choices, kind, 16, 0)
    Ascent(policy, 0.3, 0.0)(space.choices.sample(8, np.random.default_rng(1)), np.linspace(-1, 1, 8))
    drawn = policy.sample(8_000, np.random.default_rng(0))
    assert (space.repair(drawn.copy()) == drawn).all()
    designs, counts = np.unique(drawn, axis=0, return_counts=True)
    often = counts > 100
    chances = policy.judge(designs[often])[0].exp().detach().numpy()
    assert often.sum() > 5
    assert np.allclose(chances, counts[often] / len(drawn), rtol=0.4)


def test_a_gradient_step_makes_good_designs_likelier():
    space = plain([3, 3])
    policy = Controller(space.choices, "independent", 0, 0)
    draws = np.array([[0, 0], [1, 1], [2, 2]])
    before = policy.judge(draws)[0].detach()
    Ascent(policy, 0.1, 0.0)(draws, np.array([1.0, 0.0, -1.0]))
    after = policy.judge(draws)[0].detach()
    assert after[0] > before[0] + 0.05 and after[2] < before[2] - 0.05


def test_rewards_have_no_unit_and_rank_feasible_first():
    for unit in (1e-6, 1.0, 1e6):
        rewards = Rewards()
        values, bad = unit * np.array([1.0, 2.0, 3.0, 0.0, np.nan]), np.array([0, 0, 0, 1.0, np.inf])
        rewards.add(values, bad)
        found = rewards.of(values, bad)
        assert found[0] == 1.0 and found[0] > found[1] > found[2] >= 0 > found[3] > found[4] == -1.0


@pytest.mark.parametrize(
    "method",
    [
        Reinforce(),
        Ppo(controller="independent", learning_rate=0.05),
        pytest.param(Ppo(hidden=32), marks=pytest.mark.slow),
    ],
)
def test_a_learnt_policy_comes_closer_than_random_search(method, additive):
    space, cost, best = additive
    asked = (run(each.start(problem_of(space), 0), 480, cost) for each in (method, RandomSearch(16)))
    found, drawn = (cost(genomes).min() - best for genomes in asked)
    assert found < 0.4 * drawn


@pytest.mark.slow
def test_a_policy_that_repeats_itself_still_asks_for_something_new():
    space = plain([4, 4, 4])
    seen = run(Reinforce(batch=8, learning_rate=1.0).start(problem_of(space), 0), 1000, lambda g: g[:, :1] * 1.0)
    assert len(seen) == 64 == len(np.unique(seen, axis=0))


def test_one_number_only_and_sensible_options():
    with pytest.raises(SearchError, match="'ppo' improves one number and was given 2 objectives; give one objective"):
        Ppo().start(problem_of(plain([2, 2]), objectives=2), 0)
    with pytest.raises(SearchError, match="controller = 'rnm' is none of independent, rnn; did you mean 'rnn'"):
        Reinforce(controller="rnm")


def test_an_agent_learns_which_action_pays():
    agent = Agent(2, Ddpg(hidden=16, actor_rate=1e-2, critic_rate=1e-2), 0)
    random = torch.Generator().manual_seed(0)
    for _ in range(90):
        states, actions = torch.rand(32, 2, generator=random), torch.rand(32, 1, generator=random)
        pay = -((actions[:, 0] - states[:, 0]) ** 2)  # best to do as the first number of the state says
        agent.learn(states, actions, pay, states, torch.ones(32))
    low, high = (float(agent.actor(torch.tensor([[level, 0.5]]))[0, 0].detach()) for level in (0.1, 0.9))
    assert low < 0.35 and high > 0.65


@pytest.mark.slow
def test_ddpg_comes_closer_than_random_search(additive):
    space, _, _ = additive
    cost = lambda g: (np.abs(g - np.array([0, 3] * 6)) ** 1.5).sum(axis=1, keepdims=True)  # noqa: E731
    asked = (run(each.start(problem_of(space), 0), 160, cost) for each in (Ddpg(updates=4), RandomSearch(16)))
    found, drawn = (cost(genomes).min() for genomes in asked)
    assert found < 0.5 * drawn
