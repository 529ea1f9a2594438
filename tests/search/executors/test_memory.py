"""A pool that remembers asks about each network once."""

import numpy as np

from gossamer.search.executors.base import Outcome, Pool
from gossamer.search.executors.memory import RememberingPool
from gossamer.search.objectives import OBJECTIVES


class Counting(Pool):
    """The sum of the first two genes; a network whose first gene is 9 fails."""

    metrics = (OBJECTIVES["accuracy"],)
    workers = 2

    def __init__(self):
        self.asked = []

    def stream(self, tasks):
        for place, genome in tasks:
            self.asked.append(genome.tolist())
            failure = "no" if genome[0] == 9 else ""
            yield Outcome(place, {"accuracy": float("nan") if failure else float(genome[:2].sum())}, 1.0, "w", failure)

    def close(self):
        self.asked = None


def test_networks_are_asked_once_whatever_their_hardware():
    inner = Counting()
    pool = RememberingPool(inner, 2)
    genomes = np.array([[1, 2, 0], [1, 2, 5], [3, 0, 1], [1, 2, 7]], np.int64)
    assert pool.evaluate(genomes)["accuracy"].tolist() == [3, 3, 3, 3]
    assert inner.asked == [[1, 2, 0], [3, 0, 1]]
    assert pool.evaluate(genomes[::-1])["accuracy"].tolist() == [3, 3, 3, 3] and len(inner.asked) == 2


def test_a_failure_is_asked_about_again():
    inner = Counting()
    pool = RememberingPool(inner, 2)
    outcomes = list(pool.stream(enumerate(np.array([[9, 0, 0], [9, 0, 1]], np.int64))))
    assert sorted(outcome.place for outcome in outcomes) == [0, 1] and all(o.failure == "no" for o in outcomes)
    list(pool.stream([(0, np.array([9, 0, 2], np.int64))]))
    assert len(inner.asked) == 3
