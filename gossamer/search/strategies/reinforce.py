"""Controllers learnt by policy gradients: REINFORCE (Williams 1992) and PPO (Schulman et al. 2017).

Every batch is drawn from a policy over the choices; designs are rewarded as `rewards` says, advantages A are counted
from a moving average, and the policy with parameters t moves along the gradient of

    REINFORCE    mean A log p_t(x) + entropy H(p_t)
    PPO          mean min(r A, clip(r, 1 - c, 1 + c) A) + entropy H(p_t),  r = p_t(x) / p_old(x), `epochs` times

REINFORCE is what Zoph & Le, ProxylessNAS-R, MONAS and NASAIC use, PPO what MnasNet and NAHAS use. Designs drawn
again are answered from memory; where a policy draws nothing new any more, random designs are asked for.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from gossamer.search.choices import Genomes
from gossamer.search.strategies.asked import Asked
from gossamer.search.strategies.base import Problem
from gossamer.search.strategies.checks import at_least, one_of
from gossamer.search.strategies.controller import KINDS, Controller, Kind
from gossamer.search.strategies.rewards import Rewards
from gossamer.search.strategies.standing import badness, one_objective
from gossamer.search.strategies.subspace import Answers

if TYPE_CHECKING:
    from torch import Tensor

Matrix = NDArray[np.float64]

_ROUNDS = 10
"""Batches without a new design before random ones are drawn."""


class Update(Protocol):
    """How a policy learns from [n, genes] draws and their [n] advantages."""

    def __call__(self, draws: Genomes, advantages: Matrix) -> None: ...


@dataclass(frozen=True)
class Reinforce:
    """See the module's docstring. `batch`: draws a step."""

    batch: int = 16
    learning_rate: float = 0.1
    entropy: float = 0.01
    controller: Kind = "independent"
    hidden: int = 64

    def __post_init__(self) -> None:
        _check("reinforce", self.batch, self.learning_rate, self.controller)

    def start(self, problem: Problem, seed: int) -> "PolicySearch":
        one_objective(problem, "reinforce")
        policy = Controller(problem.choices, self.controller, self.hidden, seed)
        return PolicySearch(problem, seed, self.batch, policy, Ascent(policy, self.learning_rate, self.entropy))


@dataclass(frozen=True)
class Ppo:
    """See the module's docstring. `batch`: draws a step; `clip`: c above; `epochs`: gradient steps on each batch."""

    batch: int = 16
    learning_rate: float = 0.02
    entropy: float = 0.01
    clip: float = 0.2
    epochs: int = 3
    controller: Kind = "rnn"
    hidden: int = 64

    def __post_init__(self) -> None:
        _check("ppo", self.batch, self.learning_rate, self.controller)
        at_least("ppo", "epochs", self.epochs, 1)

    def start(self, problem: Problem, seed: int) -> "PolicySearch":
        one_objective(problem, "ppo")
        policy = Controller(problem.choices, self.controller, self.hidden, seed)
        update = Ascent(policy, self.learning_rate, self.entropy, self.clip, self.epochs)
        return PolicySearch(problem, seed, self.batch, policy, update)


def _check(method: str, batch: int, learning_rate: float, controller: str) -> None:
    at_least(method, "batch", batch, 2)
    at_least(method, "learning_rate", learning_rate, 1e-12)
    one_of(method, "controller", controller, KINDS)


class Ascent:
    """Steps along the policy gradient with Adam. Without `clip` the ratio is not limited: one epoch is REINFORCE."""

    def __init__(
        self, policy: Controller, learning_rate: float, entropy: float, clip: float = np.inf, epochs: int = 1
    ) -> None:
        import torch

        self._policy, self._entropy, self._clip, self._epochs = policy, entropy, clip, epochs
        self._optimizer = torch.optim.Adam(policy.parameters(), learning_rate)

    def __call__(self, draws: Genomes, advantages: Matrix) -> None:
        import torch

        gain = torch.from_numpy(advantages.astype(np.float32))
        old = None
        for _ in range(self._epochs):
            logs, entropy = self._policy.judge(draws)
            old = logs.detach() if old is None else old
            loss = -(self._surrogate(logs - old, gain).mean() + self._entropy * entropy.mean())
            self._optimizer.zero_grad()
            loss.backward()
            self._optimizer.step()

    def _surrogate(self, change: "Tensor", gain: "Tensor") -> "Tensor":
        ratio = change.exp()
        return (ratio * gain).minimum(ratio.clamp(1 - self._clip, 1 + self._clip) * gain)


class PolicySearch:
    """A search that draws from a policy and teaches it."""

    def __init__(self, problem: Problem, seed: int, batch: int, policy: Controller, update: Update) -> None:
        self._problem, self._batch, self._policy, self._update = problem, batch, policy, update
        self._rng = np.random.default_rng(seed)
        self._asked, self._answers, self._rewards = Asked(problem), Answers(problem), Rewards()
        self._draws: Genomes = np.zeros((0, problem.genes), np.int64)

    def ask(self) -> Genomes:
        if not len(self._asked) and len(problem_seeds := self._problem.repair(self._problem.seeds.copy())):
            return self._asked.fresh(problem_seeds)
        for _ in range(_ROUNDS):
            self._draws = self._policy.sample(self._batch, self._rng)
            fresh = self._asked.fresh(self._problem.repair(self._draws.copy()))
            if len(fresh):
                return fresh
            self._learn()
        return self._asked.sampled(self._batch, self._rng)

    def tell(self, genomes: Genomes, values: Matrix, violations: Matrix) -> None:
        self._answers.add(genomes, values, violations)
        self._rewards.add(values[:, 0], badness(values, violations))
        self._learn()

    def _learn(self) -> None:
        """From the last draws, if they were not learnt from yet."""
        if not len(self._draws):
            return
        values, violations = self._answers.of(self._problem.repair(self._draws.copy()))
        rewards = self._rewards.of(values[:, 0], badness(values, violations))
        self._update(self._draws, self._rewards.advantages(rewards))
        self._draws = self._draws[:0]
