"""Deep deterministic policy gradient over the genes, as HAQ chooses bits (Wang et al. 2019; Lillicrap et al. 2016).

An episode walks through the genes in order. The state of a gene says where it is, how many values it has and what was
chosen before; the action, a number in [0, 1], picks a value (low to high). Every step of an episode is paid what the
whole design is worth (gamma = 1 and no bootstrap within an episode, as HAQ trains), from a moving average:

    critic   minimise (Q(s, a) - (R - average + Q'(s', pi'(s'))))^2, no second term at the last step
    actor    maximise Q(s, pi(s));   pi', Q' follow with rate `tracking`

Noise is normal with deviation `noise`, cut to [0, 1], and shrinks by `decay` each episode. HAQ lowers bits until a
budget is met before it evaluates, which needs the cost of a design without asking: here what misses a limit is
evaluated and punished (`rewards`), and the limit is learnt.
"""

from collections import deque
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gossamer.search.choices import Genomes
from gossamer.search.strategies.asked import Asked
from gossamer.search.strategies.base import Problem
from gossamer.search.strategies.checks import at_least, share
from gossamer.search.strategies.rewards import Rewards
from gossamer.search.strategies.standing import badness, one_objective
from gossamer.search.strategies.subspace import Answers

Matrix = NDArray[np.float64]

_WAVES = 4
_ROUNDS = 10
_BATCH = 64


@dataclass(frozen=True)
class Ddpg:
    """See the module's docstring. `batch`: episodes together; `warm_up`: random episodes before the actor's; `updates`:
    gradient steps after each episode; `remembered`: episodes that steps are drawn from.
    """

    batch: int = 4
    warm_up: int = 20
    updates: int = 10
    hidden: int = 64
    actor_rate: float = 1e-3
    critic_rate: float = 3e-3
    tracking: float = 0.05
    noise: float = 0.5
    decay: float = 0.98
    remembered: int = 128

    def __post_init__(self) -> None:
        for option in ("batch", "warm_up", "updates", "hidden", "remembered"):
            at_least("ddpg", option, getattr(self, option), 1)
        for option in ("tracking", "decay"):
            share("ddpg", option, getattr(self, option))

    def start(self, problem: Problem, seed: int) -> "ActorCritic":
        one_objective(problem, "ddpg")
        return ActorCritic(problem, seed, self)


@dataclass(frozen=True)
class Episode:
    """States [genes, S], actions [genes, 1] and the reward of the design."""

    states: Tensor
    actions: Tensor
    reward: float


class Agent:
    """Actor, critic and the slow copies that they learn from."""

    def __init__(self, states: int, options: Ddpg, seed: int) -> None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.actor, self.slow_actor = (_network(states, options.hidden, nn.Sigmoid()) for _ in range(2))
            self.critic, self.slow_critic = (_network(states + 1, options.hidden, nn.Identity()) for _ in range(2))
        self.slow_actor.load_state_dict(self.actor.state_dict())
        self.slow_critic.load_state_dict(self.critic.state_dict())
        self._tracking = options.tracking
        self._actor_steps = torch.optim.Adam(self.actor.parameters(), options.actor_rate)
        self._critic_steps = torch.optim.Adam(self.critic.parameters(), options.critic_rate)

    def learn(self, states: Tensor, actions: Tensor, pay: Tensor, following: Tensor, last: Tensor) -> None:
        """One step on transitions [n, ...]; `pay` from the moving average, `last`: 1 where an episode ended."""
        with torch.no_grad():
            later = self.slow_critic(torch.cat([following, self.slow_actor(following)], 1))[:, 0]
        error = self.critic(torch.cat([states, actions], 1))[:, 0] - (pay + (1 - last) * later)
        _descend(self._critic_steps, (error * error).mean())
        _descend(self._actor_steps, -self.critic(torch.cat([states, self.actor(states)], 1)).mean())
        for slow, fast in ((self.slow_actor, self.actor), (self.slow_critic, self.critic)):
            with torch.no_grad():
                for ours, theirs in zip(slow.parameters(), fast.parameters()):
                    ours.lerp_(theirs, self._tracking)


def _network(inputs: int, hidden: int, last: nn.Module) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, 1), last
    )


def _descend(steps: torch.optim.Optimizer, loss: Tensor) -> None:
    steps.zero_grad()
    loss.backward()
    steps.step()


def static_states(sizes: Genomes) -> NDArray[np.float32]:
    """[genes, S - 1]: place and number of values of every gene, and waves of its place that tell genes apart."""
    place = np.arange(len(sizes)) / max(len(sizes) - 1, 1)
    waves = [wave(np.pi * 2**k * place) for k in range(_WAVES) for wave in (np.sin, np.cos)]
    return np.stack([place, sizes / sizes.max(), *waves], axis=1).astype(np.float32)


class ActorCritic:
    """A run of DDPG."""

    def __init__(self, problem: Problem, seed: int, options: Ddpg) -> None:
        self._problem, self._options = problem, options
        self._rng = np.random.default_rng(seed)
        self._static = static_states(problem.sizes)
        self._agent = Agent(self._static.shape[1] + 1, options, seed)
        self._asked, self._answers, self._rewards = Asked(problem), Answers(problem), Rewards()
        self._memory: deque[Episode] = deque(maxlen=options.remembered)
        self._episodes, self._average = 0, 0.0
        self._actions = np.zeros((0, problem.genes))

    def ask(self) -> Genomes:
        if not len(self._asked) and len(seeds := self._problem.repair(self._problem.seeds.copy())):
            return self._asked.fresh(seeds)
        for _ in range(_ROUNDS):
            self._actions = self._played()
            fresh = self._asked.fresh(self._designs())
            if len(fresh):
                return fresh
            self._learn()
        return self._asked.sampled(self._options.batch, self._rng)

    def tell(self, genomes: Genomes, values: Matrix, violations: Matrix) -> None:
        self._answers.add(genomes, values, violations)
        self._rewards.add(values[:, 0], badness(values, violations))
        self._learn()

    def _designs(self) -> Genomes:
        genomes = np.minimum((self._actions * self._problem.sizes).astype(np.int64), self._problem.sizes - 1)
        return self._problem.repair(genomes)

    def _played(self) -> Matrix:
        """Actions [episodes, genes] of the next episodes."""
        count, genes = self._options.batch, self._problem.genes
        if self._episodes < self._options.warm_up:
            return self._rng.random((count, genes))
        noise = self._options.noise * self._options.decay ** (self._episodes - self._options.warm_up)
        actions = np.zeros((count, genes))
        with torch.no_grad():
            for place in range(genes):
                mean = self._agent.actor(torch.from_numpy(self._states(actions)[:, place])).numpy()[:, 0]
                actions[:, place] = np.clip(self._rng.normal(mean, noise), 0, 1)
        return actions

    def _states(self, actions: Matrix) -> NDArray[np.float32]:
        """[episodes, genes, S]"""
        before = np.concatenate([np.full((len(actions), 1), 0.5), actions[:, :-1]], axis=1)[:, :, None]
        static = np.broadcast_to(self._static, (len(actions), *self._static.shape))
        return np.concatenate([static, before], axis=2).astype(np.float32)

    def _learn(self) -> None:
        if not len(self._actions):
            return
        values, violations = self._answers.of(self._designs())
        rewards = self._rewards.of(values[:, 0], badness(values, violations))
        states = self._states(self._actions)
        for state, action, reward in zip(states, self._actions, rewards.tolist()):
            taken = torch.from_numpy(action.astype(np.float32)[:, None])
            self._memory.append(Episode(torch.from_numpy(state), taken, reward))
            self._average = 0.95 * self._average + 0.05 * reward if self._episodes else reward
            self._episodes += 1
        self._actions = self._actions[:0]
        if self._episodes >= self._options.warm_up:
            for _ in range(self._options.updates * len(rewards)):
                self._agent.learn(*self._drawn())

    def _drawn(self) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """A batch of transitions."""
        genes = self._problem.genes
        episodes = [self._memory[place] for place in self._rng.integers(0, len(self._memory), _BATCH)]
        places = self._rng.integers(0, genes, _BATCH).tolist()
        pairs = list(zip(episodes, places))
        return (
            torch.stack([episode.states[place] for episode, place in pairs]),
            torch.stack([episode.actions[place] for episode, place in pairs]),
            torch.tensor([episode.reward - self._average for episode, _ in pairs]),
            torch.stack([episode.states[min(place + 1, genes - 1)] for episode, place in pairs]),
            torch.tensor([float(place == genes - 1) for _, place in pairs]),
        )
