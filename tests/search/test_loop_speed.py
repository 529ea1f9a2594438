"""How fast the loop and its store are, by themselves: strategy and surrogate must have time left of 100 us a design."""

import time

import numpy as np
import pytest

from gossamer.search.budget import Budget
from gossamer.search.choices import Choice, Choices
from gossamer.search.loop import Loop
from gossamer.search.metrics import Objective
from gossamer.search.objectives import resolve
from gossamer.search.store import Store

METRICS = (Objective("accuracy", "accuracy", "", higher_is_better=True), Objective("latency_s", "latency", "s"))
GENES, DESIGNS, BATCH = 22, 20_000, 200
CHOICES = Choices(tuple(Choice(f"gene{place}", tuple(range(6))) for place in range(GENES)))


class Listed:
    """Asks for what it was given, a batch at a time."""

    def __init__(self, genomes):
        self._batches = iter(np.split(genomes, len(genomes) // BATCH))

    def ask(self):
        return next(self._batches, np.zeros((0, GENES), np.int64))

    def tell(self, genomes, values, violations):
        pass


@pytest.mark.serial
def test_loop_and_store_take_less_than_half_of_the_time(tmp_path):
    genomes = np.unique(CHOICES.sample(DESIGNS + BATCH, np.random.default_rng(0)), axis=0)[:DESIGNS]
    values = np.random.default_rng(1).random((DESIGNS, 2))
    store = Store(tmp_path / "store.sqlite")
    store.settle({"seed": "0"}, CHOICES)
    loop = Loop(
        Listed(genomes),
        lambda asked: {"accuracy": values[: len(asked), 0], "latency_s": values[: len(asked), 1]},
        store,
        resolve("accuracy,latency", METRICS),
        (),
        Budget.parse(DESIGNS),
        lambda what, done, of: None,
    )
    began = time.process_time()
    loop.run()
    seconds = time.process_time() - began
    store.close()
    assert len(loop.archive) == DESIGNS
    assert seconds / DESIGNS < 50e-6
